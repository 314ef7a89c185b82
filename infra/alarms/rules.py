"""The rules of the rate alarms as data, made from thresholds: their structure is the backtest's (ADR 13). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from infra.alarms.kinds import BOUNCE_RATE, COMPLAINT_RATE, PAGE, WARN, AlarmKind, Severity
from ses_feedback import naming
from ses_feedback.config.model import RateThresholds, Thresholds
from ses_feedback.domain.times import SECOND

MINUTE_S: Final = 60
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
        hours, rest = divmod(self.period_s, HOUR_S)
        window = f"{self.period_s // MINUTE_S} min" if rest else f"{hours} h"
        return f"{percent(self.threshold)} within {window} (and {self.floor} or more)"


def percent(fraction: float) -> str:
    """Return a fraction as people write it: 0.0008 is ``0.08%``."""
    return f"{float(f'{fraction * 100:.6g}'):f}".rstrip("0").rstrip(".") + "%"


_BOUNCE_DAYS: Final = ("bounce", "days")
_BOUNCE_WARN: Final = ("bounce", "warn")
_COMPLAINT_DAY: Final = ("complaint", "day")
_COMPLAINT_WEEK: Final = ("complaint", "week")


def rate_rules(thresholds: Thresholds) -> tuple[RateRule, ...]:
    """Return the rules of the alarms of one identity, environment or deployment, the same nine for any thresholds.

    Conditions look back at least twice as far as what they condition, and never less than with the defaults: how late
    feedback is does not depend on when somebody wants to hear of it.
    """
    return (*_bounce_rules(thresholds.bounce), *_complaint_rules(thresholds.complaint))


def _bounce_rules(bounce: RateThresholds) -> tuple[RateRule, ...]:
    fast_s, slow_s = bounce.fast_window // SECOND, bounce.slow_window // SECOND
    days_s = min(max(3 * slow_s, DAYS_S), WEEK_S)
    slow, days = bounce.slow_floor, float(Decimal(str(bounce.warn)) * 8 / 10)
    return (
        RateRule(BOUNCE_RATE, PAGE, ("bounce", "page", "fast"), fast_s, bounce.fast_floor, bounce.page, _BOUNCE_WARN),
        RateRule(BOUNCE_RATE, PAGE, ("bounce", "page", "slow"), slow_s, slow, bounce.page, _BOUNCE_DAYS),
        RateRule(BOUNCE_RATE, WARN, _BOUNCE_WARN, slow_s, slow, bounce.warn, _BOUNCE_DAYS),
        RateRule(BOUNCE_RATE, None, _BOUNCE_DAYS, days_s, slow, days),
    )


def _complaint_rules(complaint: RateThresholds) -> tuple[RateRule, ...]:
    fast_s, slow_s = complaint.fast_window // SECOND, complaint.slow_window // SECOND
    day_s = max(2 * fast_s, DAY_S)  # a day where that is enough: longer windows CloudWatch evaluates once an hour
    fast, slow, page, warn = complaint.fast_floor, complaint.slow_floor, complaint.page, complaint.warn
    return (
        RateRule(COMPLAINT_RATE, PAGE, ("complaint", "page", "fast"), fast_s, fast, page, _COMPLAINT_DAY),
        RateRule(COMPLAINT_RATE, PAGE, ("complaint", "page", "slow"), slow_s, slow, page, _COMPLAINT_WEEK),
        RateRule(COMPLAINT_RATE, WARN, ("complaint", "warn"), slow_s, slow, warn, _COMPLAINT_WEEK),
        RateRule(COMPLAINT_RATE, None, _COMPLAINT_DAY, day_s, fast, warn),
        RateRule(COMPLAINT_RATE, None, _COMPLAINT_WEEK, WEEK_S, slow, warn),
    )


def levels(thresholds: Thresholds, severity: Severity) -> str:
    """Return in words the rates from which on-call is told, of an alarm that watches both."""
    bounce, complaint = (getattr(rate, severity) for rate in (thresholds.bounce, thresholds.complaint))
    return f"{percent(bounce)} hard bounces or {percent(complaint)} complaints, or more"


RATE_RULES: Final = rate_rules(Thresholds())  # of the defaults; their number and what they read is that of any
# AWS's own rates: the same levels, for the account and for each configuration set.
REPUTATION_LEVELS: Final = {"bounce": {PAGE: 0.04, WARN: 0.03}, "complaint": {PAGE: 0.0008, WARN: 0.0005}}
