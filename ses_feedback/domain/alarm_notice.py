"""What CloudWatch tells of an alarm, in a notice to a topic or when it is asked for one. Pure.

Fields: CloudWatch user guide, `Notifying users on alarm changes`, and its API reference, `MetricAlarm`. The one writes
``Dimensions`` as ``name`` and ``value``, the other as ``Name`` and ``Value``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ses_feedback.domain.times import time_or_none

ON: Final = "ALARM"
# Not what must be off, such as that counting was late.
_NAMED: Final = re.compile(r'(?<!NOT )ALARM\(\s*(?:"([^"]+)"|([^")\s]+))\s*\)')
_FLOOR: Final = re.compile(r">=\s*(\d+)\b")
_DATAPOINTS: Final = re.compile(r"\[([^\[\]]*)\]")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_LABELS: Final = ("WHAT", "LOOK", "DO", "RUNBOOK")
Pairs = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """A metric as an alarm reads it: ``stat`` over ``period_s`` seconds."""

    namespace: str
    name: str
    stat: str
    period_s: int
    dimensions: Pairs = ()


class Watch(NamedTuple):
    """What a metric alarm watches. ``series`` are by their ids in ``expression``; without one there is one series."""

    name: str
    description: str
    reason: str
    on: bool
    threshold: float
    periods: int
    series: Mapping[str, Series]
    expression: str | None

    @property
    def floor(self) -> int | None:
        """The least number of bad events that its expression asks for, if it asks for any."""
        found = _FLOOR.search(self.expression or "")
        return int(found[1]) if found else None

    @property
    def window_s(self) -> int:
        """How many seconds it looks back: its longest period."""
        return max((series.period_s for series in self.series.values()), default=0)


class Notice(NamedTuple):
    """One notice. ``at`` is ms since 1970. ``rule`` and ``children``, those that were on, are a composite alarm's;
    ``watch`` is what a metric alarm watches.
    """

    alarm: str
    description: str
    state: str
    reason: str
    at: int | None
    rule: str | None
    watch: Watch | None
    children: tuple[str, ...] = ()


class Advice(NamedTuple):
    """The parts of an alarm's description. What it does not have is empty."""

    what: str = ""
    look: str = ""
    do: str = ""
    runbook: str = ""


def read_notice(text: str) -> Notice | None:
    """Return the notice that a text is; ``None`` for any other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("AlarmName"), str):
        return None
    if not isinstance(found.get("NewStateValue"), str):
        return None
    trigger = found.get("Trigger")
    rule = found.get("AlarmRule")
    shared = {
        "AlarmName": found["AlarmName"],
        "AlarmDescription": found.get("AlarmDescription"),
        "StateReason": found.get("NewStateReason"),
        "StateValue": found["NewStateValue"],
    }
    return Notice(
        alarm=found["AlarmName"],
        description=_text(found.get("AlarmDescription")),
        state=found["NewStateValue"],
        reason=_text(found.get("NewStateReason")),
        at=time_or_none(found.get("StateChangeTime")),
        rule=rule if isinstance(rule, str) else None,
        watch=read_watch({**trigger, **shared}) if isinstance(trigger, dict) else None,
        children=tuple(_children(found.get("TriggeringChildren"))),
    )


def _children(values: Any) -> Iterator[str]:
    for child in values if isinstance(values, list) else ():
        arn, state = (child.get("Arn"), child.get("State")) if isinstance(child, dict) else (None, None)
        if isinstance(arn, str) and isinstance(state, dict) and state.get("Value") == ON:
            yield arn.partition(":alarm:")[2]


def read_watch(alarm: Mapping[str, Any]) -> Watch | None:
    """Return what a metric alarm watches, as DescribeAlarms or a notice has it; ``None`` if that cannot be read."""
    try:
        queries = alarm.get("Metrics")
        if queries:
            series = {q["Id"]: _of_stat(q["MetricStat"]) for q in queries if q.get("MetricStat")}
            expression = next((q["Expression"] for q in queries if q.get("Expression")), None)
        else:
            stat = str(alarm.get("Statistic") or alarm.get("ExtendedStatistic") or "Average").capitalize()
            series, expression = {"m": _series(alarm, {**alarm, "Stat": stat})}, None
        return Watch(
            name=alarm["AlarmName"],
            description=_text(alarm.get("AlarmDescription")),
            reason=_text(alarm.get("StateReason")),
            on=alarm.get("StateValue") == ON,
            threshold=float(alarm["Threshold"]),
            periods=int(alarm.get("EvaluationPeriods") or 1),
            series=series,
            expression=expression,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _of_stat(stat: Mapping[str, Any]) -> Series:
    return _series(stat["Metric"], stat)


def _series(metric: Mapping[str, Any], stat: Mapping[str, Any]) -> Series:
    dimensions = tuple(sorted((str(_either(d, "Name")), str(_either(d, "Value"))) for d in metric["Dimensions"] or ()))
    return Series(metric["Namespace"], metric["MetricName"], stat["Stat"], int(stat["Period"]), dimensions)


def _either(pair: Mapping[str, Any], name: str) -> Any:
    return pair[name] if name in pair else pair[name.lower()]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def named_in(rule: str) -> tuple[str, ...]:
    """Return the alarms that a composite alarm's rule asks about, each once."""
    return tuple(dict.fromkeys(quoted or bare for quoted, bare in _NAMED.findall(rule)))


def causes(rule: str, on: Collection[str]) -> tuple[str, ...]:
    """Return the alarms that meet a rule while those of ``on`` are on: of each of its parts that is met, the first.

    A part is one alarm, or an alarm and the conditions under which it counts.
    """
    found = []
    for part in rule.split(" OR "):
        names = named_in(part)
        if names and all(name in on for name in names):
            found.append(names[0])
    return tuple(dict.fromkeys(found))


def advice(description: str) -> Advice:
    """Return what an alarm's description says, by its labels; all of it is ``what`` where it has none of them."""
    parts: dict[str, str] = {}
    for line in description.splitlines():
        label, colon, text = line.partition(": ")
        if colon and label in _LABELS:
            parts[label] = text.strip()
    if not parts:
        return Advice(what=" ".join(description.split()))
    return Advice(*(parts.get(label, "") for label in _LABELS))


def last_value(reason: str) -> float | None:
    """Return the newest value that CloudWatch's words for a change of state name; ``None`` where they name none.

    ``Threshold Crossed: 1 out of the last 1 datapoints [7.0 (24/11/26 05:20:00)] was …``: newest first.
    """
    found = _DATAPOINTS.search(reason)
    number = _NUMBER.match(found[1].strip()) if found else None
    return float(number[0]) if number else None
