"""Pausing and resuming by hand: the reason is kept, on-call is told, and what AWS paused stays paused."""

from __future__ import annotations

import itertools

import pytest

from ses_feedback.domain import pause_text
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.pauses import SOMEBODY, Pause, Resumption, covers, current
from ses_feedback.usecases.pausing import Account, pause, resume, trip
from tests.fakes import CRASH_AFTER, CRASH_BEFORE, OK, THROTTLE, TIMEOUT, Crash

from .fakes import JO, LATER, PAGE, SENDER, WHO, World

HER = "arn:aws:iam::111122223333:user/ann"


def test_a_person_pauses_and_another_resumes() -> None:
    """Both are news and no emergency: they go where warnings go, with who, when and why."""
    world = World()
    done = pause(world.desk, SENDER, id_="x", by=JO, why="a bad list")
    assert (world.sending, done.noted, done.untold) == (False, False, None)
    over = resume(world.desk, SENDER, by=HER, why="list removed")
    assert world.sending is True
    assert over.pause == done.pause
    (noted,) = world.history
    assert (noted.by, noted.why, noted.alarm) == (JO, "a bad list", None)
    assert noted.end is not None
    assert (noted.end.by, noted.end.why) == (HER, "list removed")
    (paused, resumed) = world.told
    assert (paused[0], paused[1]) == ("warn", "PAUSED: news@example.com")
    assert "a bad list" in paused[2]
    assert JO in paused[2]
    assert (resumed[0], resumed[1]) == ("warn", "Resumed: news@example.com")
    assert all(word in resumed[2] for word in (HER, "list removed", JO, "a bad list"))


def test_after_a_breakers_pause_on_call_learns_when_it_trips_again() -> None:
    """An alarm that is still on acts no second time."""
    world = World()
    trip(world.desk, SENDER, PAGE)
    resume(world.desk, SENDER, by=JO, why="mended")
    assert f'when the alarm "{PAGE.alarm}" goes off anew' in world.told[-1][2]


def test_pausing_twice_is_an_error_that_says_who_did() -> None:
    world = World()
    trip(world.desk, SENDER, PAGE)
    with pytest.raises(PermanentError, match=f"{WHO} is paused already, by the circuit breaker since 2027"):
        pause(world.desk, SENDER, id_="x", by=JO, why="a bad list")
    assert len(world.history) == 1


def test_what_was_paused_elsewhere_gets_its_reason() -> None:
    world = World(sending=False)
    assert pause(world.desk, SENDER, id_="x", by=JO, why="it was me, in the console").noted
    assert [p.why for p in world.history] == ["it was me, in the console"]


def test_resuming_who_is_not_paused_is_an_error() -> None:
    """Never was, and no more is; nothing is written and nobody told."""
    world = World()
    with pytest.raises(PermanentError, match="is not paused: there is nothing to resume"):
        resume(world.desk, SENDER, by=JO, why="x")
    trip(world.desk, SENDER, PAGE)
    resume(world.desk, SENDER, by=JO, why="x")
    before = (world.history, len(world.told))
    with pytest.raises(PermanentError, match="is not paused"):
        resume(world.desk, SENDER, by=JO, why="x")
    assert (world.history, len(world.told)) == before


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account(sending=False, enforcement="SHUTDOWN"), "only AWS can resume it"),
        (Account(sending=True, enforcement="SHUTDOWN"), "only AWS can resume it"),
        (Account(sending=False, enforcement="HEALTHY"), "put-account-sending-attributes --sending-enabled"),
    ],
)
def test_what_aws_paused_is_not_ours_to_resume(account: Account, said: str) -> None:
    """Or what somebody switched off for the whole account: one line that says whose turn it is, nothing changed."""
    world = World(account_=account)
    trip(world.desk, SENDER, PAGE)
    before = world.history
    with pytest.raises(PermanentError, match=said):
        resume(world.desk, SENDER, by=JO, why="mended")
    assert (world.sending, world.history) == (False, before)


@pytest.mark.parametrize("enforcement", ["HEALTHY", "PROBATION", ""])
def test_an_account_under_review_may_still_send(enforcement: str) -> None:
    world = World(account_=Account(enforcement=enforcement))
    trip(world.desk, SENDER, PAGE)
    resume(world.desk, SENDER, by=JO, why="mended")
    assert world.sending is True


def test_what_nobody_noted_is_noted_with_its_end() -> None:
    """The reason to resume is kept even where none was to pause."""
    world = World(sending=False)
    assert resume(world.desk, SENDER, by=JO, why="found it paused").pause is None
    (noted,) = world.history
    assert noted.by == SOMEBODY
    assert noted.end is not None
    assert noted.end.why == "found it paused"
    assert "nothing says when and why" in world.told[0][2]


@pytest.mark.parametrize("do", [pause, resume])
def test_a_missing_set_is_one_clear_error(do: object) -> None:
    world = World(sending=None)
    with pytest.raises(PermanentError, match="SES has no configuration set"):
        if do is pause:
            pause(world.desk, SENDER, id_="x", by=JO, why="w")
        else:
            resume(world.desk, SENDER, by=JO, why="w")
    assert world.history == ()


@pytest.mark.parametrize("do", ["pause", "resume"])
def test_on_call_who_cannot_be_told_undoes_nothing(do: str) -> None:
    """The command says so, and a person can call a person."""
    world = World()
    if do == "resume":
        trip(world.desk, SENDER, PAGE)
    world.troubles = [OK] * (5 if do == "pause" else 6) + [RetryableError("publishing: AuthorizationError")]
    done = (
        pause(world.desk, SENDER, id_="x", by=JO, why="w")
        if do == "pause"
        else resume(world.desk, SENDER, by=JO, why="w")
    )
    assert done.untold == "publishing: AuthorizationError"
    assert world.sending is (do == "resume")


@pytest.mark.parametrize(
    ("step", "trouble"), list(itertools.product(range(6), (THROTTLE, TIMEOUT, CRASH_BEFORE, CRASH_AFTER)))
)
def test_an_interrupted_resumption_is_finished_by_the_next(step: int, trouble: str) -> None:
    """It sends, and the book says who resumed it and why, whichever of the two runs got how far."""
    world = World()
    trip(world.desk, SENDER, PAGE)
    world.troubles = [*[OK] * step, trouble]
    try:
        resume(world.desk, SENDER, by=JO, why="mended")
    except (FeedbackError, Crash):
        world.troubles = []
        try:
            resume(world.desk, SENDER, by=JO, why="mended")
        except PermanentError as error:
            assert "is not paused" in str(error)
    assert world.sending is True
    assert current(world.history) is None
    assert [p.end.why for p in world.history if p.end] == ["mended"]


def test_a_pause_that_comes_while_resuming_is_not_noted_as_over() -> None:
    """The breaker trips between SES's answer and the note: whoever resumed must look again."""
    world = World()
    pause(world.desk, SENDER, id_="x", by=JO, why="w")

    def trips() -> None:
        trip(world.desk, SENDER, LATER)

    world.troubles = [OK, OK, OK, OK, trips]
    with pytest.raises(PermanentError, match="at this very moment"):
        resume(world.desk, SENDER, by=JO, why="mended")
    assert world.sending is False
    newest = current(world.history)
    assert newest is not None
    assert newest.alarm == LATER.alarm


def test_subjects_are_what_sns_takes() -> None:
    """ASCII, on one line, fewer than 100 letters (SNS API reference, Publish)."""
    for name in ("news@example.com", "ä@example.com", "a" * 249 + ".com"):
        for text in (
            pause_text.paused(name, "set", Pause("x", 0, "the circuit breaker", "w", "alarm")),
            pause_text.resumed(name, None, Resumption(0, JO, "w")),
        ):
            assert text.subject.isascii()
            assert len(text.subject) < 100
            assert text.subject.isprintable()


def test_what_a_pause_covers() -> None:
    """From a little before it began, as what was under way then was stopped amid, until its end."""
    lasting = (Pause("x", 1_000, JO, "w"),)
    over = (Pause("x", 1_000, JO, "w", end=Resumption(2_000, JO, "w")),)
    assert [covers(lasting, at, 10) for at in (989, 990, 1_000, 9_999)] == [False, True, True, True]
    assert [covers(over, at, 10) for at in (2_000, 2_001)] == [True, False]
    assert not covers((), 1_000, 10)
