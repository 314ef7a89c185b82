"""When CloudWatch shows a point that is old when it comes. Pure, no clock.

PutMetricData (Amazon CloudWatch API Reference): "Data points with time stamps from 24 hours ago or longer can take at
least 48 hours to become available for GetMetricData or GetMetricStatistics from the time they are submitted. Data
points with time stamps between 3 and 24 hours ago can take as much as 2 hours to become available."

Nothing says whether the same holds for metrics out of logs (embedded metric format), nor how much longer than 48 hours
it may be. This is the worst case of what is said, for whatever way a point comes.
"""

from __future__ import annotations

from typing import Final

LATE_S: Final = 3 * 3_600
DAYS_LATE_S: Final = 24 * 3_600
HIDDEN_S: Final = 2 * 3_600
DAYS_HIDDEN_S: Final = 48 * 3_600


def hidden_s(age_s: float) -> int:
    """Return for how many seconds at most a point of this age (seconds, as it is submitted) cannot be seen."""
    if age_s >= DAYS_LATE_S:
        return DAYS_HIDDEN_S
    return HIDDEN_S if age_s >= LATE_S else 0
