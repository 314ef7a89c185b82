"""Small configurations, alarms and mail for tests of the backtest."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backtest.alarms import Alarms, Metric, interpret
from backtest.evaluator import Minutes, Samples
from ses_feedback.config import Config, parse

FILE = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
[identities."dev@example.com"]
environment = "dev"
"""


def config(text: str = FILE) -> Config:
    return parse(tomllib.loads(text))


class Given:
    """A source of metrics: values by metric name and minute, from minute ``first`` on."""

    def __init__(self, series: Mapping[str, Sequence[float | None]], first: int = 0) -> None:
        length = max(len(values) for values in series.values())
        self.minutes: Minutes = np.arange(first, first + length, dtype=np.int64)
        self._series = series

    def samples(self, metric: Metric) -> Samples | None:
        values = self._series.get(metric.name)
        if values is None:
            return None
        return Samples(
            np.array([0.0 if v is None else v for v in values]), np.array([0.0 if v is None else 1.0 for v in values])
        )


def plain(name: str = "a", **properties: Any) -> dict[str, Any]:
    """An alarm on the sum of HardBounced, 1 of 1 minutes, at 5 or above."""
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "Namespace": "SesFeedback",
            "MetricName": "HardBounced",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            **properties,
        },
    }


def composite(name: str, rule: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "Properties": {"AlarmName": name, "AlarmRule": rule, **properties},
    }


def actions(severity: str) -> list[str]:
    return [f"arn:aws:sns:us-east-1:111122223333:ses-feedback-on-call-{severity}"]


def alarms(*resources: dict[str, Any]) -> Alarms:
    return interpret(resources)
