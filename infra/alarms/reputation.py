"""Alarms on AWS's own rates, of the account or of one configuration set, and the pages made of them.

`Creating reputation monitoring alarms using CloudWatch` (SES developer guide): `AWS/SES`, `Reputation.BounceRate` and
`Reputation.ComplaintRate`, fractions; average over an hour, missing data ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import aws_cdk as cdk
from constructs import Construct

from infra.alarms import chains
from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import PAGE, REPUTATION, REPUTATION_BOUNCE, REPUTATION_COMPLAINT, SEVERITIES
from infra.alarms.rates import ROLL_UP_WAIT_S
from infra.alarms.rules import DAY_S, HOUR_S, REPUTATION_LEVELS, percent
from ses_feedback import naming
from ses_feedback.domain.reputation import DIMENSION_CONFIGURATION_SET, METRICS

ACCOUNT: Final = "account"
# AWS's figure falls for as long as it takes good mail to come: the day after an incident, it says nothing new.
_EXTENSION_S: Final = DAY_S
_METRICS: Final = {
    "bounce": (REPUTATION_BOUNCE, METRICS["bounce"]),
    "complaint": (REPUTATION_COMPLAINT, METRICS["complaint"]),
}


class ReputationAlarms(Construct):
    """Watch AWS's bounce and complaint rate; ``configuration_set`` narrows it from the account to a set.

    Each warns or pages by itself, unless it is only ``part_of_pages``: of ``ReputationPages`` of the same name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        named: str,
        subject: str,
        part_of_pages: bool,
        configuration_set: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        self.made: list[cdk.CfnResource] = []
        dimensions = {DIMENSION_CONFIGURATION_SET: configuration_set} if configuration_set else {}
        for rate, (kind, metric) in _METRICS.items():
            for severity, threshold in REPUTATION_LEVELS[rate].items():
                made = factory.alarm(
                    kind,
                    () if part_of_pages else (severity,),
                    _parts(named, rate, severity),
                    subject=subject,
                    level=percent(threshold),
                    series={"r": Series("AWS/SES", metric, "Average", HOUR_S, dimensions)},
                    threshold=threshold,
                    missing="ignore",
                )
                self.made.append(made)


class ReputationPages(Construct):
    """Warn and page where any of the ``ReputationAlarms`` of the same name does, silent while ``muted_by`` is on.

    Resources of these alarms and of ``muted_by`` that are in the same stack are ``after``: what this waits for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        named: str,
        subject: str,
        muted_by: str,
        after: Iterable[cdk.CfnResource],
    ) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        first = list(after)
        for severity in SEVERITIES:
            names = [naming.alarm_name(deployment, *_parts(named, rate, severity)) for rate in _METRICS]
            factory.composite(
                REPUTATION,
                severity,
                (naming.alarm_subject(named), "reputation", severity),
                subject=subject,
                level="near the level of a review" if severity == PAGE else "well above what is usual",
                rule=chains.any_of(names),
                children=first,
                suppressor=muted_by,
                wait_s=ROLL_UP_WAIT_S,
                extension_s=_EXTENSION_S,
            )


def _parts(named: str, rate: str, severity: str) -> tuple[str, ...]:
    return naming.alarm_subject(named), "reputation", rate, severity
