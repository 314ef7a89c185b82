"""Dashboards as data: one page that a manager understands at a glance, and pages of the single identities. Pure.

Limits of a dashboard are those of `CloudWatch service quotas`: 500 widgets, 500 metrics in a widget, 2,500 in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from infra.alarms.together import rolled_up, whole_is_rolled_up
from infra.needed import canaries, needed
from infra.widgets import (
    AMBER,
    GREEN,
    RED,
    VIOLET,
    WIDTH,
    Grid,
    Lines,
    Metrics,
    Subject,
    Widget,
    alarm_states,
    bars_of_logs,
    figures,
    graph,
    own,
    rate_of,
    rate_of_aws,
    rates,
    text,
)
from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain.reputation import RATES

MOST_METRICS: Final = 2_500
MOST_METRICS_OF_A_WIDGET: Final = 500
# A page that still loads at once: an identity takes seven metrics.
IDENTITIES_OF_A_PAGE: Final = 100
# More environments than these share graphs.
MOST_ROWS: Final = 30
_OF_A_GRAPH: Final = 10
_DAY: Final = "-P1D"
_WEEK: Final = "-P7D"
_ALL: Final = "all mail"


class Dashboard(NamedTuple):
    """A dashboard: its name, and its body."""

    name: str
    body: dict[str, Any]


def dashboards(config: Config) -> list[Dashboard]:
    """Return all dashboards of a deployment, the one of the whole first.

    In a body ``${AWS::AccountId}`` and the like are left for CloudFormation to fill in.
    """
    deployment = config.deployment.name
    pages = _pages(config)
    names = [naming.dashboard_name(deployment, number) for number in range(1, len(pages) + 1)]
    found = [Dashboard(naming.dashboard_name(deployment), _overview(config, names))]
    for name, identities in zip(names, pages, strict=True):
        found.append(Dashboard(name, _identities(config, identities)))
    return found


def _pages(config: Config) -> list[list[str]]:
    """Deal the identities out to pages by environment, so that one environment is in one place where it can be."""
    if config.deployment.alarms != "identity":
        return []
    order = sorted(config.identities.values(), key=lambda identity: (identity.environment, identity.name))
    names = [identity.name for identity in order]
    return [names[start : start + IDENTITIES_OF_A_PAGE] for start in range(0, len(names), IDENTITIES_OF_A_PAGE)]


def _overview(config: Config, pages: Sequence[str]) -> dict[str, Any]:
    deployment, region = config.deployment.name, config.deployment.region
    environments = config.environments()
    grid = Grid()
    grid.add(text(_headline(deployment, region, pages)), WIDTH, 4)
    grid.add(alarm_states("Is anybody's mail in trouble?", region, _alarms_of_mail(config)), WIDTH // 2, 4)
    grid.add(alarm_states("Is the loop itself well?", region, _alarms_of_the_loop(config)), WIDTH // 2, 4)
    # With a single environment its mail is all mail: one row says everything.
    _row(grid, config, Subject(_ALL), blocked=environments if len(environments) == 1 else (), account=True)
    subjects = [Subject(name, naming.DIMENSION_ENVIRONMENT) for name in environments]
    if len(subjects) > MOST_ROWS:
        for start in range(0, len(subjects), _OF_A_GRAPH):
            _together(grid, config, subjects[start : start + _OF_A_GRAPH], naming.METRIC_BLOCKED)
    elif len(subjects) > 1:
        for subject in subjects:
            _row(grid, config, subject, blocked=[subject.name])
    grid.add(text("## The loop itself"), WIDTH, 1)
    grid.add(_suppressions(deployment, region), WIDTH // 3, 5)
    for title, metrics, stat in _health(config):
        grid.add(graph(title, region, metrics, stat=stat), WIDTH // 3, 5)
    return {"start": _DAY, "widgets": grid.widgets}


def _identities(config: Config, identities: Sequence[str]) -> dict[str, Any]:
    grid = Grid()
    for start in range(0, len(identities), _OF_A_GRAPH):
        some = identities[start : start + _OF_A_GRAPH]
        _together(grid, config, [Subject(name, naming.DIMENSION_IDENTITY) for name in some])
    return {"start": _WEEK, "widgets": grid.widgets}


def _row(grid: Grid, config: Config, subject: Subject, *, blocked: Sequence[str], account: bool = False) -> None:
    """Add what there is to see of one subject: figures, both rates, and mail; with AWS's rates of the ``account``."""
    deployment, region = config.deployment.name, config.deployment.region
    grid.add(text(f"## {subject.name}"), WIDTH, 1)
    large = [line for rate in RATES for line in rate_of(deployment, subject, rate, f"{rate} rate, %")]
    large.append(own(deployment, naming.METRIC_DELIVERED, subject, label="delivered", id="volume"))
    grid.add(figures(region, large), 4, 6)
    for rate in RATES:
        title = f"{subject.name}: {rate} rate, by hour" + (", and AWS's own" if account else "")
        metrics = rates(deployment, [subject], rate)
        if account:
            metrics += rate_of_aws(rate, "AWS's own, of the account")
        grid.add(graph(title, region, metrics, lines=_lines(config, rate, [subject])), 6, 6)
    shown = (
        (naming.METRIC_DELIVERED, "delivered", GREEN),
        (naming.METRIC_HARD_BOUNCED, "bounced", AMBER),
        (naming.METRIC_COMPLAINED, "complained", RED),
    )
    mail = [own(deployment, metric, subject, label=label, color=color) for metric, label, color in shown]
    for name in blocked:
        of = Subject(name, naming.DIMENSION_ENVIRONMENT)
        mail.append(own(deployment, naming.METRIC_BLOCKED, of, label="blocked by reputation", color=VIOLET))
    grid.add(graph(f"{subject.name}: mail, by hour", region, mail, stacked=True), 8, 6)


def _together(grid: Grid, config: Config, subjects: Sequence[Subject], *more: str) -> None:
    """Add both rates, the deliveries, and ``more`` metrics of some subjects, one line for each in a graph."""
    deployment, region = config.deployment.name, config.deployment.region
    span = subjects[0].name if len(subjects) == 1 else f"{subjects[0].name} … {subjects[-1].name}"
    grid.add(text(f"**{span}**"), WIDTH, 1)
    width = WIDTH // (len(RATES) + 1 + len(more))
    for rate in RATES:
        metrics, lines = rates(deployment, subjects, rate), _lines(config, rate, subjects)
        grid.add(graph(f"{rate} rate, by hour", region, metrics, lines=lines), width, 7)
    for metric in (naming.METRIC_DELIVERED, *more):
        metrics = [own(deployment, metric, subject, label=subject.name) for subject in subjects]
        grid.add(graph(f"{metric.lower()}, by hour", region, metrics, stacked=True), width, 7)


def _lines(config: Config, rate: str, subjects: Sequence[Subject]) -> Lines:
    """Return the lines of a rate; identities with thresholds of their own are paged from these."""
    found = [
        config.thresholds_of(config.identities[subject.name])
        if subject.dimension == naming.DIMENSION_IDENTITY
        else config.thresholds
        for subject in subjects
    ]
    return Lines(rate, sorted({getattr(thresholds, rate).page for thresholds in found}))


def _headline(deployment: str, region: str, pages: Sequence[str]) -> str:
    found = (
        f"# Mail feedback: {deployment}, {region}\n"
        "**Bounce rate**: mail to addresses that do not exist. AWS reviews an account at 5% and may stop it at 10%. "
        "**Complaint rate**: people who report mail as spam; AWS reviews at 0.1% and may stop at 0.5%. Gmail reports "
        "no complaints, so its mail is left out of that rate. **Blocked**: receivers that refuse mail for what they "
        "think of its sender. On-call is paged before AWS's first line."
    )
    if pages:
        found += "\n\nBy identity: " + " · ".join(f"[{name}](#dashboards:name={name})" for name in pages)
    return found


def _alarms_of_mail(config: Config) -> list[str]:
    """Return the names of alarms about mail: what pages, what is blocked, what warns. The first matter most."""
    deployment = config.deployment.name
    with_alarms = rolled_up(config)
    subjects = ["account reputation", *([naming.roll_up_subject(None)] if whole_is_rolled_up(config) else [])]
    subjects += [naming.roll_up_subject(environment) for environment in with_alarms]
    for identity in config.identities.values():
        if identity.environment not in with_alarms:
            subjects.append(naming.alarm_subject(identity.name))
    pages, warnings = ([naming.alarm_name(deployment, subject, of) for subject in subjects] for of in ("page", "warn"))
    blocked = [naming.alarm_name(deployment, *naming.blocked_parts(name)) for name in config.environments()]
    return [*pages, *blocked, *warnings]


def _alarms_of_the_loop(config: Config) -> list[str]:
    names = [
        ("loop", "silent"),
        ("tally", "behind"),
        ("counted", "late"),
        ("counted", "days", "late"),
        ("dead", "letters"),
        ("tally", "dead", "letters"),
        ("events", "dropped"),
        ("destination", "failures"),
        ("retry", "waiting"),
        ("quarantined",),
        ("drift",),
        ("drill",),
        ("functions", "throttled"),
        ("functions", "slow"),
        ("on", "call", "unreached"),
        ("team", "dead", "letters"),
        ("archive", "stalled"),
        ("archive", "waiting"),
        ("archive", "dead", "letters"),
        ("changes", "behind"),
    ]
    if canaries(config):
        names += [("canary", "page"), ("canary", "warn")]
    names += [(*function.split("_"), "errors") for function in needed(config)]
    return [naming.alarm_name(config.deployment.name, *parts) for parts in names]


def _health(config: Config) -> Iterator[tuple[str, Metrics, str]]:
    """Yield title, metrics and statistic of the graphs that say whether feedback comes back and is handled."""
    deployment = config.deployment.name
    queues = {
        "to be recorded again": naming.retry_queue_name(deployment),
        "to be counted": naming.tally_queue_name(deployment),
        "given up": naming.dead_letter_queue_name(deployment),
        "given up, to be counted": naming.tally_dead_letter_queue_name(deployment),
        "not taken by a team": naming.team_dead_letter_queue_name(deployment),
    }
    late = [
        own(deployment, naming.METRIC_LATE, label="of these three hours late, or more"),
        own(deployment, naming.METRIC_DAYS_LATE, label="of these a day late, or more"),
    ]
    yield (
        "mail sent by the account, and notifications counted",
        [["AWS/SES", "Send", {"label": "sent"}], own(deployment, naming.METRIC_TALLIED, label="counted"), *late],
        "Sum",
    )
    waiting: Metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, {"label": label}]
        for label, queue in queues.items()
    ]
    yield "messages waiting", waiting, "Maximum"
    troubles: Metrics = [
        ["AWS/Lambda", metric, "FunctionName", naming.function_name(deployment, function), {"label": label}]
        for function in needed(config)
        for metric, label in (("Errors", function), ("Throttles", f"{function}, throttled"))
    ]
    yield "errors and throttles of functions", troubles, "Sum"
    aside: Metrics = [
        own(deployment, naming.METRIC_QUARANTINED, label="unreadable, in quarantine"),
        own(deployment, naming.METRIC_DRIFTED, label="SES settings that drifted"),
        own(deployment, naming.METRIC_ARCHIVED, label="objects in the archive, newest", stat="Maximum"),
        own(deployment, naming.METRIC_ARCHIVE_WAITING, label="not in the archive yet", stat="Maximum"),
    ]
    if canaries(config):
        aside.append(own(deployment, naming.METRIC_CANARY_MISSING, label="canary feedback missing", stat="Maximum"))
    yield "put aside, drifted, missing", aside, "Sum"
    if canaries(config):
        yield "round trip of the canaries, ms", [own(deployment, naming.METRIC_CANARY_ROUND_TRIP)], "Maximum"


def _suppressions(deployment: str, region: str) -> Widget:
    groups = (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK)
    source = " | ".join(f"SOURCE '/aws/lambda/{naming.function_name(deployment, function)}'" for function in groups)
    query = f"{source} | filter written > 0 | stats sum(written) as addresses by bin(1h)"
    return bars_of_logs("addresses struck or suppressed, by hour", region, query)
