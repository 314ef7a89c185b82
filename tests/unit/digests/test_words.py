"""What happened, and what was done about it: plain words for everything that SES can say."""

from __future__ import annotations

from typing import Any

import pytest

from ses_feedback.config.model import KINDS
from ses_feedback.domain.digest_answers import Known, what_was_done
from ses_feedback.domain.digest_words import HEADINGS, NOUNS, happened, heading
from ses_feedback.domain.digests import Item, read_items
from ses_feedback.domain.events import Event
from ses_feedback.domain.history import EVERY_STREAM, History, Ruling, Strike, copy_key, strike_of, suppressions
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy, Tier
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from tests import events
from tests.unit.usecases import mail
from tests.unit.usecases.mail import KEYS, NOW, rules


def item(message: dict[str, Any]) -> Item:
    (found, *_), _ = read_items(message, rules().directory, NOW)
    return found


def words(**how: Any) -> str:
    return happened(item(mail.bounce(**how)))


def test_every_kind_has_a_name() -> None:
    assert set(NOUNS) == set(KINDS)


@pytest.mark.parametrize("entry", events.catalogue(), ids=lambda entry: entry.name)
def test_everything_in_the_catalogue_has_words(entry: events.Entry) -> None:
    """No class of any payload falls back to its own name; each is a sentence."""
    items, _ = read_items(events.load(entry.name), events.DIRECTORY, events.NOW)
    for found in items:
        assert (found.event.kind, found.event.class_) in HEADINGS
        text = happened(found)
        assert text[0].isupper()
        assert text.endswith(".")
        assert "_" not in text + heading(found.event.kind, found.event.class_)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({}, "The mailbox does not exist."),
        ({"status": "5.1.2"}, "The domain of the address does not exist or takes no mail."),
        ({"status": "5.4.4"}, "The domain of the address does not exist or takes no mail."),
        ({"status": "5.2.1"}, "The mailbox is disabled and takes no mail."),
        ({"status": None, "diagnostic": None, "sub": "NoEmail"}, "The mailbox does not exist."),
        ({"status": None, "diagnostic": None, "sub": "Suppressed"}, "SES did not send it: the address bounced"),
        ({"status": "5.0.0", "diagnostic": None}, "The receiver refused it for good; usually the mailbox"),
        ({"status": "5.7.1", "diagnostic": None}, "The receiver blocked it"),
        ({"status": "5.2.2", "diagnostic": None}, "The mailbox is full."),
        ({"kind": "Transient", "sub": "MailboxFull", "status": "4.2.2"}, "The mailbox is full."),
        ({"kind": "Transient", "status": "4.4.1"}, "It could not be delivered for now"),
        ({"kind": "Transient", "sub": "MessageTooLarge", "status": "5.3.4"}, "The message is larger than"),
        ({"kind": "Transient", "status": None, "diagnostic": None}, "It arrived, and a robot answered"),
        ({"sub": "OnAccountSuppressionList"}, "SES did not send it: an earlier bounce or complaint"),
        ({"sub": "UnsubscribedRecipient"}, "SES did not send it: the recipient had unsubscribed."),
    ],
)
def test_a_bounce_in_plain_words(how: dict[str, Any], text: str) -> None:
    assert words(**how).startswith(text)


def test_delays_say_what_holds_them_up() -> None:
    def delayed(why: str) -> str:
        own = {"delayedRecipients": [{"emailAddress": "jane@example.net"}], "delayType": why}
        message = {"eventType": "DeliveryDelay", "deliveryDelay": own, "mail": mail.delivery("x")["mail"]}
        return happened(item(message))

    assert "much unwanted mail" in delayed("SpamDetected")
    assert delayed("SomethingNew") == "Not delivered yet. SES keeps trying."


# --- what was done ------------------------------------------------------------------------------------------------


def known(*strikes: Event, policy: Policy = DEFAULT_POLICY, **more: Any) -> Known:
    history = History({copy_key(KEYS.strike(event), strike_of(event)): strike_of(event) for event in strikes}, **more)
    return Known(history, tuple(suppressions(history, policy)))


def done(event: Event, stored: Known | None, now: int = NOW + MINUTE, policy: Policy = DEFAULT_POLICY) -> str:
    return what_was_done(event, stored, policy, KEYS, now)


def hard(**how: Any) -> Event:
    return item(mail.bounce(**how)).event


def soft(message: str = "s1", **how: Any) -> Event:
    return item(mail.soft_bounce(message, **how)).event


def test_suppressed_for_ever() -> None:
    event = hard()
    assert done(event, known(event)) == ("Suppressed for ever in all streams of production: it is not to be mailed.")


def test_suppressed_until() -> None:
    event = hard(sub="OnAccountSuppressionList")
    assert done(event, known(event)).startswith("Suppressed until 2027-02-14 08:00 UTC (30 days) in all streams")


def test_suppressed_by_something_else() -> None:
    """A soft bounce of an address that was suppressed before says so, and since when."""
    event, before = soft(), hard(message_id="h", at=NOW - DAY)
    assert done(event, known(event, before)) == (
        "Suppressed for ever in all streams of production (since 2027-01-14 08:00 UTC, by hard_bounce): "
        "it is not to be mailed."
    )


def test_strikes_are_those_within_the_window() -> None:
    """Two of five; one that is older than the window does not count."""
    event, older, ancient = soft("s1"), soft("s2", at=NOW - DAY), soft("s3", at=NOW - 15 * DAY)
    assert done(event, known(event, older, ancient)) == (
        "Not suppressed: strike 2 of 5 within 14 days; 5 suppress the address for 30 days in all streams of production."
    )


def test_strikes_of_another_stream_count_where_the_tier_says_so() -> None:
    """Blocks count for their own stream, soft bounces for all."""
    block = {"status": "5.7.1", "diagnostic": None}
    event = hard(message_id="b1", **block)
    other = hard(message_id="b2", source="news@example.com", **block)
    assert "strike 1 of 5" in done(event, known(event, other))
    mild, elsewhere = soft("s1"), soft("s2", source="news@example.com")
    assert "strike 2 of 5" in done(mild, known(mild, elsewhere))


def test_the_nearest_of_several_tiers() -> None:
    policy = {"soft_bounce": (Tier(5, 14 * DAY, 30 * DAY, "environment"), Tier(2, DAY, HOUR, "stream"))}
    event = soft()
    assert done(event, known(event, policy=policy), policy=policy) == (
        "Not suppressed: strike 1 of 2 within 1 day; 2 suppress the address for 1 hour in stream default of production."
    )


def test_not_recorded_yet() -> None:
    """Neither the address nor the strike is there: no promise is made."""
    assert done(hard(), None) == "Not recorded yet. Look again in some minutes."
    assert done(soft("s1"), known(soft("s2"))) == "Not recorded yet. Look again in some minutes."


def test_a_release_and_a_delivery_are_told() -> None:
    """What was forgotten is not called unrecorded."""
    release = Ruling(NOW + 1, None, "operator", "asked by phone")
    for scope in (EVERY_STREAM, "default"):
        assert done(hard(), known(releases={scope: release})) == (
            "Not suppressed: an operator released the address on 2027-01-15 08:00 UTC."
        )
    assert done(soft(), known(deliveries={"marketing": NOW + 1})).startswith("Not suppressed: mail was delivered")
    block = hard(status="5.7.1", diagnostic=None)
    assert done(block, known(deliveries={"marketing": NOW + 1})).startswith("Not recorded yet")
    assert done(block, known(deliveries={"default": NOW + 1})).startswith("Not suppressed: mail was delivered")


def test_a_suppression_that_is_over() -> None:
    event = hard(sub="OnAccountSuppressionList", at=NOW - 40 * DAY)
    assert done(event, known(event)) == "Not suppressed: a suppression because of it is over."


def test_a_class_without_tiers() -> None:
    event = hard(kind="Transient", status=None, diagnostic=None)
    assert done(event, None) == "Nothing: the mail arrived."


def test_an_operators_suppression_is_told() -> None:
    ruling = Ruling(NOW - DAY, None, "operator", "asked")
    history = History({"k": Strike("soft_bounce", "default", NOW, NOW)}, rulings={(EVERY_STREAM, "operator"): ruling})
    stored = Known(history, tuple(suppressions(history, DEFAULT_POLICY)))
    assert "by operator" in done(soft(), stored)
