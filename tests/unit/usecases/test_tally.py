"""COUNT: notifications become rates in their own time, deliveries clear strikes, nothing counts before it is done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from cloudwatch.lateness import DAYS_LATE_S, LATE_S
from ses_feedback import naming
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import History
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy
from ses_feedback.domain.probe import recipient
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.tally import tally
from tests.fakes import THROTTLE, FakeMeter, FakeQuarantine, FakeStore
from tests.unit.law.builders import struck
from tests.unit.usecases.mail import NOW, bounce, complaint, delivery, rules, sns_body, soft_bounce

JANE = ("production", "jane@example.net")
WHOLE = {"Deployment": "ses-feedback"}
PRODUCTION = {"Deployment": "ses-feedback", "Environment": "production"}

Document = tuple[dict[str, str], int, dict[str, int]]


def run(
    store: FakeStore,
    meter: FakeMeter,
    *messages: object,
    quarantine: FakeQuarantine | None = None,
    alarms: str = "identity",
    policy: Policy = DEFAULT_POLICY,
) -> Outcome:
    entries = [
        Entry(f"e{n}", sns_body(message) if isinstance(message, dict | str) else message)
        for n, message in enumerate(messages)
    ]
    return tally(
        entries,
        rules=rules(policy, alarms),
        store=store,
        quarantine=quarantine or FakeQuarantine(),
        meter=meter,
        now=NOW,
    )


def rates(delivered: int = 0, reporting: int = 0, bounced: int = 0, complained: int = 0) -> dict[str, int]:
    return {
        naming.METRIC_DELIVERED: delivered,
        naming.METRIC_DELIVERED_REPORTING: reporting,
        naming.METRIC_HARD_BOUNCED: bounced,
        naming.METRIC_COMPLAINED: complained,
    }


def rolled_up(at: int, values: dict[str, int], identity: str = "example.com") -> list[Document]:
    """Return what one count of an identity's minute becomes: of the deployment, the identity, the environment."""
    whose = {"Deployment": "ses-feedback", "Identity": identity}
    return [(dimensions, at, values) for dimensions in (WHOLE, whose, PRODUCTION)]


def blocked(message_id: str, to: Sequence[str] = ("jane@example.net",), **more: Any) -> dict[str, Any]:
    """Return a bounce by a receiver that refuses the sender."""
    return bounce(message_id, to, kind="Transient", status="5.7.1", diagnostic="smtp; 550 5.7.1 blocked", **more)


# --- counting -------------------------------------------------------------------------------------------------


def test_one_document_for_each_identity_and_minute_with_all_four_metrics_zeros_included() -> None:
    meter = FakeMeter()
    minute = NOW // MINUTE * MINUTE
    run(
        FakeStore(),
        meter,
        delivery("m1", at=minute),
        delivery("m2", at=minute + MINUTE - 1, response="250 2.0.0 OK 1700 x1-2.gsmtp"),
        bounce("m3", at=minute + 5),
        delivery("m4", at=minute - 1),
        complaint("m5", at=minute, source="news@example.com"),
    )
    assert sorted(meter.documents, key=str) == sorted(
        [
            *rolled_up(minute, rates(delivered=2, reporting=1, bounced=1)),
            *rolled_up(minute - MINUTE, rates(delivered=1, reporting=1)),
            *rolled_up(minute, rates(complained=1), "news@example.com"),
            (WHOLE, NOW, {naming.METRIC_TALLIED: 5}),
        ],
        key=str,
    )


def test_roll_ups_are_the_sums_of_their_identities() -> None:
    """An environment's and the deployment's counts are what CloudWatch adds up: no mail is missing, none twice."""
    meter = FakeMeter()
    run(
        FakeStore(),
        meter,
        delivery("m1"),
        bounce("m2"),
        delivery("m3", source="news@example.com"),
        complaint("m4", source="dev@example.com"),
    )
    sums: dict[str, Counter[str]] = {}
    for dimensions, _, values in meter.documents:
        subject = "/".join(value for name, value in dimensions.items() if name != "Deployment")
        sums.setdefault(subject, Counter()).update(values)
    assert sums["production"] == Counter(rates(delivered=2, reporting=2, bounced=1))
    assert sums["dev"] == Counter(rates(complained=1))
    assert sums["production"] == sums["example.com"] + sums["news@example.com"]
    whole = Counter({**rates(delivered=2, reporting=2, bounced=1, complained=1), naming.METRIC_TALLIED: 4})
    assert sums[""] == whole


def test_blocked_mail_is_counted_by_environment_and_where_there_is_any() -> None:
    """It raises no rate of anybody: a receiver's judgement of the sender is not a dead address."""
    meter = FakeMeter()
    minute = NOW // MINUTE * MINUTE
    run(
        FakeStore(),
        meter,
        blocked("m1", at=minute),
        blocked("m1", at=minute),
        blocked("m2", ["a@example.net", "b@example.net"], at=minute + 1),
        blocked("m3", at=minute - 1),
        blocked("m4", at=minute, source="dev@example.com"),
        soft_bounce("m5", at=minute),
    )
    dev = {"Deployment": "ses-feedback", "Environment": "dev"}
    assert meter.documents == [
        (PRODUCTION, minute, {naming.METRIC_BLOCKED: 3, naming.METRIC_DELIVERED: 0}),
        (PRODUCTION, minute - MINUTE, {naming.METRIC_BLOCKED: 1, naming.METRIC_DELIVERED: 0}),
        (dev, minute, {naming.METRIC_BLOCKED: 1, naming.METRIC_DELIVERED: 0}),
        (WHOLE, NOW, {naming.METRIC_TALLIED: 6}),
    ]


def test_with_alarms_by_environment_the_documents_are_the_environments() -> None:
    meter = FakeMeter()
    run(FakeStore(), meter, delivery("m1"), delivery("m2", source="news@example.com"), alarms="environment")
    assert meter.documents == [
        (WHOLE, NOW, rates(delivered=2, reporting=2)),
        (PRODUCTION, NOW, rates(delivered=2, reporting=2)),
        (WHOLE, NOW, {naming.METRIC_TALLIED: 2}),
    ]


def test_the_same_feedback_counts_once_in_a_batch() -> None:
    """Duplicates, and the same feedback through both of SES's channels."""
    meter = FakeMeter()
    published = {**bounce("m1"), "eventType": "Bounce"}
    run(FakeStore(), meter, bounce("m1"), bounce("m1"), published, delivery("m2"), delivery("m2"))
    assert meter.documents[:3] == rolled_up(NOW, rates(delivered=1, reporting=1, bounced=1))


def test_each_recipient_of_a_delivery_counts_and_a_complaint_once_however_many_it_names() -> None:
    meter = FakeMeter()
    three = ["jane@example.net", "john@example.net", "joan@example.net"]
    run(FakeStore(), meter, delivery("m1", three), complaint("m2", three), bounce("m3", three))
    assert meter.documents[:3] == rolled_up(NOW, rates(delivered=3, reporting=3, bounced=3, complained=1))


def test_what_aws_does_not_count_is_not_counted() -> None:
    """Soft bounces, hits on the account's list and not-spam reports raise no rate, but are tallied as seen."""
    meter = FakeMeter()
    not_spam = complaint("m3")
    not_spam["complaint"]["complaintFeedbackType"] = "not-spam"
    run(FakeStore(), meter, soft_bounce("m1"), bounce("m2", sub="OnAccountSuppressionList"), not_spam)
    assert meter.documents == [(WHOLE, NOW, {naming.METRIC_TALLIED: 3})]


@pytest.mark.parametrize(
    ("age", "late"),
    [
        (2 * HOUR, {}),
        (3 * HOUR, {naming.METRIC_LATE: 2}),
        (23 * HOUR, {naming.METRIC_LATE: 2}),
        (DAY, {naming.METRIC_LATE: 2, naming.METRIC_DAYS_LATE: 2}),
        (13 * DAY, {naming.METRIC_LATE: 2, naming.METRIC_DAYS_LATE: 2}),
    ],
)
def test_what_is_counted_so_late_that_cloudwatch_may_hide_it_is_told(age: int, late: dict[str, int]) -> None:
    """Beside what is tallied, at the time of counting; blocked mail too, and what counts for nothing never."""
    meter = FakeMeter()
    run(FakeStore(), meter, delivery("m1", at=NOW - age), blocked("m2", at=NOW - age), soft_bounce("m3", at=NOW - age))
    assert meter.documents[-1] == (WHOLE, NOW, {naming.METRIC_TALLIED: 3, **late})


def test_late_is_what_cloudwatch_says_less_the_time_of_a_log_line() -> None:
    """Not later than the guide's hours, and not so early that what is on time would hold alarms back."""
    for metric, limit_s in ((naming.METRIC_LATE, LATE_S), (naming.METRIC_DAYS_LATE, DAYS_LATE_S)):
        for early, told in ((HOUR // 4, False), (MINUTE, True)):
            meter = FakeMeter()
            run(FakeStore(), meter, delivery("m1", at=NOW - limit_s * 1_000 + early))
            assert (metric in meter.documents[-1][2]) is told


def test_feedback_older_than_two_weeks_is_counted_as_late_and_not_emitted() -> None:
    meter = FakeMeter()
    start = NOW - 14 * DAY
    late = [bounce(f"m{n}", at=at) for n, at in enumerate((start, start + 1, start + MINUTE - 1, start + 5 * MINUTE))]
    outcome = run(FakeStore(), meter, *late, bounce("m9", at=start + 6 * MINUTE))
    assert outcome.counts["late"] == 4
    minute = (start + 6 * MINUTE) // MINUTE * MINUTE
    assert meter.documents[:3] == rolled_up(minute, rates(bounced=1))
    # A minute is told by its start, and takes a while through the log: none is beyond two weeks when it comes.
    assert all(at > start for _, at, _ in meter.documents)


@pytest.mark.parametrize("others", [1, 2, 3])
def test_a_copy_of_a_complaint_with_its_recipients_in_another_order_counts_once(others: int) -> None:
    """Another complaint about the same message counts: it came from somebody else."""
    to = [f"user{n}@example.net" for n in range(others + 1)]
    meter = FakeMeter()
    run(FakeStore(), meter, complaint("m1", to), complaint("m1", to[::-1]), complaint("m1", ["else@example.net"]))
    assert meter.documents[0] == (WHOLE, meter.documents[0][1], rates(complained=2))


def test_what_is_not_ses_feedback_tallies_nothing() -> None:
    """Setup messages and faults do not make LoopSilent believe that feedback arrives."""
    meter, quarantine = FakeMeter(), FakeQuarantine()
    outcome = run(
        FakeStore(), meter, '{"notificationType":"AmazonSnsSubscriptionSucceeded"}', "{", quarantine=quarantine
    )
    assert meter.documents == []
    assert outcome.counts["tallied"] == 0
    assert len(quarantine.kept) == 1


def test_an_empty_batch_does_nothing() -> None:
    meter, store = FakeMeter(), FakeStore()
    assert run(store, meter).failed == set()
    assert (meter.documents, store.calls) == ([], [])


# --- clearing -------------------------------------------------------------------------------------------------


def test_a_delivery_clears_soft_strikes_with_one_write() -> None:
    store = FakeStore()
    for n in range(5):
        merge(store, *JANE, struck(f"s{n}", ev.SOFT_BOUNCE, NOW - HOUR + n), DEFAULT_POLICY)
    assert store.items[JANE].suppressions
    store.calls.clear()
    outcome = run(store, FakeMeter(), delivery("m1", at=NOW))
    assert store.calls == ["get_many", "replace"]
    assert store.items[JANE].suppressions == ()
    assert store.history(*JANE) == History(deliveries={"default": NOW})
    assert outcome.counts["cleared"] == 1


@pytest.mark.parametrize(
    "strike",
    [
        struck("a", ev.HARD_BOUNCE, NOW - HOUR),
        struck("a", ev.SOFT_BOUNCE, NOW),
        struck("a", ev.BLOCKED, NOW - HOUR, stream="marketing"),
    ],
    ids=["hard bounce", "not older", "blocked in another stream"],
)
def test_a_delivery_that_forgets_nothing_is_not_written(strike: History) -> None:
    store = FakeStore()
    merge(store, *JANE, strike, DEFAULT_POLICY)
    store.calls.clear()
    run(store, FakeMeter(), delivery("m1", at=NOW))
    assert store.calls == ["get_many"]


def test_deliveries_to_unknown_addresses_cost_one_read_for_each_hundred() -> None:
    store = FakeStore()
    messages = [delivery(f"m{n}", [f"user{n}@example.net"]) for n in range(201)]
    again = [delivery(f"again{n}", [f"user{n}@example.net"]) for n in range(50)]
    run(store, FakeMeter(), *messages, *again)
    assert store.calls == ["get_many"] * 3
    assert store.writes == 0


def test_bounces_alone_read_nothing() -> None:
    """What they strike is the recording function's to write."""
    store = FakeStore()
    run(store, FakeMeter(), bounce("m1"), complaint("m2"))
    assert store.calls == []


def test_several_deliveries_of_one_address_make_one_write_with_the_newest_of_each_stream() -> None:
    store = FakeStore()
    merge(store, *JANE, struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    merge(store, *JANE, struck("b", ev.BLOCKED, NOW - HOUR, stream="marketing"), DEFAULT_POLICY)
    store.calls.clear()
    run(
        store,
        FakeMeter(),
        delivery("m1", at=NOW - 9),
        delivery("m2", at=NOW - 5),
        delivery("m3", at=NOW - 7),
        delivery("m4", at=NOW - 6, source="news@example.com"),
    )
    assert store.calls == ["get_many", "replace"]
    assert store.history(*JANE) == History(deliveries={"default": NOW - 5, "marketing": NOW - 6})


def test_a_delivery_clears_in_its_own_environment_only() -> None:
    store = FakeStore()
    merge(store, "dev", JANE[1], struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    run(store, FakeMeter(), delivery("m1"))
    assert len(store.history("dev", JANE[1]).strikes) == 1


def test_a_bounce_recorded_between_read_and_write_is_not_lost() -> None:
    store = FakeStore()
    merge(store, *JANE, struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    hard = struck("h", ev.HARD_BOUNCE, NOW)
    store.troubles = ["ok", lambda: merge(store, *JANE, hard, DEFAULT_POLICY)]
    run(store, FakeMeter(), delivery("m1"))
    assert set(store.history(*JANE).strikes) == {"h/default"}
    assert store.history(*JANE).deliveries == {"default": NOW}


def test_a_stale_read_loses_no_newer_strike() -> None:
    """The batch read is eventually consistent: what it missed is found when writing."""
    store = FakeStore()
    merge(store, *JANE, struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    store.stale[JANE] = store.items[JANE]
    merge(store, *JANE, struck("h", ev.HARD_BOUNCE, NOW), DEFAULT_POLICY)
    run(store, FakeMeter(), delivery("m1"))
    assert set(store.history(*JANE).strikes) == {"h/default"}


# --- failing --------------------------------------------------------------------------------------------------


def test_what_comes_back_is_not_counted_yet() -> None:
    """The delivery whose strikes could not be cleared counts when it is done, and then once; the bounce counts now."""
    store, meter = FakeStore(), FakeMeter()
    merge(store, *JANE, struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    store.troubles = ["ok", THROTTLE]
    outcome = run(store, meter, delivery("m1"), bounce("m2", ["john@example.net"]))
    assert outcome.failed == {"e0"}
    assert meter.documents == [
        *rolled_up(NOW, rates(bounced=1)),
        (WHOLE, NOW, {naming.METRIC_TALLIED: 1}),
    ]
    again = FakeMeter()
    assert run(store, again, delivery("m1")).failed == set()
    assert again.documents[:3] == rolled_up(NOW, rates(delivered=1, reporting=1))


def test_a_duplicate_of_what_comes_back_counts_in_its_place() -> None:
    """The failing entry must not mark its feedback as seen."""
    store, meter = FakeStore(), FakeMeter()
    merge(store, *JANE, struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    store.troubles = ["ok", THROTTLE]
    both = delivery("m1", ["jane@example.net"])
    outcome = run(store, meter, both, delivery("m2", ["john@example.net"]))
    assert outcome.failed == {"e0"}
    assert meter.documents[:3] == rolled_up(NOW, rates(delivered=1, reporting=1))


def test_a_failing_read_brings_back_the_entries_of_its_hundred_only() -> None:
    store, meter = FakeStore(), FakeMeter()
    store.troubles = [THROTTLE]
    outcome = run(store, meter, *(delivery(f"m{n}", [f"user{n}@example.net"]) for n in range(150)))
    assert outcome.failed == {f"e{n}" for n in range(100)}
    assert meter.documents[-1] == (WHOLE, NOW, {naming.METRIC_TALLIED: 50})


def test_a_permanent_error_while_clearing_keeps_the_entry_and_counts_it() -> None:
    """It will not come back, so this is the last chance to count it."""
    store, meter, quarantine = FakeStore(), FakeMeter(), FakeQuarantine()
    merge(store, *JANE, struck("s", ev.SOFT_BOUNCE, NOW - HOUR), DEFAULT_POLICY)
    store.troubles = ["ok", PermanentError("writing a suppression: ValidationException")]
    outcome = run(store, meter, delivery("m1"), quarantine=quarantine)
    assert outcome.failed == set()
    assert outcome.counts["quarantined"] == 1
    assert json.loads(json.loads(next(iter(quarantine.kept)))["Message"])["notificationType"] == "Delivery"
    assert meter.documents[:3] == rolled_up(NOW, rates(delivered=1, reporting=1))


def test_one_message_counts_in_each_class_that_it_falls_into() -> None:
    """A receiver that first refused the sender, and then had no such mailbox."""
    meter = FakeMeter()
    run(FakeStore(), meter, blocked("m1"), bounce("m1"), blocked("m1"))
    assert [values for _, _, values in meter.documents[:3]] == [rates(bounced=1)] * 3
    assert 1 in [values.get(naming.METRIC_BLOCKED) for _, _, values in meter.documents]


def test_probes_stand_in_no_rate_and_say_when_the_newest_was_sent() -> None:
    """A thousand at once page nobody; each kind of each identity says by itself that it was counted."""
    meter = FakeMeter()
    bounced, complained, received = (recipient("ses-feedback", kind, "example.com") for kind in naming.METRICS_PROVED)
    outcome = run(
        FakeStore(),
        meter,
        bounce("p1", [bounced], at=NOW, sent=NOW - 5 * SECOND),
        bounce("p0", [bounced], at=NOW, sent=NOW - 9 * SECOND),
        complaint("p2", [complained], at=NOW),
        delivery("p2", [complained], at=NOW),
        delivery("p3", [received], at=NOW + SECOND),
    )
    now = NOW // SECOND
    proved = {"ProvedBounce": now - 5, "ProvedComplaint": now, "ProvedDelivery": now + 1}
    assert meter.documents == [
        ({"Deployment": "ses-feedback", "Identity": "example.com"}, NOW, proved),
        (WHOLE, NOW, {naming.METRIC_TALLIED: 5}),
    ]
    assert outcome.failed == set()


def test_somebody_elses_probe_is_mail_like_any_other() -> None:
    meter = FakeMeter()
    run(FakeStore(), meter, bounce("p1", [recipient("other", "bounce", "example.com")]))
    assert any(naming.METRIC_HARD_BOUNCED in values for _, _, values in meter.documents)
