"""Cut a text into the JSON texts it holds: one, one a line, or several without anything between them.

Firehose writes records back to back, with newlines only where it is told to. One broken piece costs only itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

# The plain text that SES sends to the topic of an event destination.
SETUP_TEXT: Final = "Successfully validated SNS topic for Amazon SES event publishing"

# A broken piece ends before a line that does not continue it as indented JSON would, or between `}` and `{`.
_NEXT_LINE: Final = re.compile(r"\r?\n(?![ \t}\]\",])")
_NEXT_OBJECT: Final = re.compile(r"\}[ \t\r\n]*(?=\{)")
HEADERS: Final = '"headers":[{'
_NEXT_KEY: Final = '],"'
_COMMON_HEADERS: Final = '"commonHeaders":{'
# Byte order marks and record separators (RFC 7464) are no more than space.
_SPACE: Final = re.compile(r"[\s\ufeff\x1e]*")
_TREE: Final = (dict, list)
_MOST_BROKEN: Final = 100

# Decodes the JSON text that starts at a place and tells where it ends; raises ``StopIteration`` where none does. This
# is the scanner in C itself: what ``json.loads`` puts around it is a tenth of the time that a notification takes.
decode: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class Piece(NamedTuple):
    """One text of a stream: its decoded value, or why it has none."""

    text: str
    value: Any
    trouble: str | None


def decode_without_headers(text: str, start: int) -> Any:
    """Return a notification decoded without ``mail.headers``, half its length and never read; ``None`` where it fails.

    ``start`` is where ``HEADERS`` stands. The headers are left out only where they are written as SES does, without
    spaces and right before the common headers. The marks hold quotes that are not escaped, so they cannot stand within
    a JSON string, and ``],"`` ends the first list after ``[{``. Where the text is not what it seems, what is left is no
    JSON, and the caller decodes the whole.
    """
    end = text.find(_NEXT_KEY, start) + 2
    if end < start or not text.startswith(_COMMON_HEADERS, end):
        return None
    short = text[:start] + text[end:]
    try:
        value, length = decode(short, 0)
    except (ValueError, RecursionError, StopIteration):
        return None
    return value if length == len(short) else None


def is_blank(text: str) -> bool:
    """Whether a text holds nothing."""
    return text[:1] != "{" and _SPACE.fullmatch(text) is not None


def cut(text: str) -> Iterator[Piece]:
    """Yield each piece of a stream. Never raises.

    Lines are cut first, and within a line only so many pieces may be broken before the rest of it is one: no number of
    unfinished pieces makes the decoder run to the far end, or count line breaks for its message, again and again.
    """
    start = 0
    while start < len(text):
        found = _NEXT_LINE.search(text, start)
        end, after = found.span() if found else (len(text), len(text))
        yield from _pieces(text[start:end])
        start = after


def _pieces(line: str) -> Iterator[Piece]:
    at = _skip(line, 0)
    broken = 0
    while at < len(line):
        value, trouble = None, None
        if line.startswith(SETUP_TEXT, at):
            end = at + len(SETUP_TEXT) + line.startswith(".", at + len(SETUP_TEXT))
            value = line[at:end]
        else:
            try:
                value, end = decode(line, at)
            except (ValueError, RecursionError, StopIteration) as error:
                trouble = _why(error)
                broken += 1
                found = _NEXT_OBJECT.search(line, at) if broken < _MOST_BROKEN else None
                end = found.end() if found else len(line)
            else:
                if not isinstance(value, _TREE) and not is_blank(line[end:]):
                    trouble, end = "not JSON", len(line)  # `42 monkeys` is one text, not a number and a rest
        yield Piece(line[at:end].rstrip(), value, trouble)
        at = _skip(line, end)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        what = error.msg.lower().removesuffix(" at").rstrip(":")
        return f"not JSON: {what} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "not readable: nested too deeply"
    if isinstance(error, StopIteration):
        return "not JSON"
    return "not readable: a number of too many digits"
