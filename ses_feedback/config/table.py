"""One table of the file: hands out its values by type, and reports those that are missing, wrong or unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ses_feedback.config import schema
from ses_feedback.config.problems import Problems, choices, describe, join, nearest, shown
from ses_feedback.domain.errors import InvalidDuration
from ses_feedback.domain.times import FOREVER, parse_duration

# Says what is special about an unknown key and its value, or None where the usual message is right.
Explain = Callable[[str, object], str | None]
# Says what is special about an element of an array that is not allowed, or None where the usual message is right.
ExplainElement = Callable[[str], str | None]


class Table:
    """A table at ``path`` with the keys of ``section``. What is not right is reported once, and read as ``None``."""

    def __init__(
        self,
        problems: Problems,
        path: str,
        values: Mapping[str, Any],
        section: schema.Section,
        explain: Explain | None = None,
    ) -> None:
        self.problems = problems
        self.path = path
        self.values = values
        self.keys = {key.name: key for key in section}
        # A required key that is probably there, only misspelt, is not reported a second time as missing.
        self.misspelt: set[str | None] = set()
        self._report_unknown(explain)

    def _report_unknown(self, explain: Explain | None) -> None:
        names = tuple(self.keys)
        for name, value in self.values.items():
            if name in self.keys:
                continue
            special = explain(name, value) if explain else None
            self.misspelt.add(nearest(name, names))
            self.problem(name, special or f"unknown key; {choices(name, names)}")

    def at(self, name: str) -> str:
        """Return the path of a key of this table."""
        return join(self.path, name)

    def problem(self, name: str, reason: str) -> None:
        """Report what is wrong with the value of a key."""
        self.problems.add(self.at(name), reason)

    def missing(self, name: str) -> None:
        """Report a required key that is not there."""
        if name not in self.misspelt:
            key = self.keys[name]
            self.problem(name, f"missing; right is {article(key.type)} such as {key.example}")

    def string(self, name: str) -> str | None:
        """Return a string; ``None`` if absent or wrong."""
        value = self._typed(name, str)
        return value if isinstance(value, str) else None

    def boolean(self, name: str) -> bool | None:
        """Return a boolean; ``None`` if absent or wrong."""
        value = self._typed(name, bool)
        return value if isinstance(value, bool) else None

    def integer(self, name: str) -> int | None:
        """Return an integer; ``None`` if absent or wrong."""
        value = self._typed(name, int)
        return value if isinstance(value, int) else None

    def array(self, name: str) -> list[Any] | None:
        """Return an array, its elements unchecked; ``None`` if absent or wrong."""
        value = self._typed(name, list)
        return value if isinstance(value, list) else None

    def table(self, name: str) -> Mapping[str, Any] | None:
        """Return a table, its values unchecked; ``None`` if absent or wrong."""
        value = self._typed(name, dict)
        return value if isinstance(value, dict) else None

    def duration(self, name: str, *, forever: bool = False) -> int | None:
        """Return a duration in ms; ``None`` if absent or wrong, or where ``forever`` is allowed and given."""
        text = self.string(name)
        if text is None:
            return None
        try:
            length = parse_duration(text)
        except InvalidDuration:
            units = " or forever" if forever else ""
            self.problem(name, f"{shown(text)} is not a duration such as 15m, 12h, 30d, 2w{units}")
            return None
        if text == FOREVER and not forever:
            self.problem(name, f"must end: give a time such as {self.keys[name].example}")
        return length

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """Return a string that is one of ``allowed``; ``None`` if absent or wrong."""
        value = self.string(name)
        if value is None or value in allowed:
            return value
        self.problem(name, f"{shown(value)} is not one of its values; {choices(value, allowed)}")
        return None

    def strings(
        self,
        name: str,
        allowed: Sequence[str] | None = None,
        *,
        empty: bool = False,
        explain: ExplainElement | None = None,
    ) -> tuple[str, ...] | None:
        """Return an array of different strings, each of ``allowed``; ``None`` if absent or wrong.

        ``empty``: whether there may be none.
        """
        values = self.array(name)
        if values is None:
            return None
        before = len(self.problems.lines)
        if not values and not empty:
            self.problem(name, f"empty; name at least one, such as {self.keys[name].example}")
        seen: set[str] = set()
        for number, value in enumerate(values):
            element = f"{self.at(name)}[{number}]"
            if not isinstance(value, str):
                self.problems.add(element, f"must be a string, not {describe(value)}")
            elif allowed is not None and value not in allowed:
                special = explain(value) if explain else None
                usual = f"{shown(value)} is not one of its values; {choices(value, allowed)}"
                self.problems.add(element, special or usual)
            elif value in seen:
                self.problems.add(element, f"{shown(value)} is named twice; once is enough")
            else:
                seen.add(value)
        return tuple(values) if len(self.problems.lines) == before else None

    def _typed(self, name: str, kind: type) -> object:
        if name not in self.values:
            return None
        value = self.values[name]
        # In Python a boolean is an integer; in TOML it is not.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        key = self.keys[name]
        self.problem(name, f"must be {article(key.type)} such as {key.example}, not {describe(value)}")
        return None


def article(type_: str) -> str:
    """Return a type with its article: ``an array of strings``."""
    return f"{'an' if type_[0] in 'aeiou' else 'a'} {type_}"
