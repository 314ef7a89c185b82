"""What holds alarms about rates back: counting is behind, or was so late that CloudWatch may not show its counts yet.

Counts are stamped with the time of what they count. PutMetricData (CloudWatch API Reference): "Data points with time
stamps from 24 hours ago or longer can take at least 48 hours to become available … Data points with time stamps between
3 and 24 hours ago can take as much as 2 hours". Until then sums have holes: bounces are there, and their mail is not.
Windows of a day or less have none any more two hours after the last late count, whatever it counted; longer ones may
for two days. Nothing says whether the same holds for metrics out of logs, which ours are; if not, alarms wait for
nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import aws_cdk as cdk
from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import COUNTED_LATE, WARN
from infra.alarms.rules import DAY_S, HOUR_S, MINUTE_S
from infra.alarms.together import counted_late_name, days_late_name, tally_behind_name
from ses_feedback import naming

# As long as CloudWatch may take, and what log lines and evaluation need besides; above a day it is hourly.
HELD_S: Final = 2 * HOUR_S + 15 * MINUTE_S
DAYS_HELD_S: Final = 2 * DAY_S + HOUR_S
# So few can be missing without making a page of any healthy rate: 30 bounces are 4% of 750, and 3.5% of a hundred
# more. A straggler that SNS delivered in the end must not silence everything.
LEAST_LATE: Final = 100


class DaysLate(NamedTuple):
    """The alarm of a stack by which its alarms know that windows of more than a day have holes."""

    name: str
    made: cdk.CfnResource


class HeldAlarms(Construct):
    """Warns when much was counted late, and makes the alarm that all alarms about rates are silent for.

    ``cells`` is how many there have been: so many ask whether counting was days late, each by an alarm of its own, and
    an alarm may stand in the rules of 150 others.
    """

    def __init__(self, scope: Construct, construct_id: str, *, deployment: str, region: str, cells: int) -> None:
        super().__init__(scope, construct_id)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        late = self._late(factory, deployment, ("counted", "late"), naming.METRIC_LATE, HELD_S)
        days = self._late(factory, deployment, ("counted", "days", "late"), naming.METRIC_DAYS_LATE, DAYS_HELD_S)
        factory.any_of(
            ("rates", "held"),
            [tally_behind_name(deployment), counted_late_name(deployment)],
            subject="counting is behind, or was hours late",
            children=[late],
        )
        for part in range(1, days_late_parts(cells)):
            factory.any_of(
                ("counted", "days", "late", "part", str(part)),
                [days_late_name(deployment)],
                subject="counting was days late",
                children=[days],
            )

    def _late(
        self, factory: AlarmFactory, deployment: str, parts: tuple[str, ...], metric: str, held_s: int
    ) -> cdk.CfnResource:
        days = metric == naming.METRIC_DAYS_LATE
        which, shown = ("over more than a day ", "two days") if days else ("", "two hours")
        return factory.alarm(
            COUNTED_LATE,
            (WARN,),
            parts,
            subject=f"all alarms about rates {which}are held back until {shown} after the last of it",
            level="a day or more" if days else "three hours or more",
            series={
                "l": Series(naming.METRIC_NAMESPACE, metric, "Sum", held_s, {naming.DIMENSION_DEPLOYMENT: deployment})
            },
            # Measured only where there is any: zeros end the alarm, and nothing at all never begins it.
            expression="FILL(l,0)",
            threshold=LEAST_LATE,
        )


# An alarm may be included in the rule expressions of 150 composite alarms (PutCompositeAlarm): less, for others.
CELLS_OF_AN_ALARM: Final = 100


def days_late_parts(cells: int) -> int:
    """Return how many alarms say that counting was days late, so that each is asked by few enough cells."""
    return max(1, -(-cells // CELLS_OF_AN_ALARM))


def days_late(factory: AlarmFactory, deployment: str, parts: tuple[str, ...], cell: int | None = None) -> DaysLate:
    """Make the alarm by which those of a stack, of a ``cell`` or the overview, know that counting was days late."""
    part = (cell - 1) // CELLS_OF_AN_ALARM if cell else 0
    made = factory.any_of(parts, [days_late_name(deployment, part)], subject="counting was days late")
    return DaysLate(naming.alarm_name(deployment, *parts), made)
