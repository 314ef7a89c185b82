"""The wiring table: slots that nobody gets twice, and former settings that nobody overwrites."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters.wiring_table import FURTHEST_AHEAD_MS, WiringTable
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.settings import Settings
from ses_feedback.usecases.wiring_ports import (
    PENDING,
    FormerSet,
    NotPermitted,
    Record,
)
from tests.unit.wiring.fakes import IDENTITY, settings, topic
from tests.unit.wiring.test_ses_adapter import make

TABLE = naming.wiring_table_name("ses-feedback")
FORMER = settings(topic("b"), None, topic("d"), headers=["Bounce"], forwarding=True)
NOW = 1_800_000_000_000
LATER = NOW + 600_000


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        made = make("dynamodb")
        made.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


def clear(client: Any) -> None:
    client.delete_item(TableName=TABLE, Key={naming.ATTRIBUTE_KEY: {"S": "slots"}})


def test_the_first_slot_is_now_and_the_next_wait_in_line(client: Any) -> None:
    """An idle account makes nobody wait; callers at the same moment get slots an interval apart."""
    table = WiringTable(client, TABLE)
    assert [table.take(NOW, 1_000, LATER) for _ in range(3)] == [NOW, NOW + 1_000, NOW + 2_000]
    assert table.take(NOW + 9_000, 1_000, LATER) == NOW + 9_000


def test_a_slot_nobody_uses_delays_only_itself(client: Any) -> None:
    """A function that took a slot and died holds nothing: once its slot has passed, the next caller goes at once."""
    table = WiringTable(client, TABLE)
    table.take(NOW, 1_000, LATER)
    assert table.take(NOW + 1_001, 1_000, LATER) == NOW + 1_001


def test_no_slot_is_taken_beyond_the_callers_time(client: Any) -> None:
    """Who could not use the next slot gets none, and leaves it to others."""
    table = WiringTable(client, TABLE)
    table.take(NOW, 5_000, LATER)
    assert table.take(NOW, 5_000, NOW + 4_999) is None
    assert table.take(NOW, 5_000, LATER) == NOW + 5_000


def test_a_broken_clock_does_not_block_the_account(client: Any) -> None:
    """A slot further ahead than any function could have taken is the work of a wrong clock and is overruled."""
    table = WiringTable(client, TABLE)
    wrong = NOW + FURTHEST_AHEAD_MS + 1
    table.take(wrong, 1_000, wrong + 1_000)
    assert table.take(NOW, 1_000, LATER) == NOW


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.lists(st.integers(0, 20_000), max_size=12), st.integers(1, 3_000))
def test_slots_are_never_closer_than_the_interval(client: Any, skews: list[int], interval: int) -> None:
    """Callers whose clocks differ by seconds, in any order: every slot is later than all before it by the interval."""
    clear(client)
    table = WiringTable(client, TABLE)
    slots: list[int] = []
    for skew in skews:
        slot = table.take(NOW + skew, interval, LATER)
        assert slot is not None
        assert slot >= NOW + skew
        slots.append(slot)
    assert all(later - earlier >= interval for earlier, later in pairwise(slots))


class OneAtATime:
    """Updates one item at a time, as DynamoDB does (moto's are not atomic between threads)."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.meta = client.meta

    def update_item(self, **parameters: Any) -> Any:
        with self._lock:
            return self._client.update_item(**parameters)

    def get_item(self, **parameters: Any) -> Any:
        with self._lock:
            return self._client.get_item(**parameters)


def test_many_functions_at_once_get_different_slots(client: Any) -> None:
    """Eight threads, each with its own view of now: all slots are at least an interval apart."""
    table = WiringTable(OneAtATime(client), TABLE)
    with ThreadPoolExecutor(8) as pool:
        slots = list(pool.map(lambda n: table.take(NOW + n % 3, 100, LATER), range(64)))
    taken = sorted(slot for slot in slots if slot is not None)
    assert len(taken) == 64
    assert all(later - earlier >= 100 for earlier, later in pairwise(taken))


def test_nothing_is_remembered_of_a_stranger(client: Any) -> None:
    """An identity nobody wired is unknown, and forgetting it is no error."""
    table = WiringTable(client, TABLE)
    table.forget(IDENTITY)
    assert table.recall(IDENTITY) is None


def test_former_settings_are_kept_once(client: Any) -> None:
    """The first settings remembered stay; topics that are ours add up."""
    table = WiringTable(client, TABLE)
    assert table.remember(IDENTITY, FORMER, [topic("ours")]) == Record(FORMER, frozenset({topic("ours")}))
    again = table.remember(IDENTITY, Settings(), [topic("renamed")])
    assert again == Record(FORMER, frozenset({topic("ours"), topic("renamed")}))
    assert table.recall(IDENTITY) == again
    assert table.recall("other.example.com") is None


@pytest.mark.parametrize("name", [None, "former-set"])
def test_the_former_configuration_set_is_kept_once(client: Any, name: str | None) -> None:
    """So is the default configuration set, also where there was none; it can be forgotten alone."""
    table = WiringTable(client, TABLE)
    table.remember(IDENTITY, FORMER, [topic("ours")])
    table.remember_set(IDENTITY, name, "set-a")
    record = table.remember_set(IDENTITY, "set-a", "set-b")
    assert record.former_set == FormerSet(name, frozenset({"set-a", "set-b"}))
    table.forget_set(IDENTITY)
    assert table.recall(IDENTITY) == Record(FORMER, frozenset({topic("ours")}))


def test_what_was_replaced_since_is_kept_instead(client: Any) -> None:
    """Asked to, the table keeps newer former settings and a newer former set; what is ours still adds up."""
    table = WiringTable(client, TABLE)
    table.remember(IDENTITY, FORMER, [topic("ours")])
    table.remember_set(IDENTITY, None, "set-a")
    since = settings(topic("theirs"), topic("theirs"))
    assert table.remember(IDENTITY, since, [topic("ours")], again=True) == Record(
        since, frozenset({topic("ours")}), FormerSet(None, frozenset({"set-a"}))
    )
    record = table.remember_set(IDENTITY, "their-set", "set-b", again=True)
    assert record.former_set == FormerSet("their-set", frozenset({"set-a", "set-b"}))
    assert table.recall(IDENTITY) == record


def test_a_failed_update_is_kept_and_forgotten(client: Any) -> None:
    """The fingerprint stands beside the rest until it is taken away."""
    table = WiringTable(client, TABLE)
    table.note(IDENTITY, PENDING)
    table.refuse(IDENTITY, "fingerprint")
    assert table.recall(IDENTITY) == Record(status=PENDING, refused="fingerprint")
    table.refuse(IDENTITY, None)
    assert table.recall(IDENTITY) == Record(status=PENDING)


def test_status_is_kept_and_all_is_forgotten(client: Any) -> None:
    """A status stands beside the rest; forgetting an identity leaves nothing."""
    table = WiringTable(client, TABLE)
    table.note(IDENTITY, PENDING)
    assert table.recall(IDENTITY) == Record(status=PENDING)
    table.forget(IDENTITY)
    assert table.recall(IDENTITY) is None


@pytest.mark.parametrize(
    ("code", "status", "error", "says"),
    [
        ("AccessDeniedException", 400, NotPermitted, "allow the function's role dynamodb:GetItem"),
        ("ResourceNotFoundException", 400, PermanentError, "does not exist in us-east-1: deploy the data stack"),
        ("ThrottlingException", 400, RetryableError, r"GetItem failed \(ThrottlingException\)"),
        ("Whatever", 503, RetryableError, r"GetItem failed \(Whatever\)"),
        ("ValidationException", 400, PermanentError, r"GetItem is refused \(ValidationException\)"),
    ],
)
def test_table_errors_are_one_line(code: str, status: int, error: type[Exception], says: str) -> None:
    """Each error of DynamoDB becomes one line that names the table and the remedy."""
    made = make("dynamodb")
    with Stubber(made) as stub, pytest.raises(error, match=f"table {TABLE}.*{says}"):
        stub.add_client_error("get_item", code, "details", http_status_code=status)
        WiringTable(made, TABLE).recall(IDENTITY)


def test_a_denied_key_is_told_from_a_denied_table() -> None:
    """DynamoDB says the same code of both: the remedy is another one."""
    made = make("dynamodb")
    with Stubber(made) as stub, pytest.raises(NotPermitted, match=f"table {TABLE}: allow .* kms:Decrypt on its key"):
        stub.add_client_error("get_item", "AccessDeniedException", "KMS key access denied error: …")
        WiringTable(made, TABLE).recall(IDENTITY)


def test_no_answer_is_retryable() -> None:
    """A table that cannot be reached may be reachable later."""
    with pytest.raises(RetryableError, match="no answer to get_item"):
        WiringTable(make("dynamodb", endpoint_url="http://127.0.0.1:9"), TABLE).recall(IDENTITY)


class Contended:
    """A table where somebody else is always faster."""

    def update_item(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")

    def get_item(self, **_: Any) -> Any:
        return {"Item": {"next_at": {"N": str(NOW)}}}


def test_endless_contention_ends() -> None:
    """Losing every race is a retryable error and no endless loop."""
    with pytest.raises(RetryableError, match="no SES call slot after"):
        WiringTable(Contended(), TABLE).take(NOW, 1_000, LATER)
