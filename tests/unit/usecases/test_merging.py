"""Merging: how many calls it takes, and what it does when somebody else is faster."""

from __future__ import annotations

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, expires_at
from ses_feedback.domain.policy import DEFAULT_POLICY, Tier
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.lists.erasing import erase
from ses_feedback.usecases.merging import merge, merge_into
from tests.fakes import TIMEOUT, FakeStore
from tests.unit.law.builders import T0, delivered, known, struck

WHO = ("production", "jane@example.net")
HARD = struck("a", ev.HARD_BOUNCE, T0)
SOFT = struck("b", ev.SOFT_BOUNCE, T0)


def test_a_new_address_costs_one_call() -> None:
    store = FakeStore()
    assert merge(store, *WHO, HARD, DEFAULT_POLICY)
    assert store.calls == ["put_new"]
    assert store.history(*WHO) == known(HARD)


def test_a_known_address_costs_a_second_call() -> None:
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    store.calls.clear()
    assert merge(store, *WHO, SOFT, DEFAULT_POLICY)
    assert store.calls == ["put_new", "replace"]
    assert store.history(*WHO) == known(HARD, SOFT)


def test_a_duplicate_costs_one_call_and_writes_nothing() -> None:
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    store.calls.clear()
    assert not merge(store, *WHO, HARD, DEFAULT_POLICY)
    assert store.calls == ["put_new"]
    assert store.writes == 1


def test_a_write_whose_answer_was_lost_is_found_done() -> None:
    store = FakeStore()
    store.troubles = [TIMEOUT]
    with pytest.raises(RetryableError):
        merge(store, *WHO, HARD, DEFAULT_POLICY)
    assert not merge(store, *WHO, HARD, DEFAULT_POLICY)
    assert store.writes == 1


def test_two_lost_races_are_won_the_third_time() -> None:
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    rivals = [struck(f"rival-{n}", ev.SOFT_BOUNCE, T0 + n) for n in range(2)]
    races = [lambda rival=rival: _quietly(store, rival) for rival in rivals]
    store.troubles = ["ok", *races]
    assert merge(store, *WHO, SOFT, DEFAULT_POLICY)
    assert store.history(*WHO) == known(HARD, SOFT, *rivals)


def test_three_lost_races_send_the_feedback_to_the_retry_queue() -> None:
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    rivals = [struck(f"rival-{n}", ev.SOFT_BOUNCE, T0 + n) for n in range(3)]
    store.troubles = ["ok", *(lambda rival=rival: _quietly(store, rival) for rival in rivals)]
    store.calls.clear()
    with pytest.raises(RetryableError, match="lost 3 races"):
        merge(store, *WHO, SOFT, DEFAULT_POLICY)
    assert "b" not in store.history(*WHO).strikes
    assert merge(store, *WHO, SOFT, DEFAULT_POLICY)
    assert store.history(*WHO) == known(HARD, SOFT, *rivals)


def test_what_a_rival_wrote_may_leave_nothing_to_do() -> None:
    """Both functions saw the same duplicate: the slower one finds it stored and writes nothing."""
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    store.troubles = ["ok", lambda: _quietly(store, SOFT)]
    assert not merge(store, *WHO, SOFT, DEFAULT_POLICY)


def test_a_changed_policy_is_written_with_the_next_event_even_a_duplicate() -> None:
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    merge(store, *WHO, SOFT, DEFAULT_POLICY)
    lenient = {**DEFAULT_POLICY, ev.HARD_BOUNCE: ()}
    store.policy = lenient
    assert merge(store, *WHO, SOFT, lenient)
    assert store.items[WHO].suppressions == ()


def test_a_tier_that_suppresses_otherwise_is_written_although_the_strikes_are_the_same() -> None:
    store = FakeStore()
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    narrower = {**DEFAULT_POLICY, ev.HARD_BOUNCE: DEFAULT_POLICY[ev.COMPLAINT]}
    store.policy = narrower
    assert merge(store, *WHO, HARD, narrower)
    assert store.items[WHO].suppressions[0].scope == "stream"


def test_merging_into_what_was_read_costs_one_call_or_none() -> None:
    store = FakeStore()
    merge(store, *WHO, SOFT, DEFAULT_POLICY)
    stored = store.items[WHO]
    store.calls.clear()
    assert not merge_into(store, stored, SOFT, DEFAULT_POLICY)
    assert store.calls == []
    assert merge_into(store, stored, delivered("default", T0 + 1), DEFAULT_POLICY)
    assert store.calls == ["replace"]
    assert store.history(*WHO).strikes == {}


def test_what_the_store_refuses_for_good_is_passed_on() -> None:
    store = FakeStore()
    store.troubles = [PermanentError("writing a suppression: ValidationException")]
    with pytest.raises(PermanentError):
        merge(store, *WHO, HARD, DEFAULT_POLICY)


def _quietly(store: FakeStore, learned: History) -> None:
    """Another writer, undisturbed, whose calls are not counted."""
    waiting, store.troubles = store.troubles, []
    calls = list(store.calls)
    merge(store, *WHO, learned, DEFAULT_POLICY)
    store.troubles, store.calls = waiting, calls


def test_an_event_that_changes_nothing_renews_the_expiry_once_the_policy_is_wider() -> None:
    """The table's TTL was set by the windows of then; nothing may be deleted that the windows of now still count."""
    narrow = {ev.SOFT_BOUNCE: (Tier(3, 7 * DAY, 9 * DAY, "environment"),)}
    wide = {ev.SOFT_BOUNCE: (Tier(3, 300 * DAY, 9 * DAY, "environment"),)}
    store = FakeStore(narrow)
    merge(store, *WHO, SOFT, narrow)
    stored = store.items[WHO]
    for policy, renewed in ((narrow, False), (wide, True), (DEFAULT_POLICY, True)):
        store.items[WHO] = stored._replace(expires=expires_at(stored.history, (), narrow))
        assert merge(store, *WHO, SOFT, policy) is renewed
    # Sooner is no hurry, and what is never deleted stays.
    store.items[WHO] = stored._replace(expires=expires_at(stored.history, (), wide))
    assert not merge(store, *WHO, SOFT, narrow)
    store.items[WHO] = stored
    assert not merge(store, *WHO, SOFT, wide)


def test_an_erasure_keeps_its_first_time() -> None:
    store = FakeStore(clock=T0 + 5)
    merge(store, *WHO, HARD, DEFAULT_POLICY)
    assert not erase(store, DEFAULT_POLICY, *WHO).before
    store.clock = T0 + 9
    assert erase(store, DEFAULT_POLICY, *WHO).before
    assert store.history(*WHO).erased == T0 + 5
