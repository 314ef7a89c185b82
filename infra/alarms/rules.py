"""The rules of the rate alarms as data: DESIGN section 8, to be changed only after a backtest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.alarms.kinds import BOUNCE_RATE, COMPLAINT_RATE, PAGE, WARN, AlarmKind, Severity
from ses_feedback import naming

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S


DAYS_S: Final = 3 * DAY_S
WEEK_S: Final = 7 * DAY_S  # CloudWatch's longest
Label = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RateRule:
    """One rate alarm: ``label`` ends its name; ``floor`` the least bad events; ``threshold`` a fraction.

    ``severity`` ``None``: it tells nobody and is only a condition. ``needs`` is the label of the condition under which
    this one counts: feedback comes later than its mail, so that the quiet hours or days after a large mailing have bad
    events and hardly any mail. Over the longer period the mailing is still there, and the rate is what it is.
    """

    kind: AlarmKind
    severity: Severity | None
    label: Label
    period_s: int
    floor: int
    threshold: float
    needs: Label | None = None

    def metrics(self) -> dict[str, str]:
        """Return the metric of each variable of the expression."""
        if self.kind is BOUNCE_RATE:
            return {"b": naming.METRIC_HARD_BOUNCED, "d": naming.METRIC_DELIVERED}
        return {"c": naming.METRIC_COMPLAINED, "r": naming.METRIC_DELIVERED_REPORTING}

    def expression(self) -> str:
        """Return the metric math: a rate, or 0 where fewer bad events than the floor.

        FILL keeps CloudWatch from reaching back for data when a point is missing, so that silence ends the alarm.
        """
        if self.kind is BOUNCE_RATE:
            return f"IF(FILL(b,0) >= {self.floor}, FILL(b,0) / (FILL(b,0) + FILL(d,0)), 0)"
        return f"IF(FILL(c,0) >= {self.floor} AND FILL(r,0) > 0, FILL(c,0) / FILL(r,0), 0)"

    def level(self) -> str:
        """Return the threshold in words."""
        return f"{percent(self.threshold)} within {self.period_s // HOUR_S} h (and {self.floor} or more)"


def percent(fraction: float) -> str:
    """Return a fraction as people write it: 0.0008 is ``0.08%``."""
    return f"{fraction * 100:g}%"


_BOUNCE_DAYS: Final = ("bounce", "days")
_BOUNCE_WARN: Final = ("bounce", "warn")
_COMPLAINT_DAY: Final = ("complaint", "day")
_COMPLAINT_WEEK: Final = ("complaint", "week")
RATE_RULES: Final = (
    RateRule(BOUNCE_RATE, PAGE, ("bounce", "page", "fast"), HOUR_S, 50, 0.04, _BOUNCE_WARN),
    RateRule(BOUNCE_RATE, PAGE, ("bounce", "page", "slow"), DAY_S, 30, 0.04, _BOUNCE_DAYS),
    RateRule(BOUNCE_RATE, WARN, _BOUNCE_WARN, DAY_S, 30, 0.025, _BOUNCE_DAYS),
    RateRule(BOUNCE_RATE, None, _BOUNCE_DAYS, DAYS_S, 30, 0.02),
    RateRule(COMPLAINT_RATE, PAGE, ("complaint", "page", "fast"), 6 * HOUR_S, 20, 0.0008, _COMPLAINT_DAY),
    RateRule(COMPLAINT_RATE, PAGE, ("complaint", "page", "slow"), DAYS_S, 15, 0.0008, _COMPLAINT_WEEK),
    RateRule(COMPLAINT_RATE, WARN, ("complaint", "warn"), DAYS_S, 15, 0.0005, _COMPLAINT_WEEK),
    RateRule(COMPLAINT_RATE, None, _COMPLAINT_DAY, DAY_S, 20, 0.0005),
    RateRule(COMPLAINT_RATE, None, _COMPLAINT_WEEK, WEEK_S, 15, 0.0005),
)
# AWS's own rates: the same levels, for the account and for each configuration set.
REPUTATION_LEVELS: Final = {"bounce": {PAGE: 0.04, WARN: 0.03}, "complaint": {PAGE: 0.0008, WARN: 0.0005}}
