"""When teams were last told, in the wiring table: one of two runs gets a turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.digest_turns import DigestTurns
from ses_feedback.domain.errors import RetryableError

WIRING = naming.wiring_table_name("ses-feedback")


@pytest.fixture
def client(aws: Callable[..., Any]) -> Any:
    made = aws("dynamodb")
    made.create_table(
        TableName=WIRING,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
    )
    return made


@pytest.fixture
def turns(client: Any) -> DigestTurns:
    return DigestTurns(client, WIRING)


def test_a_turn_is_taken_once(turns: DigestTurns) -> None:
    assert turns.last(["support"]) == {}
    assert turns.take("support", None, 100)
    assert not turns.take("support", None, 101)
    assert turns.last(["support", "dev"]) == {"support": 100}
    assert not turns.take("support", 99, 200)
    assert turns.take("support", 100, 200)
    assert not turns.take("support", 100, 300)
    assert turns.last(["support"]) == {"support": 200}


def test_teams_are_apart(turns: DigestTurns) -> None:
    assert turns.take("support", None, 100)
    assert turns.take("dev", None, 101)
    assert turns.last(["dev", "support"]) == {"support": 100, "dev": 101}


def test_a_hundred_teams_are_one_read_each(turns: DigestTurns, client: Any) -> None:
    """Read consistently: a turn taken a moment ago is taken."""
    reads: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem", lambda params, **_: reads.append(params) or params
    )
    teams = [f"team-{n}" for n in range(230)]
    turns.take(teams[229], None, 7)
    assert turns.last(teams) == {teams[229]: 7}
    assert [len(read["RequestItems"][WIRING]["Keys"]) for read in reads] == [100, 100, 30]
    assert all(read["RequestItems"][WIRING]["ConsistentRead"] for read in reads)


def test_keys_left_unread_are_read_again_and_then_an_error(client: Any) -> None:
    class Shy:
        def __init__(self, times: int) -> None:
            self.times = times

        def batch_get_item(self, **request: Any) -> Any:
            self.times -= 1
            if self.times >= 0:
                return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
            return client.batch_get_item(**request)

    DigestTurns(client, WIRING).take("support", None, 100)
    assert DigestTurns(Shy(2), WIRING).last(["support"]) == {"support": 100}
    with pytest.raises(RetryableError, match="some are still unread"):
        DigestTurns(Shy(99), WIRING).last(["support"])


def test_an_outage_is_an_error(client: Any) -> None:
    gone = DigestTurns(client, "no-such-table")
    with pytest.raises(RetryableError, match="writing when teams were told: ResourceNotFoundException"):
        gone.take("support", None, 1)
    with pytest.raises(RetryableError, match="reading when teams were told: ResourceNotFoundException"):
        gone.last(["support"])
