"""Copies of one strike, and what a release does to strikes from the future: whatever the order, one and the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest

from ses_feedback import naming
from ses_feedback.adapters.items import from_item, to_item
from ses_feedback.domain import events as ev
from ses_feedback.domain.history import History, Suppression, covering, join, suppressions
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy, Tier
from ses_feedback.domain.reach import NAMED
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from ses_feedback.usecases import questions
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.record import record
from tests.fakes import FakeLists, FakeQuarantine, FakeStore
from tests.unit.law.builders import T0, known, released, struck
from tests.unit.usecases.mail import KEYS, NOW, PLACES, TOPIC, complaint, rules, sns_body

WHO = ("production", "jane@example.net")


def outcomes(parts: Sequence[History], policy: Policy = DEFAULT_POLICY) -> set[tuple[Suppression, ...]]:
    """What follows from some facts, in every order."""
    return {tuple(suppressions(known(*order, policy=policy), policy)) for order in itertools.permutations(parts)}


@pytest.mark.parametrize("class_", [ev.COMPLAINT, ev.UNSUBSCRIBE, ev.BLOCKED])
def test_one_message_strikes_in_each_stream_that_tells_of_it(class_: str) -> None:
    """Two topics, each of another stream, and a release of one of them before, between or after."""
    policy = {**DEFAULT_POLICY, class_: (Tier(1, None, 9 * DAY, "stream"),)}
    copies = [struck("m", class_, T0, stream="default"), struck("m", class_, T0 + 5, stream="marketing")]
    assert len(outcomes([*copies, copies[0]], policy)) == 1
    (found,) = outcomes([*copies, released("marketing", T0 + 9)], policy)
    assert [s.stream for s in found] == ["default"]


def test_the_later_copy_stays_whole_of_those_that_no_release_forgot() -> None:
    """What SES's list said of one mail, dated in two ways, around a release that forgets only one of them."""
    early_mail = struck("m", ev.ALREADY_SUPPRESSED, T0 + 9 * HOUR, sent=T0 - 3 * HOUR)
    late_mail = struck("m", ev.ALREADY_SUPPRESSED, T0 + 6 * HOUR, sent=T0 + 4 * HOUR)
    (found,) = outcomes([early_mail, late_mail])
    assert found[0].since == T0 + 9 * HOUR
    (found,) = outcomes([early_mail, late_mail, released("*", T0)])
    assert [s.since for s in found] == [T0 + 6 * HOUR]
    newer = struck("n", ev.ALREADY_SUPPRESSED, T0 + 7 * HOUR, sent=T0 + 5 * HOUR)
    (found,) = outcomes([early_mail, late_mail, newer])
    assert found[0].since == T0 + 9 * HOUR
    (found,) = outcomes([early_mail, late_mail, newer, released("*", T0 - HOUR)])
    assert found[0].since == T0 + 7 * HOUR


def test_copies_of_one_message_count_once() -> None:
    policy: Policy = {ev.ALREADY_SUPPRESSED: (Tier(2, None, None, "environment"),)}
    copies = [struck("m", ev.ALREADY_SUPPRESSED, T0 + 9 * HOUR - n * HOUR, sent=T0 + n * HOUR) for n in range(3)]
    assert outcomes(copies, policy) == {()}
    assert len(outcomes([*copies, struck("n", ev.ALREADY_SUPPRESSED, T0)], policy)) == 1


# --- as they are stored -------------------------------------------------------------------------------------------


def old_item(history: History) -> dict[str, object]:
    """An item of version 0.1: the key of a strike is its message's, without the stream."""
    item = to_item("key", *WHO, history, DEFAULT_POLICY, "v")
    assert all("/" not in key for key in item["strikes"]["M"])
    return item


def test_an_item_of_the_former_version_is_read_and_found() -> None:
    """What it holds joins with new copies of the same messages, and only another stream is another strike."""
    first = [struck("m", ev.COMPLAINT, T0), struck("l", ev.ALREADY_SUPPRESSED, T0, sent=T0 - 4)]
    stored = from_item(old_item(known(*first))).history
    assert stored == known(*first)
    assert join(stored, known(*first), DEFAULT_POLICY) == stored
    assert len(join(stored, struck("m", ev.COMPLAINT, T0 + 1), DEFAULT_POLICY).strikes) == 2
    assert len(join(stored, struck("m", ev.COMPLAINT, T0, stream="marketing"), DEFAULT_POLICY).strikes) == 3


def test_what_the_former_version_made_of_a_new_item_is_read_again() -> None:
    """It takes keys as they are, and may add its own copy under the message's: both are one."""
    history = known(struck("m", ev.COMPLAINT, T0), struck("m", ev.COMPLAINT, T0, stream="marketing"))
    item = to_item("key", *WHO, history, DEFAULT_POLICY, "v")
    assert sorted(item["strikes"]["M"]) == ["m", "m/marketing"]
    item["strikes"]["M"]["m"]["M"]["stream"] = {"S": "marketing"}
    assert {s.stream for s in from_item(item).history.strikes.values()} == {"marketing"}


def test_reaches_and_names_are_stored() -> None:
    store = FakeStore(clock=T0)
    merge(store, *WHO, struck("a", ev.HARD_BOUNCE, T0 + MINUTE), DEFAULT_POLICY)
    merge(store, *WHO, struck("b", ev.COMPLAINT, T0 + 2 * MINUTE), DEFAULT_POLICY)
    release(store, "default")
    release(store)
    history = store.history(*WHO)
    assert from_item(to_item("key", *WHO, history, DEFAULT_POLICY, "v")).history == history
    assert naming.ATTRIBUTE_TTL not in to_item("key", *WHO, history, DEFAULT_POLICY, "v")


# --- from the future ----------------------------------------------------------------------------------------------


def release(store: FakeStore, scope: str = "*") -> int:
    where = {"environment": WHO[0], "address": WHO[1], "scope": scope, "why": "asked"}
    return questions.release(store, DEFAULT_POLICY, FakeLists(), **where).at  # type: ignore[arg-type]


def holds(store: FakeStore, stream: str = "default", now: int = T0 + DAY) -> str | None:
    found = covering(suppressions(store.history(*WHO), DEFAULT_POLICY), stream, now)
    return found.reason if found else None


@pytest.mark.parametrize("ahead", [1, 17 * MINUTE, 59 * MINUTE, HOUR])
def test_a_real_bounce_after_a_release_counts_though_what_was_released_came_from_the_future(ahead: int) -> None:
    store = FakeStore(clock=T0)
    bogus, real = struck("a", ev.HARD_BOUNCE, T0 + ahead), struck("b", ev.HARD_BOUNCE, T0 + ahead // 2)
    merge(store, *WHO, bogus, DEFAULT_POLICY)
    release(store)
    assert holds(store) is None
    merge(store, *WHO, bogus, DEFAULT_POLICY)
    assert holds(store) is None
    merge(store, *WHO, real, DEFAULT_POLICY)
    assert holds(store) == ev.HARD_BOUNCE
    decided = History(releases=store.history(*WHO).releases)
    assert len(outcomes([bogus, real, decided])) == 1


def test_two_releases_within_the_hour_forget_what_either_was_shown() -> None:
    """Whichever was decided first, and whichever is written first."""
    store, late = FakeStore(clock=T0), FakeStore(clock=T0 + 9 * MINUTE)
    one, other = struck("a", ev.HARD_BOUNCE, T0 + 50 * MINUTE), struck("b", ev.HARD_BOUNCE, T0 + 30 * MINUTE)
    merge(store, *WHO, one, DEFAULT_POLICY)
    merge(late, *WHO, other, DEFAULT_POLICY)
    release(store)
    release(late)
    decided = [History(releases=s.history(*WHO).releases) for s in (store, late)]
    real = struck("c", ev.HARD_BOUNCE, T0 + 10 * MINUTE)
    assert outcomes([one, other, *decided]) == {()}
    (found,) = outcomes([one, other, *decided, real])
    assert [s.since for s in found] == [T0 + 10 * MINUTE]


def test_more_than_can_be_named_is_forgotten_up_to_a_time() -> None:
    store = FakeStore(clock=T0)
    for n in range(NAMED + 2):
        merge(store, *WHO, struck(f"k{n}", ev.COMPLAINT, T0 + n * MINUTE, stream="ab"[n % 2]), DEFAULT_POLICY)
    release(store)
    assert suppressions(store.history(*WHO), DEFAULT_POLICY) == []
    merge(store, *WHO, struck("x", ev.COMPLAINT, T0 + 2 * MINUTE), DEFAULT_POLICY)
    assert holds(store) == ev.COMPLAINT


def test_a_release_of_a_stream_names_only_what_is_of_it() -> None:
    store = FakeStore(clock=T0)
    for stream in ("default", "marketing"):
        merge(store, *WHO, struck(stream, ev.COMPLAINT, T0 + MINUTE, stream=stream), DEFAULT_POLICY)
    release(store, "marketing")
    assert (holds(store), holds(store, "marketing")) == (ev.COMPLAINT, None)


# --- as SES sends them --------------------------------------------------------------------------------------------


OTHER_TOPIC = TOPIC.replace("example-com", "news-example-com")
TOPICS = {TOPIC.rpartition(":")[2]: "example.com", OTHER_TOPIC.rpartition(":")[2]: "news@example.com"}


def test_a_complaint_that_two_topics_tell_of_suppresses_both_streams_in_any_order() -> None:
    """The notification names no identity that is known: each topic speaks for its own."""
    told = complaint("shared", source="noreply@elsewhere.example")
    copies = [{**json.loads(sns_body(told)), "TopicArn": arn} for arn in (TOPIC, OTHER_TOPIC)]
    both = rules()._replace(directory=Directory(PLACES, TOPICS))
    for order in itertools.permutations((0, 1, 0)):
        store = FakeStore()
        for n in order:
            entries = [Entry("one", copies[n])]
            outcome = record(entries, rules=both, keys=KEYS, store=store, quarantine=FakeQuarantine(), now=NOW)
            assert not outcome.failed
        (stored,) = store.items.values()
        assert {s.stream for s in stored.suppressions} == {"default", "marketing"}
