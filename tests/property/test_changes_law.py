"""Whoever keeps the event of the largest order knows what the table knows, however late and often events come."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain import events as ev
from ses_feedback.domain.changes import holding
from ses_feedback.domain.history import History, Ruling
from ses_feedback.domain.times import SECOND, parse_time
from tests.unit.usecases.test_changes import AT, World

SCOPES = ("*", "marketing", "default")
# A ruling of a scope: none, without end, or ending after so many seconds.
_ends = st.one_of(st.none(), st.just("never"), st.integers(1, 40))
_states = st.lists(st.tuples(st.tuples(*[_ends] * len(SCOPES)), st.integers(0, 20), st.booleans()), max_size=12)


def _history(ends: tuple[Any, ...], at: int) -> History:
    return History(
        rulings={
            (scope, ev.OPERATOR): Ruling(at, None if end == "never" else at + end * SECOND + 500, ev.OPERATOR, "")
            for scope, end in zip(SCOPES, ends, strict=True)
            if end is not None
        }
    )


@given(_states, st.randoms(use_true_random=False))
def test_a_follower_agrees_with_the_table(states: list[Any], chance: random.Random) -> None:
    """After any writes and looks at any times, and any shuffling and repeating of the events."""
    world, now = World(), AT
    for ends, pause, looked in states:
        now += pause * SECOND + 1
        change = world.write(_history(ends, now - 1), at=now // SECOND * SECOND)
        world.tell(change._replace(sequence=str(len(world.events) + now)))
        if looked:
            world.look(now + 700)
    now += 100 * SECOND
    world.look(now)
    heard = world.events + chance.choices(world.events, k=5) if world.events else []
    chance.shuffle(heard)
    kept: dict[str, dict[str, Any]] = {}
    for event in heard:
        scope = event["stream"]
        if scope not in kept or event["order"] > kept[scope]["order"]:
            kept[scope] = event
    known = {
        scope: event["reason"]
        for scope, event in kept.items()
        if event["type"] == "suppressed" and (event["until"] is None or parse_time(event["until"]) > now)
    }
    found = world.items["k"].suppressions if world.items else ()
    assert known == {scope: held.reason for scope, held in holding(found, now).items()}
