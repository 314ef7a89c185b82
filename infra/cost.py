"""What a deployment costs a month at list price before any mail is sent. Pure; a test counts the same in the templates.

Prices are AWS's list prices in us-east-1: custom metric $0.30, alarm $0.10 for each metric it reads, composite alarm
$0.50, dashboard $3, KMS key $1, secret $0.40, a thousand mails $0.10. A month has 30 days. Free tiers are left out.
What other mail than the canaries' adds is in ``docs/cost.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.alarms import blocked
from infra.alarms.held import days_late_parts
from infra.alarms.rules import RATE_RULES, REPUTATION_LEVELS
from infra.alarms.together import composites, rolled_up, whole_is_rolled_up
from infra.cells import Lock, allocate
from infra.dashboards import dashboards
from infra.needed import canaries, needed, of_the_loop, timed, told_teams
from infra.weights import alarmed_environments, weights
from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain.canary import MAILS
from ses_feedback.domain.times import DAY

METRIC: Final = 0.30
ALARM_METRIC: Final = 0.10
COMPOSITE: Final = 0.50
DASHBOARD: Final = 3.00
KEY: Final = 1.00
SECRET: Final = 0.40
MAIL: Final = 0.0001
MONTH: Final = 30 * DAY

_RATE_ALARM_METRICS: Final = sum(len(rule.metrics()) for rule in RATE_RULES)
_COMPOSITES: Final = 2
_SET_COMPOSITES: Final = 2  # of a configuration set's reputation, where its identity's page mutes them
_REPUTATION_ALARMS: Final = sum(len(levels) for levels in REPUTATION_LEVELS.values())
_CONFIGURATION_SET_METRICS: Final = 7 + 2  # its event types, and AWS's two rates, all in CloudWatch under its name
# Metrics read by the alarms of the whole besides errors of functions: tally age 1, dead letters 2, team's 1, retry 2,
# destination failures 1, dropped 1, quarantined 1, on-call 2, silence 2, drift 1, drill 1, archive stalled 2 and
# waiting 2, changes behind 1, counted late 2, and AWS's account rates.
# Throttled, slow functions, on-call undelivered: one over the alarms of each metric; and what holds rates back.
_CORE_COMPOSITES: Final = 4
_CORE_ALARM_METRICS: Final = 22 + _REPUTATION_ALARMS
_CORE_METRICS: Final = (
    naming.METRIC_TALLIED,
    naming.METRIC_LATE,
    naming.METRIC_DAYS_LATE,
    naming.METRIC_QUARANTINED,
    naming.METRIC_DRIFTED,
    naming.METRIC_ARCHIVED,
    naming.METRIC_ARCHIVE_WAITING,
)
_BLOCKED_ALARM_METRICS: Final = len(blocked.RULES) * len(blocked.METRICS)
_CANARY_METRICS: Final = (naming.METRIC_CANARY_MISSING, naming.METRIC_CANARY_ROUND_TRIP)
_CANARY_ALARMS: Final = 2  # a warning and a page, each reading what is missing


@dataclass(frozen=True, slots=True)
class Line:
    """``count`` of something at ``each`` dollars a month."""

    what: str
    count: int
    each: float

    @property
    def dollars(self) -> float:
        """Dollars a month."""
        return self.count * self.each


def monthly(config: Config, lock: Lock | None = None) -> tuple[Line, ...]:
    """Return what a deployment costs a month, line by line, for its identities and the choice of ``alarms``.

    Without a ``lock`` its cells are those of a first deployment.
    """
    lock = lock or allocate(Lock(""), weights(config), alarmed_environments(config))
    cells = {number: lock.environments.get(number, ()) for number, members in lock.members().items() if members}
    watched = len(config.identities) if config.deployment.alarms == "identity" else 0
    environments = len(config.environments())
    roll_ups = len(rolled_up(config)) + whole_is_rolled_up(config)
    paged = sum(len(names) for names in cells.values())
    by_cell = paged + (len(cells) if watched else 0)  # and that counting was days late
    senders = canaries(config)
    sets = sum(bool(identity.configuration_set) for identity in config.identities.values())
    return (
        Line("metrics of rates", watched * len(naming.RATE_METRICS), METRIC),
        Line("metrics of all identities together", (environments + 1) * len(naming.RATE_METRICS), METRIC),
        Line("metrics of blocked mail", environments, METRIC),
        Line("alarm metrics of rates", watched * _RATE_ALARM_METRICS, ALARM_METRIC),
        Line("alarm metrics over several", roll_ups * _RATE_ALARM_METRICS, ALARM_METRIC),
        Line("composite alarms of identities", watched * _COMPOSITES, COMPOSITE),
        Line("composite alarms over several", by_cell + composites(config, cells), COMPOSITE),
        Line("metrics of configuration sets", sets * _CONFIGURATION_SET_METRICS, METRIC),
        Line("alarm metrics of configuration sets", sets * _REPUTATION_ALARMS, ALARM_METRIC),
        Line("composite alarms of configuration sets", sets * _SET_COMPOSITES if watched else 0, COMPOSITE),
        Line("metrics of the whole", len(_CORE_METRICS), METRIC),
        Line("alarm metrics of blocked mail", environments * _BLOCKED_ALARM_METRICS, ALARM_METRIC),
        Line("composite alarms of blocked mail", environments, COMPOSITE),
        Line("alarm metrics of the whole", _CORE_ALARM_METRICS + _functions(config) + _on_call(config), ALARM_METRIC),
        Line("composite alarms of the whole", _CORE_COMPOSITES + _core_parts(config, lock), COMPOSITE),
        Line("alarm metrics of digests", len(told_teams(config)), ALARM_METRIC),
        Line("metrics of canaries", len(_CANARY_METRICS) if senders else 0, METRIC),
        Line("alarm metrics of canaries", _CANARY_ALARMS if senders else 0, ALARM_METRIC),
        Line("mails of canaries", senders * MAILS * MONTH // config.canary.every, MAIL),
        Line("dashboards", len(dashboards(config)), DASHBOARD),
        Line("key", 1, KEY),
        Line("secret", 1, SECRET),
    )


def _core_parts(config: Config, lock: Lock) -> int:
    """Return how many composites the core has besides: over the queues of teams, and for more cells than ask one."""
    return (len(told_teams(config)) > 1) + days_late_parts(lock.highest) - 1


def _functions(config: Config) -> int:
    """Return how many metrics of functions alarms read: errors of all, throttles, and the duration of some."""
    found = needed(config)
    return len(found) + len(of_the_loop(found)) + len(timed(found))


def _on_call(config: Config) -> int:
    """Return what the alarm on undelivered messages reads more where people read text: their topics, and a failure."""
    texts = len(config.on_call.texts())
    return texts + 1 if texts else 0


def report(config: Config, lock: Lock) -> str:
    """Return the cost as the few lines that synth prints."""
    lines = [line for line in monthly(config, lock) if line.count]
    identities, cells = len(config.identities), sum(1 for members in lock.members().values() if members)
    head = (
        f"{config.deployment.name}: {_count(identities, 'identity', 'identities')} in {_count(cells, 'cell', 'cells')}"
    )
    head += ", list price a month before use:"
    rows = [f"  {line.what:<39}{line.count:>7,} x {_price(line.each):<7} {line.dollars:>10,.2f}" for line in lines]
    total = f"  {'total':<39}{'':>15} ${sum(line.dollars for line in lines):>11,.2f}"
    if config.deployment.alarms == "identity" and identities > len(config.environments()):
        total += '   (alarms = "environment" is the cheap choice)'
    return "\n".join((head, *rows, total))


def _price(each: float) -> str:
    return f"${each:.2f}" if each >= 0.01 else f"${each:g}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
