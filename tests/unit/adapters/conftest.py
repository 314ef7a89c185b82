"""An AWS in memory (moto), with the table as the data stack makes it, and a count of the calls each test makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters import clients

DEPLOYMENT = "ses-feedback"
TABLE = naming.table_name(DEPLOYMENT)
BUCKET = naming.quarantine_bucket_name(DEPLOYMENT, "111122223333", "us-east-1")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Let the clients talk to moto; return what makes them."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    clients.client.cache_clear()
    with mock_aws():
        yield clients.client
    clients.client.cache_clear()


class Dynamo:
    """The table and what is asked of it: ``calls`` are the operations since the last ``forget``.

    ``answers`` holds, by operation, what is answered in place of the table, one a call: an error code, an item-less
    answer, or a function of the request that returns the answer or ``None`` to let it through.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, list[Any]] = {}
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"}
                for name in (naming.ATTRIBUTE_KEY, naming.ATTRIBUTE_LISTING_KEY, naming.ATTRIBUTE_LISTING_SINCE)
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": naming.INDEX_LISTING,
                    "KeySchema": [
                        {"AttributeName": naming.ATTRIBUTE_LISTING_KEY, "KeyType": "HASH"},
                        {"AttributeName": naming.ATTRIBUTE_LISTING_SINCE, "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(naming.LISTING_ATTRIBUTES)},
                }
            ],
        )
        client.meta.events.register("provide-client-params.dynamodb", self._note)
        client.meta.events.register("before-call.dynamodb", self._answer)

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> None:
        self.calls.append(model.name)
        self.requests.append(params)

    def _answer(self, model: Any, **_: object) -> tuple[Any, Any] | None:
        waiting = self.answers.get(model.name)
        if not waiting:
            return None
        answer = waiting.pop(0)
        if callable(answer):
            answer = answer(self.requests[-1])
        if answer is None:
            return None
        if isinstance(answer, str):
            error = {"Error": {"Code": answer, "Message": "asked for by a test"}, "ResponseMetadata": {}}
            return SimpleNamespace(status_code=400), error
        return SimpleNamespace(status_code=200), {"ResponseMetadata": {"HTTPHeaders": {}}, **answer}

    def forget(self) -> None:
        self.calls.clear()
        self.requests.clear()

    def items(self) -> list[dict[str, Any]]:
        """Return every item of an address."""
        found = self.client.scan(TableName=TABLE)["Items"]
        self.calls.pop()
        self.requests.pop()
        return [item for item in found if item[naming.ATTRIBUTE_KEY]["S"] != "meta"]


@pytest.fixture
def dynamo(aws: Callable[..., Any]) -> Dynamo:
    """The suppression table, empty and unclaimed."""
    return Dynamo(aws("dynamodb"))
