"""The lookup function behind an HTTP API in this process: routes, the caller, and events as API Gateway makes them."""

from __future__ import annotations

import base64
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

from ses_feedback import naming
from ses_feedback.adapters import runtime as composition
from ses_feedback.config import parse
from ses_feedback.config.runtime import from_runtime, to_runtime
from ses_feedback.domain.errors import FeedbackError
from tests.fakes import FakeLists, FakeStore

CALLER = "arn:aws:sts::111122223333:assumed-role/crm/session"
NOW = 1_790_000_000_000
CONFIG = {
    "on_call": {"page": [{"email": "oncall@example.com"}]},
    "identities": {
        "example.com": {"stream": "transactional"},
        "news.example.com": {"stream": "marketing"},
        "dev.example.com": {"environment": "dev"},
    },
}
RULES = from_runtime(to_runtime(parse(CONFIG)))


class Table(FakeStore):
    """A table that notes how it was looked up."""

    def look_up(self, wanted: Any) -> Any:
        self.calls.append("look_up")
        assert 1 <= len(wanted) == len(set(wanted)) <= 100
        return {who: self.items[who] for who in wanted if who in self.items}


class Answered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    values: Any


class Gateway:
    """Calls the function as API Gateway does. ``lists`` are SES's own; ``spelled`` how an address may stand there."""

    def __init__(self, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = Table(RULES.policy, clock=NOW)
        self.lists = FakeLists(("us-east-1", "eu-west-1"))
        self.spelled: list[list[str]] = []
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.handler: Callable[..., dict[str, Any]] = module.handler
        monkeypatch.setattr(module, "runtime", self)
        monkeypatch.setattr(module, "_lists", self._open)
        self.rules, self.store, self.logger, self.now = RULES, self.table, self, NOW

    def _open(self, spellings: Iterable[str]) -> FakeLists:
        self.spelled.append(list(spellings))
        return self.lists

    def info(self, what: str, **fields: Any) -> None:
        self.logged.append((what, fields))

    warning = info

    def call(
        self, method: str, path: str, body: bytes = b"", *, type_: str = "application/json", caller: str = CALLER
    ) -> Answered:
        """Answer as API Gateway: paths without a route are its own to refuse; what the function raises is a 500."""
        for key in naming.LOOKUP_ROUTES:
            of, pattern = key.split(" ")
            found = re.fullmatch(pattern.replace("{environment}", "(?P<environment>[^/]+)"), path)
            if found is not None and of == method:
                parameters = {name: unquote(value) for name, value in found.groupdict().items()}
                return self._invoke(key, parameters, body, type_, caller)
        return Answered(404, {"content-type": "application/json"}, {"message": "Not Found"})

    def ask(self, operation: str, environment: str = "production", **body: Any) -> Answered:
        path = f"/v1/environments/{environment}/{operation}"
        return self.call("POST", path, json.dumps(body).encode())

    def _invoke(self, key: str, parameters: dict[str, str], body: bytes, type_: str, caller: str) -> Answered:
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": key,
            "pathParameters": parameters,
            "headers": {"content-type": type_},
            "requestContext": {"authorizer": {"iam": {"userArn": caller}}},
            "isBase64Encoded": False,
        }
        if body:
            textual = type_.startswith(("text/", "application/json"))
            event["body"] = body.decode("utf-8", "replace") if textual else base64.b64encode(body).decode()
            event["isBase64Encoded"] = not textual
        try:
            answer = self.handler(event, None)
        except FeedbackError as error:
            return Answered(500, {"content-type": "application/json"}, {"message": "Internal Server Error", "e": error})
        return Answered(answer["statusCode"], answer["headers"], json.loads(answer["body"]))


def load(monkeypatch: pytest.MonkeyPatch, folder: Path) -> ModuleType:
    """Load the function as Lambda does."""
    (folder / naming.RUNTIME_CONFIG_FILE).write_text(to_runtime(parse(CONFIG)))
    monkeypatch.setattr(composition, "ROOT", folder)
    for name, value in {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        naming.ENV_ADDRESS_KEY: "a secret for tests",
        naming.ENV_TABLE: "table",
    }.items():
        monkeypatch.setenv(name, value)
    module = naming.handler_of(naming.ANSWER_LOOKUPS).rpartition(".")[0]
    monkeypatch.delitem(sys.modules, module, raising=False)
    return importlib.import_module(module)
