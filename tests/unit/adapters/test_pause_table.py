"""The table of pauses keeps what it was given, and the stand-in that other tests use is as strict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.pause_table import PauseTable
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.pauses import KEPT, Pause, Resumption
from ses_feedback.usecases.pausing import Kept
from tests.unit.adapters.dynamo_size import size
from tests.unit.breaker.fakes import World

TABLE = naming.wiring_table_name("ses-feedback")
WHO = "news@example.com"
PLAIN = Pause("x", 1_800_000_000_000, "arn:aws:iam::111122223333:user/jo", "a bad list")
WHOLE = replace(PLAIN, id="y", alarm="ses-feedback news@example.com page", told=True, end=Resumption(1, "she", "ok"))


@pytest.fixture
def dynamodb(aws: Callable[..., Any]) -> Any:
    client = aws("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture(params=["table", "stand-in"])
def book(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield World() if request.param == "stand-in" else PauseTable(request.getfixturevalue("dynamodb"), TABLE)


def test_pauses_come_back_as_they_were_put(book: Any) -> None:
    """Whole and bare ones, in their order."""
    assert book.read(WHO) == Kept()
    assert book.write(WHO, (WHOLE, PLAIN), None)
    assert book.read(WHO).history == (WHOLE, PLAIN)


def test_whoever_read_an_older_version_writes_nothing(book: Any) -> None:
    """Neither over the first entry nor over a newer one."""
    book.write(WHO, (PLAIN,), None)
    assert not book.write(WHO, (WHOLE,), None)
    old = book.read(WHO).version
    assert book.write(WHO, (WHOLE,), old)
    assert not book.write(WHO, (PLAIN,), old)
    assert book.read(WHO).history == (WHOLE,)


def test_histories_of_many(book: Any) -> None:
    """More than a call takes; those never paused are left out."""
    for number in range(3):
        book.write(f"d{number}.example.com", (replace(PLAIN, id=str(number)),), None)
    found = book.histories([f"d{number}.example.com" for number in range(250)])
    assert {who: [p.id for p in some] for who, some in found.items()} == {
        f"d{n}.example.com": [str(n)] for n in range(3)
    }
    assert book.histories([]) == {}


def test_it_lives_beside_what_else_the_table_holds(dynamodb: Any) -> None:
    """Under a key of its own, which the function's role is bound to."""
    PauseTable(dynamodb, TABLE).write(WHO, (PLAIN,), None)
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert item[naming.ATTRIBUTE_KEY] == {"S": f"pause#{WHO}"}


def test_the_fullest_history_fits(dynamodb: Any) -> None:
    """An item of DynamoDB takes 400 KB."""
    long = "ä" * 500
    fullest = Pause("i" * 300, 1, "a" * 2_048, long, "n" * 255, True, Resumption(1, "a" * 2_048, long))
    PauseTable(dynamodb, TABLE).write(WHO, (fullest,) * KEPT, None)
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert size(item) < 400_000


def test_reading_before_a_decision_is_consistent(dynamodb: Any) -> None:
    """A pause that was noted a moment ago must not be noted twice; a list may be a second old."""
    asked: list[bool] = []

    def read(**request: Any) -> Any:
        asked.append(request["RequestItems"][TABLE]["ConsistentRead"])
        return dynamodb.batch_get_item(**request)

    book = PauseTable(SimpleNamespace(batch_get_item=read), TABLE)
    book.read(WHO)
    book.histories([WHO])
    assert asked == [True, False]


def test_what_stays_unread_or_fails_comes_back_later() -> None:
    """Never a history that is taken for none."""
    unread = {"Responses": {}, "UnprocessedKeys": {TABLE: {"Keys": [{naming.ATTRIBUTE_KEY: {"S": f"pause#{WHO}"}}]}}}
    with pytest.raises(RetryableError, match="still unread"):
        PauseTable(SimpleNamespace(batch_get_item=lambda **_: unread), TABLE).read(WHO)

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")

    with pytest.raises(RetryableError, match="ThrottlingException"):
        PauseTable(SimpleNamespace(put_item=refuse), TABLE).write(WHO, (), None)
