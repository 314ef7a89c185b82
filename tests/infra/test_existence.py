"""No alarm depends on what CloudWatch makes of a metric that never existed: every expression of every template.

The guide leaves open whether FILL makes zeros of such a metric, and whether an operation treats it as 0
(``cloudwatch/metric_math.py``). Nothing ever happened is what 0 says: the verdict must be that of 0 in any reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, combinations, product

import pytest

from cloudwatch.metric_math import READINGS
from local.alarms import ALARM, EXTRA_PERIODS, Metric, Sample, judge, metrics_of
from ses_feedback import naming
from tests.infra.synthesis import Assembly, Found

NOW = 1_800_000_000.0
VALUES = (0.0, 49.0, 100.0, 10_000.0, 4_000_000.0)
# Emitted by the hourly check whatever it finds (tests/unit/checks/test_handler.py), from the first hour on.
HOURLY = {
    naming.METRIC_DRIFTED,
    naming.METRIC_TALLIED,
    naming.METRIC_ARCHIVED,
    naming.METRIC_ARCHIVE_WAITING,
}
# Emitted together (tests/unit/usecases/test_tally.py): where one is, the others are. Blocked mail brings one of them.
TOGETHER = {
    naming.METRIC_HARD_BOUNCED: naming.RATE_METRICS,
    naming.METRIC_COMPLAINED: naming.RATE_METRICS,
    naming.METRIC_DELIVERED_REPORTING: naming.RATE_METRICS,
    naming.METRIC_BLOCKED: (naming.METRIC_DELIVERED,),
}


def implied(metric: Metric, by: Metric) -> bool:
    """Whether one metric exists because another does. SQS measures all of a queue, or nothing."""
    if metric.dimensions != by.dimensions or metric.namespace != by.namespace:
        return False
    return metric.namespace == "AWS/SQS" or metric.name in TOGETHER.get(by.name, ())


def absences(metrics: list[Metric]) -> Iterator[frozenset[Metric]]:
    """Every set of an alarm's metrics that may never have existed."""
    may = [m for m in metrics if not (m.namespace == naming.METRIC_NAMESPACE and m.name in HOURLY)]
    for absent in chain.from_iterable(combinations(may, n) for n in range(1, len(may) + 1)):
        there = [m for m in metrics if m not in absent]
        if not any(implied(metric, by) for metric in absent for by in there):
            yield frozenset(absent)


def samples_of(values: Mapping[Metric, float], periods: int) -> Mapping[Metric, list[Sample]]:
    """One sample in the middle of each period that is fetched."""
    return {
        metric: [
            Sample(NOW - (n + 0.5) * metric.period, 1, value, value, value) for n in range(periods + EXTRA_PERIODS)
        ]
        for metric, value in values.items()
    }


def alarms(assembly: Assembly) -> list[Found]:
    return assembly.find("AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_what_never_existed_counts_as_nothing_in_any_reading(name: str, request: pytest.FixtureRequest) -> None:
    """Each alarm over any of its metrics that may never have been, with others at nothing, little, and very much."""
    seen: set[str] = set()
    for alarm in alarms(request.getfixturevalue(name)):
        expression = "".join(q.get("Expression", "") for q in alarm.properties.get("Metrics", ()))
        metrics = metrics_of(alarm.properties)
        # The same expression over metrics of the same kinds is the same question, whose mail it may be.
        if (kind := f"{expression} {[(m.name, m.period) for m in metrics]}") in seen:
            continue
        seen.add(kind)
        periods = alarm.properties["EvaluationPeriods"]
        fires = set()
        for values in product((*VALUES, float(alarm.properties["Threshold"])), repeat=len(metrics)):
            given = samples_of(dict(zip(metrics, values, strict=True)), periods)
            fires.add(judge(alarm.properties, lambda metric, given=given: given[metric], NOW).state)
        assert ALARM in fires, f"{alarm.properties['AlarmName']}: nothing puts it on"
        for absent in absences(metrics):
            rest = [metric for metric in metrics if metric not in absent]
            for values in product(VALUES, repeat=len(rest)):
                there = dict(zip(rest, values, strict=True))
                zeros = samples_of(there | dict.fromkeys(absent, 0.0), periods)
                given = samples_of(there, periods)
                wanted = judge(alarm.properties, lambda metric, zeros=zeros: zeros[metric], NOW).state
                for reading in READINGS:
                    found = judge(alarm.properties, lambda metric, given=given: given.get(metric, ()), NOW, reading)
                    assert (found.state == ALARM) == (wanted == ALARM), (alarm.properties["AlarmName"], there, reading)


def test_readings_disagree_where_an_alarm_depends_on_them(full: Assembly) -> None:
    """So that the test above can fail: a sum over two queues of which one was never used, as it used to be."""
    (one,) = [f for f in alarms(full) if f.properties["AlarmName"] == "ses-feedback retry waiting"]
    queries = one.properties["Metrics"]
    other = {**queries[2]["MetricStat"]["Metric"], "Dimensions": [{"Name": "QueueName", "Value": "other"}]}
    alarm = {**one.properties, "Metrics": [*queries[:2], {**queries[2], "MetricStat": {**queries[2]["MetricStat"]}}]}
    alarm["Metrics"][2]["MetricStat"]["Metric"] = other
    first, second = metrics_of(alarm)
    assert list(absences([first, second]))
    given = samples_of({first: 3.0}, alarm["EvaluationPeriods"])
    states = {judge(alarm, lambda metric: given.get(metric, ()), NOW, reading).state for reading in READINGS}
    assert len(states) == 2
