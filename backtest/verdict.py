"""What a scenario shows: when on-call was told, where AWS's rate stood, and whether that is what is required."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from backtest import account
from backtest.account import VOLUME_DAYS, Rates, Volume
from backtest.alarms import Alarms
from backtest.evaluator import ALARM, States, play
from backtest.mail import MINUTES_A_DAY, Mail
from backtest.scenarios import HOUR, WARM_UP_DAYS, Scenario, configuration
from backtest.simulator import Cohorts, Floats, simulate
from backtest.telling import told
from backtest.usual import account_alone, raw_percentages
from ses_feedback.config import Config
from ses_feedback.domain.reputation import REVIEW

SEED: Final = 20_260_127
_USUAL_DAYS: Final = 30


class Told(NamedTuple):
    """A message to on-call: the minute it was sent, the alarm, and ``page`` or ``warn``."""

    at: int
    alarm: str
    severity: str


class Assumed(NamedTuple):
    """One assumption about the representative volume, and what AWS's rate did under it.

    ``incidents``: which alarms paged of each incident from the onset on, our own and those on AWS's rate.
    ``crossed`` is the minute AWS's line was reached, ``None`` where it was not. ``at_page`` is AWS's rate when the
    first page was sent; the pages are those under this assumption, since AWS's own rate has alarms as well.
    """

    days: int
    volume: Volume
    rates: Rates
    crossed: int | None
    at_page: float | None
    page: int | None
    account_page: int | None
    incidents: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scenario, played. ``messages`` are those of our own rates, ``raw`` those of raw percentages.

    ``of_one``: the names of alarms over a single identity's mail.
    """

    scenario: Scenario
    messages: tuple[Told, ...]
    assumed: tuple[Assumed, ...]
    raw: tuple[Told, ...]
    of_one: frozenset[str]
    mail: Mail
    cohorts: Cohorts

    @property
    def onset(self) -> int:
        """The minute harm begins, 0 where there is none."""
        return self.scenario.onset or 0

    def first(self, severity: str) -> int | None:
        """Return when the first message of a severity was sent after the onset."""
        return next((t.at for t in self.messages if t.severity == severity and t.at >= self.onset), None)

    def false_pages(self) -> int:
        """Return how many pages were sent while nothing was wrong."""
        return sum(t.severity == "page" and (not self.scenario.harmful or t.at < self.onset) for t in self.messages)

    def alarms_of_an_incident(self) -> int:
        """Return how many alarms paged of the same incident, at most."""
        return max((len(alarms) for a in self.assumed for alarms in a.incidents), default=0)

    def repeated(self) -> int:
        """Return how many incidents were paged once more by an alarm over more mail, which must be silent by then.

        The other way round is news: an identity's page after one over all of them says who it is.
        """
        found = {alarms for a in self.assumed for alarms in a.incidents}
        return sum(any(alarm not in self.of_one for alarm in alarms[1:]) for alarms in found)

    def problems(self) -> list[str]:
        """Return what is not as required, one sentence each: the requirement of the backtest."""
        found = []
        if pages := self.false_pages():
            found.append(f"{pages} false pages")
        if not self.scenario.harmful:
            found += [f"AWS's own rate paged, V = {a.days} days" for a in self.assumed if a.page is not None]
        if incidents := self.repeated():
            found.append(f"{incidents} incidents were paged again by an alarm over more mail")
        for assumed in self.assumed if self.scenario.harmful else ():
            if assumed.page is None:
                found.append(f"no page, V = {assumed.days} days")
            elif assumed.crossed is not None and assumed.page > max(assumed.crossed, self._deadline()):
                late = assumed.page - assumed.crossed
                found.append(f"the page came {late} minutes after AWS's line, V = {assumed.days} days")
        if self.scenario.outages and self.scenario.harmful:
            # Counting that is late must not leave all of it to the alarms on AWS's rate.
            own = self.first("page")
            if own is None or own > self._deadline():
                found.append(
                    "no page of our own" if own is None else f"our own page came {own - self.onset} minutes on"
                )
        return found

    def _deadline(self) -> int:
        """Return by when a burst must be paged: an hour, the fast alarm's window, after it can be seen."""
        return (self.onset if self.scenario.seen is None else self.scenario.seen) + HOUR


def messages(alarms: Alarms, mail: Mail, states: dict[str, States] | None = None) -> tuple[Told, ...]:
    """Return what on-call is told by alarms over mail, in the order of time.

    What counting that is late tells by itself is left out. Where nothing makes it late, an alarm that it would hold
    back waits for it in vain and then tells.
    ``states`` are those of alarms that were played before; what is played here joins them.
    """
    states = {} if states is None else states
    wanted = {c.name for c in alarms.composite} | {a.name for a in alarms.metric if a.acts}

    def keep(name: str, of: States) -> None:
        if name in wanted:
            states[name] = of

    play(alarms, mail, keep)
    found = []
    for alarm in alarms.metric:
        if alarm.acts and alarm.severity and alarm.rate:
            found += [
                Told(at, alarm.name, alarm.severity) for at, to in told(states[alarm.name], None, 0, 0) if to == "ALARM"
            ]
    for composite in alarms.composite:
        if composite.severity:
            of = states[composite.name]
            suppressor = None
            if composite.suppressor:
                suppressor = states.get(composite.suppressor, of * 0)
            due = told(of, suppressor, composite.wait, composite.extension)
            found += [Told(at, composite.name, composite.severity) for at, to in due if to == "ALARM"]
    return tuple(sorted(found))


def incidents(pages: Iterable[Told], states: Mapping[str, States]) -> tuple[tuple[str, ...], ...]:
    """Return which alarms paged of each incident, in the order of time.

    An incident lasts while a page that on-call was told of is on, and an hour more. An alarm that goes off and on
    again in it is told each time.
    """
    found: list[list[str]] = []
    over = -1
    for at, alarm, _ in sorted(pages):
        if at >= over:
            found.append([])
        found[-1].append(alarm)
        off = np.flatnonzero(states[alarm][at:] != ALARM)
        over = max(over, (at + int(off[0]) if len(off) else len(states[alarm])) + HOUR)
    return tuple(tuple(alarms) for alarms in found)


def examine(
    scenario: Scenario, alarms_of: Callable[[Config], Alarms], *, days: int | None = None, seed: int = SEED
) -> Verdict:
    """Play a scenario through the alarms of a deployment and through the usual designs."""
    sendings = scenario.sendings(days)
    config = configuration(sendings, apart=scenario.apart)
    alarms = alarms_of(config)
    length = len(next(iter(sendings.values())).mails)
    outages = tuple((start, end) for start, end in scenario.outages if end <= length - MINUTES_A_DAY)
    mail, cohorts = simulate(config, sendings, seed, outages)
    own = Alarms(
        tuple(a for a in alarms.metric if not a.is_awss), tuple(c for c in alarms.composite if not alarms.is_awss(c))
    )
    awss = Alarms(tuple(a for a in alarms.metric if a.is_awss), tuple(c for c in alarms.composite if alarms.is_awss(c)))
    states: dict[str, States] = {}
    sent = messages(own, mail, states)
    onset = scenario.onset or 0
    assumed = []
    for v in VOLUME_DAYS:
        volume = account.volume(cohorts, v, min(_USUAL_DAYS, WARM_UP_DAYS, len(mail.minutes) // MINUTES_A_DAY))
        rates = account.rates(cohorts, volume)
        mail.extra.update(
            {
                ("AWS/SES", "Reputation.BounceRate"): account.published(rates.bounce),
                ("AWS/SES", "Reputation.ComplaintRate"): account.published(rates.complaint),
            }
        )
        paged = [t for t in (*sent, *messages(awss, mail, states)) if t.severity == "page" and t.at >= onset]
        usual = [t.at for t in messages(account_alone(), mail) if t.at >= onset]
        of: Floats = getattr(rates, scenario.rate)
        page = min((t.at for t in paged), default=None)
        assumed.append(
            Assumed(
                v,
                volume,
                rates,
                account.crossed(of, REVIEW[scenario.rate], onset),
                None if page is None else float(of[page]),
                page,
                min(usual, default=None),
                incidents(paged, states),
            )
        )
    raw = messages(raw_percentages(config), mail)
    of_one = frozenset(c.name for c in alarms.composite if alarms.identity_of(c) is not None)
    return Verdict(scenario, sent, tuple(assumed), raw, of_one, mail, cohorts)
