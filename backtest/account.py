"""AWS's own account-wide rates, under assumptions about what AWS keeps to itself.

AWS computes a rate "over a representative volume" that it does not disclose. Assumed here: the newest V mails of the
account by the time they were sent, and of these what is known to have bounced (or been complained about) by now;
complaints per mail to receivers that report them. V is the account's usual mail of some days.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from backtest.evaluator import Samples
from backtest.mail import MINUTES_A_DAY, Counts
from backtest.simulator import Cohorts, Floats

# Fewer mails represent nobody's sending. Of 10,000 mails to receivers that report, ten complaints are the line: a
# healthy sender would come under review by chance now and then, so that AWS cannot look at so few.
LEAST_VOLUME: Final = {"bounce": 10_000, "complaint": 20_000}
VOLUME_DAYS: Final = (1, 7, 30)
_PUBLISHED_EVERY: Final = 60  # minutes: the guide's own alarm averages over an hour


class Rates(NamedTuple):
    """AWS's rates in each minute, fractions."""

    bounce: Floats
    complaint: Floats


class Volume(NamedTuple):
    """A representative volume: mails for the bounce rate, mails to receivers that report for the complaint rate."""

    mails: int
    reporting: int


def volume(cohorts: Cohorts, days: int, usual: int) -> Volume:
    """Return the representative volume that is ``days`` days of mail, as of the first ``usual`` days."""
    first = usual * MINUTES_A_DAY
    mails, reporting = (each[:first].sum() / usual * days for each in (cohorts.sent, cohorts.reporting))
    return Volume(max(LEAST_VOLUME["bounce"], round(mails)), max(LEAST_VOLUME["complaint"], round(reporting)))


def rates(cohorts: Cohorts, representative: Volume) -> Rates:
    """Return AWS's rates over the newest mails; what was sent before the first minute was good."""
    return Rates(
        _rate(cohorts.sent, cohorts.bounces, representative.mails),
        _rate(cohorts.reporting, cohorts.complaints, representative.reporting),
    )


def _rate(mails: Floats, events: tuple[Counts, Counts], newest: int) -> Floats:
    sent = np.cumsum(mails)
    # The first minute whose mail is still among the newest.
    since = np.searchsorted(sent, sent - newest, side="right")
    whole = sent - np.where(since > 0, sent[since - 1], 0)
    return _known(events, since, len(sent)) / np.maximum(whole, newest)


def _known(events: tuple[Counts, Counts], since: Counts, length: int) -> Floats:
    """Return how many events are known in each minute of mail that is still among the newest."""
    sent_at, at = events
    over = np.searchsorted(since, sent_at, side="right")  # the first minute in which its mail is too old
    live = over > at
    change = np.bincount(at[live], minlength=length + 1) - np.bincount(over[live], minlength=length + 1)
    return np.cumsum(change)[:length].astype(np.float64)


def published(values: Floats) -> Samples:
    """Return a rate as AWS/SES metrics have it: one sample an hour."""
    number = np.zeros(len(values))
    number[::_PUBLISHED_EVERY] = 1
    return Samples(values * number, number)


def crossed(values: Floats, line: float, onset: int) -> int | None:
    """Return the first minute from ``onset`` on in which a rate is at the line or over it."""
    over = np.flatnonzero(values[onset:] >= line)
    return int(over[0]) + onset if len(over) else None
