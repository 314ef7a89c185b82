"""The lookup API: signed requests in, one function behind."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.functions import SIZES
from infra.http_api import HttpApi
from ses_feedback import naming
from ses_feedback.config.model import Config


class Lookup(Construct):
    """``naming.LOOKUP_ROUTES`` under IAM authorisation, and the output that says where they are."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        api = HttpApi(
            self,
            "Api",
            region=config.deployment.region,
            name=naming.lookup_api_name(config.deployment.name),
            description=f"{config.deployment.name}: may these addresses be mailed?",
            function=function,
            routes=tuple(naming.LOOKUP_ROUTES),
            authorization="AWS_IAM",
            requests_per_second=config.lookup.requests_per_second,
            timeout_s=SIZES[naming.ANSWER_LOOKUPS].timeout_s,
        )
        CfnOutput(
            Stack.of(self),
            naming.OUTPUT_LOOKUP_URL,
            value=api.url,
            description="Where the lookup API answers signed requests: docs/lookup.md",
        )
