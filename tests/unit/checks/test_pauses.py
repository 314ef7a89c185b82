"""Doctor about pauses: one that was meant is told and is no fault; one that nobody noted, or that failed, is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.pauses import BREAKER, Pause, Resumption
from ses_feedback.domain.times import parse_time
from ses_feedback.usecases.checks.finding import NOTE, WRONG
from ses_feedback.usecases.doctor import Doctor

from .spoilers import OWN_SET
from .world import ADDRESS, World, world

AT = parse_time("2026-11-24T05:00:00Z")
TRIPPED = Pause("p", AT, BREAKER, "the alarm went off", "ses-feedback news@example.com page", told=True)
JO = "arn:aws:iam::111122223333:user/jo"
SET = f'identities."{ADDRESS}".configuration_set'
RESUME = f'ses-feedback resume {ADDRESS} --why "WHAT WAS MENDED"'


def paused(there: World, *history: Pause, sending: bool = False) -> World:
    there.sets[OWN_SET] = replace(there.sets[OWN_SET], sending=sending)
    there.paused[ADDRESS] = history
    return there


def said(there: World) -> list[tuple[str, str, str, str | None]]:
    diagnosis = Doctor(there.config, there.inventory, there.places).examine()
    assert diagnosis.unchecked == []
    return [(f.level, f.path, f.what, f.mend) for f in diagnosis.findings if f.check == "set paused"]


def test_a_breakers_pause_is_told_with_its_reason_and_is_no_fault() -> None:
    """Since when, by whom, and the command; nothing that --fix would undo."""
    there = paused(world(), TRIPPED)
    assert said(there) == [(NOTE, SET, "paused by the circuit breaker since 2026-11-24 05:00 UTC", RESUME)]
    found = Doctor(there.config, there.inventory, there.places).examine().findings
    (finding,) = [f for f in found if f.check == "set paused"]
    assert "the alarm went off" in finding.why
    assert finding.fix is None


def test_a_pause_that_nobody_noted_is_wrong() -> None:
    """Also where only former pauses were: those are over."""
    over = replace(TRIPPED, end=Resumption(AT + 1, JO, "mended"))
    for history in ((), (over,)):
        ((level, path, what, mend),) = said(paused(world(), *history))
        assert (level, path, mend) == (WRONG, SET, RESUME)
        assert "nothing says why" in what


def test_a_breaker_that_could_not_pause_is_wrong() -> None:
    """It noted what it was about to do, and SES did not do it."""
    ((level, _, what, mend),) = said(paused(world(), replace(TRIPPED, told=False), sending=True))
    assert level == WRONG
    assert "could not pause" in what
    assert mend == f'ses-feedback pause {ADDRESS} --why "THE BREAKER FAILED"'


def test_one_that_was_resumed_elsewhere_is_worth_knowing() -> None:
    """The command then only notes it."""
    ((level, _, what, mend),) = said(paused(world(), TRIPPED, sending=True))
    assert (level, mend) == (NOTE, RESUME)
    assert what.endswith("but it sends")


def test_who_sends_and_was_resumed_is_not_spoken_of() -> None:
    assert said(paused(world(), replace(TRIPPED, end=Resumption(AT + 1, JO, "mended")), sending=True)) == []


def test_what_was_noted_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the sets are looked at all the same, and doctor says what it did not see."""
    there = paused(world(), TRIPPED)

    def fail(_: object) -> None:
        raise RetryableError("throttled")

    monkeypatch.setattr(there, "_pauses", fail)
    found = Doctor(there.config, there.inventory, there.places).examine()
    assert found.unchecked == ["why identities are paused: throttled"]
    assert [f.level for f in found.findings if f.check == "set paused"] == [WRONG]
