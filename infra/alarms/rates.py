"""The rate alarms of one identity, environment or deployment: a page and a warning, each made of its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.held import DaysLate
from infra.alarms.kinds import PAGE, RATES, ROLLED_UP, WARN, Severity
from infra.alarms.rules import DAY_S, Label, RateRule, levels, rate_rules
from infra.alarms.together import rates_held_name
from ses_feedback import naming
from ses_feedback.config.model import Thresholds

# The rates are evaluated each minute, the queue's age too: two minutes tell whether it is only counting that lags.
_WAIT_S: Final = 120
# After counting has caught up, the late data is evaluated anew before anybody is woken by it.
_EXTENSION_S: Final = 300


# A single identity's page is mostly on before that of all together, by chance minutes after it: of one incident, one
# page.
ROLL_UP_WAIT_S: Final = 900
# A rate that rests at the threshold crosses it now and then: on-call knows already.
ROLL_UP_EXTENSION_S: Final = 3_600
# When a burst leaves the slow window, the page ends minutes before the warning does: that is no news.
_WARN_EXTENSION_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class RollUp:
    """What a roll-up is silent for: ``pages`` are names of alarms over parts of the same mail.

    ``made`` are the resources of those that are in the same stack.
    """

    pages: Sequence[str] = ()
    made: Sequence[cdk.CfnResource] = ()


class RateAlarms(Construct):
    """Bounce and complaint alarms over the metrics that carry ``dimension`` = ``subject``, by its ``thresholds``.

    ``trips`` is the ARN of the function that the page invokes besides: a circuit breaker. With ``roll_up`` the alarms
    are over several identities: of the environment ``subject``, or of the whole deployment, without a ``dimension``.
    While ``days_late`` is on, what looks back more than a day says nothing.
    ``paged`` names the alarm that is on while on-call is paged about any of this mail, ``told`` is its resource.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        dimension: str | None,
        subject: str,
        thresholds: Thresholds,
        days_late: DaysLate,
        trips: str | None = None,
        roll_up: RollUp | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region, in_turn=True)
        dimensions = {naming.DIMENSION_DEPLOYMENT: deployment, **({dimension: subject} if dimension else {})}
        kind, named = RATES, naming.alarm_subject(subject)
        if roll_up is not None:
            kind, named = ROLLED_UP, naming.roll_up_subject(subject if dimension else None)
            subject = f"the {named}" if dimension else f"the deployment {deployment}"
        below = roll_up or RollUp()
        wait_s, extension_s = (ROLL_UP_WAIT_S, ROLL_UP_EXTENSION_S) if below.pages else (_WAIT_S, _EXTENSION_S)
        made: dict[Label, cdk.CfnResource] = {}
        rules = rate_rules(thresholds)
        for rule in rules:
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
        suppressor = rates_held_name(deployment)
        held = []
        if below.pages:
            watched = f"counting is late, a page of a part of {subject}"
            held = [factory.any_of((named, "held"), [suppressor, *below.pages], subject=watched, children=below.made)]
            suppressor = naming.alarm_name(deployment, named, "held")
        page = factory.composite(
            kind,
            PAGE,
            (named, PAGE),
            subject=subject,
            level=levels(thresholds, PAGE),
            more_actions=[trips] if trips else [],
            rule=_any_of(PAGE, rules, names, days_late.name),
            children=[*(made[of] for of in _read_by(PAGE, rules)), days_late.made, *held],
            suppressor=suppressor,
            wait_s=wait_s,
            extension_s=extension_s,
        )
        self.paged, self.told = naming.alarm_name(deployment, named, PAGE), page
        if below.pages:
            pages = [self.paged, *below.pages]
            watched = f"the page of {subject}, a page of a part of it"
            self.told = factory.any_of((named, "paged"), pages, subject=watched, children=[page, *below.made])
            self.paged = naming.alarm_name(deployment, named, "paged")
        factory.composite(
            kind,
            WARN,
            (named, WARN),
            subject=subject,
            level=levels(thresholds, WARN),
            rule=_any_of(WARN, rules, names, days_late.name),
            children=[*(made[of] for of in _read_by(WARN, rules)), days_late.made, self.told],
            suppressor=self.paged,
            wait_s=wait_s,
            extension_s=_WARN_EXTENSION_S,
        )


def _any_of(severity: Severity, rules: Sequence[RateRule], names: Mapping[Label, str], days_late: str) -> str:
    """Return the rule of a composite: any alarm of a severity is on, and the condition that it needs.

    Where either looks back more than a day, ``days_late`` must not be on: it would look into holes.
    """
    periods = {rule.label: rule.period_s for rule in rules}
    terms = []
    for rule in rules:
        if rule.severity == severity:
            asked = [rule.label, *([rule.needs] if rule.needs else [])]
            term = " AND ".join(f'ALARM("{names[of]}")' for of in asked)
            if max(periods[of] for of in asked) > DAY_S:
                term += f' AND NOT ALARM("{days_late}")'
            terms.append(f"({term})")
    return " OR ".join(terms)


def _read_by(severity: Severity, rules: Sequence[RateRule]) -> list[Label]:
    """Return the labels of the alarms that the rule of a composite asks about."""
    labels = [of for rule in rules if rule.severity == severity for of in (rule.label, rule.needs) if of]
    return list(dict.fromkeys(labels))
