"""Points in time and durations, both as whole milliseconds: comparable, sortable, free of time zones.

A point in time counts from 1970-01-01T00:00:00Z. ``None`` as a duration or as an end means: without end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from ses_feedback.domain.errors import InvalidDuration, InvalidTime

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

FOREVER: Final = "forever"

_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
# SES writes 2026-01-27T14:59:38.237Z; +0000, -07:00, a missing fraction and a longer one are seen in the wild.
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 100 * 366 * DAY
# A time of day west of Greenwich on the last day of year 9999 is in year 10000, which ``datetime`` cannot write.
_LAST: Final = 253_402_300_799_999


def time_or_none(value: object) -> int | None:
    """Return the time that a text of ISO 8601 names, in ms since 1970; ``None`` for what is none from 1970 to 9999."""
    try:  # nearly every time; several times as fast as by the pattern
        since = datetime.fromisoformat(value) - _EPOCH  # type: ignore[arg-type]
        ms = since.days * DAY + (since.seconds * SECOND + since.microseconds // 1_000)
    except (TypeError, ValueError, OverflowError):  # no text, no zone, a leap second, or no time
        try:
            ms = parse_time(value) if isinstance(value, str) else -1
        except InvalidTime:
            return None
    return ms if 0 <= ms <= _LAST else None


def parse_time(text: str) -> int:
    """Return an ISO 8601 time as milliseconds since 1970, UTC where it names no zone.

    Raises ``InvalidTime``. SES's formats: `Amazon SNS notification contents for Amazon SES`, field ``timestamp``.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise InvalidTime(f"{text[:40]!r} is not a time such as 2026-01-27T14:59:38.237Z")
    clock, fraction, zone = found.groups()
    if zone is None or zone in "Zz":
        zone = "+00:00"
    seconds = int(clock[17:19])
    try:
        minute = _minute(clock[:10] + "T" + clock[11:16], zone)
    except (ValueError, OverflowError) as error:
        raise InvalidTime(f"{text[:40]!r} is not a time: {error}") from None
    if seconds > 60:  # 60 is a leap second
        raise InvalidTime(f"{text[:40]!r} is not a time: a minute has 60 seconds")
    ms = minute + seconds * SECOND + (int((fraction + "00")[:3]) if fraction else 0)
    if ms > _LAST:
        raise InvalidTime(f"{text[:40]!r} is not a time: it is after year 9999")
    return ms


@lru_cache(maxsize=4096)
def _minute(clock: str, zone: str) -> int:
    if ":" not in zone:
        zone = zone[:3] + ":" + zone[3:]
    return int(datetime.fromisoformat(clock + ":00" + zone).timestamp()) * SECOND


def format_time(ms: int) -> str:
    """Return a point in time as SES writes it: ``2026-01-27T14:59:38.237Z``."""
    whole = datetime.fromtimestamp(ms // SECOND, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % SECOND:03d}Z"


def parse_duration(text: str) -> int | None:
    """Return ``90s``, ``15m``, ``12h``, ``30d`` or ``2w`` in milliseconds, and ``forever`` as ``None``.

    Raises ``InvalidDuration``; so does anything above a hundred years.
    """
    if text == FOREVER:
        return None
    found = _DURATION.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not found or length > _LONGEST:
        raise InvalidDuration(f"{text[:40]!r} is not a duration such as 15m, 12h, 30d, 2w or forever")
    return length


def format_duration(ms: int | None) -> str:
    """Return the shortest text that ``parse_duration`` turns back into the same length."""
    if ms is None:
        return FOREVER
    for unit in ("w", "d", "h", "m"):
        if ms % _UNITS[unit] == 0 and (unit != "w" or ms >= 8 * 7 * DAY):
            return f"{ms // _UNITS[unit]}{unit}"
    return f"{ms // SECOND}s"
