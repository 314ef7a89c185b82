"""The pacer: slots, pauses, deadlines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.usecases.pacing import TRIES, OutOfTime, Pacer, Throttled
from tests.unit.wiring.fakes import FAR, FakeSlots, Time


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = [times]

    def call() -> str:
        if left[0]:
            left[0] -= 1
            raise error
        return "done"

    return call


def test_interval_0_takes_no_slots() -> None:
    """Without an interval nobody waits and the table is not asked."""
    clock, slots = Time(), FakeSlots()
    assert Pacer(slots, clock, interval=0, until=FAR).run("a call", lambda: 7) == 7
    assert slots.taken == []
    assert clock.slept == []


def test_calls_wait_for_their_slots() -> None:
    """Each call is made at its own slot, an interval after the one before."""
    clock, slots = Time(now=5_000), FakeSlots()
    pacer = Pacer(slots, clock, interval=1_000, until=FAR)
    made = [pacer.run("a call", clock.now) for _ in range(3)]
    assert made == slots.taken == [5_000, 6_000, 7_000]


def test_throttled_calls_come_back_in_a_slot_after_growing_pauses() -> None:
    """A throttled call pauses longer each time, and takes a new slot each time."""
    clock, slots = Time(), FakeSlots()
    pacer = Pacer(slots, clock, interval=1, until=FAR, jitter=lambda: 1.0)
    assert pacer.run("a call", failing(8, Throttled("Rate exceeded"))) == "done"
    assert clock.slept == [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]
    assert len(slots.taken) == 9


def test_pauses_are_jittered() -> None:
    """Between half and all of a pause, so that functions throttled together part."""
    clock = Time()
    Pacer(FakeSlots(), clock, interval=0, until=FAR, jitter=lambda: 0.0).run(
        "a call", failing(1, Throttled("slow down"))
    )
    assert clock.slept == [1_000]


def test_throttling_up_to_the_deadline_is_out_of_time() -> None:
    """The last word is one line with the call, the number of tries and what the service said."""
    clock = Time(now=0)
    pacer = Pacer(FakeSlots(), clock, interval=0, until=10_000, jitter=lambda: 1.0)
    with pytest.raises(OutOfTime, match="no time left for a call, after 3 tries: Rate exceeded"):
        pacer.run("a call", failing(99, Throttled("Rate exceeded")))
    assert clock.now() < 10_000


def test_a_service_that_keeps_failing_is_given_up() -> None:
    """Other retryable errors are tried a few times and raised as they are."""
    with pytest.raises(RetryableError, match="no answer"):
        Pacer(FakeSlots(), Time(), interval=0, until=FAR).run("a call", failing(TRIES, RetryableError("no answer")))
    done = Pacer(FakeSlots(), Time(), interval=0, until=FAR).run("a call", failing(TRIES - 1, RetryableError("…")))
    assert done == "done"


def test_other_errors_are_not_repeated() -> None:
    """A permanent error is raised at once."""
    clock = Time()
    with pytest.raises(PermanentError):
        Pacer(FakeSlots(), clock, interval=0, until=FAR).run("a call", failing(1, PermanentError("denied")))
    assert clock.slept == []


def test_no_slot_before_the_deadline_is_out_of_time() -> None:
    """A queue longer than the time left ends at once and says why."""
    slots = FakeSlots()
    slots.next_at = 100_000
    with pytest.raises(OutOfTime, match=r"SES takes one call every 1000 ms .*--concurrency 4"):
        Pacer(slots, Time(now=0), interval=1_000, until=50_000).run("a call", lambda: 1)


def test_nothing_is_called_after_the_deadline() -> None:
    """Time that is over is over, with or without slots."""
    with pytest.raises(OutOfTime, match="no time left for a call"):
        Pacer(FakeSlots(), Time(now=10), interval=0, until=10).run("a call", lambda: 1)
