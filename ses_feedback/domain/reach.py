"""How far the releases of a scope reach: everything before a time, and by name what was from the future by then.

A release decided now must lift what it was shown, though that claims to have happened in an hour. Were the release
simply dated after it, a real bounce within that hour would be older than the release, and forgotten.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ses_feedback.domain.times import HOUR

# No evidence is taken that claims to be further ahead than this.
AHEAD: Final = HOUR
# So many strikes releases of a scope forget by name. One more, and all are forgotten up to the oldest of them.
NAMED: Final = 2
# Of every stream, and of the strike's own.
SPARE: Final = 2 * NAMED

# What all copies of one strike share of their keys, and the time (ms) up to which those copies are forgotten.
Name = tuple[str, int]


class Reach(NamedTuple):
    """All that is older than ``before`` (ms), and what is ``named``: no name is older, or younger than ``AHEAD``."""

    before: int = 0
    named: tuple[Name, ...] = ()


def widen(one: Reach, other: Reach) -> Reach:
    """Return what both reach together. Commutative, associative and idempotent; a reach never shrinks."""
    before = max(one.before, other.before)
    if not one.named and not other.named:
        return Reach(before)
    newest = sorted({*one.named, *other.named}, key=lambda name: (name[1], name[0]), reverse=True)
    if len(newest) > NAMED:
        before = max(before, newest[NAMED][1] + 1)
    return Reach(before, tuple(name for name in newest if name[1] >= before))
