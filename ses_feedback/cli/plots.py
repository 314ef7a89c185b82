"""Plots made of letters."""

from __future__ import annotations

from typing import Final

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_BAD: Final = "▒"


def bar(good: int, bad: int, largest: int, width: int, encoding: str = "utf-8") -> str:
    """Return a bar as long as both together, ``width`` for ``largest``; its end, of another shade, is bad.

    Whatever is not nothing is seen. Where the output's ``encoding`` has no blocks, the bar is of ``#`` and ``x``.
    """
    if largest <= 0 or good + bad <= 0:
        return ""
    eighths = max(round((good + bad) / largest * width * 8), 1)
    tail = max(round(bad / largest * width), 1) if bad else 0
    whole = max(-(-eighths // 8), 1)
    try:
        (_EIGHTHS + _BAD).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "#" * (whole - tail) + "x" * tail
    if tail:
        return _EIGHTHS[8] * (whole - tail) + _BAD * tail
    full, part = divmod(eighths, 8)
    return _EIGHTHS[8] * full + (_EIGHTHS[part] if part else "")


def percent(rate: float | None) -> str:
    """Return a rate as people write it: ``4.2%``, ``0.081%``; nothing where there is none."""
    if rate is None:
        return ""
    share = 100 * rate
    return f"{share:.0f}%" if share == 0 or share >= 10 else f"{share:.1f}%" if share >= 1 else f"{share:.3f}%"
