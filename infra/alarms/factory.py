"""The one place where alarms are made: it owns names, datapoints, missing data, actions and descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aws_cdk as cdk
from constructs import Construct

from infra import arns
from infra.alarms import chains
from infra.alarms.kinds import PAGED, AlarmKind, Severity
from ses_feedback import naming
from ses_feedback.config.model import RUNBOOKS

MissingData = Literal["notBreaching", "ignore"]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric as an alarm reads it, ``stat`` over ``period_s`` seconds."""

    namespace: str
    name: str
    stat: str
    period_s: int
    dimensions: Mapping[str, str] = field(default_factory=dict)


_RUNBOOKS: Final = "ses-feedback:runbooks"


def runbooks_at(scope: Construct, base: str) -> None:
    """Have all alarms below ``scope``, which is still empty, name runbooks whose addresses begin with ``base``."""
    scope.node.set_context(_RUNBOOKS, base)


class AlarmFactory:
    """Makes the alarms of one scope, acting on the on-call topics of the deployment.

    There are no OK actions: every alarm of a new deployment passes from no data to OK, and on-call would hear of each.
    ``in_turn``: each is made after the one before. CloudWatch takes three a second of all that CloudFormation makes at
    once, and ``DependsOn`` is what AWS advises against "Rate exceeded" (re:Post, `How do I prevent "Rate exceeded"
    errors in CloudFormation?`).
    """

    def __init__(self, scope: Construct, *, deployment: str, region: str, in_turn: bool = False) -> None:
        self._in_turn = in_turn
        self._before: cdk.CfnResource | None = None
        self._scope = scope
        self._deployment = deployment
        self._region = region
        self._runbooks: str = scope.node.try_get_context(_RUNBOOKS) or RUNBOOKS

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
    ) -> cdk.CfnResource:
        """Make an alarm named from ``parts`` that goes off at ``threshold`` or above, in all of ``periods`` periods.

        ``series`` are the metrics by their id in ``expression``; without an expression there is exactly one. An alarm
        that is only part of a composite gets no ``severities``.
        """
        properties: dict[str, Any] = {
            "AlarmName": naming.alarm_name(self._deployment, *parts),
            "AlarmDescription": self._description(kind, subject, level),
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            "DatapointsToAlarm": periods,
            "TreatMissingData": missing,
            "AlarmActions": self._actions(severities),
        }
        if expression is None:
            ((_, only),) = series.items()
            properties |= _metric(only) | {"Statistic": only.stat, "Period": only.period_s}
        else:
            whole = {"Id": "e", "Expression": expression, "Label": kind.name, "ReturnData": True}
            properties["Metrics"] = [whole, *(_query(variable, one) for variable, one in series.items())]
        return self._resource("AWS::CloudWatch::Alarm", parts, properties)

    def any_alarm(
        self,
        kind: AlarmKind,
        severities: Sequence[Severity],
        parts: Sequence[str],
        *,
        subject: str,
        level: str,
        series: Mapping[str, tuple[Series, float]],
        periods: int,
    ) -> None:
        """Make the alarm that is on while any metric is at its own threshold or above, in all of ``periods`` periods.

        ``series`` are metric and threshold by the words that end the name of the alarm over this metric alone, which
        tells nobody. They are alarms of their own, and no metric math: of a metric that never existed, such as the
        throttles of a function that nobody ever called, CloudWatch may make nothing of all of an expression. Of a
        single metric its own alarm tells, which keeps its name when others come beside it: CloudFormation turns no
        alarm into one of another type.
        """
        alone = len(series) == 1
        names, made = [], []
        for words, (one, threshold) in series.items():
            own = (*parts, *words.split("_"))
            names.append(naming.alarm_name(self._deployment, *own))
            what = next(iter(one.dimensions.values()), subject)
            made.append(
                self.alarm(
                    kind,
                    severities if alone else (),
                    own,
                    subject=what,
                    level=level,
                    series={"m": one},
                    threshold=threshold,
                    periods=periods,
                )
            )
        if alone:
            return
        properties = {
            "AlarmDescription": self._description(kind, subject, level),
            "AlarmActions": self._actions(severities),
        }
        before, left = chains.split(names, lambda n: naming.alarm_name(self._deployment, *_part(parts, n)))
        for number, (_, asked) in enumerate(before, start=1):
            part = {"AlarmDescription": properties["AlarmDescription"]}
            made.append(self._composite(_part(parts, number), chains.any_of(asked), list(made), part))
        self._composite(parts, chains.any_of(left), made, properties)

    def composite(
        self,
        kind: AlarmKind,
        severity: Severity,
        parts: Sequence[str],
        *,
        subject: str,
        level: str,
        rule: str,
        children: Iterable[cdk.CfnResource],
        suppressor: str,
        wait_s: int,
        extension_s: int,
        more_actions: Iterable[str] = (),
    ) -> cdk.CfnResource:
        """Make the alarm that is on while ``rule`` over ``children`` is met, silent while ``suppressor`` is on.

        The rule and the suppressor are given by alarms' names. ``more_actions`` are ARNs of what it acts on besides
        on-call's topic. It waits ``wait_s`` seconds for the suppressor to go on,
        and ``extension_s`` after it went off, before it acts.
        """
        muting = {
            "ActionsSuppressor": suppressor,
            "ActionsSuppressorWaitPeriod": wait_s,
            "ActionsSuppressorExtensionPeriod": extension_s,
        }
        actions = [*self._actions([severity]), *more_actions]
        description = self._description(kind, subject, level)
        return self._composite(
            parts, rule, children, {"AlarmDescription": description, "AlarmActions": actions, **muting}
        )

    def any_of(
        self, parts: Sequence[str], names: Sequence[str], *, subject: str, children: Iterable[cdk.CfnResource] = ()
    ) -> cdk.CfnResource:
        """Make the alarm that tells nobody and is on while any alarm of ``names`` is: what mutes others.

        What does not fit into one rule goes into parts of their own, and the rule names these. ``children`` are those
        of the alarms that are in the same stack.
        """
        made = list(children)
        properties = {"AlarmDescription": self._description(PAGED, subject)}
        before, left = chains.split(names, lambda n: naming.alarm_name(self._deployment, *_part(parts, n)))
        for number, (_, asked) in enumerate(before, start=1):
            made.append(self._composite(_part(parts, number), chains.any_of(asked), list(made), properties))
        return self._composite(parts, chains.any_of(left), made, properties)

    def _composite(
        self, parts: Sequence[str], rule: str, children: Iterable[cdk.CfnResource], properties: dict[str, Any]
    ) -> cdk.CfnResource:
        named = {"AlarmName": naming.alarm_name(self._deployment, *parts), "AlarmRule": rule}
        made = self._resource("AWS::CloudWatch::CompositeAlarm", parts, named | properties)
        made.node.add_dependency(*children)
        return made

    def _description(self, kind: AlarmKind, subject: str, level: str = "") -> str:
        return kind.description(subject=subject, level=level, base=self._runbooks)

    def _resource(self, type_: str, parts: Sequence[str], properties: dict[str, Any]) -> cdk.CfnResource:
        """Make a resource in CloudFormation's own words.

        CDK's typed classes check and copy each of the dozens of values of an alarm on both sides of jsii: of a thousand
        identities, a third of the time of synth. cfn-lint checks the same in the tests.
        """
        made = cdk.CfnResource(self._scope, naming.camel(" ".join(parts)), type=type_, properties=properties)
        if self._in_turn and self._before is not None:
            made.add_resource_dependency(self._before)
        self._before = made
        return made

    def _actions(self, severities: Iterable[Severity]) -> list[str]:
        return [
            arns.topic(self._region, naming.on_call_topic_name(self._deployment, severity)) for severity in severities
        ]


def _part(parts: Sequence[str], number: int) -> tuple[str, ...]:
    return (*parts, "part", str(number))


def _metric(series: Series) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions.items()]
    return {"Namespace": series.namespace, "MetricName": series.name, "Dimensions": dimensions}


def _query(variable: str, series: Series) -> dict[str, Any]:
    stat = {"Metric": _metric(series), "Period": series.period_s, "Stat": series.stat}
    return {"Id": variable, "ReturnData": False, "MetricStat": stat}
