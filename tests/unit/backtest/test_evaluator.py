"""Alarms over time by CloudWatch's documented rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.alarms import Metric
from backtest.evaluator import STATES, Samples, States, changes, play
from local import alarms as emulated
from local.alarms import Sample

from .worlds import Given, alarms, composite, plain

HOUR, DAY = 60, 1_440


def played(source: Given, *resources: dict[str, Any]) -> dict[str, list[tuple[int, str]]]:
    """Return the changes of each alarm: the index of the minute and the new state."""
    found: dict[str, list[tuple[int, str]]] = {}

    def keep(name: str, states: States) -> None:
        found[name] = [(change.index, STATES[change.state]) for change in changes(states)]

    play(alarms(*resources), source, keep)
    return found


def test_a_window_slides_and_forgets_to_the_minute() -> None:
    """An hour is the 60 minutes that end with the evaluation: the 60th is in it, the 61st is not."""
    values = [0.0] * 10 + [5.0] + [0.0] * 100
    assert played(Given({"HardBounced": values}), plain(Period=3_600))["a"] == [(10, "ALARM"), (70, "OK")]


def test_a_sum_over_a_day_is_evaluated_each_minute() -> None:
    """Five bad events an hour apart reach five with the fifth, and a day after the first one is four again."""
    values = [1.0 if minute % HOUR == 7 and minute < 5 * HOUR else 0.0 for minute in range(2 * DAY)]
    found = played(Given({"HardBounced": values}), plain(Period=86_400))
    assert found["a"] == [(4 * HOUR + 7, "ALARM"), (DAY + 7, "OK")]


def test_longer_than_a_day_is_evaluated_once_an_hour_on_data_up_to_the_hour() -> None:
    """The guide's example: what happens at 10:02 is seen at 11:03, and what ends at 11:43 at 12:03."""
    values = [0.0] * (13 * HOUR)
    values[10 * HOUR + 2] = 5.0
    found = played(Given({"HardBounced": values}), plain(Period=3 * 86_400))
    # The minute 11:02 ends, and is evaluated, at 11:03.
    assert found["a"] == [(11 * HOUR + 2, "ALARM")]


def test_filled_silence_ends_an_alarm() -> None:
    """With FILL a missing point is zero; without it CloudWatch reaches back, and the alarm stays for longer."""
    values: list[float | None] = [9.0, *[None] * 400]
    query = {"Id": "b", "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 3_600}}
    query["MetricStat"]["Metric"] = {"Namespace": "SesFeedback", "MetricName": "HardBounced"}  # type: ignore[index]

    def math(name: str, expression: str) -> dict[str, Any]:
        resource = plain(name, Metrics=[{"Id": "e", "Expression": expression}, query], TreatMissingData="notBreaching")
        for key in ("Namespace", "MetricName", "Statistic", "Period"):
            del resource["Properties"][key]
        return resource

    found = played(Given({"HardBounced": values}), math("filled", "FILL(b,0)"), math("bare", "b"))
    assert found["filled"] == [(0, "ALARM"), (60, "OK")]
    assert found["bare"] == [(0, "ALARM"), (180, "OK")]


def test_a_metric_that_never_was_is_missing() -> None:
    """No sample ever: notBreaching is OK from end to end, `missing` has too few data."""
    source = Given({"HardBounced": [0.0] * 5})
    assert played(source, plain(MetricName="Complained", TreatMissingData="notBreaching"))["a"] == []
    assert played(source, plain(MetricName="Complained"))["a"] == [(0, "INSUFFICIENT_DATA")]


@pytest.mark.parametrize("treatment", ["missing", "ignore", "breaching", "notBreaching"])
@given(
    values=st.lists(st.sampled_from([None, 0.0, 9.0]), min_size=12, max_size=12),
    periods=st.integers(1, 4),
    spare=st.integers(0, 3),
    period=st.sampled_from([1, 2]),
)
def test_the_same_states_as_the_embedded_aws(
    values: list[float | None], periods: int, spare: int, period: int, treatment: str
) -> None:
    """M of N, missing points and reaching back: minute by minute what the other, slower evaluator says."""
    needed = max(1, periods - spare)
    properties = {
        "Period": period * 60,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": needed,
        "TreatMissingData": treatment,
    }
    resource = plain(**properties)
    states: list[str] = []

    def keep(_name: str, of: States) -> None:
        states.extend(STATES[state] for state in of)

    play(alarms(resource), Given({"HardBounced": values}), keep)
    before = "OK"
    for at, state in enumerate(states):
        samples = [Sample(m * 60, 1, v, v, v) for m, v in enumerate(values[: at + 1]) if v is not None]
        spec = {**resource["Properties"], "StateValue": before}
        before = emulated.judge(spec, lambda _metric, seen=samples: seen, at * 60 + 59).state
        assert state == before


def test_composites_follow_their_children_and_each_other() -> None:
    """A rule is judged with the children's states of the same minute, whatever the order of the templates."""
    source = Given({"HardBounced": [0.0, 9.0, 9.0, 0.0], "Complained": [0.0, 0.0, 9.0, 0.0]})
    found = played(
        source,
        composite("outer", 'ALARM("inner") OR ALARM("b")'),
        composite("inner", 'ALARM("a") AND NOT ALARM("b")'),
        plain("a"),
        plain("b", MetricName="Complained"),
    )
    assert found["inner"] == [(1, "ALARM"), (2, "OK")]
    assert found["outer"] == [(1, "ALARM"), (3, "OK")]
    assert list(found) == ["a", "b", "inner", "outer"]


def test_an_alarm_begins_in_ok() -> None:
    """What is on from the first minute on is a change; what is not, is none."""
    assert [(c.index, c.state) for c in changes(np.array([1, 1, 0], np.int8))] == [(0, 1), (2, 0)]
    assert changes(np.array([0, 0], np.int8)) == []


def test_what_cannot_be_seen_yet_is_no_part_of_a_sum() -> None:
    """Late samples join the periods that hold their minute once they are visible, and leave with it."""
    visible = np.arange(10)
    visible[[1, 4]] = (2, 9)

    class Late(Given):
        def samples(self, metric: Metric) -> Samples | None:
            found = super().samples(metric)
            assert found is not None
            return found._replace(visible=visible)

    # That of minute 1 would be in the sums of minutes 1 to 3, and is seen at 2; that of minute 4, of 4 to 6, never.
    source = Late({"HardBounced": [0.0, 5.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0]})
    assert played(source, plain(Period=180))["a"] == [(2, "ALARM"), (4, "OK")]
