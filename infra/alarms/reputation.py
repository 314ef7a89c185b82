"""Alarms on AWS's own rates, of the account or of one configuration set.

`Creating reputation monitoring alarms using CloudWatch` (SES developer guide): `AWS/SES`, `Reputation.BounceRate` and
`Reputation.ComplaintRate`, fractions; average over an hour, missing data ignored.
"""

from __future__ import annotations

from typing import Final

from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import REPUTATION_BOUNCE, REPUTATION_COMPLAINT
from infra.alarms.rules import HOUR_S, REPUTATION_LEVELS, percent
from ses_feedback import naming

DIMENSION_CONFIGURATION_SET: Final = "ses:configuration-set"
_METRICS: Final = {
    "bounce": (REPUTATION_BOUNCE, "Reputation.BounceRate"),
    "complaint": (REPUTATION_COMPLAINT, "Reputation.ComplaintRate"),
}


class ReputationAlarms(Construct):
    """Warn and page on AWS's bounce and complaint rate; ``configuration_set`` narrows it from the account to a set."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        named: str,
        subject: str,
        configuration_set: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        dimensions = {DIMENSION_CONFIGURATION_SET: configuration_set} if configuration_set else {}
        for rate, (kind, metric) in _METRICS.items():
            for severity, threshold in REPUTATION_LEVELS[rate].items():
                factory.alarm(
                    kind,
                    (severity,),
                    (naming.alarm_subject(named), "reputation", rate, severity),
                    subject=subject,
                    level=percent(threshold),
                    series={"r": Series("AWS/SES", metric, "Average", HOUR_S, dimensions)},
                    threshold=threshold,
                    missing="ignore",
                )
