"""Times, lengths and suppressions in an operator's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ses_feedback.domain.plain_words import count, end, length, moment, scope
from ses_feedback.usecases.verdicts import time_or_none, verdict

if TYPE_CHECKING:
    from ses_feedback.domain.history import Suppression

# The words that other readers get as well, from here too, for the commands.
__all__ = (
    "because",
    "bytes_",
    "count",
    "end",
    "kind_of",
    "length",
    "moment",
    "origin",
    "scope",
    "time_or_none",
    "verdict",
)


def because(found: Suppression, environment: str, now: int) -> str:
    """Return a suppression as the end of a sentence: ``hard_bounce, all streams of production, for ever, since …``."""
    return f"{found.reason}, {scope(found.stream, environment)}, {end(found.until, now)}, since {moment(found.since)}"


def bytes_(number: int) -> str:
    """Return a size: ``812 B``, ``3.4 kB``, ``1.2 MB``."""
    if number < 1_000:
        return f"{number} B"
    return f"{number / 1_000:.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"


def kind_of(topic: str | None) -> str | None:
    """Return the kind of feedback that a topic of ours carries, from its name; ``None`` for any other."""
    parts = _topic_parts(topic)
    return parts[1] if parts else None


def origin(topic: str | None) -> str:
    """Return what a topic carries and of whom, ``bounce example-com``; another's name as it is."""
    parts = _topic_parts(topic)
    return f"{parts[1]} {parts[2]}" if parts else (topic or "").rpartition(":")[2]


def _topic_parts(topic: str | None) -> list[str] | None:
    parts = (topic or "").rpartition(":")[2].split("_")
    return parts if len(parts) == 4 else None
