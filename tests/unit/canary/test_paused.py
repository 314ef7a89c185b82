"""A canary of an identity that was paused on purpose is refused, and that wakes nobody a second time."""

from __future__ import annotations

from ses_feedback import naming
from ses_feedback.domain.pauses import BREAKER, Pause, Resumption
from ses_feedback.domain.times import HOUR, MINUTE
from ses_feedback.usecases.canaries import Refused
from tests.unit.canary.fakes import T0, World

MISSING = naming.METRIC_CANARY_MISSING
WHO = "example.com"
PAUSED = Refused("SES does not send for example.com: SendingPausedException: paused")


def pause(at: int, end: int | None = None) -> tuple[Pause, ...]:
    over = None if end is None else Resumption(end, "arn:aws:iam::111122223333:user/jo", "mended")
    return (Pause("p", at, BREAKER, "the alarm went off", "ses-feedback example.com page", True, over),)


def test_a_refusal_during_a_noted_pause_is_not_missing() -> None:
    """It is in the log as any refusal is, and tried again each hour: whoever resumes in SES alone is noticed, too."""
    world = World()
    world.rounds.noted[WHO] = pause(T0 - MINUTE)
    world.mailer.refuses[WHO] = PAUSED
    assert world.run().refused == {WHO: str(PAUSED)}
    world.look(8)
    assert set(world.values(MISSING)) == {0}
    assert world.rounds.rounds[WHO].started >= T0 + HOUR


def test_a_pause_that_begins_amid_a_round_excuses_the_rest_of_it() -> None:
    """Some mails of a round were taken, then came the pause."""
    world = World()
    world.mailer.troubles = ["ok", PAUSED]
    world.run()
    world.rounds.noted[WHO] = pause(T0 + 1_000)
    assert world.look().missing == 0


def test_a_refusal_that_nobody_noted_is_missing() -> None:
    """Paused past ses-feedback, or by AWS: somebody has to know."""
    world = World()
    world.mailer.refuses[WHO] = PAUSED
    world.run()
    assert world.look().missing == 1


def test_after_the_pause_an_old_refusal_stays_excused_and_a_new_one_counts() -> None:
    """Whoever resumes is not told off for what was refused before; what is refused afterwards is news."""
    world = World()
    world.rounds.noted[WHO] = pause(T0 - MINUTE, T0 + MINUTE)
    world.mailer.refuses[WHO] = PAUSED
    world.run()
    assert world.look().missing == 0
    world.look(5)
    assert world.look().missing == 1


def test_what_was_missing_before_the_pause_stays_missing() -> None:
    """A pause proves nothing: only feedback that came back does."""
    world = World()
    world.mailer.lost[WHO] = {"act_bounce"}
    world.run()
    world.look(2)
    world.rounds.noted[WHO] = pause(world.clock.now())
    world.mailer.refuses[WHO] = PAUSED
    world.look(6)
    assert world.rounds.rounds[WHO].refused is not None
    assert world.look().missing == 1


def test_feedback_of_a_round_that_was_sent_is_waited_for_even_if_paused() -> None:
    """Mail that SES took before the pause must come back: the loop is not paused."""
    world = World()
    world.mailer.lost[WHO] = {"count_delivery"}
    world.run()
    world.rounds.noted[WHO] = pause(T0 + MINUTE)
    assert world.look(2).missing == 1
