"""From one notification to one event per recipient: fields, times, counts, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.events import Event
from ses_feedback.domain.times import HOUR, format_time
from tests.events import NOW
from tests.unit.domain.payloads import OWN_MS, SENT, SENT_MS, bounce, complaint, delivery, mail, publish, reading


def only(payload: object) -> Event:
    """Return the only event of a payload that has no fault."""
    events, faults, setups = reading(payload)
    assert (len(events), faults, setups) == (1, [], [])
    return events[0]


def why(payload: object) -> str:
    """Return why a payload is quarantined whole."""
    events, faults, setups = reading(payload)
    assert (events, len(faults), setups) == ([], 1, [])
    return faults[0].why


def test_every_field_of_an_event() -> None:
    """A bounce fills them all, each from its place."""
    recipient = {
        "emailAddress": "Jane@Example.org",
        "action": "failed",
        "status": "5.1.1 (no)",
        "diagnosticCode": " no such ",
    }
    assert only(bounce(recipient)) == Event(
        kind=ev.BOUNCE,
        class_=ev.HARD_BOUNCE,
        recipient="jane@example.org",
        identity="example.com",
        environment="production",
        stream="transactional",
        message_id="id-1",
        occurred_at=OWN_MS,
        sent_at=SENT_MS,
        counts_as_bounce=True,
        counts_as_complaint=False,
        reports_complaints=True,
        status="5.1.1",
        diagnostic="no such",
        detail="Permanent/General",
    )


def test_the_events_constructor_is_not_bypassed_wrongly() -> None:
    """Events are made without Event's constructor, for speed: they are events all the same, each field in place."""
    for payload in (bounce(), complaint("jane@example.org"), delivery()):
        event = only(payload)
        assert type(event) is Event
        assert event == Event(**event._asdict())


def test_both_dialects_say_the_same() -> None:
    """notificationType and eventType are two names of one thing."""
    one = bounce()
    other = {"eventType": one.pop("notificationType"), **one}
    assert reading({"notificationType": "Bounce", **one}) == reading(other)


@pytest.mark.parametrize(
    ("own", "sent", "expected"),
    [
        ("2026-01-27T14:59:44.101Z", SENT, OWN_MS),
        ("2026-01-27T14:59:44.101+0000", SENT, OWN_MS),
        ("2026-01-27T07:59:44.101-07:00", SENT, OWN_MS),
        ("2026-01-27T14:59:44.101999Z", SENT, OWN_MS),
        ("2026-01-27T14:59:44.101", SENT, OWN_MS),
        (" 2026-01-27 14:59:44.101 ", SENT, OWN_MS),
        ("2026-01-27T14:59:44Z", SENT, OWN_MS - 101),
        ("2026-01-27T14:59:60Z", SENT, OWN_MS - 101 + 16_000),
        *[
            (bad, SENT, SENT_MS)
            for bad in (None, "", "soon", 5, [], "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-13-01")
        ],
        (..., SENT, SENT_MS),
    ],
)
def test_event_time_is_the_bounces_own_else_the_mails(own: Any, sent: Any, expected: int) -> None:
    """Every spelling of a time is read; one that is none is as good as absent. SES's envelope has no say."""
    event = only(bounce(timestamp=own, mail_=mail(timestamp=sent)))
    assert (event.occurred_at, event.sent_at) == (expected, SENT_MS)


def test_kinds_without_a_time_of_their_own_take_the_mails() -> None:
    """A send says nothing about when."""
    assert only(publish("Send", "send", {})).occurred_at == SENT_MS


@pytest.mark.parametrize("sent", [..., None, "never", 17])
def test_no_readable_time_is_quarantined(sent: Any) -> None:
    """Without a time nothing can be decided in order."""
    assert "time" in why(bounce(timestamp=None, mail_=mail(timestamp=sent)))


def test_an_unknown_sent_time_stays_unknown() -> None:
    """It is never taken from the bounce."""
    assert only(bounce(mail_=mail(timestamp=...))).sent_at is None


def test_a_clock_may_be_an_hour_ahead_and_no_more() -> None:
    """One millisecond decides."""
    assert only(bounce(timestamp=format_time(NOW + HOUR))).occurred_at == NOW + HOUR
    assert "future" in why(bounce(timestamp=format_time(NOW + HOUR + 1)))


def test_a_mail_from_the_future_has_no_sent_time() -> None:
    """A bounce with a plausible time of its own is read; the mail's time is not believed."""
    assert only(bounce(mail_=mail(timestamp="2999-01-01T00:00:00Z"))).sent_at is None


def test_one_complaint_counts_once() -> None:
    """However many recipients it may have come from, the first readable one counts."""
    events, faults, _ = reading(complaint("no address", "a@example.org", "b@example.org"))
    assert [event.counts_as_complaint for event in events] == [True, False]
    assert len(faults) == 1
    assert [
        e.counts_as_complaint for e in reading([complaint("a@example.org"), complaint("b@example.org")]).events
    ] == [True] * 2


@pytest.mark.parametrize(
    "changes", [{"complaintFeedbackType": "not-spam"}, {"complaintSubType": "OnAccountSuppressionList"}]
)
def test_what_is_no_complaint_does_not_count_as_one(changes: dict[str, str]) -> None:
    """Its class decides."""
    assert not only(complaint("a@example.org", **changes)).counts_as_complaint


def test_the_detail_of_a_complaint() -> None:
    """Its feedback type, else its sub type."""
    assert only(complaint("a@example.org", complaintFeedbackType="abuse")).detail == "abuse"
    assert (
        only(complaint("a@example.org", complaintSubType="OnAccountSuppressionList")).detail
        == "OnAccountSuppressionList"
    )
    assert only(complaint("a@example.org")).detail is None


@pytest.mark.parametrize(
    ("answer", "reports"),
    [
        ("250 2.0.0 OK  1769525984 d2e1a72 - gsmtp", False),
        ("250 2.0.0 OK - gsmtp\r\n", False),
        ("250 gsmtp ok", True),
        ("250 ok", True),
        (None, True),
        (5, True),
    ],
)
def test_only_gmail_reports_no_complaints(answer: Any, reports: bool) -> None:
    """Its answer ends in gsmtp."""
    assert only(delivery(smtpResponse=answer)).reports_complaints is reports


@pytest.mark.parametrize(
    ("kind", "field", "expected"),
    [
        ("Send", "send", ev.SEND),
        ("Reject", "reject", ev.REJECT),
        ("Open", "open", ev.OPEN),
        ("Click", "click", ev.CLICK),
        ("Rendering Failure", "failure", ev.RENDERING_FAILURE),
    ],
)
@pytest.mark.parametrize("own", [{}, None, ...])
def test_kinds_without_recipients_make_an_event_per_destination(kind: str, field: str, expected: str, own: Any) -> None:
    """What is in their own object does not matter, not even whether there is one."""
    payload = publish(kind, field, own, destination=["a@example.org", "b@example.org"])
    if own is ...:
        del payload[field]
    events, faults, _ = reading(payload)
    assert [(e.kind, e.class_, e.recipient) for e in events] == [
        (expected, expected, "a@example.org"),
        (expected, expected, "b@example.org"),
    ]
    assert faults == []


def test_a_subscription_that_leaves_all_is_an_unsubscribe() -> None:
    """Only a true ``unsubscribeAll`` is one."""
    for value, class_ in (
        (True, ev.UNSUBSCRIBE),
        (False, ev.SUBSCRIPTION),
        ("true", ev.SUBSCRIPTION),
        (None, ev.SUBSCRIPTION),
    ):
        event = only(publish("Subscription", "subscription", {"newTopicPreferences": {"unsubscribeAll": value}}))
        assert (event.kind, event.class_) == (ev.SUBSCRIPTION, class_)
    assert only(publish("Subscription", "subscription", {})).class_ == ev.SUBSCRIPTION


def test_a_delay_names_its_recipients() -> None:
    """With their status; it is not about the mail's other destinations."""
    own = {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "b@example.org", "status": "4.2.2"}]}
    event = only(publish("DeliveryDelay", "deliveryDelay", own, destination=["a@example.org", "b@example.org"]))
    assert (event.kind, event.recipient, event.status, event.detail) == (
        ev.DELAY,
        "b@example.org",
        "4.2.2",
        "MailboxFull",
    )


@pytest.mark.parametrize("listed", [..., None, []])
def test_a_bounce_that_names_nobody_is_about_the_only_destination(listed: Any) -> None:
    """And about nobody we know where there are several."""
    assert only(bounce(bouncedRecipients=listed)).recipient == "jane@example.org"
    assert "2 recipients" in why(bounce(bouncedRecipients=listed, mail_=mail("a@example.org", "b@example.org")))
    assert (
        only(bounce(bouncedRecipients=listed, mail_=mail("a@example.org", "A@example.org"))).recipient
        == "a@example.org"
    )
    for nowhere in (..., None, [], "jane@example.org"):
        assert "recipient" in why(bounce(bouncedRecipients=listed, mail_=mail(destination=nowhere)))


def test_a_bad_address_costs_only_itself() -> None:
    """The others count, and each bad one is a fault that says which it was and keeps the whole."""
    payload = bounce("a@example.org", "nonsense", {"status": "5.1.1"}, {"emailAddress": 5}, None, "b@example.org")
    payload["bounce"]["bouncedRecipients"][4] = None
    events, faults, _ = reading(payload)
    assert [event.recipient for event in events] == ["a@example.org", "b@example.org"]
    assert [fault.why.split(" is not an address")[0] for fault in faults] == [
        f"recipient {n} of 6" for n in (2, 3, 4, 5)
    ]
    for fault in faults:
        assert "nonsense" in fault.raw
        assert "nonsense" not in fault.why
        assert fault.kind == ev.BOUNCE
        assert (fault.identity, fault.message_id, fault.occurred_at) == ("example.com", "id-1", OWN_MS)


def test_a_recipient_named_twice_is_one_event_the_weightier() -> None:
    """In whichever order they stand, and in place of the first."""
    soft, hard = ({"emailAddress": a, "status": s} for a, s in (("a@example.org", "4.4.7"), ("A@example.org", "5.1.1")))
    for pair in ((soft, hard), (hard, soft)):
        events = reading(bounce(*pair, "b@example.org")).events
        assert [(e.recipient, e.class_) for e in events] == [
            ("a@example.org", ev.HARD_BOUNCE),
            ("b@example.org", ev.HARD_BOUNCE),
        ]
    assert len(reading(delivery("a@example.org", "<a@example.org>")).events) == 1


def test_texts_are_cut_cleaned_and_absent_when_empty() -> None:
    """Diagnostics to 200 letters; what cannot be stored as UTF-8 is spelt out; blank is absent."""
    event = only(bounce({"emailAddress": "a@example.org", "diagnosticCode": "x" * 5_000, "status": " "}))
    assert (event.diagnostic, event.status) == ("x" * 200, None)
    event = only(
        bounce({"emailAddress": "a@example.org", "diagnosticCode": "\ud800" * 300}, mail_=mail(messageId="a\0\ud800"))
    )
    assert event.diagnostic is not None
    assert len(event.diagnostic.encode()) == 200
    assert event.message_id == "a\\x00\\ud800"
    for empty in ("", "  ", 5, None, ...):
        event = only(bounce({"emailAddress": "a@example.org", "diagnosticCode": None if empty is ... else empty}))
        assert event.diagnostic is None
        assert only(bounce(mail_=mail(messageId=empty))).message_id is None


def test_the_code_far_into_a_long_diagnostic_still_counts() -> None:
    """The text is searched before it is cut."""
    diagnostic = "smtp; " + "x" * 300 + " 550 5.1.1 gone"
    event = only(bounce({"emailAddress": "a@example.org", "diagnosticCode": diagnostic}, bounceType="Transient"))
    assert (event.class_, event.status) == (ev.HARD_BOUNCE, "5.1.1")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"notificationType": "Received", "mail": mail()}, "unknown kind 'Received'"),
        ({"notificationType": "bounce", "mail": mail()}, "unknown kind"),
        ({"notificationType": 5, "mail": mail()}, "no kind"),
        ({"notificationType": None, "eventType": "", "mail": mail()}, "no kind"),
        ({"eventType": "Bounce", "mail": mail()}, "'bounce' is missing"),
        ({"eventType": "Bounce", "bounce": [], "mail": mail()}, "'bounce' is no JSON object"),
        ({"eventType": "Send", "send": 5, "mail": mail()}, "'send' is no JSON object"),
        (bounce(bouncedRecipients="jane@example.org"), "bounce.bouncedRecipients is no list"),
        (bounce(bouncedRecipients={"emailAddress": "jane@example.org"}), "bounce.bouncedRecipients is no list"),
        (publish("Send", "send", {}, destination="jane@example.org"), "mail.destination is no list"),
        (publish("Send", "send", {}, destination=[]), "no recipient is named"),
        (bounce(mail_=mail(sourceArn=..., source="a@example.net")), "unknown identity: an address of example.net"),
        (
            bounce(mail_=mail(sourceArn="arn:aws:ses:us-east-1:1:identity/example.net", source=...)),
            "example.net is not configured",
        ),
        (bounce(mail_=5), "unknown identity: neither"),
        (bounce(mail_=[]), "unknown identity: neither"),
    ],
)
def test_what_cannot_be_read_says_why(payload: dict[str, Any], reason: str) -> None:
    """In words that hold no whole address."""
    text = why(payload)
    assert reason in text
    assert "a@example.net" not in text
