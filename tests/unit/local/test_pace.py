"""SES's pace: an answer a second for each account and region, and refusals that delay nobody."""

from __future__ import annotations

from local.pace import Pace

HERE, THERE = ("000000000000", "us-east-1"), ("000000000000", "eu-west-1")


def test_only_answers_make_the_next_call_wait() -> None:
    """A second after an answer the next one comes, however many were refused meanwhile; elsewhere nobody waits."""
    pace = Pace(1_000)
    assert [pace.admits(HERE, at) for at in (10.0, 10.5, 10.89, 11.0, 11.5)] == [True, False, False, True, False]
    assert pace.admits(THERE, 11.5)


def test_calls_a_little_early_are_answered_but_never_more_than_one_a_second() -> None:
    """Ten seconds of calls every 0.95 s: each early one is forgiven until they add up to more than jitter."""
    pace = Pace(1_000)
    answered = [pace.admits(HERE, 10.0 + 0.95 * number) for number in range(11)]
    assert answered[:3] == [True, True, True]
    assert sum(answered) <= 10


def test_without_a_pace_every_call_is_answered() -> None:
    """No interval, no waiting."""
    pace = Pace(0)
    assert all(pace.admits(HERE, 10.0) for _ in range(3))
