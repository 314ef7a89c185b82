"""The public endpoint in the stack: there only where topics are listed, open, and bounded in every way."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from infra.needed import needed
from ses_feedback import naming
from ses_feedback.config import Config, parse
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly

TOPIC = {"arn": "arn:aws:sns:us-east-1:444455556666:ses-bounces", "environment": "production"}


def listed(**values: Any) -> Config:
    return parse(tomllib.loads(configs.SMALL) | {"endpoint": {"topics": [TOPIC], **values}})


@pytest.fixture(scope="module")
def assembly(_synthesise: Callable[[Config], Assembly]) -> Assembly:
    return _synthesise(listed(requests_per_second=7, at_once=3))


def of_posts(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    api = assembly.one("AWS::ApiGatewayV2::Api", Name="ses-feedback-posts")
    found = assembly.find(f"AWS::ApiGatewayV2::{kind}")
    return [one.properties for one in found if one.properties["ApiId"] == f"<{api.logical_id}>"]


def test_nobody_listed_means_nothing_public(small: Assembly) -> None:
    """Nor where an application of one's own takes the posts."""
    assert naming.RECEIVE_POSTS not in needed(small.config)
    assert naming.RECEIVE_POSTS not in needed(listed(in_stack=False))
    assert naming.OUTPUT_ENDPOINT_URL not in small.outputs()
    assert all(route.properties["AuthorizationType"] == "AWS_IAM" for route in small.find("AWS::ApiGatewayV2::Route"))


def test_one_route_without_cors_that_is_throttled(assembly: Assembly) -> None:
    """What is posted elsewhere, or too fast, never reaches the function."""
    assert "CorsConfiguration" not in assembly.one("AWS::ApiGatewayV2::Api", Name="ses-feedback-posts").properties
    (route,) = of_posts(assembly, "Route")
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /sns", "NONE")
    (stage,) = of_posts(assembly, "Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 14}
    (integration,) = of_posts(assembly, "Integration")
    assert integration["PayloadFormatVersion"] == "2.0"
    assert integration["TimeoutInMillis"] == 15_000


def test_the_access_log_names_nobody(assembly: Assembly) -> None:
    """No path, no query, no address of whoever calls; kept for a month."""
    for stage in assembly.find("AWS::ApiGatewayV2::Stage"):
        logged = " ".join(json.loads(stage.properties["AccessLogSettings"]["Format"]).values())
        assert not {"path", "sourceIp", "userAgent", "querystring"} & set(logged.replace(".", " ").split())
    group = assembly.one("AWS::Logs::LogGroup", LogGroupName="/aws/vendedlogs/ses-feedback-posts")
    assert group.properties["RetentionInDays"] == 30


def test_the_function_has_an_asset_and_a_concurrency_of_its_own(assembly: Assembly) -> None:
    """A flood takes nothing from the functions that act, and what checks signatures is in no other asset."""
    functions = {f.properties["FunctionName"]: f.properties for f in assembly.find("AWS::Lambda::Function")}
    posts = functions.pop("ses-feedback-receive_posts")
    assert posts["ReservedConcurrentExecutions"] == 3
    assert not any("ReservedConcurrentExecutions" in other for other in functions.values())
    assert posts["Code"] not in [other["Code"] for other in functions.values()]


def test_without_a_reservation(_synthesise: Callable[[Config], Assembly]) -> None:
    """In an account that has too little concurrency to set some apart."""
    found = _synthesise(listed(at_once=0)).one("AWS::Lambda::Function", FunctionName="ses-feedback-receive_posts")
    assert "ReservedConcurrentExecutions" not in found.properties


def test_only_its_own_api_may_invoke_it(assembly: Assembly) -> None:
    """Any stage and route of that API, and no other API."""
    api = assembly.one("AWS::ApiGatewayV2::Api", Name="ses-feedback-posts")
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:ses-feedback-receive_posts"
    (permission,) = (
        p.properties for p in assembly.find("AWS::Lambda::Permission") if p.properties["FunctionName"] == function
    )
    assert permission["Principal"] == "apigateway.amazonaws.com"
    expected = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:<{api.logical_id}>/*/*"
    assert permission["SourceArn"] == expected


def test_where_it_is(assembly: Assembly) -> None:
    """One output, the URL to subscribe."""
    assert assembly.outputs()[naming.OUTPUT_ENDPOINT_URL].endswith("ApiEndpoint>/sns")
