"""A sender's question is one call of DynamoDB, and what goes wrong with it passes by itself or has to be mended."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ses_feedback.adapters.faults import aws_errors, passes
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, Strike
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from tests.unit.adapters.conftest import TABLE, Dynamo

NOW = 1_790_000_000_000
JANE, JOE = ("production", "jane@example.net"), ("production", "joe@example.net")


@pytest.fixture
def table(dynamo: Dynamo) -> SuppressionTable:
    found = SuppressionTable(dynamo.client, TABLE, Keys("a secret"), DEFAULT_POLICY)
    found.put_new(*JANE, History({"k": Strike(ev.HARD_BOUNCE, "default", NOW, NOW, "m1")}))
    dynamo.forget()
    return found


def test_one_address_is_one_get_item(table: SuppressionTable, dynamo: Dynamo) -> None:
    """Eventually consistent: half the price."""
    found = table.look_up([JANE])
    assert [s.reason for s in found[JANE].suppressions] == ["hard_bounce"]
    assert table.look_up([JOE]) == {}
    assert dynamo.calls == ["GetItem", "GetItem"]
    assert not any(request.get("ConsistentRead") for request in dynamo.requests)


def test_many_addresses_are_one_batch(table: SuppressionTable, dynamo: Dynamo) -> None:
    """Those that are known, and nothing of the others."""
    many = [JANE, *(("production", f"joe.{number}@example.net") for number in range(99))]
    assert set(table.look_up(many)) == {JANE}
    assert dynamo.calls == ["BatchGetItem"]


def error(cause: Exception | None) -> RetryableError:
    if cause is None:
        return RetryableError("lost the race three times")
    with pytest.raises(RetryableError) as caught, aws_errors("reading"):
        raise cause
    return caught.value


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetItem")


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (None, True),
        (EndpointConnectionError(endpoint_url="https://dynamodb"), True),
        (refused("ThrottlingException"), True),
        (refused("ProvisionedThroughputExceededException"), True),
        (refused("InternalServerError"), True),
        (refused("503"), True),
        (refused("AccessDeniedException"), False),
        (refused("ResourceNotFoundException"), False),
        (refused("UnrecognizedClientException"), False),
        (refused("400"), False),
    ],
)
def test_what_passes_by_itself(cause: Exception | None, expected: bool) -> None:
    """Throttles, lost races, networks and AWS's own errors do; permissions and what is not there do not."""
    assert passes(error(cause)) is expected
