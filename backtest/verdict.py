"""What a scenario shows: when on-call was told, where AWS's rate stood, and whether that is what is required."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from backtest import account
from backtest.account import REVIEW, VOLUME_DAYS, Rates, Volume
from backtest.alarms import Alarms, MetricAlarm
from backtest.evaluator import States, play
from backtest.mail import MINUTES_A_DAY, Mail
from backtest.scenarios import HOUR, WARM_UP_DAYS, Scenario, configuration
from backtest.simulator import Cohorts, Floats, simulate
from backtest.telling import told
from backtest.usual import account_alone, raw_percentages
from ses_feedback.config import Config

SEED: Final = 20_260_127
_USUAL_DAYS: Final = 30


class Told(NamedTuple):
    """A message to on-call: the minute it was sent, the alarm, and ``page`` or ``warn``."""

    at: int
    alarm: str
    severity: str


class Assumed(NamedTuple):
    """One assumption about the representative volume, and what AWS's rate did under it.

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scenario, played. ``messages`` are those of our own rates, ``raw`` those of raw percentages."""

    scenario: Scenario
    messages: tuple[Told, ...]
    assumed: tuple[Assumed, ...]
    raw: tuple[Told, ...]
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

    def problems(self) -> list[str]:
        """Return what is not as required, one sentence each: the requirement of the backtest."""
        found = []
        if pages := self.false_pages():
            found.append(f"{pages} false pages")
        if not self.scenario.harmful:
            found += [f"AWS's own rate paged, V = {a.days} days" for a in self.assumed if a.page is not None]
        for assumed in self.assumed if self.scenario.harmful else ():
            if assumed.page is None:
                found.append(f"no page, V = {assumed.days} days")
            elif assumed.crossed is not None and assumed.page > max(assumed.crossed, self.onset + HOUR):
                late = assumed.page - assumed.crossed
                found.append(f"the page came {late} minutes after AWS's line, V = {assumed.days} days")
        return found


def messages(alarms: Alarms, mail: Mail) -> tuple[Told, ...]:
    """Return what on-call is told by alarms over mail, in the order of time.

    Nothing here makes the tally late, so that an alarm it would hold back waits for it in vain and then tells.
    """
    states: dict[str, States] = {}
    wanted = {c.name for c in alarms.composite} | {a.name for a in alarms.metric if a.acts}

    def keep(name: str, of: States) -> None:
        if name in wanted:
            states[name] = of

    play(alarms, mail, keep)
    found = []
    for alarm in alarms.metric:
        if alarm.acts and alarm.severity:
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


def examine(
    scenario: Scenario, alarms_of: Callable[[Config], Alarms], *, days: int | None = None, seed: int = SEED
) -> Verdict:
    """Play a scenario through the alarms of a deployment and through the usual designs."""
    sendings = scenario.sendings(days)
    config = configuration(sendings)
    alarms = alarms_of(config)
    mail, cohorts = simulate(config, sendings, seed)
    own = Alarms(tuple(a for a in alarms.metric if not _is_awss(a)), alarms.composite)
    awss = Alarms(tuple(a for a in alarms.metric if _is_awss(a)), ())
    sent = messages(own, mail)
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
        pages = [t.at for t in (*sent, *messages(awss, mail)) if t.severity == "page" and t.at >= onset]
        usual = [t.at for t in messages(account_alone(), mail) if t.at >= onset]
        of: Floats = getattr(rates, scenario.rate)
        page = min(pages, default=None)
        assumed.append(
            Assumed(
                v,
                volume,
                rates,
                account.crossed(of, REVIEW[scenario.rate], onset),
                None if page is None else float(of[page]),
                page,
                min(usual, default=None),
            )
        )
    return Verdict(scenario, sent, tuple(assumed), messages(raw_percentages(config), mail), mail, cohorts)


def _is_awss(alarm: MetricAlarm) -> bool:
    return any(metric.namespace == "AWS/SES" for metric in alarm.metrics.values())
