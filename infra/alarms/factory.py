"""The one place where alarms are made: it owns names, datapoints, missing data, actions and descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aws_cdk import aws_cloudwatch as cw
from constructs import Construct

from infra import arns
from infra.alarms.kinds import AlarmKind, Severity
from ses_feedback import naming

MissingData = Literal["notBreaching", "ignore"]
_LONGEST_LABEL: Final = 150  # an alarm's name takes 255 letters, and a domain may have 253


@dataclass(frozen=True, slots=True)
class Series:
    """One metric as an alarm reads it, ``stat`` over ``period_s`` seconds."""

    namespace: str
    name: str
    stat: str
    period_s: int
    dimensions: Mapping[str, str] = field(default_factory=dict)


def label(subject: str) -> str:
    """Return an identity or environment as it appears in an alarm's name: whole, unless it would not fit."""
    if len(subject) <= _LONGEST_LABEL:
        return subject
    return f"{subject[: _LONGEST_LABEL - 9]}-{naming.identity_hash(subject)}"


class AlarmFactory:
    """Makes the alarms of one scope, acting on the on-call topics of the deployment.

    There are no OK actions: every alarm of a new deployment passes from no data to OK, and on-call would hear of each.
    """

    def __init__(self, scope: Construct, *, deployment: str, region: str) -> None:
        self._scope = scope
        self._deployment = deployment
        self._region = region

    def alarm(
        self,
        kind: AlarmKind,
        severities: Iterable[Severity],
        parts: Sequence[str],
        *,
        subject: str,
        series: Mapping[str, Series],
        threshold: float,
        level: str = "",
        expression: str | None = None,
        periods: int = 1,
        missing: MissingData = "notBreaching",
    ) -> cw.CfnAlarm:
        """Make an alarm named from ``parts`` that goes off at ``threshold`` or above, in all of ``periods`` periods.

        ``series`` are the metrics by their id in ``expression``; without an expression there is exactly one. An alarm
        that is only part of a composite gets no ``severities``.
        """
        common: dict[str, Any] = {
            "alarm_name": naming.alarm_name(self._deployment, *parts),
            "alarm_description": kind.description(subject=subject, level=level),
            "comparison_operator": "GreaterThanOrEqualToThreshold",
            "threshold": threshold,
            "evaluation_periods": periods,
            "datapoints_to_alarm": periods,
            "treat_missing_data": missing,
            "alarm_actions": self._actions(severities),
        }
        identifier = naming.camel(" ".join(parts))
        if expression is None:
            ((_, only),) = series.items()
            return cw.CfnAlarm(
                self._scope,
                identifier,
                namespace=only.namespace,
                metric_name=only.name,
                dimensions=_dimensions(only),
                statistic=only.stat,
                period=only.period_s,
                **common,
            )
        metrics = [
            cw.CfnAlarm.MetricDataQueryProperty(id="e", expression=expression, label=kind.name, return_data=True)
        ]
        metrics += [
            cw.CfnAlarm.MetricDataQueryProperty(
                id=variable,
                return_data=False,
                metric_stat=cw.CfnAlarm.MetricStatProperty(
                    metric=cw.CfnAlarm.MetricProperty(
                        namespace=one.namespace, metric_name=one.name, dimensions=_dimensions(one)
                    ),
                    period=one.period_s,
                    stat=one.stat,
                ),
            )
            for variable, one in series.items()
        ]
        return cw.CfnAlarm(self._scope, identifier, metrics=metrics, **common)

    def composite(
        self,
        kind: AlarmKind,
        severity: Severity,
        parts: Sequence[str],
        *,
        subject: str,
        level: str,
        children: Sequence[cw.CfnAlarm],
        suppressor: str,
        wait_s: int,
        extension_s: int,
    ) -> cw.CfnCompositeAlarm:
        """Make the alarm that is on while any of ``children`` is, silent while the alarm named ``suppressor`` is on.

        It waits ``wait_s`` seconds for the suppressor to go on, and ``extension_s`` after it went off, before it acts.
        """
        made = cw.CfnCompositeAlarm(
            self._scope,
            naming.camel(" ".join(parts)),
            alarm_name=naming.alarm_name(self._deployment, *parts),
            alarm_description=kind.description(subject=subject, level=level),
            alarm_rule=" OR ".join(f'ALARM("{child.alarm_name}")' for child in children),
            alarm_actions=self._actions([severity]),
            actions_suppressor=suppressor,
            actions_suppressor_wait_period=wait_s,
            actions_suppressor_extension_period=extension_s,
        )
        for child in children:
            made.add_resource_dependency(child)
        return made

    def _actions(self, severities: Iterable[Severity]) -> list[str]:
        return [
            arns.topic(self._region, naming.on_call_topic_name(self._deployment, severity)) for severity in severities
        ]


def _dimensions(series: Series) -> list[cw.CfnAlarm.DimensionProperty]:
    return [cw.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in series.dimensions.items()]
