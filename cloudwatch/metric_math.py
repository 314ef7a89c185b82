"""CloudWatch metric math over lists: one value for each period, oldest first, ``None`` for a missing point.

Every operation works point by point. What the guide says of missing points (Amazon CloudWatch User Guide, *Using math
expressions with CloudWatch metrics*):

- Arithmetic: "Missing values in a time series are treated as 0. If the value of a data point causes a function to
  attempt to divide by zero, the data point is dropped."
- Comparison: "When comparison operators are used between two time series, and only one of the time series has a value
  for a particular time stamp, the function treats the missing value in the other time series as 0." Its example of
  ``AND`` does the same.
- ``IF``: a point is dropped where the condition is missing, or is false and the other value missing; it is 0 where the
  condition is true and its value missing.
- ``FILL`` "fills the missing values of a time series".
- ``AVG`` of several series: "Missing values are treated as 0."

It does not say whether ``FILL`` makes a series of a metric that has no data at all, what an operation of a number and
a missing point is, or whether "treated as 0" holds for a metric that never existed. ``Reading`` has the answers that
are possible; alarms must not depend on which is right (``tests/infra/test_existence.py``). A number and a missing point
are a missing point here.

Functions: ``IF``, ``FILL``, ``ABS CEIL FLOOR``, and over several series ``MIN MAX SUM AVG``. Anything else is an
``ExpressionError`` that names it. ``cloudwatch/expression.py`` has the syntax.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloudwatch.expression import Binary, Call, ExpressionError, Name, Node, Number, names, parse

Value = float | None
Series = list[Value]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the guide is read where it leaves something open.

    ``fill_makes_series``: ``FILL`` gives its filler for a metric without any data. ``missing_is_zero``: a missing
    operand counts as 0 where the other operand, a series too, has a value.
    """

    fill_makes_series: bool = False
    missing_is_zero: bool = True


DOCUMENTED: Final = Reading()
READINGS: Final = tuple(itertools.starmap(Reading, itertools.product((False, True), repeat=2)))


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
_EACH: Final[Mapping[str, Callable[[float], float]]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_ACROSS: Final[Mapping[str, Callable[[list[float]], float]]] = {"MIN": min, "MAX": max, "SUM": sum}


def evaluate(
    expression: str, series: Mapping[str, Sequence[Value]], length: int, reading: Reading = DOCUMENTED
) -> Series:
    """Return the expression's series of ``length`` points over the named series (each of that length).

    Raises ``ExpressionError`` for an expression that cannot be read or that names an unknown id or function.
    """
    return _Reader(expression, series, length, reading).read(parse(expression))


def is_number(node: Node) -> bool:
    """Return whether an expression is a number, which has no time stamps and no missing points, and not a series."""
    return not names(node)


class _Reader:
    def __init__(self, text: str, series: Mapping[str, Sequence[Value]], length: int, reading: Reading) -> None:
        self.text = text
        self.series = series
        self.length = length
        self.reading = reading

    def read(self, node: Node) -> Series:
        match node:
            case Number(value):
                return [value] * self.length
            case Name(name):
                if name not in self.series:
                    raise ExpressionError(f"no metric {name!r} for {self.text!r}")
                return list(self.series[name])[-self.length :]
            case Binary(sign, left, right):
                both = not is_number(left) and not is_number(right) and self.reading.missing_is_zero
                pairs = zip(self.read(left), self.read(right), strict=True)
                return [_applied(_BINARY[sign], a, b, both) for a, b in pairs]
            case Call():
                return self._call(node.function, node.arguments)

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Series:
        count = len(arguments)
        if name == "FILL" and count == 2:
            return self._fill(*arguments)
        series = [self.read(argument) for argument in arguments]
        if name == "IF" and count == 3:
            absent = 0.0 if self.reading.missing_is_zero else None
            return [
                None if test is None else ((absent if a is None else a) if test else b)
                for test, a, b in zip(*series, strict=True)
            ]
        if name in _EACH and count == 1:
            return [None if value is None else float(_EACH[name](value)) for value in series[0]]
        if name in _ACROSS or name == "AVG":
            present = [[value for value in column if value is not None] for column in zip(*series, strict=True)]
            if name == "AVG":
                return [sum(values) / count if values else None for values in present]
            return [float(_ACROSS[name](values)) if values else None for values in present]
        raise ExpressionError(f"no function {name} with {count} argument(s) here, in {self.text!r}")

    def _fill(self, source: Node, filler: Node) -> Series:
        values = self.read(source)
        if filler == Name("REPEAT"):
            last: Value = None
            filled: Series = []
            for value in values:
                last = value if value is not None else last
                filled.append(last)
            return filled
        others = self.read(filler)
        if not self.reading.fill_makes_series and not is_number(source) and not self._has_data(source):
            return values
        return [other if value is None else value for value, other in zip(values, others, strict=True)]

    def _has_data(self, source: Node) -> bool:
        read = (self.series[name] for name in names(source) if name in self.series)
        return any(value is not None for values in read for value in list(values)[-self.length :])


def _applied(function: Callable[[float, float], Value], left: Value, right: Value, missing_is_zero: bool) -> Value:
    if left is None or right is None:
        if not missing_is_zero or left is right:
            return None
        left, right = left or 0.0, right or 0.0
    return function(left, right)
