"""Which transitions are told, and with which words."""

from __future__ import annotations

from typing import Any

from backtest.transitions import Transition, transitions

from .worlds import Given, actions, alarms, composite, plain

OF = [{"Name": "Deployment", "Value": "d"}, {"Name": "Identity", "Value": "example.com"}]


def of(name: str, metric: str = "HardBounced") -> dict[str, Any]:
    return plain(name, MetricName=metric, Dimensions=OF, TreatMissingData="notBreaching")


def test_only_what_tells_somebody_is_told_with_the_rate_that_put_it_on() -> None:
    """The parts of a composite are left out; its rate is that of the parts that are on, none where both are."""
    made = alarms(
        of("fast"),
        of("complaints", "Complained"),
        of("day", "Delivered"),
        composite("page", '(ALARM("fast") AND ALARM("day")) OR ALARM("complaints")', AlarmActions=actions("page")),
    )
    source = Given(
        {
            # Bounces alone tell nobody; with the condition they do; then complaints; then both at once.
            "HardBounced": [9.0, 9.0, 0.0, 0.0, 0.0, 9.0, 0.0],
            "Delivered": [0.0, 9.0, 0.0, 0.0, 0.0, 9.0, 0.0],
            "Complained": [0.0, 0.0, 0.0, 9.0, 0.0, 9.0, 0.0],
        },
        first=100,
    )
    found = list(transitions(made, source))
    assert found == [
        Transition(102, "page", "example.com", "page", "bounce", "ALARM"),
        Transition(103, "page", "example.com", "page", "bounce", "OK"),
        Transition(104, "page", "example.com", "page", "complaint", "ALARM"),
        Transition(105, "page", "example.com", "page", "complaint", "OK"),
        Transition(106, "page", "example.com", "page", None, "ALARM"),
        Transition(107, "page", "example.com", "page", None, "OK"),
    ]


def test_a_line_has_exactly_the_documented_keys() -> None:
    """UTC to the second, null for a roll-up and for both rates."""
    line = Transition(29_925_210, "all page", None, "page", None, "ALARM").line()
    assert line == (
        '{"time": "2026-11-24T09:30:00Z", "alarm": "all page", "identity": null, "severity": "page", '
        '"rate": null, "state": "ALARM"}'
    )
