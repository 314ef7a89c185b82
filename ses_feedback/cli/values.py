"""Times, numbers and rates that an operator types."""

from __future__ import annotations

import re
from typing import Final

from ses_feedback.cli.session import quoted
from ses_feedback.domain.errors import InvalidDuration, InvalidTime, PermanentError
from ses_feedback.domain.times import parse_duration, parse_time

LARGEST: Final = 1_000_000_000
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def start_of(text: str, now: int) -> int:
    """Return since when, in ms: a duration counts back from now, a date is its first moment in UTC.

    Raises ``PermanentError`` for anything else.
    """
    try:
        duration = parse_duration(text)
        if duration is not None:
            return max(now - duration, 0)
    except InvalidDuration:
        try:
            return max(parse_time(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text), 0)
        except InvalidTime:
            pass
    raise PermanentError(f"--since: {quoted(text)} is neither a duration such as 7d nor a date such as 2026-11-01")


def whole_number(option: str, text: str, most: int = LARGEST) -> int:
    """Return the number that an option names, from 1 to ``most``. Raises ``PermanentError`` for anything else."""
    number = int(text) if text.isdecimal() and text.isascii() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise PermanentError(f"{option}: {quoted(text)} is not a whole number from 1 to {most}")
    return number


def rate(text: str) -> int:
    """Return how many a second ``50`` or ``50/s`` means. Raises ``PermanentError`` for anything else."""
    return whole_number("--rate", text.strip().removesuffix("/s"), 10_000)
