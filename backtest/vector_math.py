"""Metric math over numpy arrays: the expression at every minute at once. ``nan`` is a missing point.

The same meaning as ``cloudwatch/metric_math.py`` (in the documented reading), which works on lists; a property test
holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloudwatch.expression import Binary, Call, ExpressionError, Name, Node, Number, names
from cloudwatch.metric_math import is_number

Points = NDArray[np.float64]
There = Mapping[str, NDArray[np.bool_]]


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
    "AVG": lambda rows: np.nansum(rows, axis=0) / len(rows),
}


def evaluate(node: Node, series: Mapping[str, Points], length: int, there: There) -> Points:
    """Return an expression's value at each of ``length`` points. Raises ``ExpressionError`` for what it does not know.

    ``there``: whether a series has any data in what is evaluated at that point, without which ``FILL`` fills nothing.
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
            first, second = (evaluate(operand, series, length, there) for operand in (left, right))
            if not is_number(left) and not is_number(right):
                first, second = _zero_where_only_the_other_is(first, second)
            return _BINARY[sign](first, second)
        case Call(function, arguments):
            if Name("REPEAT") in arguments:
                raise ExpressionError("FILL with REPEAT is not played here")
            values = [evaluate(argument, series, length, there) for argument in arguments]
            if function == "FILL" and len(values) == 2:
                source, filler = values
                read = [there[name] for name in names(arguments[0])]
                filled = np.isnan(source) & (np.any(read, axis=0) if read else True)
                return np.where(filled, filler, source)
            return _call(function, values)


def _zero_where_only_the_other_is(left: Points, right: Points) -> tuple[Points, Points]:
    no_left, no_right = np.isnan(left), np.isnan(right)
    return np.where(no_left & ~no_right, 0.0, left), np.where(no_right & ~no_left, 0.0, right)


def _call(function: str, values: list[Points]) -> Points:
    match function, values:
        case "IF", [test, yes, no]:
            return np.where(np.isnan(test), np.nan, np.where(test != 0, np.nan_to_num(yes), no))
        case name, [only] if name in _EACH:
            return _EACH[name](only)
        case name, _ if name in _ACROSS:
            rows = np.vstack(values)
            missing = np.isnan(rows).all(axis=0)
            rows[:, missing] = 0
            return np.where(missing, np.nan, _ACROSS[name](rows))
    raise ExpressionError(f"no function {function} with {len(values)} argument(s) here")
