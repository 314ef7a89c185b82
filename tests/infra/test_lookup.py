"""The lookup API in the templates: who may call it, how much, and what it may do."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from infra.needed import needed, of_the_loop, timed
from ses_feedback import naming
from ses_feedback.config import parse
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, synthesise

if TYPE_CHECKING:
    from tests.infra.synthesis import Assembly, Found

NAME = "ses-feedback-lookup"


def api(assembly: Assembly) -> Found:
    return assembly.one("AWS::ApiGatewayV2::Api", Name=NAME)


def of_api(assembly: Assembly, type_: str) -> list[Found]:
    wanted = f"<{api(assembly).logical_id}>"
    return [found for found in assembly.find(type_) if found.properties["ApiId"] == wanted]


def test_every_route_asks_iam(small: Assembly) -> None:
    """The three operations and nothing else, each signed; no other origin is let in by a browser."""
    routes = {r.properties["RouteKey"]: r.properties for r in of_api(small, "AWS::ApiGatewayV2::Route")}
    assert set(routes) == {
        f"POST /v1/environments/{{environment}}/{operation}" for operation in ("check", "suppress", "release")
    }
    assert {route["AuthorizationType"] for route in routes.values()} == {"AWS_IAM"}
    assert "CorsConfiguration" not in api(small).properties


def test_it_invokes_its_function_and_nobody_else_does(small: Assembly) -> None:
    """With the whole path in the event, and only from this API."""
    (integration,) = of_api(small, "AWS::ApiGatewayV2::Integration")
    function = f"arn:aws:lambda:{small.region}:{ACCOUNT}:function:ses-feedback-answer_lookups"
    assert integration.properties["IntegrationUri"] == function
    assert integration.properties["PayloadFormatVersion"] == "2.0"
    permissions = [
        p.properties for p in small.find("AWS::Lambda::Permission") if p.properties["FunctionName"] == function
    ]
    (permission,) = permissions
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source = f"arn:aws:execute-api:{small.region}:{ACCOUNT}:<{api(small).logical_id}>/*/*"
    assert permission["SourceArn"] == source


def test_it_is_throttled_as_the_file_says(small: Assembly, tmp_path: Path) -> None:
    """By itself at a hundred a second; for a moment at twice the rate."""
    values = tomllib.loads(configs.SMALL) | {"lookup": {"requests_per_second": 7}}
    for assembly, rate in ((small, 100), (synthesise(parse(values), tmp_path), 7)):
        (stage,) = of_api(assembly, "AWS::ApiGatewayV2::Stage")
        settings = stage.properties["DefaultRouteSettings"]
        assert settings == {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": 2 * rate}


def test_its_log_names_no_path(small: Assembly) -> None:
    """An environment may be looked up by its route; what was asked stands nowhere."""
    (stage,) = of_api(small, "AWS::ApiGatewayV2::Stage")
    logged = set(json.loads(stage.properties["AccessLogSettings"]["Format"]).values())
    assert "$context.routeKey" in logged
    assert not logged & {"$context.path", "$context.identity.sourceIp"}


def test_where_it_is_can_be_looked_up(small: Assembly) -> None:
    """An output of the deployment."""
    assert small.outputs()[naming.OUTPUT_LOOKUP_URL] == f"<{api(small).logical_id}.ApiEndpoint>"


def test_its_errors_have_an_alarm_and_its_throttles_are_told_to_whoever_asks(small: Assembly) -> None:
    """Errors are the deployment's; who is throttled or waits too long is told at once, and asks again."""
    name = naming.function_name("ses-feedback", naming.ANSWER_LOOKUPS)
    watched = {
        m["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in m else ""
        for alarm in small.find("AWS::CloudWatch::Alarm")
        for m in alarm.properties.get("Metrics", [{"MetricStat": {"Metric": alarm.properties}}])
        if name in str(m)
    }
    assert watched == {"Errors"}
    assert naming.ANSWER_LOOKUPS not in (*of_the_loop(naming.FUNCTIONS), *timed(naming.FUNCTIONS))


def test_without_it_nothing_of_it_is_deployed(tmp_path: Path) -> None:
    """No API, function, log, alarm or output."""
    values = tomllib.loads(configs.SMALL) | {"lookup": {"enabled": False}}
    without = synthesise(parse(values), tmp_path)
    assert naming.ANSWER_LOOKUPS not in needed(without.config)
    assert not without.find("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage")
    assert "lookup" not in json.dumps(without.templates).lower()
