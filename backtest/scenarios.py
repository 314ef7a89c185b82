"""The kinds of traffic that are played: healthy ones over a year, harmful ones with the minute their harm begins."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.mail import MINUTES_A_DAY
from backtest.simulator import Delay, Sending, by_day, campaign, during, mixed, weekdays
from ses_feedback.config import Config, parse

HOUR: Final = 60
DAY: Final = MINUTES_A_DAY
YEAR_DAYS: Final = 365
WARM_UP_DAYS: Final = 45  # longer than the longest representative volume assumed
Sendings = Mapping[str, Sending]
Outages = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of traffic. ``onset`` is the minute harm begins, ``None`` where there is none.

    ``culprit``: whose mail does it, ``None`` where it is many identities together. ``short`` is how many days are
    enough in the tests. ``apart``: each identity is an environment of its own; else all are in one. ``outages`` are
    from when to when nothing is counted, and ``seen`` is the minute from which the harm can be seen, if that is later.
    """

    name: str
    says: str
    days: int
    make: Callable[[int], Sendings]
    onset: int | None = None
    culprit: str | None = None
    rate: str = "bounce"
    short: int = 60
    apart: bool = False
    outages: Outages = ()
    seen: int | None = None

    @property
    def harmful(self) -> bool:
        """Whether somebody must be paged."""
        return self.onset is not None

    def sendings(self, days: int | None = None) -> Sendings:
        """Return what is sent; ``days`` other than the scenario's own only where nothing harmful is to come."""
        return self.make(days or self.days)


def configuration(sendings: Sendings, *, apart: bool = False) -> Config:
    """Return the configuration of a deployment with these identities, all in production or each in its own."""
    values = tomllib.loads('[on_call]\npage = [{ email = "oncall@example.com" }]')
    identities = {name: {"environment": name.partition(".")[0]} if apart else {} for name in sendings}
    return parse({**values, "identities": identities})


def _names(number: int) -> list[str]:
    return [f"s{at:02d}.example.com" for at in range(number)]


# --- healthy ----------------------------------------------------------------------------------------------------------
# Healthy is what AWS calls good: under 2% bounces, and complaints well under 0.1%.


def _steady(days: int) -> Sendings:
    volumes = (300, 700, 1_000, 2_000, 5_000, 10_000, 25_000, 60_000, 150_000, 400_000)
    return {
        name: Sending(by_day(days, volume), bounce=0.015 if at % 2 else 0.008, complaint=0.0002)
        for at, (name, volume) in enumerate(zip(_names(len(volumes)), volumes, strict=True))
    }


def _weekly(days: int) -> Sendings:
    made = {}
    for name, volume, weekend in zip(_names(4), (800, 4_000, 20_000, 100_000), (0.3, 0.05, 0.0, 0.1), strict=True):
        mails = weekdays(by_day(days, volume), weekend)
        tuesdays = (
            campaign(len(mails), week * 7 * DAY + 5 * DAY + 9 * HOUR, volume * 3, 2 * HOUR) for week in range(days // 7)
        )
        made[name] = Sending(np.sum([mails, *tuesdays], axis=0), bounce=0.015, complaint=0.0002)
    return made


def _low_volume(days: int) -> Sendings:
    small = {
        name: Sending(by_day(days, volume), bounce=share, complaint=0.0003)
        for name, volume, share in zip(
            _names(8),
            (5, 13, 13, 30, 60, 100, 150, 200),
            (0.08, 0.077, 0.077, 0.06, 0.05, 0.04, 0.03, 0.03),
            strict=True,
        )
    }
    return {**small, "shop.example.com": Sending(by_day(days, 20_000), bounce=0.006)}


def _good_campaign(days: int) -> Sendings:
    base = by_day(days, 5_000)
    big = [campaign(len(base), at * DAY + 9 * HOUR, 1_000_000, 3 * HOUR) for at in range(20, days, 60)]
    mails, bounce = mixed([(base, 0.008), (np.sum([np.zeros(len(base)), *big], axis=0), 0.018)])
    news = [campaign(len(base), at * DAY + 14 * HOUR, 200_000, 2 * HOUR) for at in range(5, days, 30)]
    return {
        "example.com": Sending(mails, bounce=bounce, complaint=0.0002),
        "news.example.com": Sending(np.sum([np.zeros(len(base)), *news], axis=0), bounce=0.015, complaint=0.0003),
    }


def _delayed(days: int) -> Sendings:
    length = days * DAY
    late = Delay(120.0, 1.0)  # half within two hours, one in a hundred after twenty
    weekly = np.sum([campaign(length, at * DAY + 9 * HOUR, 500_000, 2 * HOUR) for at in range(0, days, 7)], axis=0)
    return {
        "news.example.com": Sending(weekly, bounce=0.015, complaint=0.0002, bounce_delay=late),
        "example.com": Sending(weekdays(by_day(days, 30_000), 0.05), bounce=0.012, bounce_delay=late),
    }


def _gmail(days: int) -> Sendings:
    return {
        name: Sending(by_day(days, volume), bounce=0.01, complaint=0.0003, reporting=0.08)
        for name, volume in zip(_names(4), (3_000, 20_000, 100_000, 400_000), strict=True)
    }


def _outage(days: int) -> Sendings:
    made = {}
    for number, (name, volume) in enumerate(zip(_names(3), (3_000, 30_000, 200_000), strict=True)):
        mails = by_day(days, volume)
        held = np.arange(len(mails))
        for at in range(10 + number, days, 30):
            start = at * DAY + (4 + 5 * number) * HOUR
            out = during(len(mails), start, start + (4, 8, 12)[at // 30 % 3] * HOUR)
            # What waited is delivered within the hour after the outage; addresses without a domain bounce meanwhile.
            end = start + int(out.sum())
            held[out] = end + (np.flatnonzero(out) - start) % HOUR
        made[name] = Sending(mails, bounce=0.012, complaint=0.0002, held=np.minimum(held, len(mails) - 1))
    return made


def _bursts(days: int) -> Sendings:
    made = {}
    for name, volume, every in zip(_names(3), (2_000, 20_000, 150_000), (HOUR, 4 * HOUR, 6 * HOUR), strict=True):
        mails = by_day(days, volume)
        minute = np.arange(len(mails))
        # Greylisted at first: two of three minutes' mail gets through only when the queue is tried again.
        held = np.where(minute % 3 > 0, np.minimum((minute // every + 1) * every, len(mails) - 1), minute)
        made[name] = Sending(mails, bounce=0.014, complaint=0.0002, held=held, bounces_held=True)
    return made


# Whole mailings are counted late, and what is later than its mail is seen before it. Every other time it takes a day.
_OUTAGES: Final = tuple(
    (at * DAY + 8 * HOUR + 50, at * DAY + 8 * HOUR + 50 + (5, 30)[number % 2] * HOUR)
    for number, at in enumerate(range(21, YEAR_DAYS, 14))
)


def _counting_outage(days: int) -> Sendings:
    late = Delay(120.0, 1.0)
    base = by_day(days, 3_000)
    news = [campaign(len(base), at * DAY + 9 * HOUR, 300_000, HOUR) for at in range(0, days, 7)]
    return {
        "news.example.com": Sending(np.sum([base, *news], axis=0), bounce=0.015, complaint=0.0002, bounce_delay=late),
        "example.com": Sending(by_day(days, 30_000), bounce=0.012, bounce_delay=late),
        "small.example.com": Sending(by_day(days, 700), bounce=0.015),
    }


# --- harmful ----------------------------------------------------------------------------------------------------------

_ONSET: Final = WARM_UP_DAYS * DAY + 10 * HOUR


def _bad_import(days: int, late: Delay | None = None) -> Sendings:
    base = by_day(days, 20_000)
    bad = campaign(len(base), _ONSET, 8_000, 2 * HOUR)
    mails, bounce = mixed([(base, 0.008), (bad, 0.35)])
    sending = Sending(mails, bounce=bounce) if late is None else Sending(mails, bounce=bounce, bounce_delay=late)
    return {"shop.example.com": sending, "example.com": Sending(by_day(days, 5_000))}


def _stroke(days: int) -> Sendings:
    # As the hour strikes, so that the fast window ends before the slow page's condition is evaluated again.
    base = by_day(days, 1_000)
    mails, bounce = mixed([(base, 0.008), (campaign(len(base), _ONSET, 1_500, 2), 0.4)])
    return {"shop.example.com": Sending(mails, bounce=bounce)}


def _small_import(days: int) -> Sendings:
    base = by_day(days, 2_000)
    mails, bounce = mixed([(base, 0.01), (campaign(len(base), _ONSET, 1_500, HOUR), 0.5)])
    return {"shop.example.com": Sending(mails, bounce=bounce)}


def _old_list(days: int) -> Sendings:
    base = by_day(days, 20_000)
    mails, bounce = mixed([(base, 0.008), (campaign(len(base), _ONSET, 300_000, 3 * HOUR), 0.12)])
    return {"example.com": Sending(mails, bounce=bounce)}


def _rot(volume: float, last: float) -> Callable[[int], Sendings]:
    def make(days: int) -> Sendings:
        mails = by_day(days, volume)
        begun = np.maximum(np.arange(len(mails)) - _ONSET, 0) / (len(mails) - _ONSET)
        return {"example.com": Sending(mails, bounce=0.01 + (last - 0.01) * begun)}

    return make


def _one_of_fifty(days: int) -> Sendings:
    made = {name: Sending(by_day(days, 3_000), bounce=0.01) for name in _names(50)}
    mails = by_day(days, 3_000)
    wild = np.where(np.arange(len(mails)) >= _ONSET, 8.0, 1.0) * mails
    made["s17.example.com"] = Sending(wild, bounce=np.where(np.arange(len(mails)) >= _ONSET, 0.5, 0.01))
    return made


def _many_small(days: int) -> Sendings:
    mails = by_day(days, 120)
    grown = np.where(np.arange(len(mails)) >= _ONSET, 0.09, 0.01)
    return {name: Sending(mails, bounce=grown) for name in _names(60)}


def _complaint_wave(days: int) -> Sendings:
    base = by_day(days, 40_000)
    mails, complaint = mixed([(base, 0.0001), (campaign(len(base), _ONSET, 30_000, 2 * HOUR), 0.008)])
    return {"news.example.com": Sending(mails, complaint=complaint), "example.com": Sending(by_day(days, 10_000))}


def _small_complaints(days: int) -> Sendings:
    mails = by_day(days, 5_000)
    return {"example.com": Sending(mails, complaint=np.where(np.arange(len(mails)) >= _ONSET, 0.004, 0.0001))}


def _gmail_complaints(days: int) -> Sendings:
    mails = by_day(days, 60_000)
    grown = np.where(np.arange(len(mails)) >= _ONSET, 0.005, 0.0002)
    return {"example.com": Sending(mails, complaint=grown, reporting=0.08)}


def _complaint_creep(days: int) -> Sendings:
    mails = by_day(days, 60_000)
    begun = np.maximum(np.arange(len(mails)) - _ONSET, 0) / (len(mails) - _ONSET)
    return {"example.com": Sending(mails, complaint=0.0001 + 0.0019 * begun)}


_LATE: Final = Delay(180.0, 1.0)
_DURING: Final = ((_ONSET - HOUR, _ONSET + 4 * HOUR),)
_BEFORE: Final = ((_ONSET - 36 * HOUR, _ONSET - 6 * HOUR),)

SCENARIOS: Final = (
    Scenario("steady", "ten senders, 300 to 400,000 mails a day, 0.8% or 1.5% bounces, 0.02% complaints", 365, _steady),
    Scenario("weekly-cycles", "work days only, and a mailing of three days' mail each Tuesday", 365, _weekly),
    Scenario("low-volume", "eight senders of 5 to 200 mails a day, 3% to 8% bounces, beside a shop", 365, _low_volume),
    Scenario(
        "big-campaign", "a million mails in three hours to a good list, and a monthly newsletter", 365, _good_campaign
    ),
    Scenario(
        "delayed-bounces",
        "bounces hours after the mail, of a weekly newsletter of 500,000 and of daily mail",
        365,
        _delayed,
    ),
    Scenario("gmail-heavy", "one receiver in twelve reports complaints", 365, _gmail),
    Scenario("delivery-outage", "nothing is delivered for 4 to 12 hours a month, bounces go on", 365, _outage),
    Scenario("retry-bursts", "two mails of three are delivered only when a queue is tried again", 365, _bursts),
    Scenario(
        "counting-outage",
        "counting stops for 5 or 30 hours every other week, a newsletter of 300,000 in it, bounces hours later",
        365,
        _counting_outage,
        outages=_OUTAGES,
    ),
    Scenario("bad-import", "8,000 imported addresses, 35% of them dead", 75, _bad_import, _ONSET, "shop.example.com"),
    Scenario(
        "bad-import-late",
        "the same, but the bounces come hours later",
        75,
        lambda days: _bad_import(days, _LATE),
        _ONSET,
        "shop.example.com",
    ),
    Scenario(
        "import-uncounted",
        "bad-import while counting stops for 5 hours",
        75,
        _bad_import,
        _ONSET,
        "shop.example.com",
        outages=_DURING,
        seen=_DURING[0][1] + 2 * HOUR,  # by then CloudWatch shows all of it
    ),
    Scenario(
        "import-after-outage",
        "bad-import six hours after counting stopped for 30",
        75,
        _bad_import,
        _ONSET,
        "shop.example.com",
        outages=_BEFORE,
    ),
    Scenario(
        "small-import", "1,500 addresses at 2,000 mails a day, 50% dead", 75, _small_import, _ONSET, "shop.example.com"
    ),
    Scenario("stroke", "1,500 mails as the hour strikes, 40% dead", 75, _stroke, _ONSET, "shop.example.com"),
    Scenario("old-list", "300,000 mails in three hours to an old list, 12% dead", 75, _old_list, _ONSET, "example.com"),
    Scenario(
        "list-rot",
        "30,000 mails a day, from 1% to 9% in four months",
        165,
        _rot(30_000, 0.09),
        _ONSET,
        "example.com",
        short=165,
    ),
    Scenario(
        "small-list-rot",
        "1,000 mails a day, from 1% to 12% in four months",
        165,
        _rot(1_000, 0.12),
        _ONSET,
        "example.com",
        short=165,
    ),
    Scenario(
        "one-of-fifty",
        "fifty senders of 3,000 a day; one sends eight times as much, half of it dead",
        75,
        _one_of_fifty,
        _ONSET,
        "s17.example.com",
    ),
    Scenario(
        "many-small", "sixty senders of 120 mails a day, all at 9% from one day on", 90, _many_small, _ONSET, None
    ),
    Scenario(
        "many-environments",
        "the same, each sender an environment of its own",
        90,
        _many_small,
        _ONSET,
        apart=True,
    ),
    Scenario(
        "complaint-wave",
        "a mailing of 30,000 that 0.8% complain about",
        75,
        _complaint_wave,
        _ONSET,
        "news.example.com",
        "complaint",
    ),
    Scenario(
        "small-complaints",
        "5,000 mails a day, 0.4% complaints from one day on",
        75,
        _small_complaints,
        _ONSET,
        "example.com",
        "complaint",
    ),
    Scenario(
        "complaint-creep",
        "from 0.01% to 0.2% in two months",
        105,
        _complaint_creep,
        _ONSET,
        "example.com",
        "complaint",
        short=105,
    ),
    Scenario(
        "gmail-complaints",
        "one receiver in twelve reports, 0.5% of these complain",
        75,
        _gmail_complaints,
        _ONSET,
        "example.com",
        "complaint",
    ),
)
