"""Alarm states by CloudWatch's documented rules and tables (*Configuring how alarms treat missing data*)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from local import alarms
from local.alarms import ALARM, INSUFFICIENT_DATA, OK, Metric, Sample

NOW = 1_800_000_000.0
PERIOD = 60
KEPT = "KEPT"


def alarm(**more: Any) -> dict[str, Any]:
    """A plain alarm: 3 of 3 one-minute sums above 5."""
    return {
        "Namespace": "N",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": PERIOD,
        "EvaluationPeriods": 3,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "StateValue": KEPT,
        **more,
    }


def points(pattern: str) -> alarms.Samples:
    """One sample a period, oldest first: ``X`` breaches, ``0`` does not, ``-`` is missing."""
    symbols = pattern.split()
    samples = [
        Sample(NOW - (len(symbols) - i - 0.5) * PERIOD, 1, value, value, value)
        for i, symbol in enumerate(symbols)
        if symbol != "-"
        for value in [10.0 if symbol == "X" else 0.0]
    ]
    return lambda _metric: samples


TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


@pytest.mark.parametrize(
    ("pattern", "needed", "expected"),
    [
        # The guide's table for 3 of 3.
        ("0 - X - X", 3, (OK, OK, OK, OK)),
        ("- - - - 0", 3, (OK, OK, OK, OK)),
        ("- - - - -", 3, (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
        ("0 X X - X", 3, (ALARM, ALARM, ALARM, ALARM)),
        ("- - X - -", 3, (ALARM, KEPT, ALARM, OK)),
        # The guide's table for 2 of 3.
        ("0 - X - X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", 2, (OK, OK, ALARM, OK)),
        ("- - - - 0", 2, (OK, OK, ALARM, OK)),
        ("- - - X -", 2, (ALARM, KEPT, ALARM, OK)),
    ],
)
def test_missing_data_is_treated_as_the_guide_shows(pattern: str, needed: int, expected: tuple[str, ...]) -> None:
    """Each row of the guide's tables, under each treatment."""
    given = [
        alarms.judge(alarm(TreatMissingData=how, DatapointsToAlarm=needed), points(pattern), NOW).state
        for how in TREATMENTS
    ]
    assert tuple(given) == expected


def test_window_slides_with_the_clock() -> None:
    """A one-hour sum covers the last sixty minutes, not the hour by the clock; what is newer than now is not seen."""
    metric = Metric("N", "m", (), "Sum", 3600)
    samples = [Sample(NOW - 3599, 1, 1, 1, 1), Sample(NOW - 3601, 1, 10, 10, 10), Sample(NOW + 5, 1, 100, 100, 100)]
    assert alarms.series(metric, samples, NOW, 2) == [10, 1]


@pytest.mark.parametrize(
    ("name", "value"), [("Sum", 6), ("SampleCount", 3), ("Average", 2), ("Minimum", 1), ("Maximum", 3)]
)
def test_statistics_weigh_each_measurement(name: str, value: float) -> None:
    """A sample that stands for several measurements counts as many."""
    assert alarms.statistic([Sample(0, 2, 3, 1, 2), Sample(0, 1, 3, 3, 3)], name) == value


def test_unknown_statistic_is_named() -> None:
    """A statistic the evaluator does not know is an error, not a wrong alarm."""
    with pytest.raises(ValueError, match="p99"):
        alarms.statistic([Sample(0, 1, 1, 1, 1)], "p99")


def rate_alarm(state: str = OK) -> dict[str, Any]:
    """The deployed shape: an expression over two hourly sums, 1 of 1, notBreaching."""

    def stat(name: str) -> dict[str, Any]:
        metric = {"Namespace": "N", "MetricName": name, "Dimensions": [{"Name": "Identity", "Value": "x"}]}
        return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}

    expression = "IF(FILL(b,0) >= 50, FILL(b,0) / (FILL(b,0) + FILL(d,0)), 0)"
    return {
        "Metrics": [{"Id": "e", "Expression": expression, "ReturnData": True}, stat("b"), stat("d")],
        "EvaluationPeriods": 1,
        "Threshold": 0.04,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "StateValue": state,
    }


@pytest.mark.parametrize(
    ("bounced", "delivered", "age", "state"),
    [(50, 1200, 60, ALARM), (50, 1201, 60, OK), (49, 0, 60, OK), (500, 0, 3_700, OK)],
)
def test_rate_alarm_follows_its_metrics_and_clears_when_they_age(
    bounced: int, delivered: int, age: int, state: str
) -> None:
    """4% with the floor reached alarms, just below does not, and an hour later a silent identity is OK again."""

    def samples(metric: Metric) -> Iterable[Sample]:
        assert metric.dimensions == (("Identity", "x"),)
        total = bounced if metric.name == "b" else delivered
        return [Sample(NOW - age, 1, total, total, total)]

    verdict = alarms.judge(rate_alarm(ALARM), samples, NOW)
    assert verdict.state == state
    assert "0.04" in verdict.reason


def test_metrics_of_an_alarm_are_all_it_reads() -> None:
    """Plain and metric-math alarms both tell which metrics they read."""
    assert [m.name for m in alarms.metrics_of(rate_alarm())] == ["b", "d"]
    assert [m.name for m in alarms.metrics_of(alarm())] == ["m"]


def test_expressions_may_use_each_other_in_any_order() -> None:
    """An expression that comes before the one it uses is still evaluated."""
    queries = [{"Id": "rate", "Expression": "half * 100"}, {"Id": "half", "Expression": "1 / 2"}]
    assert alarms.math_series(queries, lambda _m: [], NOW, 1) == {"rate": [50.0], "half": [0.5]}
