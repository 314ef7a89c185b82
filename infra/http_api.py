"""A public HTTP API before one function: throttled, with an access log that names no address, and without CORS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, Literal

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import arns
from infra.nag import acknowledge

Authorization = Literal["AWS_IAM", "NONE"]

# The stage that needs no part of its own in the path of a URL.
_STAGE: Final = "$default"
# HTTP APIs wait no longer (API Gateway developer guide, `Quotas for configuring and running an HTTP API`).
_MOST_SECONDS: Final = 29
# What arrives at once passes as long as its rate holds: twice a second's worth.
_BURST: Final = 2
# The key of a route and never its path, no header, no host of whoever calls: none of these names an address.
_LOGGED: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "caller": "$context.identity.userArn",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
    "milliseconds": "$context.integrationLatency",
}


class HttpApi(Construct):
    """One HTTP API named ``name`` whose ``routes`` (keys such as ``POST /sns``) all invoke ``function``.

    ``authorization`` holds for every route; where it is ``NONE``, ``open_because`` says who else tells callers apart.
    ``url`` is where it answers, without a slash at the end; ``api_id`` is the value of ``ApiId`` in its metrics. The
    function gets events of payload version 2.0, and ``timeout_s`` seconds.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        region: str,
        name: str,
        description: str,
        function: lambda_.Function,
        routes: Sequence[str],
        authorization: Authorization,
        requests_per_second: int,
        timeout_s: int = _MOST_SECONDS,
        open_because: str = "",
    ) -> None:
        super().__init__(scope, construct_id)
        api = apigateway.CfnApi(self, "Api", name=name, protocol_type="HTTP", description=description)
        integration = apigateway.CfnIntegration(
            self,
            "Integration",
            api_id=api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.function_arn,
            payload_format_version="2.0",
            timeout_in_millis=min(timeout_s, _MOST_SECONDS) * 1_000,
        )
        for number, key in enumerate(routes, 1):
            route = apigateway.CfnRoute(
                self,
                f"Route{number}",
                api_id=api.ref,
                route_key=key,
                authorization_type=authorization,
                target=cdk.Fn.join("/", ["integrations", integration.ref]),
            )
            if authorization == "NONE":
                acknowledge(route, "APIG4", open_because)
        self._stage(api.ref, name, requests_per_second)
        lambda_.CfnPermission(
            self,
            "MayInvoke",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=cdk.Fn.join("", [arns.api(region), api.ref, "/*/*"]),  # stage and route of this API alone
        )
        self.url = api.attr_api_endpoint
        self.api_id = api.ref

    def _stage(self, api_id: str, name: str, requests_per_second: int) -> None:
        # Under this name API Gateway needs no entry for each group in the account's one policy of log deliveries, which
        # has a largest size (CloudWatch Logs user guide, `Enable logging from AWS services`).
        group = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=api_id,
            stage_name=_STAGE,
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=group.log_group_arn, format=json.dumps(_LOGGED)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=requests_per_second,
                throttling_burst_limit=requests_per_second * _BURST,
            ),
        )
