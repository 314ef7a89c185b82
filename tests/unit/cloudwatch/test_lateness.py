"""When CloudWatch shows what comes late."""

from __future__ import annotations

import pytest

from cloudwatch.lateness import hidden_s

HOUR = 3_600


@pytest.mark.parametrize(
    ("age", "hours"), [(0, 0), (3 * HOUR - 1, 0), (3 * HOUR, 2), (24 * HOUR - 1, 2), (24 * HOUR, 48), (300 * HOUR, 48)]
)
def test_old_points_take_as_long_as_the_guide_says(age: float, hours: int) -> None:
    """2 hours from 3 hours of age on, 48 from a day on."""
    assert hidden_s(age) == hours * HOUR
