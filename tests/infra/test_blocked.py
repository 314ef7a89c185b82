"""Alarms on blocked mail, on throttles and on slow functions: judged with figures as CloudWatch would judge them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
import pytest

from infra.alarms.blocked import BlockedAlarms
from infra.deployment import new_app
from infra.errors import SynthError
from infra.functions import SIZES
from infra.needed import needed, of_the_loop
from local.alarms import ALARM as ON
from local.alarms import OK, Metric, Sample, judge
from ses_feedback import naming
from ses_feedback.config import Config, parse
from tests.infra.synthesis import ACCOUNT, Assembly, Found

HOUR = 3_600
NOW = 1_800_000_000.0
Points = Mapping[str, Iterable[tuple[float, float]]]  # by metric or function: seconds before now, and the value


def named(assembly: Assembly, *parts: str) -> Found:
    types = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    wanted = naming.alarm_name("ses-feedback", *parts)
    (found,) = [f for f in assembly.find(*types) if f.properties["AlarmName"] == wanted]
    return found


def state(alarm: Found, points: Points) -> str:
    """The state of an alarm over points of metrics, told apart by function where they have one."""

    def samples(metric: Metric) -> list[Sample]:
        function = dict(metric.dimensions).get("FunctionName", "").removeprefix("ses-feedback-")
        return [Sample(NOW - ago, 1, value, value, value) for ago, value in points.get(function or metric.name, ())]

    return judge(alarm.properties, samples, NOW).state


def any_of(assembly: Assembly, points: Points, *parts: str) -> str:
    """The state of a composite over several alarms: all other functions never had a metric."""
    whole = named(assembly, *parts)
    children = [f for f in assembly.find("AWS::CloudWatch::Alarm") if f.logical_id in whole.after]
    assert whole.properties["AlarmRule"].count("ALARM(") == len(children)
    on = {f'"{child.properties["AlarmName"]}"' for child in children if state(child, points) == ON}
    assert all(name in whole.properties["AlarmRule"] for name in on)
    return ON if on else OK


@pytest.mark.parametrize("name", ["small", "full", "per_environment"])
def test_each_environment_has_an_alarm_on_blocked_mail(name: str, request: pytest.FixtureRequest) -> None:
    """One warning, in the first overview stack, over the metrics of that environment; held while counting is late."""
    assembly: Assembly = request.getfixturevalue(name)
    for environment in assembly.config.environments():
        whole = named(assembly, f"environment {environment}", "blocked")
        parts = [named(assembly, f"environment {environment}", "blocked", label) for label in ("hours", "day")]
        names = [part.properties["AlarmName"] for part in parts]
        assert {f.stack for f in (whole, *parts)} == {"ses-feedback-overview"}
        assert whole.properties["AlarmRule"] == " AND ".join(f'ALARM("{name}")' for name in names)
        assert whole.after == {part.logical_id for part in parts}
        assert whole.properties["ActionsSuppressor"] == "ses-feedback rates held"
        region = assembly.region
        assert whole.properties["AlarmActions"] == [f"arn:aws:sns:{region}:{ACCOUNT}:ses-feedback-on-call-warn"]
        for part in parts:
            assert not part.properties["AlarmActions"]
            read = [m["MetricStat"]["Metric"] for m in part.properties["Metrics"] if "MetricStat" in m]
            assert [metric["MetricName"] for metric in read] == ["Blocked", "Delivered"]
            assert all({"Name": "Environment", "Value": environment} in metric["Dimensions"] for metric in read)


@pytest.mark.parametrize(
    ("blocked", "delivered", "hours", "day"),
    [
        # Within the last hour: 60 of 1,060 are 5.7%; 60 of 2,060 are 2.9%; 49 are too few, whatever the rate.
        ([(60, 60)], [(60, 1_000)], ON, ON),
        ([(60, 60)], [(60, 2_000)], OK, OK),
        ([(60, 49)], [(60, 1)], OK, OK),
        # Refusals come half a day after a mailing of which 1% was blocked: the hours alone would cry wolf.
        ([(60, 300)], [(14 * HOUR, 30_000)], ON, OK),
        # What is blocked for good goes on being blocked.
        ([(h * HOUR, 30) for h in range(24)], [(h * HOUR, 300) for h in range(24)], ON, ON),
        ([], [(60, 1_000)], OK, OK),
    ],
)
def test_blocked_mail(
    small: Assembly,
    blocked: list[tuple[float, float]],
    delivered: list[tuple[float, float]],
    hours: str,
    day: str,
) -> None:
    """It is 5% of six hours and 3% of a day, of what was blocked or delivered, and at least fifty."""
    points = {"Blocked": blocked, "Delivered": delivered}
    assert state(named(small, "environment production", "blocked", "hours"), points) == hours
    assert state(named(small, "environment production", "blocked", "day"), points) == day


def test_too_many_environments_are_refused() -> None:
    """A stack takes 500 resources: 150 environments of one identity each have alarms, 160 are told what to do."""

    def made(number: int) -> BlockedAlarms:
        return BlockedAlarms(cdk.Stack(new_app(), "x"), "Blocked", config=lonely(number))

    made(150)
    with pytest.raises(SynthError, match=r"160 environments, 0 of them with several identities, are 480 resources"):
        made(160)


def lonely(number: int) -> Config:
    identities = {f"d{n}.example.com": {"environment": f"e{n}"} for n in range(number)}
    return parse({"on_call": {"page": [{"email": "oncall@example.com"}]}, "identities": identities})


@pytest.fixture(params=["small", "full"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    found: Assembly = request.getfixturevalue(request.param)
    return found


def lasting(value: float, periods: int = 3) -> list[tuple[float, float]]:
    return [(300 * period + 10, value) for period in range(periods)]


def test_throttles_of_any_function_of_the_loop_warn(assembly: Assembly) -> None:
    """In each five minutes of a quarter of an hour, not once; a function that only deployments run does not count."""
    for function in of_the_loop(needed(assembly.config)):
        assert any_of(assembly, {function: lasting(1)}, "functions throttled") == ON, function
        assert any_of(assembly, {function: lasting(100, periods=1)}, "functions throttled") == OK, function
    assert any_of(assembly, {naming.WIRE_IDENTITY: lasting(100)}, "functions throttled") == OK


def test_functions_near_their_timeout_warn(assembly: Assembly) -> None:
    """At four fifths of its own time, for a quarter of an hour; those that mind the clock run as long as they may."""
    cut_off = [naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK]
    optional = (naming.ANNOUNCE_CHANGES, naming.BREAK_CIRCUIT, naming.EXPLAIN_ALARM)
    cut_off += [f for f in optional if f in needed(assembly.config)]
    for function in cut_off:
        near = SIZES[function].timeout_s * 800.0
        assert any_of(assembly, {function: lasting(near)}, "functions", "slow") == ON, function
        assert any_of(assembly, {function: lasting(near - 1)}, "functions", "slow") == OK, function
        assert any_of(assembly, {function: lasting(near, periods=2)}, "functions", "slow") == OK, function
    for function in set(naming.FUNCTIONS) - set(cut_off):
        points = {function: lasting(SIZES[function].timeout_s * 1_000.0)}
        assert any_of(assembly, points, "functions", "slow") == OK, function


def test_timeouts_of_templates_are_those_that_alarms_judge_by(assembly: Assembly) -> None:
    """The alarm knows the very timeout that is deployed."""
    for function in needed(assembly.config):
        name = naming.function_name("ses-feedback", function)
        deployed = assembly.one("AWS::Lambda::Function", FunctionName=name).properties["Timeout"]
        assert deployed == SIZES[function].timeout_s
