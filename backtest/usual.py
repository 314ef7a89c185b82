"""The two usual designs, as alarms of the same kind, to be played over the same mail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from backtest.alarms import Alarms, interpret
from ses_feedback import naming
from ses_feedback.config import Config
from ses_feedback.domain.reputation import METRICS, RATES, REVIEW

_PAGE: Final = ["arn:aws:sns:us-east-1:111122223333:usual-on-call-page"]
_COMMON: Final = {
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "EvaluationPeriods": 1,
    "AlarmActions": _PAGE,
}


def account_alone() -> Alarms:
    """Return the alarms of the SES guide: AWS's own rates, at the lines where AWS begins a review."""
    return interpret(
        _resource(
            f"account {metric}",
            Threshold=threshold,
            Namespace="AWS/SES",
            MetricName=metric,
            Statistic="Average",
            Period=3_600,
            TreatMissingData="ignore",
        )
        for metric, threshold in ((METRICS[rate], REVIEW[rate]) for rate in RATES)
    )


def raw_percentages(config: Config) -> Alarms:
    """Return alarms at 5% bounces and 0.1% complaints of each identity's hour, whatever the numbers."""
    return interpret(_raw(config))


def _raw(config: Config) -> Iterable[dict[str, Any]]:
    for identity in config.identities:
        dimensions = [
            {"Name": naming.DIMENSION_DEPLOYMENT, "Value": config.deployment.name},
            {"Name": naming.DIMENSION_IDENTITY, "Value": identity},
        ]
        for rate, expression, metrics in (
            ("bounce", "b / (b + FILL(d,0))", {"b": naming.METRIC_HARD_BOUNCED, "d": naming.METRIC_DELIVERED}),
            ("complaint", "c / d", {"c": naming.METRIC_COMPLAINED, "d": naming.METRIC_DELIVERED}),
        ):
            queries: list[dict[str, Any]] = [{"Id": "e", "Expression": expression, "ReturnData": True}]
            for variable, name in metrics.items():
                metric = {"Namespace": naming.METRIC_NAMESPACE, "MetricName": name, "Dimensions": dimensions}
                stat = {"Metric": metric, "Stat": "Sum", "Period": 3_600}
                queries.append({"Id": variable, "MetricStat": stat, "ReturnData": False})
            yield _resource(
                f"{identity} {rate}", Threshold=REVIEW[rate], Metrics=queries, TreatMissingData="notBreaching"
            )


def _resource(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": name, **_COMMON, **properties}}
