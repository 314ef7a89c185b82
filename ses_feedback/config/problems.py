"""Words for what is wrong with a configuration: paths as TOML writes them, values, and the nearest known name.

Every problem is one line, ``path: reason``, whatever the file holds: control characters and line breaks are escaped.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_LONGEST_VALUE: Final = 120
_LONGEST_LIST: Final = 20
_LARGEST_SHOWN: Final = 10**18


class ConfigError(Exception):
    """A configuration that cannot be used. ``problems`` are lines ``path: reason``; ``str`` is all of them, one a line.

    ``path`` is the file, ``None`` when the configuration was not read from one.
    """

    def __init__(self, problems: Iterable[str], path: Path | None = None) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        self.path = path
        super().__init__("\n".join(self.problems))


class Problems:
    """Collects what is wrong, so that a person mends a file once and not once for each mistake."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, path: str, reason: str) -> None:
        """Note a problem of the value at ``path``."""
        self.lines.append(f"{path}: {reason}")


def quote(text: str) -> str:
    """Return a text as a TOML basic string on one line (https://toml.io/en/v1.0.0#string)."""
    parts = ['"']
    for letter in text:
        if letter in '"\\':
            parts.append("\\" + letter)
        elif letter.isprintable():
            parts.append(letter)
        elif letter in "\n\t\r":
            parts.append({"\n": "\\n", "\t": "\\t", "\r": "\\r"}[letter])
        else:
            code = ord(letter)
            parts.append(f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}")
    parts.append('"')
    return "".join(parts)


def key(name: str) -> str:
    """Return a key as TOML writes it, quoted only where it must be; one of great length is cut like any value."""
    return name if len(name) <= _LONGEST_VALUE and _BARE_KEY.fullmatch(name) else shown(name)


def join(path: str, name: str) -> str:
    """Return the path of a key inside the table at ``path`` (empty for the whole file)."""
    return f"{path}.{key(name)}" if path else key(name)


def shown(text: str) -> str:
    """Return a text quoted, cut where nobody would read on."""
    return quote(text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…")


def describe(value: object) -> str:  # noqa: PLR0911 - one line for each type of TOML
    """Return what a value is, in TOML's words: ``the integer 3``, ``the string "x"``, ``an array``, ``a table``."""
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        # Python refuses to print integers of more than 4,300 digits, and TOML's hexadecimal ones may have them.
        return f"the integer {value}" if abs(value) < _LARGEST_SHOWN else "a huge integer"
    if isinstance(value, float):
        return f"the number {value}"
    if isinstance(value, (list, tuple)):
        return "an array"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (datetime, date, time)):
        return f"the {'time' if isinstance(value, time) else 'date'} {value.isoformat()}"
    return f"a {type(value).__name__}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name a person most likely meant, or ``None``: case does not matter, a few letters may differ."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.lower(), name)
    found = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def known_names(known: Sequence[str]) -> str:
    """Return names for a message, in alphabetical order; of very many only the first."""
    names = [key(name) for name in sorted(known)]
    more = len(names) - _LONGEST_LIST
    return ", ".join(names[:_LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")


def choices(word: str, known: Sequence[str]) -> str:
    """Return the end of a message about an unknown name: what is known, and which of it was probably meant."""
    near = nearest(word, known)
    return f"known: {known_names(known)}" + (f"; did you mean {shown(near)}?" if near is not None else "")
