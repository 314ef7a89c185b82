"""What a check found to be other than it should be, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Level = Literal["wrong", "note"]
WRONG: Final[Level] = "wrong"  # feedback is lost or late, mail does not go out, or somebody is not told
NOTE: Final[Level] = "note"  # worth knowing; nothing to mend today


class Rewire(NamedTuple):
    """Wire an identity anew: its topics, headers, forwarding and default configuration set."""

    identity: str


class EnableActions(NamedTuple):
    """Switch the actions of an alarm on."""

    alarm: str


class EnableDestination(NamedTuple):
    """Switch an event destination of a configuration set on."""

    configuration_set: str
    destination: str


# What may be mended without asking: each only restores what the file says, and takes nothing from anybody.
Fix = Rewire | EnableActions | EnableDestination


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    ``check`` names the kind of finding, stable for programs: ``topic``, ``subscription`` …; ``path`` is where the file
    speaks of it; ``what`` is wrong, ``why`` it matters, and ``mend`` is the command that mends it (``None``: ``why``
    says what to do). ``fix`` is what ``--fix`` may do about it.
    """

    check: str
    path: str
    what: str
    why: str
    mend: str | None = None
    level: Level = WRONG
    fix: Fix | None = None
