"""The rate alarms of one identity or environment: a page and a warning, each made of its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import PAGE, RATES, WARN, Severity
from infra.alarms.rules import RATE_RULES, Label
from ses_feedback import naming

# The rates are evaluated each minute, the queue's age too: two minutes tell whether it is only counting that lags.
_WAIT_S: Final = 120
# After counting has caught up, the late data is evaluated anew before anybody is woken by it.
_EXTENSION_S: Final = 300


class RateAlarms(Construct):
    """Bounce and complaint alarms over the metrics that carry ``dimension`` = ``subject``.

    ``trips`` is the ARN of the function that the page invokes besides: a circuit breaker.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        dimension: str,
        subject: str,
        trips: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        dimensions = {naming.DIMENSION_DEPLOYMENT: deployment, dimension: subject}
        named = naming.alarm_subject(subject)
        made: dict[Label, cdk.CfnResource] = {}
        for rule in RATE_RULES:
            parts = (named, *rule.label)
            made[rule.label] = factory.alarm(
                rule.kind,
                (),
                parts,
                subject=subject,
                level=rule.level(),
                series={
                    variable: Series(naming.METRIC_NAMESPACE, metric, "Sum", rule.period_s, dimensions)
                    for variable, metric in rule.metrics().items()
                },
                expression=rule.expression(),
                threshold=rule.threshold,
            )
        # Asking CDK for an alarm's name takes longer than making it anew.
        names = {of: naming.alarm_name(deployment, named, *of) for of in made}
        page = factory.composite(
            RATES,
            PAGE,
            (named, PAGE),
            subject=subject,
            level="near the level at which AWS reviews an account",
            more_actions=[trips] if trips else [],
            rule=_any_of(PAGE, names),
            children=[made[of] for of in _read_by(PAGE)],
            suppressor=tally_behind_name(deployment),
            wait_s=_WAIT_S,
            extension_s=_EXTENSION_S,
        )
        warn = factory.composite(
            RATES,
            WARN,
            (named, WARN),
            subject=subject,
            level="well above what is usual",
            rule=_any_of(WARN, names),
            children=[made[of] for of in _read_by(WARN)],
            suppressor=naming.alarm_name(deployment, named, PAGE),
            wait_s=_WAIT_S,
            extension_s=_EXTENSION_S,
        )
        warn.add_resource_dependency(page)


def _any_of(severity: Severity, names: Mapping[Label, str]) -> str:
    """Return the rule of a composite: any alarm of a severity is on, and the condition that it needs."""
    terms = []
    for rule in RATE_RULES:
        if rule.severity == severity:
            term = f'ALARM("{names[rule.label]}")'
            terms.append(f'({term} AND ALARM("{names[rule.needs]}"))' if rule.needs else term)
    return " OR ".join(terms)


def _read_by(severity: Severity) -> list[Label]:
    """Return the labels of the alarms that the rule of a composite asks about."""
    labels = [of for rule in RATE_RULES if rule.severity == severity for of in (rule.label, rule.needs) if of]
    return list(dict.fromkeys(labels))


def tally_behind_name(deployment: str) -> str:
    """Return the name of the alarm that holds back pages about rates: counting is late."""
    return naming.alarm_name(deployment, "tally", "behind")
