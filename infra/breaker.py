"""The circuit breaker: pages of identities that have one invoke a function, which pauses their configuration sets."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import arns
from infra.alarms.kinds import PAGE
from ses_feedback import naming

# Lambda's most; what still fails is told by the alarm on the function's errors, at once and not only in the end.
_TRIES_AFTER_THE_FIRST: Final = 2
# A page is a reason to stop what is being sent now: one that could not be handled for an hour is a person's to judge.
_MAX_EVENT_AGE_S: Final = 3_600


class Breaker(Construct):
    """Lets the rate alarms of identities invoke ``function``, ``break_circuit``, and no other alarm."""

    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: str, region: str, function: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        # CloudWatch user guide, `Invoke a Lambda function from an alarm`: the principal, and both conditions.
        lambda_.CfnPermission(
            self,
            "PagesInvoke",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="lambda.alarms.cloudwatch.amazonaws.com",
            source_account=arns.sub("${AWS::AccountId}"),
            # Lambda compares it with ArnLike. No other deployment's alarms begin so: a name has no space.
            source_arn=arns.alarm(region, naming.alarm_name(deployment, "*", PAGE)),
        )
        lambda_.CfnEventInvokeConfig(
            self,
            "Repeated",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=_TRIES_AFTER_THE_FIRST,
            maximum_event_age_in_seconds=_MAX_EVENT_AGE_S,
        )
