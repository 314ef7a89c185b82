"""ACT and COUNT meet canaries: both ways tell of them, and neither counts nor lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.domain import canary
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.policy import DEFAULT_POLICY, Tier
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.record import record
from ses_feedback.usecases.tally import tally
from tests.fakes import FakeMeter, FakeQuarantine, FakeStore
from tests.unit.usecases.mail import KEYS, NOW, bounce, complaint, delivery, rules, sns_body, sns_event

ROUND = NOW - 5_000
Told = tuple[str, int, str, int]
BOUNCE, COMPLAINT, SUCCESS = (canary.recipient("ses-feedback", asks, ROUND) for asks in canary.LOCAL_PARTS)
# What SES says about a round: the complaint address delivers, too.
ANSWERS: Mapping[str, dict[str, Any]] = {
    "bounce": bounce("c1", [BOUNCE]),
    "complaint's delivery": delivery("c2", [COMPLAINT]),
    "complaint": complaint("c2", [COMPLAINT]),
    "delivery": delivery("c3", [SUCCESS]),
}
WHOLE = {"Deployment": "ses-feedback"}


class Listener:
    """Is told what came back, or fails first."""

    def __init__(self, *troubles: Exception) -> None:
        self.pieces: list[Told] = []
        self.troubles = list(troubles)

    def __call__(self, identity: str, round_: int, piece: str, at: int) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.pieces.append((identity, round_, piece, at))


def act(store: FakeStore, told: Listener | None, *messages: dict[str, Any], **more: Any) -> Outcome:
    entries = [Entry(f"e{n}", sns_event(message)) for n, message in enumerate(messages)]
    quarantine = more.pop("quarantine", None) or FakeQuarantine()
    given = rules(**more)
    return record(entries, rules=given, keys=KEYS, store=store, quarantine=quarantine, now=NOW, returned=told)


def count(store: FakeStore, meter: FakeMeter, told: Listener | None, *messages: dict[str, Any]) -> Outcome:
    entries = [Entry(f"e{n}", sns_body(message)) for n, message in enumerate(messages)]
    quarantine = FakeQuarantine()
    return tally(entries, rules=rules(), store=store, quarantine=quarantine, meter=meter, now=NOW, returned=told)


def test_both_ways_together_prove_every_piece_of_a_round() -> None:
    acted, counted = Listener(), Listener()
    act(FakeStore(), acted, *ANSWERS.values())
    count(FakeStore(), FakeMeter(), counted, *ANSWERS.values())
    pieces = acted.pieces + counted.pieces
    assert sorted(piece for _, _, piece, _ in pieces) == sorted(canary.PIECES)
    assert {(identity, round_, at) for identity, round_, _, at in pieces} == {("example.com", ROUND, NOW)}
    assert {piece for _, _, piece, _ in acted.pieces} == {"act_bounce", "act_complaint"}


def test_a_canary_strikes_nobody_and_counts_for_nothing() -> None:
    """Not even as tallied: the silence that an alarm watches for must not be broken by our own mail."""
    store, meter = FakeStore(), FakeMeter()
    acted = act(store, Listener(), *ANSWERS.values())
    counted = count(store, meter, Listener(), *ANSWERS.values())
    assert (store.items, store.calls, meter.documents) == ({}, [], [])
    for outcome in (acted, counted):
        assert (outcome.counts["canaries"], outcome.counts["events"]) == (4, 0)
        assert not outcome.failed


def test_a_policy_for_every_class_changes_nothing() -> None:
    """Tiers of delivery-like classes cannot strike a canary either."""
    policy = {**DEFAULT_POLICY, ev.MESSAGE_FAULT: (Tier(1, None, None, "environment"),)}
    store = FakeStore()
    act(store, Listener(), bounce("c1", [BOUNCE], sub="ContentRejected"), policy=policy)
    assert store.items == {}


@pytest.mark.parametrize("recipient", ["bounce@simulator.amazonses.com", "bounce+test@simulator.amazonses.com"])
def test_other_mail_to_the_simulator_is_handled_as_any(recipient: str) -> None:
    """A developer's own test suppresses, and counts."""
    store, meter, told = FakeStore(), FakeMeter(), Listener()
    act(store, told, bounce("m1", [recipient]))
    count(store, meter, told, bounce("m1", [recipient]))
    assert ("production", recipient) in store.items
    assert meter.documents[0][2][naming.METRIC_HARD_BOUNCED] == 1
    assert told.pieces == []


def test_another_deployments_canary_is_other_mail() -> None:
    store = FakeStore()
    act(store, Listener(), bounce("m1", [canary.recipient("news", ev.BOUNCE, ROUND)]))
    assert len(store.items) == 1


def test_a_canary_among_others_is_taken_out_and_they_are_handled() -> None:
    """One notification may name several recipients."""
    store, meter, told = FakeStore(), FakeMeter(), Listener()
    mixed = bounce("m1", ["jane@example.net", BOUNCE])
    act(store, told, mixed)
    count(store, meter, told, mixed)
    assert list(store.items) == [("production", "jane@example.net")]
    assert [piece for _, _, piece, _ in told.pieces] == ["act_bounce", "count_bounce"]
    *rates, tallied = meter.documents
    assert [values[naming.METRIC_HARD_BOUNCED] for _, _, values in rates] == [1, 1, 1]
    assert tallied == (WHOLE, NOW, {naming.METRIC_TALLIED: 1})


def test_what_cannot_be_noted_comes_back_and_blocks_nothing() -> None:
    """Good feedback of the batch is recorded and counted; only the canary's own entry fails."""
    throttled = RetryableError("writing a canary: ThrottlingException")
    store, meter = FakeStore(), FakeMeter()
    acted = act(store, Listener(throttled), ANSWERS["bounce"], bounce("m1"))
    assert acted.failed == {"e0"}
    assert acted.problems == {"RetryableError: writing a canary: ThrottlingException": 1}
    assert list(store.items) == [("production", "jane@example.net")]
    counted = count(FakeStore(), meter, Listener(throttled), ANSWERS["bounce"], bounce("m1"))
    assert counted.failed == {"e0"}
    assert meter.documents[-1] == (WHOLE, NOW, {naming.METRIC_TALLIED: 1})


def test_what_can_never_be_noted_is_kept_whole() -> None:
    quarantine = FakeQuarantine()
    outcome = act(FakeStore(), Listener(PermanentError("no")), ANSWERS["bounce"], quarantine=quarantine)
    assert (outcome.failed, len(quarantine.kept)) == (set(), 1)


def test_nobody_has_to_be_told() -> None:
    """A replay of old feedback leaves canaries out, and proves nothing by them."""
    store, meter = FakeStore(), FakeMeter()
    act(store, None, *ANSWERS.values())
    count(store, meter, None, *ANSWERS.values())
    assert (store.items, meter.documents) == ({}, [])
