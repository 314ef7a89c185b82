"""Pauses of an identity's sending: who stopped it, why, and who let it go on. Pure.

A history is a tuple of pauses, the newest first. Whether mail is stopped, only SES knows: a history says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

# In place of a person's ARN.
BREAKER: Final = "the circuit breaker"
SOMEBODY: Final = "somebody past ses-feedback"
KEPT: Final = 20  # the newest pauses of an identity; a pause is under 2 KB, an item of DynamoDB takes 400


@dataclass(frozen=True, slots=True)
class Resumption:
    """The end of a pause. ``at`` is ms since 1970, ``by`` an ARN or ``SOMEBODY``."""

    at: int
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause. ``id`` is the same for one reason told twice: an alarm's change of state, or a run of a command.

    ``at`` is ms since 1970, ``by`` an ARN, ``BREAKER`` or ``SOMEBODY``; ``alarm`` the name of the alarm that tripped
    the breaker. ``told``: on-call was told of what the breaker did; of what a person does, that person knows.
    """

    id: str
    at: int
    by: str
    why: str
    alarm: str | None = None
    told: bool = False
    end: Resumption | None = None


History = tuple[Pause, ...]


def current(history: History) -> Pause | None:
    """Return the pause that has not ended; ``None`` where nothing says that there is one."""
    return history[0] if history and history[0].end is None else None


def covers(history: History, at: int, margin: int) -> bool:
    """Return whether sending was paused at a point in time, or began to be within ``margin`` ms after it."""
    return any(pause.at - margin <= at and (pause.end is None or at <= pause.end.at) for pause in history)


def with_id(history: History, id_: str) -> Pause | None:
    """Return the pause of an id, if it is known."""
    return next((pause for pause in history if pause.id == id_), None)


def begun(history: History, pause: Pause) -> History:
    """Return the history with a new pause. One that had not ended was over before: sending was on again."""
    before = ended(history, Resumption(pause.at, SOMEBODY, "sending was switched on again"))
    return (pause, *before)[:KEPT]


def ended(history: History, end: Resumption) -> History:
    """Return the history without a current pause."""
    return history if current(history) is None else (replace(history[0], end=end), *history[1:])


def told(history: History, id_: str) -> History:
    """Return the history in which on-call knows of the pause with an id."""
    return tuple(replace(pause, told=True) if pause.id == id_ else pause for pause in history)
