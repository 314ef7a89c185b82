"""The cost that synth prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.cost import ALARM_METRIC, COMPOSITE, KEY, METRIC, SECRET, monthly, report
from tests.infra import configs

if TYPE_CHECKING:
    from tests.infra.synthesis import Assembly


def total(number: int, **deployment: str) -> float:
    return sum(line.dollars for line in monthly(configs.many(number, **deployment)))


def test_a_thousand_identities_with_all_alarms() -> None:
    """$3.40 an identity: four metrics, six alarms of two metrics each, two composites."""
    assert total(1_000) - total(1) == pytest.approx(999 * 3.40)
    assert 3_400 < total(1_000) < 3_410


def test_alarms_per_environment_are_the_cheap_choice() -> None:
    """What is watched is two environments then, however many identities there are."""
    assert total(1_000, alarms="environment") == total(2, alarms="environment") < 15


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
    sets = assembly.find("AWS::SES::ConfigurationSetEventDestination")
    custom = {(m["MetricName"], str(m["Dimensions"])) for m in series if m["Namespace"] == "SesFeedback"}
    by_set = sum(len(s.properties["EventDestination"]["MatchingEventTypes"]) + 2 for s in sets)
    counted = (
        len(series) * ALARM_METRIC
        + len(assembly.find("AWS::CloudWatch::CompositeAlarm")) * COMPOSITE
        + (len(custom) + by_set) * METRIC
        + len(assembly.find("AWS::KMS::Key")) * KEY
        + len(assembly.find("AWS::SecretsManager::Secret")) * SECRET
    )
    assert sum(line.dollars for line in monthly(assembly.config)) == pytest.approx(counted)


def test_the_report_adds_up() -> None:
    """Its total is the sum of its lines, and it names the cheap choice only where there is one to make."""
    text = report(configs.many(1_000), 77)
    assert text.splitlines()[0] == "ses-feedback: 1,000 identities in 77 cells, list price a month before use:"
    assert "$   3,404.20" in text
    assert 'alarms = "environment"' in text
    assert 'alarms = "environment"' not in report(configs.small(), 1)
    assert "1 identity in 1 cell," in report(configs.small(), 1)
