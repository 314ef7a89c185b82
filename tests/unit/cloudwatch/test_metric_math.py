"""Metric math as CloudWatch evaluates it, as far as the deployed alarms use it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwatch.expression import ExpressionError
from cloudwatch.metric_math import READINGS, Reading, evaluate

BOUNCES = "IF(FILL(b,0) >= 50, FILL(b,0) / (FILL(b,0) + FILL(d,0)), 0)"
COMPLAINTS = "IF(FILL(c,0) >= 15 AND FILL(r,0) > 0, FILL(c,0) / FILL(r,0), 0)"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 - 1 - 1", 0),
        ("8 / 4 / 2", 1),
        ("-2 + 3", 1),
        ("2 ^ 3", 8),
        ("1 < 2", 1),
        ("1 >= 2", 0),
        ("2 == 2 AND 1 != 1", 0),
        ("0 OR 1 AND 0", 0),
        ("1 && 1 || 0", 1),
        ("IF(1 > 2, 10, 20)", 20),
        ("ABS(1 - 5) + CEIL(1.2) + FLOOR(1.8)", 7),
        ("MAX(1, 5, 3) - MIN(1, 5) + SUM(1, 2) + AVG(2, 4)", 10),
        (".5 * 1e2", 50),
    ],
)
def test_operators_bind_and_compute_as_documented(expression: str, value: float) -> None:
    """Precedence, associativity and functions give the documented values."""
    assert evaluate(expression, {}, 1) == [value]


def test_missing_point_stays_missing_until_filled() -> None:
    """A number and a missing point have no result; FILL gives it one, a constant or the last value."""
    series = {"a": [1.0, None, 3.0]}
    assert evaluate("a + 1", series, 3) == [2.0, None, 4.0]
    assert evaluate("FILL(a, 0) + 1", series, 3) == [2.0, 1.0, 4.0]
    assert evaluate("FILL(a, REPEAT)", series, 3) == [1.0, 1.0, 3.0]
    assert evaluate("IF(a > 1, 1, 0)", series, 3) == [0.0, None, 1.0]
    assert evaluate("SUM(a, 1)", series, 3) == [2.0, 1.0, 4.0]


# The tables and examples of *Using math expressions with CloudWatch metrics*, to the letter.
GUIDE = {
    "metric1": [30.0, 20.0, 0.0, 0.0],
    "metric2": [20.0, None, 20.0, None],
    "condition": [1.0, 1.0, 0.0, 0.0, None],
    "yes": [30.0, None, 0.0, 0.0, 30.0],
    "no": [0.0, 0.0, 20.0, None, 20.0],
}


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("metric1 < metric2", [0, 0, 1, 0]),
        ("metric1 >= 30", [1, 0, 0, 0]),
        ("metric1 > 15 AND metric2 > 15", [1, 0, 0, 0]),
        ("metric1 + metric2", [50, 20, 20, 0]),
        ("metric2 - metric1", [-10, -20, 20, 0]),
        ("metric1 / metric2", [1.5, None, 0, None]),  # "attempt to divide by zero, the data point is dropped"
        ("AVG(metric1, metric2)", [25, 10, 10, 0]),
        ("IF(condition, yes, no)", [30, 0, 20, None, None]),
        ("IF(condition, 5, no)", [5, 5, 20, None, None]),
        ("IF(condition, yes, 5)", [30, 0, 5, 5, None]),
    ],
)
def test_the_guides_own_examples(expression: str, values: list[float | None]) -> None:
    """A missing point counts as 0 beside one that is there, also where a condition asks for it."""
    assert evaluate(expression, GUIDE, len(values)) == values


def test_fill_makes_no_series_of_a_metric_that_never_existed() -> None:
    """It fills the missing values of a series; where there is none, the guide promises nothing."""
    never = {"a": [1.0, None], "b": [None, None]}
    assert evaluate("FILL(b, 0)", never, 2) == [None, None]
    assert evaluate("FILL(a, 0) + FILL(b, 0)", never, 2) == [1.0, 0.0]
    assert evaluate("IF(FILL(a, 0) >= 0 AND FILL(b, 0) == 0, 1, 0)", never, 2) == [0.0, 0.0]
    assert evaluate("FILL(b, 0)", never, 2, Reading(fill_makes_series=True)) == [0.0, 0.0]
    assert evaluate("FILL(a, 0) + FILL(b, 0)", never, 2, Reading(missing_is_zero=False)) == [None, None]
    assert len(set(READINGS)) == 4


def test_division_by_zero_leaves_the_point_out() -> None:
    """CloudWatch has no infinity: such a point is missing."""
    assert evaluate("a / b", {"a": [1.0, 1.0], "b": [0.0, 2.0]}, 2) == [None, 0.5]


@pytest.mark.parametrize(
    ("bounced", "delivered", "rate"),
    [(49.0, 0.0, 0.0), (50.0, 950.0, 0.05), (None, None, None), (60.0, None, 1.0)],
)
def test_bounce_rate_has_a_floor_of_bad_events(
    bounced: float | None, delivered: float | None, rate: float | None
) -> None:
    """The deployed bounce expression is zero below its floor, the share of bounces above, and nothing of nothing."""
    assert evaluate(BOUNCES, {"b": [bounced], "d": [delivered]}, 1) == [rate if rate is None else pytest.approx(rate)]


def test_complaint_rate_survives_no_reporting_receiver() -> None:
    """Complaints without any delivery to a receiver that reports them divide by nothing and alarm nobody."""
    assert evaluate(COMPLAINTS, {"c": [20.0], "r": [None]}, 1) == [0.0]
    assert evaluate(COMPLAINTS, {"c": [20.0], "r": [10_000.0]}, 1) == [0.002]


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("1 +", "a value"),
        ("(1", r"\)"),
        ("1 2", "'2'"),
        ("x + 1", "'x'"),
        ("SEARCH(1)", "SEARCH"),
        ("IF(1, 2)", "IF with 2"),
        ("1 $ 2", r"\$ 2"),
        ("", "a value"),
        (")", r"'\)'"),
    ],
)
def test_unreadable_expression_names_what_is_wrong(expression: str, named: str) -> None:
    """An expression that cannot be read is an error that points at the piece."""
    with pytest.raises(ExpressionError, match=named):
        evaluate(expression, {}, 1)


@given(st.text(alphabet="ab10+-*/()<>=,.IFLANDOR& ", max_size=40))
def test_any_text_is_a_series_or_an_expression_error(text: str) -> None:
    """No text makes the parser fail in another way, or answer with the wrong length."""
    with contextlib.suppress(ExpressionError):
        assert len(evaluate(text, {"a": [1.0, 2.0], "b": [None, 0.0]}, 2)) == 2
