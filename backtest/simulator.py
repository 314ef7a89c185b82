"""Sending traffic, seeded: how much is sent, what of it bounces or is complained about, and when one hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from backtest.mail import MINUTES_A_DAY, Counts, Feedback, Mail
from ses_feedback.config import Config

Floats = NDArray[np.float64]
START: Final = 29_453_760  # 2026-01-01T00:00Z in minutes since 1970, a Thursday
_NIGHT: Final = 0.25  # of the mean: what is sent in the smallest hours


class Delay(NamedTuple):
    """How long after the mail one hears of it: log-normal, ``median`` in minutes."""

    median: float
    sigma: float

    def draw(self, rng: Generator, number: int) -> Counts:
        """Return whole minutes."""
        return (self.median * np.exp(self.sigma * rng.standard_normal(number))).astype(np.int64)


# Most receivers refuse an unknown address while the mail is handed over; some accept it and send it back.
AT_ONCE: Final = Delay(1.0, 1.5)
# People complain when they read: half within six hours, one in twenty later than two days.
WHEN_READ: Final = Delay(360.0, 1.3)


@dataclass(frozen=True, slots=True)
class Sending:
    """What one identity sends, minute by minute.

    ``mails``: the expected number in each minute; ``bounce``: the share that bounces hard; ``complaint``: complaints
    per mail that reaches a receiver which reports them; ``reporting``: the share of such receivers. ``held[m]`` is the
    minute in which the mail of minute m is delivered, ``None`` where that is at once; ``bounces_held``: whether its
    bounces wait for the same.
    """

    mails: Floats
    bounce: Floats | float = 0.01
    complaint: Floats | float = 0.0002
    reporting: float = 0.6
    bounce_delay: Delay = AT_ONCE
    complaint_delay: Delay = WHEN_READ
    held: Counts | None = None
    bounces_held: bool = False


class Cohorts(NamedTuple):
    """The mail of an account by the minute it was sent in, and of each bad event when it was sent and heard of."""

    sent: Floats
    reporting: Floats
    bounces: tuple[Counts, Counts]
    complaints: tuple[Counts, Counts]


def simulate(
    config: Config, sendings: Mapping[str, Sending], seed: int, outages: tuple[tuple[int, int], ...] = ()
) -> tuple[Mail, Cohorts]:
    """Return the mail of some identities and the account's cohorts. The same seed gives the same mail.

    ``outages`` are from when to when, in minutes, nothing is counted; AWS counts all the same.
    """
    length = len(next(iter(sendings.values())).mails)
    made: dict[str, Feedback] = {}
    sent, reporting = np.zeros(length), np.zeros(length)
    bounces: list[tuple[Counts, Counts]] = []
    complaints: list[tuple[Counts, Counts]] = []
    for number, (name, sending) in enumerate(sendings.items()):
        rng = np.random.default_rng((seed, number))  # its own stream: another identity more changes no other
        arriving = sending.mails * (1 - np.asarray(sending.bounce))
        heard = rng.poisson(arriving * sending.reporting)
        silent = rng.poisson(arriving * (1 - sending.reporting))
        waiting = sending.held if sending.bounces_held else None
        bounced = _events(rng, sending.mails * sending.bounce, sending.bounce_delay, length, waiting)
        complained = _events(rng, arriving * sending.reporting * sending.complaint, sending.complaint_delay, length)
        counts = [_delivered(part, sending.held) for part in (heard + silent, heard)]
        counts += [np.bincount(at, minlength=length) for _, at in (bounced, complained)]
        at = np.flatnonzero(np.sum(counts, axis=0))
        made[name] = Feedback(at, *(part[at].astype(np.int64) for part in counts))
        sent += heard + silent + np.bincount(bounced[0], minlength=length)
        reporting += heard
        bounces.append(bounced)
        complaints.append(complained)
    cohorts = Cohorts(sent, reporting, _joined(bounces), _joined(complaints))
    return Mail(config, np.arange(START, START + length, dtype=np.int64), made, outages=outages), cohorts


def _events(
    rng: Generator, expected: Floats, delay: Delay, length: int, held: Counts | None = None
) -> tuple[Counts, Counts]:
    sent_at = np.repeat(np.arange(length), rng.poisson(expected))
    at = (sent_at if held is None else held[sent_at]) + delay.draw(rng, len(sent_at))
    inside = at < length
    return sent_at[inside], at[inside]


def _delivered(counts: Counts, held: Counts | None) -> Counts:
    if held is None:
        return counts
    return np.bincount(held, weights=counts, minlength=len(counts))[: len(counts)].astype(np.int64)


def _joined(events: list[tuple[Counts, Counts]]) -> tuple[Counts, Counts]:
    return np.concatenate([sent for sent, _ in events]), np.concatenate([at for _, at in events])


# --- shapes of sending ------------------------------------------------------------------------------------------------


def by_day(days: int, a_day: float) -> Floats:
    """Return mail that follows the day: quiet at night, most in the early afternoon (UTC)."""
    minute = np.arange(days * MINUTES_A_DAY)
    shape = 1 - (1 - _NIGHT) * np.cos(2 * np.pi * (minute - 90) / MINUTES_A_DAY)
    return a_day / MINUTES_A_DAY * shape


def weekdays(mails: Floats, weekend: float) -> Floats:
    """Return mail thinned to ``weekend`` of it on Saturdays and Sundays."""
    day = (START + np.arange(len(mails))) // MINUTES_A_DAY
    return np.where((day + 3) % 7 >= 5, weekend, 1.0) * mails  # day 0 of 1970 was a Thursday


def campaign(length: int, at: int, mails: float, minutes: int) -> Floats:
    """Return a mailing of ``mails`` at even pace over ``minutes`` from the minute ``at``."""
    made = np.zeros(length)
    made[at : at + minutes] = mails / minutes
    return made


def during(length: int, start: int, end: int) -> NDArray[np.bool_]:
    """Return which minutes lie from ``start`` up to ``end``."""
    minute = np.arange(length)
    return (minute >= start) & (minute < end)


def mixed(parts: list[tuple[Floats, Floats | float]]) -> tuple[Floats, Floats]:
    """Return the sum of several kinds of mail and the share of the whole that each one's share makes."""
    total = np.sum([mails for mails, _ in parts], axis=0)
    bad = np.sum([mails * share for mails, share in parts], axis=0)
    return total, np.divide(bad, total, out=np.zeros_like(total), where=total > 0)
