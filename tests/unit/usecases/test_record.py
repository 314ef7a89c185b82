"""ACT: entries become strikes, all of one address in one write; what fails comes back, what never works is kept."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import covering
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases import handling
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.record import record
from ses_feedback.usecases.tally import tally
from tests.fakes import THROTTLE, TIMEOUT, FakeMeter, FakeQuarantine, FakeStore
from tests.unit.usecases.mail import (
    KEYS,
    NOW,
    bounce,
    complaint,
    delivery,
    failure_body,
    rules,
    sns_body,
    sns_event,
    soft_bounce,
)

JANE = ("production", "jane@example.net")
JOHN = ("production", "john@example.net")


def run(store: FakeStore, quarantine: FakeQuarantine, *payloads: object, now: int = NOW, **more: Any) -> Outcome:
    entries = [Entry(f"e{number}", payload) for number, payload in enumerate(payloads)]
    return record(entries, rules=rules(**more), keys=KEYS, store=store, quarantine=quarantine, now=now)


def test_a_hard_bounce_suppresses_its_recipient_in_its_environment() -> None:
    store = FakeStore()
    outcome = run(store, FakeQuarantine(), sns_event(bounce()))
    assert outcome.failed == set()
    assert outcome.counts == {"notifications": 1, "events": 1, "setups": 0, "written": 1}
    found = covering(store.items[JANE].suppressions, "marketing", NOW)
    assert found is not None
    assert (found.reason, found.since, found.until) == (ev.HARD_BOUNCE, NOW, None)
    assert ("dev", "jane@example.net") not in store.items


def test_all_events_of_an_address_in_a_batch_make_one_write() -> None:
    store = FakeStore()
    payloads = [sns_body(soft_bounce(f"m{n}", at=NOW - n)) for n in range(5)]
    outcome = run(store, FakeQuarantine(), *payloads, sns_body(complaint("m9")))
    assert store.calls == ["put_new"]
    assert outcome.counts["written"] == 1
    assert {s.reason for s in store.items[JANE].suppressions} == {ev.SOFT_BOUNCE, ev.COMPLAINT}


def test_each_recipient_of_a_notification_is_struck() -> None:
    store = FakeStore()
    run(store, FakeQuarantine(), sns_event(bounce(to=["jane@example.net", "John@Example.NET"])))
    assert set(store.items) == {JANE, JOHN}


def test_the_same_address_in_two_environments_is_two_addresses() -> None:
    store = FakeStore()
    run(store, FakeQuarantine(), sns_event(bounce(source="dev@example.com"), complaint(source="news@example.com")))
    assert set(store.items) == {("dev", "jane@example.net"), JANE}
    assert {s.stream for s in store.items[JANE].suppressions} == {"marketing"}


@pytest.mark.parametrize("again", [1, 2])
def test_doing_it_again_changes_nothing(again: int) -> None:
    store = FakeStore()
    payloads = [sns_event(bounce()), sns_event(complaint("m2"))]
    run(store, FakeQuarantine(), *payloads)
    for _ in range(again):
        outcome = run(store, FakeQuarantine(), *payloads[::-1])
        assert outcome.counts["written"] == 0
    assert store.writes == 1


def test_both_channels_of_ses_make_one_strike() -> None:
    """An identity's notification and a configuration set's event of the same bounce are the same strike."""
    store = FakeStore()
    notification = soft_bounce("m1")
    published = {**notification, "eventType": "Bounce"}
    del published["notificationType"]
    run(store, FakeQuarantine(), sns_event(notification), sns_event(published))
    assert len(store.history(*JANE).strikes) == 1


def test_any_order_within_a_batch_stores_the_same_to_the_letter() -> None:
    """Also where one strike is seen with two times, or with two texts at one time."""
    payloads = [
        sns_body(soft_bounce("m1", at=NOW - 5, diagnostic="first")),
        sns_body(soft_bounce("m1", at=NOW, diagnostic="b")),
        sns_body(soft_bounce("m1", at=NOW, diagnostic="a")),
        sns_body(soft_bounce("m1", at=NOW - 9, diagnostic="z")),
    ]
    found = []
    for order in itertools.permutations(payloads):
        store = FakeStore()
        run(store, FakeQuarantine(), *order)
        found.append(store.history(*JANE))
    assert all(history == found[0] for history in found)
    one_by_one = FakeStore()
    for payload in payloads:
        run(one_by_one, FakeQuarantine(), payload)
    assert one_by_one.history(*JANE) == found[0]


def test_what_counts_against_nobody_is_not_written() -> None:
    """An out-of-office reply, a delivery, and a class that the policy has no tiers for."""
    store = FakeStore()
    out_of_office = bounce(kind="Transient", status=None, diagnostic=None)
    outcome = run(
        store, FakeQuarantine(), sns_event(out_of_office, delivery(), {**delivery("m3"), "eventType": "Send"})
    )
    assert store.calls == []
    assert outcome.counts["events"] == 3


def test_a_class_without_tiers_by_configuration_is_not_written() -> None:
    store = FakeStore()
    run(store, FakeQuarantine(), sns_event(bounce()), policy={ev.HARD_BOUNCE: ()})
    assert store.calls == []


def test_setup_messages_are_acknowledged_and_nothing_follows() -> None:
    store, quarantine = FakeStore(), FakeQuarantine()
    outcome = run(
        store,
        quarantine,
        sns_event('{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed"}'),
        sns_event("Successfully validated SNS topic for Amazon SES event publishing."),
    )
    assert (outcome.failed, quarantine.kept, store.calls) == (set(), {}, [])
    assert outcome.counts["setups"] == 2


# --- faults ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_kept_once_whichever_function_sees_it() -> None:
    """The recording function gets it from SNS, the tally from its queue, retries from the retry queue: one object."""
    store, quarantine, meter = FakeStore(), FakeQuarantine(), FakeMeter()
    for unreadable in ("no JSON at all {", json.dumps({"notificationType": "Bounce", "bounce": 7})):
        outcome = run(store, quarantine, sns_event(unreadable))
        assert outcome.counts["quarantined"] == 1
        assert outcome.failed == set()
        tallied = tally(
            [Entry("m", sns_body(unreadable))],
            rules=rules(),
            store=store,
            quarantine=quarantine,
            meter=meter,
            now=NOW + 1,
        )
        retried = run(store, quarantine, failure_body(sns_event(unreadable)))
        assert tallied.counts["quarantined"] == retried.counts["quarantined"] == 0
        assert unreadable in quarantine.kept
    assert len(quarantine.kept) == 2


def test_the_readable_recipients_of_a_notification_with_a_bad_one_still_count() -> None:
    store, quarantine = FakeStore(), FakeQuarantine()
    outcome = run(store, quarantine, sns_event(bounce(to=["jane@example.net", "not an address", ""])))
    assert set(store.items) == {JANE}
    assert outcome.counts["quarantined"] == 1
    assert quarantine.calls == 1  # one text is kept once, however many recipients in it are unreadable
    assert outcome.failed == set()


def test_mail_of_an_unknown_identity_and_feedback_from_the_future_are_kept() -> None:
    store, quarantine = FakeStore(), FakeQuarantine()
    unknown = json.dumps(bounce(source="x@example.org"))
    ahead = sns_body(bounce(at=NOW + HOUR + 1))
    run(store, quarantine, unknown, ahead)
    assert len(quarantine.kept) == 2
    assert store.calls == []


def test_where_the_quarantine_fails_the_entry_comes_back_and_its_strikes_count_all_the_same() -> None:
    store, quarantine = FakeStore(), FakeQuarantine()
    quarantine.troubles = [RetryableError("keeping an unreadable notification: SlowDown")]
    outcome = run(
        store, quarantine, sns_body(bounce(to=["jane@example.net", ""])), sns_body(bounce(to=["john@example.net"]))
    )
    assert outcome.failed == {"e0"}
    assert outcome.problems == {"RetryableError: keeping an unreadable notification: SlowDown": 1}
    assert set(store.items) == {JANE, JOHN}


def test_a_retryable_error_brings_its_entries_back_and_no_other() -> None:
    """Two entries of one address share its write and its fate; the third entry's address is written."""
    store = FakeStore()
    store.troubles = [THROTTLE]
    outcome = run(
        store,
        FakeQuarantine(),
        sns_body(bounce("m1")),
        sns_body(complaint("m2")),
        sns_body(bounce("m3", to=["john@example.net"])),
    )
    assert outcome.failed == {"e0", "e1"}
    assert set(store.items) == {JOHN}
    assert outcome.counts["written"] == 1


def test_a_lost_answer_brings_the_entry_back_and_the_next_try_finds_it_done() -> None:
    store = FakeStore()
    store.troubles = [TIMEOUT]
    assert run(store, FakeQuarantine(), sns_event(bounce())).failed == {"e0"}
    again = run(store, FakeQuarantine(), sns_event(bounce()))
    assert (again.failed, again.counts["written"], store.writes) == (set(), 0, 1)


def test_a_permanent_error_keeps_the_whole_entry_and_does_not_bring_it_back() -> None:
    store, quarantine = FakeStore(), FakeQuarantine()
    store.troubles = [PermanentError("writing a suppression: ValidationException")]
    payload = sns_event(bounce())
    outcome = run(store, quarantine, payload, sns_body(bounce("m2", to=["john@example.net"])))
    assert outcome.failed == set()
    assert outcome.counts["quarantined"] == 1
    (fault,) = quarantine.kept.values()
    assert json.loads(fault.raw) == payload
    assert fault.why == "PermanentError: writing a suppression: ValidationException"
    assert set(store.items) == {JOHN}


def test_a_permanent_error_that_cannot_even_be_kept_comes_back() -> None:
    store, quarantine = FakeStore(), FakeQuarantine()
    store.troubles = [PermanentError("writing a suppression: ValidationException")]
    quarantine.troubles = [RetryableError("keeping: SlowDown")]
    assert run(store, quarantine, sns_event(bounce())).failed == {"e0"}


def test_an_unknown_error_comes_back_and_is_named_without_what_it_quotes() -> None:
    """A bug of ours or a library's: its text may quote an address, so the log gets its type and its place."""
    store = FakeStore()
    store.troubles = [KeyError("jane@example.net")]
    outcome = run(store, FakeQuarantine(), sns_event(bounce()))
    assert outcome.failed == {"e0"}
    ((problem, number),) = outcome.problems.items()
    assert number == 1
    assert problem.startswith("KeyError at fakes.py:")
    assert "@" not in problem


def test_an_entry_whose_reading_breaks_comes_back_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading never raises; were it to, by a bug, the rest of the batch is recorded all the same."""
    honest = handling.read

    def broken(payload: object, *rest: Any) -> Any:
        if payload == "poison":
            raise ZeroDivisionError
        return honest(payload, *rest)

    monkeypatch.setattr(handling, "read", broken)
    store = FakeStore()
    outcome = run(store, FakeQuarantine(), "poison", sns_body(bounce(to=["john@example.net"])))
    assert outcome.failed == {"e0"}
    assert set(store.items) == {JOHN}
