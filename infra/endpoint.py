"""The public endpoint that SNS of other accounts and regions posts to: an API, one function, and bounds for both."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.functions import SIZES
from infra.http_api import HttpApi
from ses_feedback import naming
from ses_feedback.config.model import Config


class Endpoint(Construct):
    """``naming.POSTS_ROUTE``, open to all, and the output that says where it is.

    What the function may work on at once is set apart for it, so that a flood of posts takes none of the account's
    concurrency from the functions that act.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        if config.endpoint.set_apart:
            raw = function.node.default_child
            assert isinstance(raw, lambda_.CfnFunction)
            raw.reserved_concurrent_executions = config.endpoint.set_apart
        api = HttpApi(
            self,
            "Api",
            region=config.deployment.region,
            name=naming.posts_api_name(config.deployment.name),
            description=f"{config.deployment.name}: takes what SNS of other accounts and regions posts",
            function=function,
            routes=(naming.POSTS_ROUTE,),
            authorization="NONE",
            requests_per_second=config.endpoint.requests_per_second,
            timeout_s=SIZES[naming.RECEIVE_POSTS].timeout_s,
            open_because="SNS has no credentials here: the function checks the signature and the topic of every post.",
        )
        CfnOutput(
            Stack.of(self),
            naming.OUTPUT_ENDPOINT_URL,
            value=f"{api.url}{naming.POSTS_PATH}",
            description="What topics of other accounts and regions are subscribed to: docs/endpoint.md",
        )
