"""CloudWatch metric math, the part that alarms of this project use, as a small parser of its own.

A series is a list of values, one per period, oldest first; ``None`` is a missing point. Every operation works point
by point, a number stands for a series that is everywhere that number, and a missing operand makes a missing result:
only ``FILL`` turns "nothing" into something. (Amazon CloudWatch User Guide, *Using math expressions with CloudWatch
metrics*.)

Known: numbers, ids, ``+ - * / ^``, comparisons, ``AND OR && ||``, ``IF``, ``FILL``, ``ABS CEIL FLOOR``, and over
several series ``MIN MAX SUM AVG``. Anything else is an ``ExpressionError`` that names it.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

Value = float | None
Series = list[Value]
_Compiled = Callable[[Mapping[str, Sequence[Value]], int], Series]


class ExpressionError(ValueError):
    """An expression that cannot be read; ``str(error)`` says where and what."""


_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/^<>(),]))"
)


def _divide(left: float, right: float) -> Value:
    return left / right if right else None  # CloudWatch leaves such a point out


def _power(left: float, right: float) -> Value:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None  # a root of a negative number


def _truth(test: Callable[[float, float], bool]) -> Callable[[float, float], Value]:
    return lambda left, right: 1.0 if test(left, right) else 0.0


_BINARY: Final[Mapping[str, Callable[[float, float], Value]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "^": _power,
    "<": _truth(operator.lt),
    "<=": _truth(operator.le),
    ">": _truth(operator.gt),
    ">=": _truth(operator.ge),
    "==": _truth(operator.eq),
    "!=": _truth(operator.ne),
    "AND": _truth(lambda left, right: bool(left) and bool(right)),
    "OR": _truth(lambda left, right: bool(left) or bool(right)),
}
# Loosest first; `&&` and `||` are read as AND and OR.
_LEVELS: Final = (("OR",), ("AND",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"), ("^",))
_ALIASES: Final = {"&&": "AND", "||": "OR"}
_EACH: Final[Mapping[str, Callable[[float], float]]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_ACROSS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "MIN": min,
    "MAX": max,
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
}


def evaluate(expression: str, series: Mapping[str, Sequence[Value]], length: int) -> Series:
    """Return the expression's series of ``length`` points over the named series (each of that length).

    Raises ``ExpressionError`` for an expression that cannot be read or that names an unknown id.
    """
    return _Parser(expression).parse()(series, length)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.at = 0
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if found is None:
                raise ExpressionError(f"cannot read {text[end:].strip()[:20]!r} in {text!r}")
            token = found[found.lastgroup or 0]
            self.tokens.append(_ALIASES.get(token, token))
            end = found.end()

    def parse(self) -> _Compiled:
        compiled = self._level(0)
        if self.at < len(self.tokens):
            raise ExpressionError(f"{self.tokens[self.at]!r} does not belong there in {self.text!r}")
        return compiled

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise ExpressionError(f"{expected or 'a value'!s} expected after {self.tokens[: self.at]} in {self.text!r}")
        self.at += 1
        return token

    def _level(self, level: int) -> _Compiled:
        if level == len(_LEVELS):
            return self._operand()
        left = self._level(level + 1)
        while self._peek() in _LEVELS[level]:
            left = _pointwise(_BINARY[self._take()], left, self._level(level + 1))
        return left

    def _operand(self) -> _Compiled:
        word = self._take()
        if word == "(":
            inner = self._level(0)
            self._take(")")
            return inner
        if word == "-":
            return _pointwise(_BINARY["-"], _constant(0.0), self._operand())
        if word[0].isdigit() or word[0] == ".":
            return _constant(float(word))
        if self._peek() == "(":
            return self._function(word)
        if word[0].isalpha() or word[0] == "_":
            return _named(word, self.text)
        raise ExpressionError(f"{word!r} does not belong there in {self.text!r}")

    def _function(self, name: str) -> _Compiled:
        self._take("(")
        if name == "FILL":
            return self._fill()
        arguments = [self._level(0)]
        while self._peek() == ",":
            self._take()
            arguments.append(self._level(0))
        self._take(")")
        if name == "IF" and len(arguments) == 3:
            return _choice(*arguments)
        if name in _EACH and len(arguments) == 1:
            return _each(_EACH[name], arguments[0])
        if name in _ACROSS:
            return _across(_ACROSS[name], arguments)
        raise ExpressionError(f"no function {name} with {len(arguments)} argument(s) here, in {self.text!r}")

    def _fill(self) -> _Compiled:
        source = self._level(0)
        self._take(",")
        if self._peek() == "REPEAT":
            self._take()
            filled = _repeat(source)
        else:
            filled = _fill(source, self._level(0))
        self._take(")")
        return filled


def _constant(value: float) -> _Compiled:
    return lambda _series, length: [value] * length


def _named(name: str, text: str) -> _Compiled:
    def look_up(series: Mapping[str, Sequence[Value]], length: int) -> Series:
        if name not in series:
            raise ExpressionError(f"no metric {name!r} for {text!r}")
        return list(series[name])[-length:]

    return look_up


def _pointwise(function: Callable[[float, float], Value], left: _Compiled, right: _Compiled) -> _Compiled:
    return lambda series, length: [
        None if a is None or b is None else function(a, b)
        for a, b in zip(left(series, length), right(series, length), strict=True)
    ]


def _choice(condition: _Compiled, yes: _Compiled, no: _Compiled) -> _Compiled:
    return lambda series, length: [
        None if test is None else (a if test else b)
        for test, a, b in zip(condition(series, length), yes(series, length), no(series, length), strict=True)
    ]


def _each(function: Callable[[float], float], source: _Compiled) -> _Compiled:
    return lambda series, length: [None if v is None else float(function(v)) for v in source(series, length)]


def _across(function: Callable[[list[float]], float], sources: list[_Compiled]) -> _Compiled:
    def combine(series: Mapping[str, Sequence[Value]], length: int) -> Series:
        columns = zip(*(source(series, length) for source in sources), strict=True)
        present = [[v for v in column if v is not None] for column in columns]
        return [float(function(values)) if values else None for values in present]

    return combine


def _fill(source: _Compiled, filler: _Compiled) -> _Compiled:
    return lambda series, length: [
        other if value is None else value
        for value, other in zip(source(series, length), filler(series, length), strict=True)
    ]


def _repeat(source: _Compiled) -> _Compiled:
    def repeat(series: Mapping[str, Sequence[Value]], length: int) -> Series:
        last: Value = None
        filled: Series = []
        for value in source(series, length):
            last = value if value is not None else last
            filled.append(last)
        return filled

    return repeat
