"""A list's contract with DynamoDB: a hundred new addresses in one call, and whoever is there already is found."""

from __future__ import annotations

import time

import pytest

from ses_feedback.adapters.list_table import ListTable
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.lists.erasing import erase
from ses_feedback.usecases.lists.exporting import export
from ses_feedback.usecases.lists.importing import News
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.questions import check
from tests.unit.adapters.conftest import TABLE, Dynamo
from tests.unit.law.builders import released, ruled, struck

NOW = time.time_ns() // 1_000_000
KEYS = Keys("a secret for tests")


@pytest.fixture
def store(dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch) -> ListTable:
    """A claimed table, and one call at a time: moto copies the whole table for a transaction, and bears no second."""
    monkeypatch.setattr("ses_feedback.adapters.list_table._AT_ONCE", 1)
    claimed = ListTable(dynamo.client, TABLE, KEYS, DEFAULT_POLICY)
    claimed.claim("owner-1")
    dynamo.forget()
    return claimed


def news(*numbers: int, at: int = NOW) -> list[News]:
    return [("production", f"{n}@x.net", ruled("*", at, None, reason=ev.IMPORT)) for n in numbers]


def test_a_hundred_new_addresses_are_one_call(dynamo: Dynamo, store: ListTable) -> None:
    assert store.put_new_many(news(*range(250))) == [None] * 250
    assert dynamo.calls == ["TransactWriteItems"] * 3
    assert len(dynamo.items()) == 250
    assert store.put_new_many([]) == []


def test_who_is_there_is_returned_and_the_rest_is_written(dynamo: Dynamo, store: ListTable) -> None:
    """A transaction is all or nothing; so it goes again without them, and nothing of theirs is overwritten."""
    for n in (3, 7):
        merge(store, "production", f"{n}@x.net", struck("a", ev.HARD_BOUNCE, NOW), DEFAULT_POLICY)
    dynamo.forget()
    answers = store.put_new_many(news(*range(10)))
    assert dynamo.calls == ["TransactWriteItems"] * 2
    there = {n: found for n, found in enumerate(answers) if found is not None}
    assert {n: found.address for n, found in there.items()} == {3: "3@x.net", 7: "7@x.net"}
    assert all(found.history.strikes for found in there.values())
    assert len(dynamo.items()) == 10


def cancelled(*codes: str) -> dict[str, object]:
    return {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": code} for code in codes],
        "ResponseMetadata": {},
    }


def test_conflicts_and_throttles_are_tried_again(
    dynamo: Dynamo, store: ListTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live feedback about one of a hundred must not end an import; a throttle that stays is said."""
    monkeypatch.setattr("ses_feedback.adapters.list_table.time.sleep", lambda seconds: None)
    real = store._transact
    waiting = [cancelled("None", "TransactionConflict"), cancelled("ThrottlingError", "None")]
    monkeypatch.setattr(
        store, "_transact", lambda puts: waiting.pop()["CancellationReasons"] if waiting else real(puts)
    )
    assert store.put_new_many(news(1, 2)) == [None, None]
    monkeypatch.setattr(store, "_transact", lambda puts: [{"Code": "ThrottlingError"}])
    with pytest.raises(RetryableError, match="throttling"):
        store.put_new_many(news(3))
    monkeypatch.setattr(store, "_transact", lambda puts: [{"Code": "ValidationError"}])
    with pytest.raises(RetryableError, match="ValidationError"):
        store.put_new_many(news(4))


def test_what_fails_otherwise_is_raised(dynamo: Dynamo, store: ListTable) -> None:
    dynamo.answers["TransactWriteItems"] = ["AccessDeniedException"]
    with pytest.raises(RetryableError, match="writing suppressions: AccessDeniedException"):
        store.put_new_many(news(1))


def test_the_clock_is_aws_own_and_verifies(dynamo: Dynamo, store: ListTable) -> None:
    before = time.time_ns() // 1_000_000
    assert before - 1_000 <= store.clock() <= before + 60_000
    with pytest.raises(PermanentError, match="another address key"):
        ListTable(dynamo.client, TABLE, Keys("another"), DEFAULT_POLICY).clock()


def test_old_entries_are_listed_and_exported(dynamo: Dynamo, store: ListTable) -> None:
    """A list reaches back years: its months are noted once, and found again."""
    store.put_new_many(news(1, at=NOW - 2_000 * DAY) + news(2, at=NOW - 3_000 * DAY) + news(3))
    assert dynamo.calls[0] == "UpdateItem"
    rows = list(export(store, "production", stream=None, now=NOW))
    assert [row.address for row in rows] == ["3@x.net", "1@x.net", "2@x.net"]


def test_an_erased_item_says_of_nobody_whose_it_is(dynamo: Dynamo, store: ListTable) -> None:
    """Not in the item, not in the index, not in what is learned later; and every question still finds it."""
    who = "jane@example.net"
    bounced = struck("a", ev.HARD_BOUNCE, NOW - DAY)
    merge(store, "production", who, bounced, DEFAULT_POLICY)
    merge(store, "production", who, released("marketing", NOW - 2 * DAY, "jane asked"), DEFAULT_POLICY)
    assert erase(store, DEFAULT_POLICY, "production", who).known
    later: tuple[History, ...] = (bounced, struck("b", ev.COMPLAINT, NOW), ruled("*", NOW, None, why="jane again"))
    for part in later:
        merge(store, "production", who, part, DEFAULT_POLICY)
        (item,) = dynamo.items()
        for text in ("jane", "message-", "asked"):
            assert text not in str(item)
    assert "address" not in item
    assert check(store, "production", "default", [who], NOW)[0].suppression is not None
    assert check(store, "production", "default", [who, "new@x.net"], NOW)[0].suppression is not None
    found, _ = store.get("production", who)
    assert found is not None
    assert (found.address, set(found.history.strikes)) == (who, {"a/default", "b/default"})
    assert [entry.address for entry in store.listing("production", ev.REASONS, 0, NOW)] == [None]
    assert erase(store, DEFAULT_POLICY, "production", who).before
