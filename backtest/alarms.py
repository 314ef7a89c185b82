"""The alarms of a deployment as its templates have them: what each reads, when it goes off, whom it tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from cloudwatch import alarm_rule, expression
from ses_feedback import naming
from ses_feedback.domain.reputation import METRICS

MINUTE_S: Final = 60
REPUTATION: Final[Mapping[str, str]] = {metric: rate for rate, metric in METRICS.items()}
_RATES: Final[Mapping[str, str]] = {
    naming.METRIC_HARD_BOUNCED: "bounce",
    naming.METRIC_COMPLAINED: "complaint",
    **REPUTATION,
}
_PLAYED: Final = (*naming.RATE_METRICS, naming.METRIC_LATE, naming.METRIC_DAYS_LATE)
Dimensions = tuple[tuple[str, str], ...]


class TemplateError(Exception):
    """The templates hold what cannot be played here; ``str(error)`` names it."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as an alarm reads it: ``dimensions`` are sorted pairs, ``period`` is in minutes."""

    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str
    period: int


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """An alarm over ``metrics`` by their id in ``math``, which is a bare name where there is no expression.

    ``needed`` of ``periods`` datapoints must breach. ``severity``: whom it tells, itself or through a composite.
    """

    name: str
    metrics: Mapping[str, Metric]
    math: expression.Node
    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str
    severity: str | None
    acts: bool

    @property
    def rate(self) -> str | None:
        """``bounce``, ``complaint``, or ``None`` where it watches something else."""
        rates = {_RATES[metric.name] for metric in self.metrics.values() if metric.name in _RATES}
        return rates.pop() if len(rates) == 1 else None

    @property
    def identity(self) -> str | None:
        """The identity it watches, ``None`` where it watches several together."""
        found = {dict(metric.dimensions).get(naming.DIMENSION_IDENTITY) for metric in self.metrics.values()}
        return found.pop() if len(found) == 1 else None

    @property
    def is_awss(self) -> bool:
        """Whether it watches a rate that AWS computes."""
        return any(metric.name in REPUTATION for metric in self.metrics.values())

    @property
    def period(self) -> int:
        """Minutes of a period, the same for all its metrics."""
        return next(iter(self.metrics.values())).period


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    """An alarm over alarms. ``wait`` and ``extension`` (seconds) are those of its suppressor."""

    name: str
    rule: alarm_rule.Rule
    severity: str | None
    suppressor: str | None
    wait: int
    extension: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """The alarms that can be played: those over rates, AWS's included, and over how late they are counted, and the
    composites over them, in this order.
    """

    metric: tuple[MetricAlarm, ...]
    composite: tuple[CompositeAlarm, ...]

    def identity_of(self, composite: CompositeAlarm) -> str | None:
        """Return the identity all of a composite's alarms watch, ``None`` where it is a roll-up."""
        return _only(alarm.identity for alarm in self._leaves(composite))

    def is_awss(self, composite: CompositeAlarm) -> bool:
        """Return whether a composite asks about AWS's own rates, and nothing else."""
        leaves = self._leaves(composite)
        return bool(leaves) and all(alarm.is_awss for alarm in leaves)

    def rate_of(self, composite: CompositeAlarm) -> str | None:
        """Return the rate all of a composite's alarms watch, ``None`` where there are two."""
        return _only(alarm.rate for alarm in self._leaves(composite))

    def _leaves(self, composite: CompositeAlarm) -> list[MetricAlarm]:
        """Return the alarms over rates that a composite is made of."""
        names = alarm_rule.children(composite.rule)
        found = [alarm for alarm in self.metric if alarm.name in names and alarm.rate is not None]
        for other in self.composite:
            if other.name in names:
                found += self._leaves(other)
        return found


def _only(values: Iterable[str | None]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def read(folder: Path) -> Alarms:
    """Return the alarms in the templates of a synthesised app. Raises ``TemplateError``."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    resources: list[dict[str, Any]] = []
    for name, artifact in manifest["artifacts"].items():
        if artifact["type"] == "aws:cloudformation:stack":
            template = json.loads((folder / f"{name}.template.json").read_text(encoding="utf-8"))
            resources += template.get("Resources", {}).values()
    return interpret(resources)


def interpret(resources: Iterable[Mapping[str, Any]]) -> Alarms:
    """Return the playable alarms among the resources of templates."""
    plain, composites = [], []
    for resource in resources:
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            plain.append(resource["Properties"])
        elif resource["Type"] == "AWS::CloudWatch::CompositeAlarm":
            composites.append(resource["Properties"])
    still = {p["AlarmName"] for p in plain if not _is_played(p)}
    rules = {p["AlarmName"]: alarm_rule.parse(p["AlarmRule"]) for p in composites}
    # What asks about alarms that no traffic moves, and nothing else, says nothing either.
    idle = {name for name, rule in rules.items() if alarm_rule.children(rule) and alarm_rule.children(rule) <= still}
    composites = [p for p in composites if p["AlarmName"] not in idle]
    rules = {name: _without(rule, still) for name, rule in rules.items() if name not in idle}
    severities = {properties["AlarmName"]: _severity(properties) for properties in composites}
    told_through: dict[str, str] = {}
    for name, rule in rules.items():
        severity = severities[name]
        for child in alarm_rule.children(rule):
            # In a page, what is a warning too is a condition: the page needs both.
            if severity and (child not in told_through or severity == "warn"):
                told_through[child] = severity
    metric = [_metric_alarm(properties, told_through) for properties in plain if _is_played(properties)]
    playable = {alarm.name for alarm in metric}
    made: list[CompositeAlarm] = []
    waiting = list(composites)
    while waiting:  # composites over composites come after what they ask about
        ready = [p for p in waiting if alarm_rule.children(rules[p["AlarmName"]]) <= playable]
        if not ready:
            break  # what is left asks about alarms that are not there, or left out
        for properties in ready:
            name = properties["AlarmName"]
            made.append(
                CompositeAlarm(
                    name,
                    rules[name],
                    severities[name],
                    properties.get("ActionsSuppressor"),
                    int(properties.get("ActionsSuppressorWaitPeriod") or 0),
                    int(properties.get("ActionsSuppressorExtensionPeriod") or 0),
                )
            )
            playable.add(name)
            waiting.remove(properties)
    return Alarms(tuple(metric), tuple(made))


def _without(rule: alarm_rule.Rule, still: Set[str]) -> alarm_rule.Rule:
    """Return a rule in which alarms that no traffic moves are in OK for good."""
    match rule:
        case alarm_rule.Is(state, name) if name in still:
            return alarm_rule.Constant(state == "OK")
        case alarm_rule.Not(inner):
            return alarm_rule.Not(_without(inner, still))
        case alarm_rule.Both(left, right):
            return alarm_rule.Both(_without(left, still), _without(right, still))
        case alarm_rule.Either(left, right):
            return alarm_rule.Either(_without(left, still), _without(right, still))
    return rule


def _stats(properties: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str, int]]:
    """Return id, metric, statistic and period (seconds) of everything an alarm reads."""
    if "Metrics" not in properties:
        return [("m", properties, properties.get("Statistic", ""), int(properties["Period"]))]
    return [
        (query["Id"], query["MetricStat"]["Metric"], query["MetricStat"]["Stat"], int(query["MetricStat"]["Period"]))
        for query in properties["Metrics"]
        if "MetricStat" in query
    ]


def _is_played(properties: Mapping[str, Any]) -> bool:
    """Return whether an alarm is about rates, or about how late they are counted."""
    metrics = [metric for _, metric, _, _ in _stats(properties)]
    read = [(metric["Namespace"], metric["MetricName"]) for metric in metrics]
    own = all(namespace == naming.METRIC_NAMESPACE and name in _PLAYED for namespace, name in read)
    return own or all(name in REPUTATION for _, name in read) or all(_is_age_of_tally(metric) for metric in metrics)


def _is_age_of_tally(metric: Mapping[str, Any]) -> bool:
    queues = [d["Value"] for d in metric.get("Dimensions", ()) if d["Name"] == "QueueName"]
    of_tally = bool(queues) and queues[0].endswith(naming.tally_queue_name(""))
    return of_tally and metric["MetricName"] == "ApproximateAgeOfOldestMessage"


def _metric_alarm(properties: Mapping[str, Any], told_through: Mapping[str, str]) -> MetricAlarm:
    name = properties["AlarmName"]
    if "WallClockWindow" in properties.get("EvaluationWindow", {}):
        raise TemplateError(f"{name}: a wall clock window is not played here, only the sliding one")
    metrics = {}
    for identifier, metric, statistic, period in _stats(properties):
        dimensions = tuple(sorted((d["Name"], d["Value"]) for d in metric.get("Dimensions", ())))
        # The age of a queue is one figure a minute: the most of a minute is what it was.
        as_it_is = statistic == "Maximum" and period == MINUTE_S and _is_age_of_tally(metric)
        if not (statistic in ("Sum", "Average") or as_it_is) or period % MINUTE_S:
            raise TemplateError(f"{name}: {statistic} over {period} s is not played here; Sum or Average of minutes is")
        metrics[identifier] = Metric(
            metric["Namespace"], metric["MetricName"], dimensions, statistic, period // MINUTE_S
        )
    if len({metric.period for metric in metrics.values()}) != 1:
        raise TemplateError(f"{name}: an alarm has one period for all its metrics")
    math: expression.Node = expression.Name("m")
    for query in properties.get("Metrics", ()):
        if "Expression" in query and query.get("ReturnData", True):
            math = expression.parse(query["Expression"])
    periods = int(properties["EvaluationPeriods"])
    own = _severity(properties)
    return MetricAlarm(
        name,
        metrics,
        math,
        properties["ComparisonOperator"],
        float(properties["Threshold"]),
        periods,
        int(properties.get("DatapointsToAlarm") or periods),
        properties.get("TreatMissingData", "missing"),
        own or told_through.get(name),
        own is not None,
    )


def _severity(properties: Mapping[str, Any]) -> Literal["page", "warn"] | None:
    """Return the graver severity among the on-call topics an alarm acts on, ``None`` where it acts on none."""
    text = json.dumps(properties.get("AlarmActions") or [])
    for severity in ("page", "warn"):
        if f"-on-call-{severity}" in text:
            return severity
    return None
