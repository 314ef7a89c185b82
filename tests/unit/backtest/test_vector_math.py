"""Metric math over arrays means what it means over lists."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.vector_math import evaluate as evaluate_arrays
from cloudwatch.expression import ExpressionError, parse
from cloudwatch.metric_math import Value, evaluate

_LEAVES = st.sampled_from(["a", "b", "0", "1", "0.5", "3"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = ["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "AND", "OR"]
    binary = st.builds("({} {} {})".format, inner, st.sampled_from(signs), inner)
    unary = st.builds("{}({})".format, st.sampled_from(["ABS", "CEIL", "FLOOR"]), inner)
    across = st.builds("{}({}, {})".format, st.sampled_from(["MIN", "MAX", "SUM", "AVG"]), inner, inner)
    choice = st.builds("IF({}, {}, {})".format, inner, inner, inner)
    return binary | unary | across | choice | st.builds("FILL({}, {})".format, inner, inner)


EXPRESSIONS = st.recursive(_LEAVES, _grown, max_leaves=8)
POINTS = st.none() | st.integers(0, 9).map(float)


@given(EXPRESSIONS, st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=6))
def test_arrays_and_lists_agree(expression: str, points: list[tuple[Value, Value]]) -> None:
    """Every expression has the same value at every point, missing ones included."""
    series = {name: [point[at] for point in points] for at, name in enumerate("ab")}
    arrays = {name: np.array([math.nan if v is None else v for v in values]) for name, values in series.items()}
    wanted = evaluate(expression, series, len(points))
    there = {name: np.full(len(points), any(v is not None for v in values)) for name, values in series.items()}
    found = evaluate_arrays(parse(expression), arrays, len(points), there)
    assert [None if math.isnan(v) else v for v in found] == [None if v is None else pytest.approx(v) for v in wanted]


@pytest.mark.parametrize("expression", ["x + 1", "SEARCH(1)", "IF(1, 2)", "FILL(a, REPEAT)"])
def test_what_is_not_known_is_refused(expression: str) -> None:
    """An alarm that this could only misread is not played."""
    with pytest.raises(ExpressionError):
        evaluate_arrays(parse(expression), {"a": np.zeros(1)}, 1, {"a": np.ones(1, bool)})
