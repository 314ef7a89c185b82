"""The rule of a composite alarm: ``ALARM("a") OR (OK("b") AND NOT TRUE)``, as a tree and over states.

*Create a composite alarm*, rule expressions: the functions ALARM, OK and INSUFFICIENT_DATA of one alarm's name or ARN,
the words TRUE and FALSE, NOT before AND before OR, parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

STATES: Final = ("ALARM", "OK", "INSUFFICIENT_DATA")


class Logic(Protocol):
    """What knows AND, OR and NOT as ``&``, ``|`` and ``~``."""

    def __and__(self, other: Any, /) -> Any:
        """Both."""

    def __or__(self, other: Any, /) -> Any:
        """Either."""

    def __invert__(self) -> Any:
        """Not."""


Truth = TypeVar("Truth", bound=Logic)


class RuleError(ValueError):
    """A rule that cannot be read; ``str(error)`` says where."""


@dataclass(frozen=True, slots=True)
class Is:
    """The alarm ``name`` is in ``state``."""

    state: str
    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The rule is not met."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Both:
    """``left AND right``."""

    left: Rule
    right: Rule


@dataclass(frozen=True, slots=True)
class Either:
    """``left OR right``."""

    left: Rule
    right: Rule


Rule = Is | Constant | Not | Both | Either

_TOKEN: Final = re.compile(r"""\s*(?:(?P<word>[A-Z_]+)|(?P<sign>[()])|"(?P<double>[^"]*)"|'(?P<single>[^']*)')""")


def parse(text: str) -> Rule:
    """Return the tree of a rule. Raises ``RuleError``."""
    return _Parser(text).parse()


def children(rule: Rule) -> frozenset[str]:
    """Return the names of the alarms a rule asks about."""
    match rule:
        case Is(_, name):
            return frozenset((name,))
        case Not(inner):
            return children(inner)
        case Both(left, right) | Either(left, right):
            return children(left) | children(right)
    return frozenset()


def met(rule: Rule, state: Callable[[str, str], Truth], constant: Callable[[bool], Truth]) -> Truth:
    """Return whether a rule is met; ``state(name, state)`` and ``constant`` give anything that knows ``& | ~``.

    numpy arrays of booleans do, so that a rule is judged for all minutes at once. (Of Python's own booleans ``~True``
    is not false: give arrays, also for one moment.)
    """
    found: Truth
    match rule:
        case Is(wanted, name):
            found = state(name, wanted)
        case Constant(value):
            found = constant(value)
        case Not(inner):
            found = ~met(inner, state, constant)
        case Both(left, right):
            found = met(left, state, constant) & met(right, state, constant)
        case Either(left, right):
            found = met(left, state, constant) | met(right, state, constant)
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if found is None or found.lastgroup is None:
                raise RuleError(f"cannot read {text[end:].strip()[:20]!r} in {text!r}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            end = found.end()

    def parse(self) -> Rule:
        rule = self._either()
        if self.at < len(self.tokens):
            raise RuleError(f"{self.tokens[self.at][1]!r} does not belong there in {self.text!r}")
        return rule

    def _next_is(self, kind: str, value: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == (kind, value):
            self.at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._next_is("sign", sign):
            raise RuleError(f"{sign} expected after {self.at} pieces of {self.text!r}")

    def _either(self) -> Rule:
        left = self._both()
        while self._next_is("word", "OR"):
            left = Either(left, self._both())
        return left

    def _both(self) -> Rule:
        left = self._one()
        while self._next_is("word", "AND"):
            left = Both(left, self._one())
        return left

    def _one(self) -> Rule:
        if self._next_is("word", "NOT"):
            return Not(self._one())
        if self._next_is("sign", "("):
            inner = self._either()
            self._expect(")")
            return inner
        for word, value in (("TRUE", True), ("FALSE", False)):
            if self._next_is("word", word):
                return Constant(value)
        for state in STATES:
            if self._next_is("word", state):
                self._expect("(")
                name = self._name()
                self._expect(")")
                return Is(state, name)
        raise RuleError(f"a condition expected after {self.at} pieces of {self.text!r}")

    def _name(self) -> str:
        kind, name = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind not in ("double", "single", "word"):
            raise RuleError(f"an alarm's name expected after {self.at} pieces of {self.text!r}")
        self.at += 1
        return name
