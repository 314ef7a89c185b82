"""Ends in their table: found when they have come, in any number, gone when taken away; items found by their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.coming_ends import ComingEnds
from ses_feedback.adapters.items import to_item
from ses_feedback.adapters.keyed_items import KeyedItems
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.usecases.changes import End
from tests.unit.adapters.conftest import TABLE, Dynamo

ENDS = naming.ends_table_name("ses-feedback")
AT = 1_800_000_000_000


@pytest.fixture
def client(aws: Callable[..., Any]) -> Any:
    made = aws("dynamodb")
    names = (naming.ATTRIBUTE_SHARD, naming.ATTRIBUTE_DUE)
    made.create_table(
        TableName=ENDS,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
    )
    return made


def due(ends: ComingEnds, now: int) -> list[End]:
    return sorted(end for some in ends.due(now) for end in some)


def test_an_end_is_due_when_it_has_come(client: Any) -> None:
    """To the millisecond; noted twice it is one, taken away it is none; taking away what is not there is nothing."""
    ends = ComingEnds(client, ENDS)
    end = End("key-1", "a#b", AT, "soft_bounce", AT - 9)
    ends.note({end: True})
    ends.note({end: True})
    assert due(ends, AT - 1) == []
    assert due(ends, AT) == [end]
    ends.note({end: False, End("other", "*", AT, "", 0): False})
    assert due(ends, AT) == []
    ends.note({})


def test_there_may_be_many(client: Any) -> None:
    """More than a page of a shard, more than a batch of writes."""
    ends = ComingEnds(client, ENDS)
    many = {End(f"k{n}", "*", AT + n % 7, "operator", AT): True for n in range(16 * 130)}
    ends.note(many)
    assert due(ends, AT + 7) == sorted(many)
    assert all(len(some) <= 100 for some in ends.due(AT + 7))


def test_an_entry_expires_and_names_nobody(client: Any) -> None:
    """Three months after the end."""
    ComingEnds(client, ENDS).note({End("k", "*", AT, "operator", AT): True})
    (item,) = client.scan(TableName=ENDS)["Items"]
    assert item[naming.ATTRIBUTE_TTL] == {"N": str((AT + 90 * 86_400_000) // 1_000)}
    assert set(item) == {naming.ATTRIBUTE_SHARD, naming.ATTRIBUTE_DUE, naming.ATTRIBUTE_TTL, "reason", "since"}


class Busy:
    """Leaves things undone: so many times, then never again."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self.times = times

    def batch_write_item(self, **request: Any) -> Any:
        if self.times:
            self.times -= 1
            return {"UnprocessedItems": request["RequestItems"]}
        return self._client.batch_write_item(**request)

    def batch_get_item(self, **request: Any) -> Any:
        if self.times:
            self.times -= 1
            return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
        return self._client.batch_get_item(**request)


def test_what_dynamodb_leaves_undone_is_done_again(client: Any) -> None:
    """Some times; then it is an error that comes back."""
    end = End("k", "*", AT, "operator", AT)
    paused: list[float] = []
    ComingEnds(Busy(client, 2), ENDS, paused.append).note({end: True})
    assert due(ComingEnds(client, ENDS), AT) == [end]
    assert paused == [0.05, 0.1]
    with pytest.raises(RetryableError, match="throttling"):
        ComingEnds(Busy(client, 9), ENDS, paused.append).note({end: True})


def test_items_are_found_by_their_keys(aws: Callable[..., Any]) -> None:
    """Those there are; what is left unread is read again."""
    client = Dynamo(aws("dynamodb")).client
    item = to_item("k1", "production", "jane@example.net", History(), DEFAULT_POLICY, "v1")
    client.put_item(TableName=TABLE, Item=item)
    found = KeyedItems(Busy(client, 2), TABLE, lambda _: None).by_keys({"k1", "k2"})
    assert found.keys() == {"k1"}
    assert found["k1"].address == "jane@example.net"
    with pytest.raises(RetryableError, match="throttling"):
        KeyedItems(Busy(client, 9), TABLE, lambda _: None).by_keys({"k1"})


def test_both_read_what_was_written_last(client: Any, dynamo: Dynamo) -> None:
    """An end that an eventually consistent read missed would be told a quarter of an hour later, or wrongly."""
    dynamo.forget()
    list(ComingEnds(client, ENDS).due(AT))
    KeyedItems(client, TABLE).by_keys({"k1"})
    asked = [r["ConsistentRead"] if "ConsistentRead" in r else r["RequestItems"][TABLE] for r in dynamo.requests]
    assert asked[:-1] == [True] * (len(asked) - 1)
    assert asked[-1]["ConsistentRead"] is True
