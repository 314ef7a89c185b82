"""Metric math over numpy arrays: the expression at every minute at once. ``nan`` is a missing point.

The same meaning as ``cloudwatch/metric_math.py``, which works on lists; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloudwatch.expression import Binary, Call, ExpressionError, Name, Node, Number

Points = NDArray[np.float64]


def _divide(left: Points, right: Points) -> Points:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(right == 0, np.nan, left / right)


def _power(left: Points, right: Points) -> Points:
    with np.errstate(all="ignore"):
        result = left**right
    result = np.where(np.isnan(left) | np.isnan(right), np.nan, result)
    return np.where(np.isfinite(result), result, np.nan)


def _truth(test: Callable[[Points, Points], NDArray[np.bool_]]) -> Callable[[Points, Points], Points]:
    return lambda left, right: np.where(np.isnan(left) | np.isnan(right), np.nan, test(left, right))


_BINARY: Final[Mapping[str, Callable[[Points, Points], Points]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": _divide,
    "^": _power,
    "<": _truth(np.less),
    "<=": _truth(np.less_equal),
    ">": _truth(np.greater),
    ">=": _truth(np.greater_equal),
    "==": _truth(np.equal),
    "!=": _truth(np.not_equal),
    "AND": _truth(lambda left, right: (left != 0) & (right != 0)),
    "OR": _truth(lambda left, right: (left != 0) | (right != 0)),
}
_EACH: Final[Mapping[str, Callable[[Points], Points]]] = {"ABS": np.abs, "CEIL": np.ceil, "FLOOR": np.floor}
_ACROSS: Final[Mapping[str, Callable[[Points], Points]]] = {
    "MIN": lambda rows: np.nanmin(rows, axis=0),
    "MAX": lambda rows: np.nanmax(rows, axis=0),
    "SUM": lambda rows: np.nansum(rows, axis=0),
    "AVG": lambda rows: np.nanmean(rows, axis=0),
}


def evaluate(node: Node, series: Mapping[str, Points], length: int) -> Points:
    """Return an expression's value at each of ``length`` points. Raises ``ExpressionError`` for what it does not know.

    ``FILL(x, REPEAT)`` repeats along an alarm's periods, which are not the points here: it is refused.
    """
    match node:
        case Number(value):
            return np.full(length, value)
        case Name(name):
            if name not in series:
                raise ExpressionError(f"no metric {name!r}")
            return series[name]
        case Binary(sign, left, right):
            return _BINARY[sign](evaluate(left, series, length), evaluate(right, series, length))
        case Call(function, arguments):
            if Name("REPEAT") in arguments:
                raise ExpressionError("FILL with REPEAT is not played here")
            return _call(function, [evaluate(argument, series, length) for argument in arguments])


def _call(function: str, values: list[Points]) -> Points:
    match function, values:
        case "FILL", [source, filler]:
            return np.where(np.isnan(source), filler, source)
        case "IF", [test, yes, no]:
            return np.where(np.isnan(test), np.nan, np.where(test != 0, yes, no))
        case name, [only] if name in _EACH:
            return _EACH[name](only)
        case name, _ if name in _ACROSS:
            rows = np.vstack(values)
            missing = np.isnan(rows).all(axis=0)
            rows[:, missing] = 0
            return np.where(missing, np.nan, _ACROSS[name](rows))
    raise ExpressionError(f"no function {function} with {len(values)} argument(s) here")
