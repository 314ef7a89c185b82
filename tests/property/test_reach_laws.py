"""What releases forget together: a reach joins like a set, never shrinks, and names only a few."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain.history import EVERY_STREAM, History, Known, Ruling, join
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.reach import NAMED, Reach, widen

names = st.tuples(st.sampled_from("abcdef"), st.integers(1, 12))
reaches = st.builds(
    lambda before, named: widen(Reach(before, tuple(named)), Reach()), st.integers(0, 12), st.lists(names, max_size=5)
)


def forgets(reach: Reach, message: str, at: int) -> bool:
    return at < reach.before or any(message == name and at <= until for name, until in reach.named)


@given(reaches, reaches, reaches)
def test_reaches_join_in_any_order_and_grouping(one: Reach, other: Reach, third: Reach) -> None:
    assert widen(one, other) == widen(other, one)
    assert widen(widen(one, other), third) == widen(one, widen(other, third))
    assert widen(one, one) == one
    assert widen(one, widen(one, other)) == widen(one, other)


@given(reaches, reaches)
def test_what_either_forgets_both_forget_together(one: Reach, other: Reach) -> None:
    both = widen(one, other)
    for message, at in itertools.product("abcdefg", range(14)):
        if forgets(one, message, at) or forgets(other, message, at):
            assert forgets(both, message, at), (message, at)
    assert len(both.named) <= NAMED
    assert all(at >= both.before for _, at in both.named)


@given(st.integers(0, 12), st.lists(names, max_size=6, unique=True))
def test_only_what_cannot_be_named_is_forgotten_by_its_time(before: int, named: list[tuple[str, int]]) -> None:
    """The oldest of one too many, and no moment more."""
    found = widen(Reach(before, tuple(named)), Reach())
    times = sorted((at for _, at in named), reverse=True)
    assert found.before == max(before, *(at + 1 for at in times[NAMED : NAMED + 1]), 0)
    assert set(found.named) == {name for name in named if name[1] >= found.before}


BASE = Ruling(5, None, "operator", "why", "jo")
OTHERS = [
    BASE._replace(known=Known(0)),
    BASE._replace(known=Known(1)),
    BASE._replace(known=Known(1, "complaint")),
    BASE._replace(made=3),
    BASE._replace(made=4),
    BASE._replace(made=3, lifts=(("a", 4),)),
    BASE._replace(made=3, lifts=(("b", 4),)),
    BASE._replace(why="other"),
    BASE._replace(by="sam"),
]


@pytest.mark.parametrize("scope", [EVERY_STREAM, "default"])
@pytest.mark.parametrize(("one", "other"), list(itertools.permutations([BASE, *OTHERS], 2)))
def test_of_two_decisions_of_one_moment_the_same_one_stands_in_either_order(
    one: Ruling, other: Ruling, scope: str
) -> None:
    """Whatever they differ in; an erasure before or after, which drops texts, leaves the same one standing."""
    parts = [History(releases={scope: ruling}) for ruling in (one, other)]
    joined = join(*parts, DEFAULT_POLICY)
    assert joined == join(*parts[::-1], DEFAULT_POLICY)
    erased = History(erased=9)
    late = join(joined, erased, DEFAULT_POLICY)
    early = join(join(parts[0], erased, DEFAULT_POLICY), join(parts[1], erased, DEFAULT_POLICY), DEFAULT_POLICY)
    assert late == early
    assert not any(ruling.why or ruling.by for ruling in late.releases.values())
