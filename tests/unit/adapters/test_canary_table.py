"""The table of canaries keeps one round for each identity, and the stand-in that other tests use is as strict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.canary_table import CanaryTable
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.domain.canary import PIECES, SENDING, Round
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.wiring_ports import PENDING, WIRED
from tests.unit.canary.fakes import FakeRounds

TABLE = naming.wiring_table_name("ses-feedback")
T0 = 1_800_000_000_000
IDENTITY = "example.com"
FIRST = Round(T0)


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
def rounds(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "stand-in":
        yield FakeRounds()
    else:
        yield CanaryTable(request.getfixturevalue("dynamodb"), TABLE)


def newest(rounds: Any, identity: str = IDENTITY) -> Round | None:
    found: Round | None = rounds.newest([identity]).get(identity)
    return found


def test_a_round_comes_back_as_it_was_put(rounds: Any) -> None:
    """With everything it can hold."""
    assert newest(rounds) is None
    new = Round(T0, failed=("act_bounce", SENDING), unsent_since=T0 - 1)
    assert rounds.begin(IDENTITY, None, new)
    assert newest(rounds) == new
    rounds.sent(IDENTITY, T0, T0 + 3)
    for number, piece in enumerate(PIECES):
        rounds.returned(IDENTITY, T0, piece, T0 + 10 + number)
    rounds.timed(IDENTITY, T0)
    back = {piece: T0 + 10 + number for number, piece in enumerate(PIECES)}
    assert newest(rounds) == new._replace(sent=T0 + 3, returned=back, timed=True)


def test_a_new_round_leaves_nothing_of_the_old_one(rounds: Any) -> None:
    rounds.begin(IDENTITY, None, Round(T0, failed=("act_bounce",), unsent_since=T0))
    rounds.sent(IDENTITY, T0, T0 + 3)
    rounds.returned(IDENTITY, T0, "act_bounce", T0 + 9)
    rounds.timed(IDENTITY, T0)
    assert rounds.begin(IDENTITY, newest(rounds), Round(T0 + 100))
    assert newest(rounds) == Round(T0 + 100)
    rounds.refused(IDENTITY, T0 + 100, "paused")
    assert newest(rounds) == Round(T0 + 100, refused="paused")
    assert rounds.begin(IDENTITY, newest(rounds), Round(T0 + 200))
    assert newest(rounds) == Round(T0 + 200)


def test_of_two_runs_one_begins(rounds: Any) -> None:
    """Both saw the same round before, or none."""
    assert rounds.begin(IDENTITY, None, FIRST)
    assert not rounds.begin(IDENTITY, None, Round(T0 + 1))
    assert rounds.begin(IDENTITY, FIRST, Round(T0 + 2))
    assert not rounds.begin(IDENTITY, FIRST, Round(T0 + 3))
    assert newest(rounds) == Round(T0 + 2)


def test_what_is_noted_late_or_for_nobody_changes_nothing(rounds: Any) -> None:
    """Feedback and notes of a round that is no more, and of an identity that had none, make no item."""
    rounds.begin(IDENTITY, None, FIRST)
    for identity, started in ((IDENTITY, T0 - 1), ("example.org", T0)):
        rounds.returned(identity, started, "act_bounce", T0 + 5)
        rounds.sent(identity, started, T0 + 5)
        rounds.refused(identity, started, "paused")
        rounds.timed(identity, started)
    assert newest(rounds) == FIRST
    assert newest(rounds, "example.org") is None


def test_a_piece_is_back_when_it_was_back_first(rounds: Any) -> None:
    """SNS repeats itself; a repetition in an hour must not make the round late."""
    rounds.begin(IDENTITY, None, FIRST)
    rounds.returned(IDENTITY, T0, "act_bounce", T0 + 5)
    rounds.returned(IDENTITY, T0, "act_bounce", T0 + 3_600_000)
    found = newest(rounds)
    assert found is not None
    assert found.returned == {"act_bounce": T0 + 5}


def test_only_what_wiring_calls_wired_may_send(dynamodb: Any) -> None:
    """Read from the wiring's own items, more of them than one request takes."""
    wiring, table = WiringTable(dynamodb, TABLE), CanaryTable(dynamodb, TABLE)
    names = [f"d{number}.example.com" for number in range(205)]
    for number, name in enumerate(names):
        wiring.note(name, (WIRED, PENDING)[number % 2])
        table.begin(name, None, Round(T0 + number))
    assert table.wired([*names, "unknown.example.com"]) == set(names[::2])
    assert table.newest(names) == {name: Round(T0 + number) for number, name in enumerate(names)}
    assert table.wired([]) == set()
    assert wiring.recall(names[0]) is not None, "rounds live beside what wiring remembers, and not in it"


def test_keys_left_unread_are_read_again_and_not_for_ever() -> None:
    item = {naming.ATTRIBUTE_KEY: {"S": "canary#example.com"}, "started": {"N": str(T0)}}
    unread = {TABLE: {"Keys": [{naming.ATTRIBUTE_KEY: {"S": "canary#example.com"}}]}}
    answers = [{"Responses": {}, "UnprocessedKeys": unread}, {"Responses": {TABLE: [item]}, "UnprocessedKeys": {}}]
    asked: list[Any] = []

    def read(RequestItems: Any) -> Any:  # noqa: N803 - as DynamoDB spells it
        asked.append(RequestItems)
        return answers.pop(0) if answers else {"Responses": {}, "UnprocessedKeys": unread}

    table = CanaryTable(SimpleNamespace(batch_get_item=read), TABLE)
    assert table.newest([IDENTITY]) == {IDENTITY: FIRST}
    assert asked[1] == unread
    with pytest.raises(RetryableError, match="still unread"):
        table.newest([IDENTITY])
    assert len(asked) == 2 + 5


def test_trouble_is_retryable_and_names_no_identity(aws: Callable[..., Any]) -> None:
    """A table that is not there (yet) fails like a throttle: the feedback comes back."""
    table = CanaryTable(aws("dynamodb"), "not-there")
    for call in (
        lambda: table.returned(IDENTITY, T0, "act_bounce", T0),
        lambda: table.begin(IDENTITY, None, FIRST),
        lambda: table.newest([IDENTITY]),
    ):
        with pytest.raises(RetryableError) as caught:
            call()
        assert "ResourceNotFoundException" in str(caught.value)
        assert IDENTITY not in str(caught.value)
