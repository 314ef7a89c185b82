"""Alarms on mail that receivers block for what they think of its sender, one for each environment.

Not per identity: a receiver judges the domain and the IP addresses that an environment's identities mostly share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import BLOCKED_MAIL, WARN
from infra.alarms.rules import DAY_S, HOUR_S, percent
from infra.alarms.together import rates_held_name, rolled_up
from infra.errors import SynthError
from ses_feedback import naming
from ses_feedback.config.model import Config

_LEAST: Final = 50
# As with the rates: counting that is late would count the blocked mail of a good hour without its deliveries.
_WAIT_S: Final = 120
_EXTENSION_S: Final = 300


@dataclass(frozen=True, slots=True)
class BlockedRule:
    """``threshold``: blocked mail as a fraction of what was blocked or delivered within ``period_s``."""

    label: str
    period_s: int
    threshold: float


# SES tries for half a day, and says only then that mail was refused: the hours after a large mailing hold refusals and
# hardly any delivery. Over the day the deliveries are still there.
RULES: Final = (BlockedRule("hours", 6 * HOUR_S, 0.05), BlockedRule("day", DAY_S, 0.03))
METRICS: Final = {"x": naming.METRIC_BLOCKED, "d": naming.METRIC_DELIVERED}
EXPRESSION: Final = f"IF(FILL(x,0) >= {_LEAST}, FILL(x,0) / (FILL(x,0) + FILL(d,0)), 0)"

# CloudFormation's 500 resources of a stack, less some for dashboards, the account's alarms, and parts of long rules.
_MOST_RESOURCES: Final = 470
_RESOURCES: Final = len(RULES) + 1
_RESOURCES_OF_A_ROLL_UP: Final = 13


class BlockedAlarms(Construct):
    """A warning for each environment: blocked mail is much of six hours, and of the day they are in.

    Raises ``SynthError`` where a stack does not hold the alarms of so many environments.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        _check_room(config)
        for environment in config.environments():
            self._alarm(config.deployment.name, config.deployment.region, environment)

    def _alarm(self, deployment: str, region: str, environment: str) -> None:
        home = Construct(self, f"{naming.camel(environment)}{naming.identity_hash(environment)}")
        factory = AlarmFactory(home, deployment=deployment, region=region)
        subject = f"the environment {environment}"
        dimensions = {naming.DIMENSION_DEPLOYMENT: deployment, naming.DIMENSION_ENVIRONMENT: environment}
        made = [
            factory.alarm(
                BLOCKED_MAIL,
                (),
                naming.blocked_parts(environment, rule.label),
                subject=subject,
                level=f"{percent(rule.threshold)} within {rule.period_s // HOUR_S} h (and {_LEAST} or more)",
                series={
                    variable: Series(naming.METRIC_NAMESPACE, metric, "Sum", rule.period_s, dimensions)
                    for variable, metric in METRICS.items()
                },
                expression=EXPRESSION,
                threshold=rule.threshold,
            )
            for rule in RULES
        ]
        names = (naming.alarm_name(deployment, *naming.blocked_parts(environment, rule.label)) for rule in RULES)
        factory.composite(
            BLOCKED_MAIL,
            WARN,
            naming.blocked_parts(environment),
            subject=subject,
            level=f"{percent(RULES[0].threshold)} within {RULES[0].period_s // HOUR_S} h (and {_LEAST} or more)",
            rule=" AND ".join(f'ALARM("{name}")' for name in names),
            children=made,
            suppressor=rates_held_name(deployment),
            wait_s=_WAIT_S,
            extension_s=_EXTENSION_S,
        )


def _check_room(config: Config) -> None:
    environments, roll_ups = len(config.environments()), len(rolled_up(config))
    taken = environments * _RESOURCES + roll_ups * _RESOURCES_OF_A_ROLL_UP
    if taken > _MOST_RESOURCES:
        raise SynthError(
            f"identities: the alarms of {environments} environments, {roll_ups} of them with several identities, are "
            f"{taken} resources, and their stack takes {_MOST_RESOURCES}; put identities that are judged together into "
            "one environment, or deploy them under another deployment.name"
        )
