"""Composite alarms over composite alarms in the embedded AWS: chains follow their leaves, muting included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from local.alarms import Verdict
from local.gaps import cloudformation
from local.gaps import cloudwatch as gap

LEAF, CELL, HELD, ROLL_UP = "d example.com page", "d cell 0001 production paged", "d held", "d environment page"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """A page of one identity, what is on while it is, and a roll-up that it mutes; returns whose actions ran."""
    acted: list[tuple[str, str]] = []
    monkeypatch.setattr(gap, "_perform", lambda alarm, _old, new, _reason: acted.append((alarm["AlarmName"], new)))
    monkeypatch.setattr(cloudwatch, "_dispatch_alarm_actions", gap.dispatch)
    with request_scope("111122223333", "us-east-1"):
        for name in (LEAF, "d all"):
            spec = {"AlarmName": name, "Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 60}
            spec |= {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
            cloudwatch._put_metric_alarm({}, spec, is_cbor=False, is_json=True)
        composite(CELL, f'ALARM("{LEAF}")')
        composite(HELD, f'ALARM("{CELL}")')
        muting = {"ActionsSuppressorWaitPeriod": 0, "ActionsSuppressorExtensionPeriod": 0}
        composite(ROLL_UP, 'ALARM("d all")', AlarmActions=["arn"], ActionsSuppressor=HELD, **muting)
        acted.clear()
        yield acted
        for name in (ROLL_UP, HELD, CELL):
            cloudwatch._composite_alarms.pop(name, None)
        for name in (LEAF, "d all"):
            cloudwatch._alarms.pop(name, None)
        gap._suppressions.clear()


def composite(name: str, rule: str, **more: Any) -> None:
    cloudformation._create_composite("L", {"AlarmName": name, "AlarmRule": rule, **more}, "s")


def become(name: str, state: str) -> None:
    gap.set_state(name, Verdict(state, "because", []))


def state(name: str) -> str:
    return str(cloudwatch._composite_alarms[name]["StateValue"])


def test_a_chain_follows_its_leaf(told: list[tuple[str, str]]) -> None:
    """Through every composite above it, there and back; a rule of nobody is never met."""
    become(LEAF, "ALARM")
    assert (state(CELL), state(HELD)) == ("ALARM", "ALARM")
    become(LEAF, "OK")
    assert (state(CELL), state(HELD)) == ("OK", "OK")
    become(LEAF, "ALARM")
    cloudformation._update_composite(CELL, {}, {"AlarmName": CELL, "AlarmRule": "FALSE"}, "s")
    assert (state(CELL), state(HELD)) == ("OK", "OK")


def test_a_roll_up_is_muted_through_a_chain_and_acts_when_it_ends(told: list[tuple[str, str]]) -> None:
    """While the identity's page is on it says nothing, although it is on; afterwards it does, if it still is."""
    become(LEAF, "ALARM")
    become("d all", "ALARM")
    gap._settle_suppressed()
    assert state(ROLL_UP) == "ALARM"
    assert (ROLL_UP, "ALARM") not in told
    become(LEAF, "OK")
    gap._settle_suppressed()
    assert (ROLL_UP, "ALARM") in told


def test_what_is_named_cannot_be_deleted(told: list[tuple[str, str]]) -> None:
    """As on AWS: a deployment that tried would fail here too."""
    with pytest.raises(ValueError, match="composite alarm"):
        cloudformation._delete_composite(CELL, {})
    cloudformation._delete_composite(HELD, {})
    cloudformation._delete_composite(CELL, {})
    assert CELL not in cloudwatch._composite_alarms
