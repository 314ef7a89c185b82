"""AWS's quotas that many identities run into: how long a deployment takes at least, and where it would fail.

Nothing here was measured in an account: these are the least times that the quotas allow, whatever else takes its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from infra import weights
from ses_feedback.config.model import Config

# CloudWatch user guide, `CloudWatch service quotas`: `PutMetricAlarm` and `PutCompositeAlarm` in a second and region;
# alarms in a region, which AWS raises on request.
ALARMS_A_SECOND: Final = 3
MOST_ALARMS: Final = 5_000
# SES API reference: each call about identities "no more than once per second", over the whole account. Wiring reads
# twice, sets three topics, headers of two, and switches forwarding off; a test counts them.
WIRING_CALLS: Final = 8
SET_CALLS: Final = 2  # more, with a configuration set of its own


class Pace(NamedTuple):
    """What the quotas make of a first deployment: alarms in all identities' cells, and seconds at least."""

    alarms: int
    alarms_s: int
    wiring_s: int

    @property
    def seconds(self) -> int:
        """The least time: alarms are made while SES is told, side by side."""
        return max(self.alarms_s, self.wiring_s)


def pace(config: Config) -> Pace:
    """Return what making all identities of a configuration anew takes at least."""
    alarms = sum(weights.alarms(config, identity) for identity in config.identities.values())
    wiring = sum(
        WIRING_CALLS + (SET_CALLS if identity.configuration_set else 0) for identity in config.identities.values()
    )
    return Pace(alarms, -(-alarms // ALARMS_A_SECOND), wiring)


def warnings(config: Config) -> Iterator[str]:
    """Yield where a deployment would fail at a quota, one line each as ``config.warnings`` has them."""
    alarms = pace(config).alarms
    if alarms > MOST_ALARMS:
        yield (
            f"deployment.alarms: makes {alarms:,} alarms of identities, and CloudWatch lets a region have "
            f'{MOST_ALARMS:,} unless AWS has raised that; have it raised, or say alarms = "environment"'
        )
