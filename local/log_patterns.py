"""CloudWatch Logs filter patterns over JSON: which log events `FilterLogEvents` returns. Pure.

CloudWatch Logs user guide, *Filter pattern syntax*: ``{ ($.a = "x") && ($.b > 0) }``. Known here are selectors of keys,
the six comparisons with a number or a quoted text, ``&&``, ``||`` and parentheses; anything else is a ``ValueError``,
never a match.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Matches = Callable[[str], bool]
_Test = Callable[[Any], bool]
_TOKEN: Final = re.compile(r'\s*(?:(\$(?:\.\w+)+)|("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?)|(&&|\|\||[<>!]=|[=<>(){}]))\s*')
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def matcher(pattern: str) -> Matches:
    """Return what tells whether a log event matches a JSON pattern. Raises ``ValueError`` for one not known here."""
    tokens = list(_tokens(pattern))
    if len(tokens) < 2 or tokens[0] != "{" or tokens[-1] != "}":
        raise ValueError(f"not a JSON filter pattern: {pattern}")
    rest = tokens[1:-1]
    test = _any(rest)
    if rest:
        raise ValueError(f"unexpected {rest[0]} in {pattern}")

    def matches(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return isinstance(document, dict) and test(document)

    return matches


def _tokens(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise ValueError(f"not known in a filter pattern: {pattern[at:]}")
        yield next(group for group in found.groups() if group is not None)
        at = found.end()


def _any(rest: list[str]) -> _Test:
    tests = [_all(rest)]
    while rest and rest[0] == "||":
        rest.pop(0)
        tests.append(_all(rest))
    return lambda document: any(test(document) for test in tests)


def _all(rest: list[str]) -> _Test:
    tests = [_one(rest)]
    while rest and rest[0] == "&&":
        rest.pop(0)
        tests.append(_one(rest))
    return lambda document: all(test(document) for test in tests)


def _one(rest: list[str]) -> _Test:
    if rest and rest[0] == "(":
        rest.pop(0)
        test = _any(rest)
        if not rest or rest.pop(0) != ")":
            raise ValueError("a parenthesis is not closed")
        return test
    if len(rest) < 3 or not rest[0].startswith("$.") or rest[1] not in _COMPARISONS:
        raise ValueError(f"not a comparison: {' '.join(rest[:3])}")
    keys, comparison, wanted = rest[0].split(".")[1:], _COMPARISONS[rest[1]], json.loads(rest[2])
    del rest[:3]

    def test(document: Any) -> bool:
        value = document
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        same = isinstance(value, str) if isinstance(wanted, str) else isinstance(value, int | float)
        return same and comparison(value, wanted)

    return test
