"""The lookup API against its own description: thousands of requests made from docs/openapi.json, right and wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.wrappers import Request, Response

from ses_feedback.usecases.lookup import OPERATIONS
from tests.unit.lookup.gateway import RULES, Gateway, load
from tools import openapi

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
# Of each operation and kind of data: 2,400 requests in all.
REQUESTS = 400
# What a request may be refused for although JSON Schema has nothing against it.
BEYOND_SCHEMA = (
    "address: not an e-mail address",
    "addresses[",
    "why: empty",
    "why: must be one line",
    "for: ",
)


def described() -> dict[str, Any]:
    """Return the description with the environment and streams at hand, without signatures: AWS checks these."""
    found: dict[str, Any] = json.loads(openapi.FILE.read_text(encoding="utf-8"))
    del found["security"], found["components"]["securitySchemes"]
    for path in found["paths"].values():
        path["post"]["parameters"][0]["schema"] = {"type": "string", "enum": ["production"]}
    found["components"]["schemas"]["Check"]["required"].append("stream")  # of several it has to be said
    for schema in found["components"]["schemas"].values():
        stream = schema["properties"].get("stream")
        if schema["properties"].keys() & {"addresses", "why"}:
            stream["enum"] = list(RULES.streams("production"))
    return found


class Served:
    """The function as a WSGI application that counts its answers."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.statuses: Counter[int] = Counter()

    @Request.application
    def app(self, request: Request) -> Response:
        path = str(request.environ.get("REQUEST_URI", request.path)).partition("?")[0]
        type_ = request.content_type or "application/octet-stream"
        found = self.gateway.call(request.method, path, request.get_data(), type_=type_)
        self.statuses[found.status] += 1
        return Response(json.dumps(found.values, default=str), found.status, dict(found.headers))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    return Served(Gateway(load(monkeypatch, tmp_path), monkeypatch))


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.filterwarnings("ignore")  # those of the fuzzer's own making
def test_the_function_holds_what_the_description_promises(served: Served, operation: str, mode: GenerationMode) -> None:
    """No crash, every answer is one that is described, and what is no right request is refused."""
    schema = schemathesis.openapi.from_dict(described())
    schema.app = served.app
    (found,) = [o.ok() for o in schema.get_all_operations() if o.ok().definition.raw["operationId"] == operation]

    @settings(
        max_examples=REQUESTS, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=found.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        answered = case.call(base_url="http://lookup.example.com")
        case.validate_response(answered, checks=CHECKS)
        if mode is GenerationMode.POSITIVE and answered.status_code != 200:
            assert answered.status_code == 400
            assert answered.json()["detail"].startswith(BEYOND_SCHEMA), answered.json()

    run()
    assert served.statuses.total() >= REQUESTS
    if mode is GenerationMode.POSITIVE:
        assert served.statuses[200] >= REQUESTS // 5, served.statuses
