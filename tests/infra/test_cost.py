"""The cost that synth prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.cost import ALARM_METRIC, COMPOSITE, DASHBOARD, KEY, MAIL, METRIC, SECRET, monthly, report
from ses_feedback import naming
from tests.infra import configs
from tests.infra.synthesis import lock_of

if TYPE_CHECKING:
    from tests.infra.synthesis import Assembly


def total(number: int, **deployment: str) -> float:
    return sum(line.dollars for line in monthly(configs.many(number, **deployment)))


def test_a_thousand_identities_with_all_alarms() -> None:
    """$4.00 an identity: four metrics, nine alarms of two metrics each, two composites; a cent for each canary.

    Besides, two environments in each of its cells, and an alarm that counting was days late; three roll-ups instead of
    none, which share one such; blocked mail of two environments instead of one, and ten dashboards of identities.
    """
    cells, blocked, dashboards = 100, 4 * 0.10 + 0.50, 9 * 3.00
    roll_ups = 3 * (1.80 + 4 * 0.50) + 5 * 0.30  # and the second environment's metrics
    chains = 8 * 0.50  # a hundred cells are more than an alarm can name besides
    assert total(1_000) - total(1) == pytest.approx(
        999 * 4.00 + 499 * 0.009 + (2 * cells - 1) * 0.50 + cells * 0.50 + roll_ups + chains + blocked + dashboards,
        abs=0.0001,
    )
    assert 4_000 < total(1_000) < 4_250


def test_alarms_per_environment_are_the_cheap_choice() -> None:
    """What is watched is two environments then, however many identities there are: only their canaries add cents."""
    many, two = total(1_000, alarms="environment"), total(2, alarms="environment")
    assert many - two == pytest.approx(499 * 0.009)
    assert two < 32


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_the_cost_is_that_of_the_templates(name: str, request: pytest.FixtureRequest) -> None:
    """Counted again from what is really deployed: alarms by metric, composites, emitted metrics, key, secret."""
    assembly: Assembly = request.getfixturevalue(name)
    alarms = assembly.find("AWS::CloudWatch::Alarm")
    read = [
        (m["MetricStat"]["Metric"] for m in alarm.properties["Metrics"] if "MetricStat" in m)
        if "Metrics" in alarm.properties
        else [alarm.properties]
        for alarm in alarms
    ]
    series = [metric for metrics in read for metric in metrics]
    senders = sum(identity.canary for identity in assembly.config.identities.values())
    round_trip = 1 if senders else 0  # measured for people to look at: no alarm reads it
    found = assembly.find("AWS::SES::ConfigurationSetEventDestination")
    sets = [f for f in found if "CloudWatchDestination" in f.properties["EventDestination"]]
    custom = {
        (m["MetricName"], frozenset((d["Name"], d["Value"]) for d in m["Dimensions"]))
        for m in series
        if m["Namespace"] == "SesFeedback"
    }
    # What is emitted whether or not an alarm reads it: rates of each environment and of all, and blocked mail.
    whole = ("Deployment", "ses-feedback")
    for environment in assembly.config.environments():
        there = frozenset({whole, ("Environment", environment)})
        custom |= {(name, there) for name in (*naming.RATE_METRICS, naming.METRIC_BLOCKED)}
    custom |= {(name, frozenset({whole})) for name in naming.RATE_METRICS}
    by_set = sum(len(s.properties["EventDestination"]["MatchingEventTypes"]) + 2 for s in sets)
    counted = (
        len(series) * ALARM_METRIC
        + len(assembly.find("AWS::CloudWatch::CompositeAlarm")) * COMPOSITE
        + (len(custom) + round_trip + by_set) * METRIC
        + senders * 3 * 30 * MAIL
        + len(assembly.find("AWS::CloudWatch::Dashboard")) * DASHBOARD
        + len(assembly.find("AWS::KMS::Key")) * KEY
        + len(assembly.find("AWS::SecretsManager::Secret")) * SECRET
    )
    assert sum(line.dollars for line in monthly(assembly.config)) == pytest.approx(counted)


def test_the_report_adds_up() -> None:
    """Its total is the sum of its lines, and it names the cheap choice only where there is one to make."""
    many, small = configs.many(1_000), configs.small()
    text = report(many, lock_of(many))
    assert text.splitlines()[0] == "ses-feedback: 1,000 identities in 100 cells, list price a month before use:"
    counted = [float(line.split()[-1].replace(",", "")) for line in text.splitlines()[1:-1]]
    assert f"${sum(counted):>11,.2f}" in text.splitlines()[-1]
    assert 'alarms = "environment"' in text
    assert 'alarms = "environment"' not in report(small, lock_of(small))
    assert "1 identity in 1 cell," in report(small, lock_of(small))
