"""What CloudWatch's alarm service decides: from points to datapoints, from datapoints to a state. Pure, no clock.

Rules and words from the Amazon CloudWatch User Guide, *Alarm evaluation* and *Configuring how CloudWatch alarms treat
missing data*. The loop that runs this over the deployed alarms is ``local/gaps/evaluator.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cloudwatch.metric_math import DOCUMENTED, Reading, Series, Value, evaluate

OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT_DATA: Final = "INSUFFICIENT_DATA"
# CloudWatch fetches more periods than it judges, so that a late point is not taken for a missing one. "The exact number
# depends"; the guide's own example judges 3 and fetches 5.
EXTRA_PERIODS: Final = 2

_COMPARISONS: Final[Mapping[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanOrEqualToThreshold": (lambda value, limit: value >= limit, "greater than or equal to"),
    "GreaterThanThreshold": (lambda value, limit: value > limit, "greater than"),
    "LessThanThreshold": (lambda value, limit: value < limit, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, limit: value <= limit, "less than or equal to"),
}


class Sample(NamedTuple):
    """What CloudWatch keeps of one or more measurements: when (seconds since 1970), how many, and their statistics."""

    at: float
    number: float
    total: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric an alarm reads. ``dimensions`` are sorted pairs; ``period`` is in seconds."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int


Samples = Callable[[Metric], Iterable[Sample]]


class Verdict(NamedTuple):
    """The state an alarm should have, the sentence that explains it, and the judged datapoints, oldest first."""

    state: str
    reason: str
    datapoints: list[float]


def metric_of(spec: Mapping[str, Any]) -> Metric:
    """Return the metric of a plain alarm, or of a ``MetricStat`` flattened into one mapping."""
    pairs = ((d["Name"], d["Value"]) for d in spec.get("Dimensions") or ())
    return Metric(
        namespace=spec["Namespace"],
        name=spec["MetricName"],
        dimensions=tuple(sorted(pairs)),
        statistic=spec.get("Statistic") or spec.get("Stat") or "Average",
        period=int(spec.get("Period") or 60),
    )


def metrics_of(alarm: Mapping[str, Any]) -> list[Metric]:
    """Return every metric an alarm reads, plain or through metric math."""
    if not alarm.get("Metrics"):
        return [metric_of(alarm)]
    return [metric_of(_flat(q["MetricStat"])) for q in alarm["Metrics"] if q.get("MetricStat")]


def _flat(stat: Mapping[str, Any]) -> dict[str, Any]:
    return {**stat["Metric"], "Stat": stat.get("Stat"), "Period": stat.get("Period")}


def statistic(samples: Sequence[Sample], name: str) -> Value:
    """Return one statistic over samples, ``None`` without any. Raises ``ValueError`` for a statistic not known here."""
    count = sum(s.number for s in samples)
    if not count:
        return None
    match name:
        case "Sum":
            return sum(s.total for s in samples)
        case "SampleCount":
            return count
        case "Average":
            return sum(s.total for s in samples) / count
        case "Minimum":
            return min(s.least for s in samples)
        case "Maximum":
            return max(s.most for s in samples)
    raise ValueError(f"statistic {name} is not known here; known: Sum, SampleCount, Average, Minimum, Maximum")


def series(metric: Metric, samples: Iterable[Sample], now: float, length: int) -> Series:
    """Return the last ``length`` periods of a metric, oldest first, the last of them ending now.

    That is the sliding evaluation window, the default of ``AWS::CloudWatch::Alarm``: a 24-hour period moves on at each
    evaluation instead of starting at midnight. A sample stamped later than now is not seen yet.
    """
    buckets: list[list[Sample]] = [[] for _ in range(length)]
    for sample in samples:
        age = int((now - sample.at) // metric.period)
        if 0 <= age < length:
            buckets[length - 1 - age].append(sample)
    return [statistic(bucket, metric.statistic) for bucket in buckets]


def math_series(
    queries: Sequence[Mapping[str, Any]], samples: Samples, now: float, length: int, reading: Reading = DOCUMENTED
) -> dict[str, Series]:
    """Return the series of every query of an alarm or of GetMetricData, by id, whatever order they come in."""
    known: dict[str, Series] = {}
    waiting = list(queries)
    for query in queries:
        if query.get("MetricStat"):
            metric = metric_of(_flat(query["MetricStat"]))
            known[query["Id"]] = series(metric, samples(metric), now, length)
            waiting.remove(query)
    while waiting:
        ready = [q for q in waiting if not any(_mentions(q["Expression"], o["Id"]) for o in waiting if o is not q)]
        for query in ready or waiting:  # a circle fails on its unknown id
            known[query["Id"]] = evaluate(query["Expression"], known, length, reading)
            waiting.remove(query)
    return known


def _mentions(expression: str, identifier: str) -> bool:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in expression).split()
    return identifier in words


def judge(alarm: Mapping[str, Any], samples: Samples, now: float, reading: Reading = DOCUMENTED) -> Verdict:
    """Return the state that CloudWatch would give an alarm now.

    ``alarm`` is as DescribeAlarms returns it; ``reading`` is how metric math is read where its guide leaves something
    open. Raises ``ExpressionError`` or ``ValueError`` for an alarm that uses
    what is not known here.
    """
    periods = int(alarm.get("EvaluationPeriods") or 1)
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    length = periods + EXTRA_PERIODS
    if alarm.get("Metrics"):
        returned = next(q["Id"] for q in alarm["Metrics"] if q.get("ReturnData", True))
        points = math_series(alarm["Metrics"], samples, now, length, reading)[returned]
    else:
        metric = metric_of(alarm)
        points = series(metric, samples(metric), now, length)
    limit = float(alarm["Threshold"])
    breaches, words = _COMPARISONS[alarm["ComparisonOperator"]]
    treatment = alarm.get("TreatMissingData") or "missing"
    real = [p for p in points if p is not None]
    judged = points[-periods:] if None not in points else real[-periods:]
    breaching = sum(1 for p in judged if p is not None and breaches(p, limit))
    missing = periods - len(judged)
    state = _state(
        breaching, len(judged), missing, needed, treatment, str(alarm.get("StateValue") or INSUFFICIENT_DATA)
    )
    shown = [p for p in judged if p is not None]
    return Verdict(state, _reason(state, shown, breaching, missing, treatment, words, limit), shown)


def _state(breaching: int, present: int, missing: int, needed: int, treatment: str, current: str) -> str:
    """Apply the treatment of missing data to what is left of it after the extra periods were used."""
    if treatment == "breaching":
        breaching += missing
    if breaching >= needed:
        return ALARM
    if not missing or treatment in ("breaching", "notBreaching") or breaching < present:
        return OK
    # Too few points, and all of them breaching, or none at all.
    if treatment == "ignore":
        return current
    return ALARM if present else INSUFFICIENT_DATA


def _reason(
    state: str, shown: list[float], breaching: int, missing: int, treatment: str, words: str, limit: float
) -> str:
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {missing} datapoint{'s were' if missing > 1 else ' was'} unknown."
    if not shown:
        return f"Threshold Crossed: no datapoints were received for {missing} period(s), treated as [{treatment}]."
    values = ", ".join(f"{value:g}" for value in shown)
    count = breaching if state == ALARM else len(shown) - breaching
    verb = "was" if count == 1 else "were"
    negation = "" if state == ALARM else "not "
    return (
        f"Threshold Crossed: {count} out of the last {len(shown)} datapoint{'s' if len(shown) > 1 else ''} [{values}] "
        f"{verb} {negation}{words} the threshold ({limit:g})."
    )
