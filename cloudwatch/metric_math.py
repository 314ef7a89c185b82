"""CloudWatch metric math over lists: one value for each period, oldest first, ``None`` for a missing point.

Every operation works point by point, a number stands for a series that is everywhere that number, and a missing
operand makes a missing result: only ``FILL`` turns "nothing" into something. (Amazon CloudWatch User Guide, *Using
math expressions with CloudWatch metrics*.) ``cloudwatch/expression.py`` has the syntax.

Functions: ``IF``, ``FILL``, ``ABS CEIL FLOOR``, and over several series ``MIN MAX SUM AVG``. Anything else is an
``ExpressionError`` that names it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cloudwatch.expression import Binary, Call, ExpressionError, Name, Node, Number, parse

Value = float | None
Series = list[Value]


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
_ACROSS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "MIN": min,
    "MAX": max,
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
}


def evaluate(expression: str, series: Mapping[str, Sequence[Value]], length: int) -> Series:
    """Return the expression's series of ``length`` points over the named series (each of that length).

    Raises ``ExpressionError`` for an expression that cannot be read or that names an unknown id or function.
    """
    return _Reader(expression, series, length).read(parse(expression))


class _Reader:
    def __init__(self, text: str, series: Mapping[str, Sequence[Value]], length: int) -> None:
        self.text = text
        self.series = series
        self.length = length

    def read(self, node: Node) -> Series:
        match node:
            case Number(value):
                return [value] * self.length
            case Name(name):
                if name not in self.series:
                    raise ExpressionError(f"no metric {name!r} for {self.text!r}")
                return list(self.series[name])[-self.length :]
            case Binary(sign, left, right):
                function = _BINARY[sign]
                return [
                    None if a is None or b is None else function(a, b)
                    for a, b in zip(self.read(left), self.read(right), strict=True)
                ]
            case Call():
                return self._call(node.function, node.arguments)

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Series:
        count = len(arguments)
        if name == "FILL" and count == 2:
            return self._fill(*arguments)
        series = [self.read(argument) for argument in arguments]
        if name == "IF" and count == 3:
            return [None if test is None else (a if test else b) for test, a, b in zip(*series, strict=True)]
        if name in _EACH and count == 1:
            return [None if value is None else float(_EACH[name](value)) for value in series[0]]
        if name in _ACROSS:
            present = [[value for value in column if value is not None] for column in zip(*series, strict=True)]
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
        return [other if value is None else value for value, other in zip(values, self.read(filler), strict=True)]
