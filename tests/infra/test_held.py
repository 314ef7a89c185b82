"""What holds alarms about rates back, for how long, and that no alarm stands in more rules than CloudWatch takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pytest

from cloudwatch.lateness import DAYS_HIDDEN_S, DAYS_LATE_S, HIDDEN_S, LATE_S
from infra.alarms.factory import AlarmFactory
from infra.alarms.held import CELLS_OF_AN_ALARM, LEAST_LATE, HeldAlarms, days_late, days_late_parts
from infra.alarms.rules import DAY_S, rate_rules
from infra.alarms.together import MOST_ROLL_UPS
from infra.deployment import new_app
from local.alarms import ALARM, OK, Sample, judge
from ses_feedback.config.model import Thresholds
from tests.infra.synthesis import Assembly, Found

HOUR = 3_600
NOW = 1_800_000_000.0
MOST_PARENTS = 150  # "Any single alarm can be included in the rule expressions of as many as 150 composite alarms."


def named(assembly: Assembly, name: str) -> Found:
    types = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    (found,) = [f for f in assembly.find(*types) if f.properties["AlarmName"] == f"ses-feedback {name}"]
    return found


@pytest.mark.parametrize(
    ("name", "late_s", "hidden_s"),
    [("counted late", LATE_S, HIDDEN_S), ("counted days late", DAYS_LATE_S, DAYS_HIDDEN_S)],
)
def test_alarms_are_held_for_as_long_as_cloudwatch_may_hide_counts(
    small: Assembly, name: str, late_s: int, hidden_s: int
) -> None:
    """From the first minute in which much was counted late until all of it can be seen, and an hour or so more."""
    alarm = named(small, name).properties

    def state(counted: Iterable[tuple[float, float]]) -> str:
        samples = [Sample(NOW - ago, 1, number, number, number) for ago, number in counted]
        return judge(alarm, lambda metric: samples, NOW).state

    assert state([]) == OK
    assert state([(0, LEAST_LATE)]) == ALARM
    assert state([(0, LEAST_LATE - 1)]) == OK
    assert state([(60, LEAST_LATE / 2), (600, LEAST_LATE / 2)]) == ALARM
    assert state([(hidden_s, LEAST_LATE)]) == ALARM
    # It ends: what is missing is zero, and CloudWatch does not reach back for older counts.
    assert state([(hidden_s + 2 * HOUR, 10_000)]) == OK
    assert late_s > hidden_s / 24


def test_what_looks_back_a_day_has_no_holes_when_the_first_hold_ends() -> None:
    """What is hidden for days was a day old when it was counted: no window of a day ever has it."""
    assert DAYS_LATE_S >= DAY_S
    rules = {rule.label: rule.period_s for rule in rate_rules(Thresholds())}
    short = {label for label, period_s in rules.items() if period_s <= DAY_S}
    assert ("bounce", "page", "fast") in short
    assert ("bounce", "warn") in short  # its condition
    assert {("complaint", "page", "fast"), ("complaint", "day")} <= short


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_long_windows_and_no_others_ask_whether_counting_was_days_late(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Every part of every rule over rates; a burst in the hours after is paged by the fast alarms all the same."""
    assembly: Assembly = request.getfixturevalue(name)
    periods = {}
    for alarm in assembly.find("AWS::CloudWatch::Alarm"):
        metrics = [m["MetricStat"] for m in alarm.properties.get("Metrics", ()) if "MetricStat" in m]
        periods[alarm.properties["AlarmName"]] = max((m["Period"] for m in metrics), default=0)
    seen = set()
    for alarm in assembly.find("AWS::CloudWatch::CompositeAlarm"):
        if (
            not re.search(" (page|warn)$", alarm.properties["AlarmName"])
            or "reputation" in alarm.properties["AlarmName"]
        ):
            continue
        for part in alarm.properties["AlarmRule"].split(" OR "):
            asked = re.findall(r'(?<!NOT )ALARM\("([^"]+)"\)', part)
            not_late = re.findall(r'NOT ALARM\("ses-feedback [^"]+ days late"\)', part)
            assert len(not_late) == (max(periods[one] for one in asked) > DAY_S), part
            seen.add(bool(not_late))
    assert seen == {True, False}


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_no_alarm_stands_in_more_rules_than_cloudwatch_takes(name: str, request: pytest.FixtureRequest) -> None:
    """However many identities: a cell asks by an alarm of its own, and the core has as many as cells need."""
    assembly: Assembly = request.getfixturevalue(name)
    asked: Counter[str] = Counter()
    for alarm in assembly.find("AWS::CloudWatch::CompositeAlarm"):
        asked.update(set(re.findall(r'"([^"]+)"', alarm.properties["AlarmRule"])))
    assert max(asked.values()) <= MOST_PARENTS
    # Of a full cell: identities of 300 resources, two rules each; of the core: cells, an overview, and its own parts.
    assert MOST_PARENTS > 2 * 300 / 24
    assert CELLS_OF_AN_ALARM + 1 + days_late_parts(4_000) <= MOST_PARENTS
    assert MOST_ROLL_UPS + 2 <= MOST_PARENTS


def test_more_cells_than_an_alarm_takes_ask_others_that_say_the_same() -> None:
    """A hundred each; what they ask exists in the core."""
    import aws_cdk as cdk

    stack = cdk.Stack(new_app(), "x")
    cells = 2 * CELLS_OF_AN_ALARM + 1
    HeldAlarms(stack, "Held", deployment="ses-feedback", region="us-east-1", cells=cells)
    factory = AlarmFactory(cdk.Stack(stack, "y"), deployment="ses-feedback", region="us-east-1")
    asked: Counter[str] = Counter()
    for cell in range(1, cells + 1):
        made = days_late(factory, "ses-feedback", ("cell", str(cell)), cell).made
        asked.update(re.findall(r'"([^"]+)"', cdk.Stack.of(made).resolve(made._cfn_properties["AlarmRule"])))
    there = {
        child._cfn_properties["AlarmName"]
        for child in stack.node.find_all()
        if isinstance(child, cdk.CfnResource) and "AlarmName" in child._cfn_properties
    }
    assert set(asked) <= there
    assert sorted(asked.values()) == [1, CELLS_OF_AN_ALARM, CELLS_OF_AN_ALARM]
