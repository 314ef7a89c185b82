"""Points that come late are seen as late as CloudWatch's guide says."""

from __future__ import annotations

import pytest

from local.late import LatePoints

HOUR = 3_600
NOW = 1_800_000_000.0


@pytest.mark.parametrize(("age", "wait"), [(0, 0), (HOUR, 0), (4 * HOUR, 2 * HOUR), (30 * HOUR, 48 * HOUR)])
@pytest.mark.parametrize("speed_up", [1, 60])
def test_a_point_is_stored_when_it_can_be_seen(age: float, wait: float, speed_up: float) -> None:
    """At once, after two hours, after two days; once."""
    seen: list[str] = []
    points = LatePoints(speed_up)
    points.take(NOW - age, NOW, lambda: seen.append("it"))
    points.release(NOW + wait / speed_up - 1)
    assert seen == ([] if wait else ["it"])
    points.release(NOW + wait / speed_up)
    points.release(NOW + 100 * HOUR)
    assert seen == ["it"]


def test_points_are_stored_in_the_order_in_which_they_can_be_seen() -> None:
    seen: list[int] = []
    points = LatePoints()
    for number, age in enumerate((30 * HOUR, 4 * HOUR, 5 * HOUR)):
        points.take(NOW - age, NOW, lambda number=number: seen.append(number))  # type: ignore[misc]
    points.release(NOW + 100 * HOUR)
    assert seen == [1, 2, 0]
