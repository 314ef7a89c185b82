"""A page pauses an identity once: whatever crashes, however often it is said, whoever else is at it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.pauses import BREAKER, KEPT, Pause, current
from ses_feedback.usecases.pausing import Desk, pause, resume, trip
from tests.fakes import CRASH_AFTER, CRASH_BEFORE, OK, THROTTLE, TIMEOUT, Crash

from .fakes import JO, LATER, PAGE, SENDER, WHO, World

STEPS = ["read", "is_on", "write", "turn", "read", "tell", "read", "write"]


def test_a_page_pauses_notes_why_and_tells_on_call() -> None:
    """In this order: noted, then stopped, then told."""
    world = World()
    assert trip(world.desk, SENDER, PAGE) == "paused"
    assert world.calls == STEPS
    assert world.sending is False
    (noted,) = world.history
    assert (noted.by, noted.alarm, noted.told, noted.end) == (BREAKER, PAGE.alarm, True, None)
    assert noted.why == f"the alarm {PAGE.alarm} went off at {PAGE.at}: bounce page fast went off"
    ((severity, subject, text),) = world.told
    assert severity == "page"
    assert subject == "PAUSED: news@example.com by its circuit breaker"
    assert f"the configuration set {SENDER.configuration_set}" in text
    assert f"ses-feedback resume {WHO} --why" in text
    assert PAGE.reason in text


def test_said_again_it_changes_nothing() -> None:
    """Lambda may run an event twice: no second entry, no second message, no call of SES."""
    world = World()
    trip(world.desk, SENDER, PAGE)
    before = (world.history, list(world.told), list(world.turned))
    world.calls.clear()
    assert trip(world.desk, SENDER, PAGE) == "repeated"
    assert (world.history, world.told, world.turned) == before
    assert world.calls == ["read"]


def test_said_again_after_the_resumption_it_does_not_pause_again() -> None:
    """A late repetition must not undo what an operator decided since."""
    world = World()
    trip(world.desk, SENDER, PAGE)
    resume(world.desk, SENDER, by=JO, why="list mended")
    assert trip(world.desk, SENDER, PAGE) == "repeated"
    assert world.sending is True


def test_the_alarm_that_goes_off_anew_pauses_anew() -> None:
    """Another time is another reason; both are kept, the newest first."""
    world = World()
    trip(world.desk, SENDER, PAGE)
    resume(world.desk, SENDER, by=JO, why="list mended")
    assert trip(world.desk, SENDER, LATER) == "paused"
    assert world.sending is False
    assert [(p.id, p.end is None) for p in world.history] == [
        (f"{LATER.alarm} {LATER.at}", True),
        (f"{PAGE.alarm} {PAGE.at}", False),
    ]
    assert [severity for severity, _, _ in world.told] == ["page", "warn", "page"]


def test_who_is_paused_already_is_left_alone() -> None:
    """By hand, or past ses-feedback: CloudWatch itself has paged, and there is nothing to stop."""
    by_hand = World()
    pause(by_hand.desk, SENDER, id_="x", by=JO, why="a bad list")
    elsewhere = World(sending=False)
    for world in (by_hand, elsewhere):
        before, told = world.history, list(world.told)
        assert trip(world.desk, SENDER, PAGE) == "already paused"
        assert (world.history, world.told) == (before, told)


def test_who_was_resumed_past_ses_feedback_is_paused_anew() -> None:
    """SES knows what is sent, the book only why not: the older pause is closed as what it was."""
    world = World()
    trip(world.desk, SENDER, PAGE)
    world.sending = True
    assert trip(world.desk, SENDER, LATER) == "paused"
    newest, older = world.history
    assert newest.end is None
    assert older.end is not None
    assert older.end.why == "sending was switched on again"


def test_a_missing_set_is_one_clear_error() -> None:
    """Lambda repeats it, and the alarm on the function's errors pages."""
    world = World(sending=None)
    with pytest.raises(PermanentError, match=r"SES has no configuration set ses-feedback-news.*npx cdk deploy"):
        trip(world.desk, SENDER, PAGE)
    assert world.history == ()
    assert world.told == []


def test_what_ses_refuses_is_an_error_and_tried_again() -> None:
    """Nobody is told of a pause that is none; the repetition does it."""
    world = World()
    world.troubles = [OK, OK, OK, PermanentError("SES refuses")]
    with pytest.raises(PermanentError):
        trip(world.desk, SENDER, PAGE)
    assert (world.sending, world.told) == (True, [])
    assert trip(world.desk, SENDER, PAGE) == "paused"
    assert (world.sending, len(world.told), len(world.history)) == (False, 1, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    list(
        itertools.product(
            [(step, trouble) for step in range(7) for trouble in (THROTTLE, TIMEOUT, CRASH_BEFORE, CRASH_AFTER)],
            [None, (0, CRASH_AFTER), (1, THROTTLE), (2, TIMEOUT), (3, CRASH_BEFORE), (4, CRASH_AFTER)],
        )
    ),
)
def test_whatever_goes_wrong_at_any_call_the_repetition_completes_it(
    first: tuple[int, str], second: tuple[int, str] | None
) -> None:
    """Lambda tries three times: in the end it is paused, noted once, and on-call was told."""
    world = World()
    outcome = ""
    for trouble in (first, second, None):
        world.troubles = [] if trouble is None else [*[OK] * trouble[0], trouble[1]]
        try:
            outcome = trip(world.desk, SENDER, PAGE)
        except (FeedbackError, Crash):
            continue
        world.troubles = []
    assert outcome in ("paused", "repeated")
    assert world.sending is False
    assert len(world.history) == 1
    assert world.history[0].told
    assert len(world.told) >= 1
    assert True not in world.turned


@pytest.mark.parametrize("step", range(7))
@pytest.mark.parametrize("trouble", [CRASH_BEFORE, CRASH_AFTER])
def test_who_resumed_after_a_crash_stays_resumed(step: int, trouble: str) -> None:
    """An operator who saw the pause and lifted it is not overruled by the repetition."""
    world = World()
    world.troubles = [*[OK] * step, trouble]
    with pytest.raises(Crash):
        trip(world.desk, SENDER, PAGE)
    world.troubles = []
    if world.sending:
        return  # nothing was paused yet, so there was nothing to lift
    resume(world.desk, SENDER, by=JO, why="a false alarm")
    assert trip(world.desk, SENDER, PAGE) == "repeated"
    assert world.sending is True


@pytest.mark.parametrize("at", [2, 6])
def test_two_at_once_lose_nothing(at: int) -> None:
    """Another pause is noted between reading and writing: the write is done over on what is there now."""
    world = World()

    def other() -> None:
        world.histories_[WHO] = (world.history, "somebody else's")

    world.troubles = [*[OK] * at, other]
    assert trip(world.desk, SENDER, PAGE) == "paused"
    assert len(world.history) == 1
    assert world.history[0].told


def test_a_race_that_never_ends_is_given_up() -> None:
    """And comes back: Lambda tries again."""
    world = World()

    def disturb() -> None:
        world.histories_[WHO] = ((), f"v{len(world.calls)}")

    quiet: str | Callable[[], object] = OK
    world.troubles = [quiet, quiet, disturb] * 9
    with pytest.raises(RetryableError, match="try again"):
        trip(world.desk, SENDER, PAGE)


def test_no_more_than_the_newest_are_kept() -> None:
    """An item of DynamoDB has an end."""
    world = World()
    for number in range(KEPT + 5):
        trip(world.desk, SENDER, PAGE._replace(at=f"t{number:03d}"))
        resume(world.desk, SENDER, by=JO, why="mended")
    assert len(world.history) == KEPT
    assert world.history[0].id.endswith("t024")
    assert current(world.history) is None


def test_reasons_are_one_line_and_bounded() -> None:
    """CloudWatch's reason of a composite names every child."""
    world = World()
    trip(world.desk, SENDER, PAGE._replace(reason="long\n" * 1_000))
    assert len(world.history[0].why) == 500
    assert "\n" not in world.history[0].why


@pytest.mark.parametrize("paused_by", ["breaker", "person"])
@pytest.mark.parametrize("script", list(itertools.product((True, False), repeat=7)))
def test_a_pause_and_a_resumption_at_once_leave_ses_and_the_book_agreeing(
    paused_by: str, script: tuple[bool, ...]
) -> None:
    """Their calls in any order. A pause was begun and not switched; whoever comes second sees the other."""
    world = World()
    id_ = f"{PAGE.alarm} {PAGE.at}"
    world.histories_[WHO] = ((Pause(id_, 1, BREAKER if paused_by == "breaker" else JO, "began", PAGE.alarm),), "0")

    def stop(desk: Desk) -> None:
        if paused_by == "breaker":
            trip(desk, SENDER, PAGE)
        else:
            pause(desk, SENDER, id_=f"{JO} 2", by=JO, why="asked")

    parts = [stop, lambda desk: resume(desk, SENDER, by=JO, why="mended")]
    interleaved(world, parts, script)
    assert world.sending is (current(world.history) is None)


def interleaved(world: World, parts: Sequence[Callable[[Desk], object]], script: Sequence[bool]) -> None:
    """Run both parts, one call at a time, in the order of a script; what either refuses is its own affair."""
    turns = [threading.Semaphore(0) for _ in parts]
    back = threading.Semaphore(0)
    alive = [True, True]

    def run(number: int) -> None:
        def call(name: str, *arguments: Any, **named: Any) -> Any:
            back.release()
            turns[number].acquire(timeout=20)
            return getattr(world, name)(*arguments, **named)

        class Taking:
            def __getattr__(self, name: str) -> Any:
                return partial(call, name)

        taking: Any = Taking()
        with suppress(PermanentError):
            parts[number](Desk(taking, taking, taking, world.now))
        alive[number] = False
        back.release()

    for number in range(2):
        threading.Thread(target=run, args=(number,), daemon=True).start()
        back.acquire(timeout=20)
    for step in itertools.count():
        if not any(alive):
            return
        wanted = int(script[step]) if step < len(script) else 0
        number = wanted if alive[wanted] else 1 - wanted
        turns[number].release()
        back.acquire(timeout=20)
