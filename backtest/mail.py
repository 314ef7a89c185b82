"""Counted mail by minute, and the metrics that the deployment makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backtest.alarms import Metric
from backtest.evaluator import Minutes, Samples
from cloudwatch.lateness import DAYS_LATE_S, LATE_S, hidden_s
from ses_feedback import naming
from ses_feedback.config import Config

COUNTS: Final[Mapping[str, str]] = {
    naming.METRIC_DELIVERED: "delivered",
    naming.METRIC_DELIVERED_REPORTING: "delivered_reporting",
    naming.METRIC_HARD_BOUNCED: "hard_bounced",
    naming.METRIC_COMPLAINED: "complained",
}
MINUTES_A_DAY: Final = 24 * 60
# Silence is the same however long: a longer one is cut to this. No alarm looks back further (CloudWatch: 7 days, and
# a few periods more where points are missing), and whole days keep the minute of the hour.
LONGEST_SILENCE: Final = 40 * MINUTES_A_DAY
# What waited in an outage of counting is counted within so many minutes after it, the oldest first.
DRAIN: Final = 20
QUEUE_AGE: Final = ("AWS/SQS", "ApproximateAgeOfOldestMessage")
_LATE: Final[Mapping[str, int]] = {naming.METRIC_LATE: LATE_S // 60, naming.METRIC_DAYS_LATE: DAYS_LATE_S // 60}

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One identity's counts: ``at`` are indices into the minutes of the mail, in any order; repeated ones add up."""

    at: Counts
    delivered: Counts
    delivered_reporting: Counts
    hard_bounced: Counts
    complained: Counts


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail of a deployment: a ``Source`` of the metrics its Lambdas would emit.

    ``extra`` are further series by namespace, name and dimensions, such as AWS's own rates. ``outages`` are when
    nothing was counted, each from an index of a minute up to another: what came meanwhile is counted afterwards, and
    CloudWatch shows it as late as it may.
    """

    config: Config
    minutes: Minutes
    identities: Mapping[str, Feedback]
    extra: dict[tuple[str, str], Samples] = field(default_factory=dict)
    outages: tuple[tuple[int, int], ...] = ()

    def samples(self, metric: Metric) -> Samples | None:
        """Return the samples of a metric: those of the identities that its dimensions cover, one for each minute."""
        if (metric.namespace, metric.name) == QUEUE_AGE:
            return self._age() if self.outages else None
        if metric.namespace != naming.METRIC_NAMESPACE:
            return self.extra.get((metric.namespace, metric.name)) if not metric.dimensions else None
        parts = [self.identities[name] for name in self._covered(dict(metric.dimensions)) if name in self.identities]
        if not parts:
            return None
        if metric.name in _LATE:
            return self._late(parts, _LATE[metric.name]) if self.outages else None
        return Samples(self.counted(metric.name, parts), self._number(parts), self.visible())

    def _covered(self, dimensions: Mapping[str, str]) -> Iterable[str]:
        identity = dimensions.get(naming.DIMENSION_IDENTITY)
        environment = dimensions.get(naming.DIMENSION_ENVIRONMENT)
        for name, known in self.config.identities.items():
            if identity in (None, name) and environment in (None, known.environment):
                yield name

    def counted(self, name: str, parts: Iterable[Feedback]) -> NDArray[np.float64]:
        """Return a rate metric's values for each minute over some identities."""
        total = np.zeros(len(self.minutes))
        for part in parts:
            total += np.bincount(part.at, weights=getattr(part, COUNTS[name]), minlength=len(total))
        return total

    def counted_at(self) -> Minutes:
        """Return for each minute the index of that in which what came then is counted."""
        at = np.arange(len(self.minutes))
        for start, end in self.outages:
            at[start:end] = end + np.arange(end - start) * DRAIN // (end - start)
        return np.minimum(at, len(at) - 1)

    def visible(self) -> Minutes | None:
        """Return for each minute the index of that in which CloudWatch shows its counts, ``None`` where at once."""
        if not self.outages:
            return None
        at = self.counted_at()
        hidden = [hidden_s(60 * int(age)) // 60 for age in at - np.arange(len(at))]
        return at + np.array(hidden, np.int64)

    def _late(self, parts: Iterable[Feedback], minutes: int) -> Samples:
        """Return how many events were counted in each minute that were so late."""
        at = self.counted_at()
        late = at - np.arange(len(at)) >= minutes
        # Those delivered to receivers that report complaints are among those delivered.
        kinds = [name for name in COUNTS if name != naming.METRIC_DELIVERED_REPORTING]
        total = np.zeros(len(at))
        for name in kinds:
            np.add.at(total, at[late], self.counted(name, parts)[late])
        return Samples(total, (total > 0).astype(np.float64))

    def _age(self) -> Samples:
        """Return the age of the oldest notification that waits to be counted, in seconds."""
        index = np.arange(len(self.minutes), dtype=np.float64)
        oldest = index.copy()
        for start, end in self.outages:
            oldest[start:end] = start
            drained = np.arange(DRAIN) * (end - start) // DRAIN
            oldest[end : end + DRAIN] = start + drained[: len(oldest) - end]
        return Samples((index - oldest) * 60.0, np.ones(len(index)))

    def _number(self, parts: Iterable[Feedback]) -> NDArray[np.float64]:
        number = np.zeros(len(self.minutes))
        for part in parts:
            number[part.at] += 1
        return number


def shorten(minutes: Counts, tail: int) -> tuple[Minutes, Counts]:
    """Return a time that covers some minutes since 1970 and ``tail`` more, and where in it each of them is.

    Silences longer than ``LONGEST_SILENCE`` are cut by whole days.
    """
    present = np.unique(minutes)
    gaps = np.diff(present)
    surplus = np.maximum(gaps - LONGEST_SILENCE, 0) // MINUTES_A_DAY * MINUTES_A_DAY
    cut = np.concatenate(([0], np.cumsum(surplus)))
    places = present - present[0] - cut
    length = int(places[-1]) + 1 + tail
    # Each stretch of the shortened time is as much later than it seems as was cut before it.
    offset = np.zeros(length, np.int64)
    for place, amount in zip(places[1:][surplus > 0], surplus[surplus > 0], strict=True):
        offset[place:] += amount
    return np.arange(length, dtype=np.int64) + present[0] + offset, places[np.searchsorted(present, minutes)]
