"""Schedules: EventBridge runs a function every so often, and may invoke that one function by that one rule only."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from ses_feedback import naming
from ses_feedback.domain.times import DAY, HOUR, MINUTE

_UNITS: Final = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"))


class Schedule(Construct):
    """Runs ``function``, one of ``naming.FUNCTIONS`` of the deployment and named so, every ``every`` ms.

    The event says nothing a function may rely on: what is due is decided by what the function finds.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        name: str,
        function: lambda_.Function,
        every: int,
    ) -> None:
        super().__init__(scope, construct_id)
        rule = events.CfnRule(
            self,
            "Rule",
            name=naming.function_name(deployment, name),
            description=f"Runs {naming.function_name(deployment, name)}",
            schedule_expression=rate(every),
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="function", arn=function.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            "MayInvoke",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )


def rate(every: int) -> str:
    """Return EventBridge's expression for a duration in ms, such as ``rate(1 hour)``: the unit is singular at one.

    Raises ``ValueError`` for less than a minute or a broken one, which EventBridge has no expression for.
    """
    for unit, word in _UNITS:
        if every > 0 and every % unit == 0:
            number = every // unit
            return f"rate({number} {word if number == 1 else word + 's'})"
    raise ValueError(f"a schedule takes whole minutes, not {every} ms")
