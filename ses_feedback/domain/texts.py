"""Texts out of decoded JSON: an empty one is absent, and what leaves the domain can be written down as UTF-8."""

from __future__ import annotations

import json
from typing import Final

_MOST_TOKENS: Final = 1_000_000
_MOST_BITS: Final = 14_000  # 4,215 digits; Python writes no more than 4,300


def text_or_none(value: object) -> str | None:
    """Return a text trimmed; ``None`` where it is empty, absent or no text at all."""
    return value.strip() or None if isinstance(value, str) else None


def token(value: object, limit: int) -> str | None:
    """Return a short technical text (an id, a type), trimmed, printable and cut to ``limit`` letters, or ``None``."""
    text = value.strip()[:limit] if isinstance(value, str) else ""
    if not text:
        return None
    return text if text.isprintable() else ascii(text)[1:-1][:limit]


def encodable(text: str) -> str:
    """Return a text in which lone surrogates (broken bytes, too) are spelt out, so that it can be stored as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def dump(value: object) -> str:
    """Return a decoded value as JSON text, however deep; what JSON cannot hold, as Python writes it. Never raises."""
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (RecursionError, TypeError, ValueError):
        pass
    try:
        return repr(value)  # a key that is no text, a value that holds itself
    except (RecursionError, ValueError):
        return _dump_deep(value)


class _Written(str):
    """A piece of finished JSON among values still to be written."""

    __slots__ = ()


def _dump_deep(value: object) -> str:
    """Write JSON without recursion: quarantine keeps its input whole, also when nobody can read it."""
    out: list[str] = []
    pending = [value]
    while pending and len(out) < _MOST_TOKENS:
        item = pending.pop()
        if isinstance(item, _Written):
            out.append(item)
        elif isinstance(item, dict):
            out.append("{")
            pending.append(_Written("}"))
            for number, (key, inner) in enumerate(reversed(item.items())):
                comma = "" if number == len(item) - 1 else ", "
                pending += [inner, _Written(f"{comma}{_scalar(key)}: ")]
        elif isinstance(item, list | tuple):
            out.append("[")
            pending.append(_Written("]"))
            for number, inner in enumerate(reversed(item)):
                pending += [inner] if number == len(item) - 1 else [inner, _Written(", ")]
        else:
            out.append(_scalar(item))
    return "".join(out)


def _scalar(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f'"{value:#x}"'  # Python refuses to write so long a number in decimals
    if value is None or isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)
    return f'"<{type(value).__name__}>"'
