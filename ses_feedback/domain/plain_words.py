"""Times, lengths and scopes in the words people use, wherever a person reads them: a terminal, a message."""

from __future__ import annotations

from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND, format_time


def moment(ms: int) -> str:
    """Return a time as people write it: ``2026-12-24 05:00 UTC``."""
    text = format_time(ms)
    return f"{text[:10]} {text[11:16]} UTC"


def length(ms: int) -> str:
    """Return a length in the largest unit that tells enough: ``30 days``, ``36 hours``, ``1 minute``."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if ms >= 2 * unit or (ms >= unit and ms % unit == 0):
            return count(round(ms / unit), name)
    return count(max(round(ms / SECOND), 0), "second")


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number of things: ``1 message``, ``1,200 messages``, ``2 deliveries``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def end(until: int | None, now: int) -> str:
    """Return when something ends, seen from ``now``: ``for ever``, ``until 2026-12-24 05:00 UTC (30 days)``."""
    if until is None:
        return "for ever"
    if until <= now:
        return f"until {moment(until)} (over)"
    return f"until {moment(until)} ({length(until - now)})"


def scope(stream: str | None, environment: str) -> str:
    """Return where something holds; ``None`` or ``*`` as the stream means everywhere in the environment."""
    if stream is None or stream == "*":
        return f"all streams of {environment}"
    return f"stream {stream} of {environment}"
