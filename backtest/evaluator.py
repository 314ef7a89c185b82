"""CloudWatch's evaluation of alarms at every minute at once.

Rules and words from the Amazon CloudWatch User Guide:

- *Alarm evaluation window*: the window slides, so at minute t a period of an hour is the 60 minutes that end with t.
- *Evaluating an alarm*: M out of N; an alarm whose periods together exceed a day is evaluated once an hour, on data up
  to the full hour (the guide's example does so three minutes past it).
- *Configuring how alarms treat missing data*: more periods are fetched than are judged, and the newest real ones count.
- *Composite alarms*: a rule over the states of other alarms, judged whenever one of them changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.alarms import Alarms, Metric, MetricAlarm
from backtest.vector_math import Points, evaluate
from cloudwatch import alarm_rule

OK: Final = 0
ALARM: Final = 1
INSUFFICIENT_DATA: Final = 2
STATES: Final = ("OK", "ALARM", "INSUFFICIENT_DATA")
# "The exact number depends"; the guide's own example judges 3 periods and fetches 5.
EXTRA_PERIODS: Final = 2
_DAY: Final = 24 * 60
_MINUTES_PAST: Final = 3
_KEEP: Final = -1

States = NDArray[np.int8]
Minutes = NDArray[np.int64]

_BREACHES: Final[Mapping[str, Callable[[Points, float], NDArray[np.bool_]]]] = {
    "GreaterThanOrEqualToThreshold": np.greater_equal,
    "GreaterThanThreshold": np.greater,
    "LessThanThreshold": np.less,
    "LessThanOrEqualToThreshold": np.less_equal,
}


class Samples(NamedTuple):
    """What a metric was given in each minute: the sum of the values, and how many there were.

    ``visible``: the index of the minute in which those of each minute can be seen; without it, at once.
    """

    total: Points
    number: Points
    visible: Minutes | None = None


class Source(Protocol):
    """Where metrics come from."""

    @property
    def minutes(self) -> Minutes:
        """Minutes since 1970 in order, one for each index; gaps are silence, and whole days long."""

    def samples(self, metric: Metric) -> Samples | None:
        """Return a metric's samples for each index, ``None`` where it never had one."""


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm changed to ``state`` at the evaluation that ends with the minute at ``index``."""

    index: int
    state: int


def play(alarms: Alarms, source: Source, keep: Callable[[str, States], None]) -> None:
    """Evaluate every alarm over the whole time and hand its states to ``keep``, children before composites.

    All alarms begin in OK, as those of a deployment that has been silent for a day. Metric alarms that no composite
    asks about are handed over and forgotten.
    """
    reader = _Reader(source)
    asked = frozenset().union(*(alarm_rule.children(composite.rule) for composite in alarms.composite))
    known: dict[str, States] = {}
    last_use = {name: at for at, c in enumerate(alarms.composite) for name in alarm_rule.children(c.rule)}
    ordered = sorted(alarms.metric, key=lambda alarm: last_use.get(alarm.name, -1))
    waiting = list(ordered)
    length = len(source.minutes)
    for alarm in [a for a in waiting if a.name not in asked]:
        keep(alarm.name, judge(alarm, reader))
        waiting.remove(alarm)
    for at, composite in enumerate(alarms.composite):
        needed = alarm_rule.children(composite.rule)
        for alarm in [a for a in waiting if a.name in needed]:
            known[alarm.name] = judge(alarm, reader)
            keep(alarm.name, known[alarm.name])
            waiting.remove(alarm)
        on = alarm_rule.met(
            composite.rule,
            lambda name, state: known[name] == STATES.index(state),
            lambda value: np.full(length, value),
        )
        known[composite.name] = on.astype(np.int8)
        keep(composite.name, known[composite.name])
        for name in needed:
            if last_use[name] == at:
                del known[name]
        if composite.name not in last_use:
            del known[composite.name]


class _Reader:
    """The series of alarms out of a source; running sums of the last few metrics are at hand."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sums: dict[tuple[str, str, object], tuple[_Sums, _Sums] | None] = {}
        self.minutes = source.minutes
        self.length = len(source.minutes)

    def window(self, metric: Metric) -> Points:
        """Return a metric's statistic over the period that ends with each minute; ``nan`` where it has no sample."""
        sums = self._running(metric)
        if sums is None:
            return np.full(self.length, np.nan)
        total, number = (of.last(metric.period) for of in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(number > 0, total / number if metric.statistic == "Average" else total, np.nan)

    def _running(self, metric: Metric) -> tuple[_Sums, _Sums] | None:
        key = (metric.namespace, metric.name, metric.dimensions)
        if key not in self._sums:
            if len(self._sums) >= 8:  # the four rates of one subject, and the next one's
                del self._sums[next(iter(self._sums))]
            samples = self._source.samples(metric)
            self._sums[key] = (
                None
                if samples is None
                else (_Sums(samples.total, samples.visible), _Sums(samples.number, samples.visible))
            )
        return self._sums[key]


class _Sums:
    """Sums of values over the periods that end with each minute, as far as they can be seen then."""

    def __init__(self, values: Points, visible: Minutes | None) -> None:
        self._running = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
        self._late: tuple[Minutes, Points, Minutes] | None = None
        if visible is not None:
            at = np.flatnonzero((visible > np.arange(len(values))) & (values != 0))
            self._late = (at, values[at], visible[at])

    def last(self, period: int) -> Points:
        """Return the sums over ``period`` points that end with each point; before the first there is nothing."""
        sums = self._running[1:].copy()
        if period < len(sums):
            sums[period:] -= self._running[1:-period]
        if self._late is not None:
            at, values, visible = self._late
            hidden = np.zeros(len(sums) + 1)
            np.add.at(hidden, at, values)
            np.subtract.at(hidden, np.minimum(np.minimum(visible, at + period), len(sums)), values)
            sums -= np.cumsum(hidden[:-1])
        return sums


def judge(alarm: MetricAlarm, reader: _Reader) -> States:
    """Return an alarm's state at each minute."""
    series = {identifier: reader.window(metric) for identifier, metric in alarm.metrics.items()}
    there = {identifier: _there(points, alarm) for identifier, points in series.items()}
    points = evaluate(alarm.math, series, reader.length, there)
    breaches = _BREACHES[alarm.comparison]
    if alarm.periods == 1 and not np.isnan(points).any():
        states = breaches(points, alarm.threshold).astype(np.int8)
    else:
        earlier = (
            evaluate(alarm.math, {i: _back(p, n * alarm.period) for i, p in series.items()}, reader.length, there)
            for n in range(1, alarm.periods + EXTRA_PERIODS)
        )
        states = _judge_with_gaps(alarm, itertools.chain((points,), earlier), breaches, reader.length)
    if alarm.periods * alarm.period > _DAY:
        states = _hourly(states, reader.minutes)
    return _kept(states)


def _back(points: Points, minutes: int) -> Points:
    """Return what a series was some minutes before each point; before the first there is nothing."""
    before = np.full(len(points), np.nan)
    if minutes < len(points):
        before[minutes:] = points[: len(points) - minutes]
    return before


def _there(points: Points, alarm: MetricAlarm) -> NDArray[np.bool_]:
    """Return whether a series has any data in the periods that are fetched at each evaluation."""
    there = ~np.isnan(points)
    if not there.all():
        each = [~np.isnan(_back(points, n * alarm.period)) for n in range(alarm.periods + EXTRA_PERIODS)]
        there = np.any(each, axis=0)
    return there


def _judge_with_gaps(
    alarm: MetricAlarm,
    fetched: Iterable[Points],
    breaches: Callable[[Points, float], NDArray[np.bool_]],
    length: int,
) -> States:
    """Return the states of an alarm, ``fetched`` being the points of each period that is fetched, newest first."""
    taken = np.zeros(length, np.int16)
    breaching = np.zeros(length, np.int16)
    for point in fetched:
        use = ~np.isnan(point) & (taken < alarm.periods)
        with np.errstate(invalid="ignore"):
            breaching += use & breaches(point, alarm.threshold)
        taken += use
    missing = alarm.periods - taken
    if alarm.missing == "breaching":
        breaching = breaching + missing
    settled = missing == 0
    if alarm.missing in ("breaching", "notBreaching"):
        settled = np.ones(length, bool)
    undecided = {"ignore": np.full(length, _KEEP)}.get(alarm.missing, np.where(taken > 0, ALARM, INSUFFICIENT_DATA))
    states = np.where(settled | (breaching < taken), OK, undecided)
    return np.where(breaching >= alarm.needed, ALARM, states).astype(np.int8)


def _hourly(states: States, minutes: Minutes) -> States:
    """Return the states of an alarm that is evaluated three minutes past the hour, on data up to the hour."""
    evaluated = (minutes + 1) % 60 == _MINUTES_PAST
    data = np.full(len(states), OK, np.int8)
    data[_MINUTES_PAST:] = states[:-_MINUTES_PAST]
    return np.where(evaluated, data, _KEEP).astype(np.int8)


def _kept(states: States) -> States:
    """Return states with "as it was" replaced by what was; at first that is OK."""
    if not (states == _KEEP).any():
        return states
    last = np.maximum.accumulate(np.where(states == _KEEP, -1, np.arange(len(states))))
    return np.where(last < 0, OK, states[last]).astype(np.int8)


def changes(states: States) -> list[Change]:
    """Return when an alarm that begins in OK changes, and to what."""
    before = np.concatenate((np.array([OK], np.int8), states[:-1]))
    return [Change(int(at), int(states[at])) for at in np.flatnonzero(states != before)]
