"""Composite alarms with a suppressor: CloudWatch's *action suppression*."""

from __future__ import annotations

from cloudwatch.suppression import Suppression


def suppression() -> Suppression:
    """Told OK; waits 120 s for the suppressor, and 300 s after it."""
    return Suppression("OK", wait=120, extension=300)


def test_action_waits_for_the_suppressor_and_then_happens_once() -> None:
    """A change is told after the wait period, once."""
    it = suppression()
    assert it.decide("ALARM", suppressor_in_alarm=False, now=0) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=119) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=120) == "ALARM"
    assert it.decide("ALARM", suppressor_in_alarm=False, now=121) is None


def test_suppressor_holds_the_action_back_and_the_extension_after_it() -> None:
    """While the suppressor is on, and until its extension is over, nothing is told; then what still holds is."""
    it = suppression()
    assert it.decide("ALARM", suppressor_in_alarm=False, now=0) is None
    assert it.decide("ALARM", suppressor_in_alarm=True, now=60) is None
    assert it.decide("ALARM", suppressor_in_alarm=True, now=1_000) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=1_001) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=1_300) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=1_301) == "ALARM"


def test_change_that_is_over_by_then_is_never_told() -> None:
    """An alarm that came and went while it was held back wakes nobody."""
    it = suppression()
    it.decide("ALARM", suppressor_in_alarm=True, now=0)
    it.decide("OK", suppressor_in_alarm=True, now=50)
    assert it.decide("OK", suppressor_in_alarm=False, now=100) is None
    assert it.decide("OK", suppressor_in_alarm=False, now=500) is None
    it.decide("ALARM", suppressor_in_alarm=False, now=600)
    assert it.decide("OK", suppressor_in_alarm=False, now=610) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=700) is None, "the wait begins anew"


def test_suppressor_that_comes_back_starts_the_extension_anew() -> None:
    """The extension counts from the last time the suppressor went off."""
    it = suppression()
    it.decide("ALARM", suppressor_in_alarm=True, now=0)
    it.decide("ALARM", suppressor_in_alarm=False, now=10)
    it.decide("ALARM", suppressor_in_alarm=True, now=200)
    it.decide("ALARM", suppressor_in_alarm=False, now=210)
    assert it.decide("ALARM", suppressor_in_alarm=False, now=400) is None
    assert it.decide("ALARM", suppressor_in_alarm=False, now=510) == "ALARM"
