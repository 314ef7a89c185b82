"""The rate alarms of one identity or environment: a page and a warning, each made of its rules."""

from __future__ import annotations

from typing import Final

from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series, label
from infra.alarms.kinds import PAGE, RATES, WARN
from infra.alarms.rules import RATE_RULES
from ses_feedback import naming

# The rates are evaluated each minute, the queue's age too: two minutes tell whether it is only counting that lags.
_WAIT_S: Final = 120
# After counting has caught up, the late data is evaluated anew before anybody is woken by it.
_EXTENSION_S: Final = 300


class RateAlarms(Construct):
    """Bounce and complaint alarms over the metrics that carry ``dimension`` = ``subject``."""

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: str, region: str, dimension: str, subject: str
    ) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        dimensions = {naming.DIMENSION_DEPLOYMENT: deployment, dimension: subject}
        named = label(subject)
        made = [
            (
                rule.severity,
                factory.alarm(
                    rule.kind,
                    (),
                    (named, *rule.label),
                    subject=subject,
                    level=rule.level(),
                    series={
                        variable: Series(naming.METRIC_NAMESPACE, metric, "Sum", rule.period_s, dimensions)
                        for variable, metric in rule.metrics().items()
                    },
                    expression=rule.expression(),
                    threshold=rule.threshold,
                ),
            )
            for rule in RATE_RULES
        ]
        page = factory.composite(
            RATES,
            PAGE,
            (named, PAGE),
            subject=subject,
            level="near the level at which AWS reviews an account",
            children=[alarm for severity, alarm in made if severity == PAGE],
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
            children=[alarm for severity, alarm in made if severity == WARN],
            suppressor=naming.alarm_name(deployment, named, PAGE),
            wait_s=_WAIT_S,
            extension_s=_EXTENSION_S,
        )
        warn.add_resource_dependency(page)


def tally_behind_name(deployment: str) -> str:
    """Return the name of the alarm that holds back pages about rates: counting is late."""
    return naming.alarm_name(deployment, "tally", "behind")
