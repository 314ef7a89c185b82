"""Canaries: the schedule on which they are sent, and the alarms that go off when their feedback does not come back."""

from __future__ import annotations

import math
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import CANARY, PAGE, WARN
from infra.errors import SynthError
from infra.functions import SIZES
from infra.needed import canaries
from infra.schedules import Schedule
from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain import canary
from ses_feedback.domain.times import HOUR, SECOND, format_duration

_LOOK_S: Final = canary.LOOK // SECOND
# A round that failed is repeated after an hour; a page waits for that repetition to fail too, and one look more.
_LOOKS_MORE: Final = 3
# What a call of SES takes besides the second between two mails, and what of its time the function keeps for itself.
_CALL_MS: Final = 200
_KEPT_MS: Final = 30 * SECOND


class Canaries(Construct):
    """Runs ``function`` each quarter of an hour, warns when a round failed, and pages when its repetition did."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        check_pace(config)
        name, within = config.deployment.name, config.canary.within
        Schedule(self, "Schedule", deployment=name, name=naming.SEND_CANARIES, function=function, every=canary.LOOK)
        factory = AlarmFactory(self, deployment=name, region=config.deployment.region)
        looks = math.ceil((canary.REPEAT + within) / canary.LOOK) + _LOOKS_MORE
        for severity, periods, level in (
            (WARN, 1, format_duration(within)),
            (PAGE, looks, f"{format_duration(within)}, nor that of its repetition an hour later"),
        ):
            factory.alarm(
                CANARY,
                (severity,),
                ("canary", severity),
                subject=name,
                level=level,
                series={
                    "m": Series(
                        naming.METRIC_NAMESPACE,
                        naming.METRIC_CANARY_MISSING,
                        "Maximum",
                        _LOOK_S,
                        {naming.DIMENSION_DEPLOYMENT: name},
                    )
                },
                threshold=1,
                periods=periods,
                # Nothing measured says nothing about the loop: only feedback that came back ends this alarm.
                missing="ignore",
            )


def check_pace(config: Config) -> None:
    """Raise ``SynthError`` where so many canaries cannot be sent so often, at the pace that spares the sending rate."""
    senders = canaries(config)
    each = canary.MAILS * (naming.DEFAULT_SES_INTERVAL_MS + _CALL_MS)
    a_run = (SIZES[naming.SEND_CANARIES].timeout_s * SECOND - _KEPT_MS) // each
    if senders * canary.LOOK <= a_run * config.canary.every:
        return
    least = math.ceil(senders * canary.LOOK / a_run / HOUR) * HOUR
    raise SynthError(
        f'canary.every: "{format_duration(config.canary.every)}" is too often for the canaries of {senders:,} '
        f'identities, which are sent at one mail a second: "{format_duration(least)}" is possible, or canary = false '
        "for some of them"
    )
