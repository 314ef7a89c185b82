"""The table's contract with DynamoDB: how many calls, on which condition, what is found and what is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ConnectTimeoutError

from ses_feedback import naming
from ses_feedback.adapters.faults import passes
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError, WrongSecret
from ses_feedback.domain.history import History, Suppression
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR
from ses_feedback.usecases import questions
from ses_feedback.usecases.merging import merge, merge_into
from tests.unit.adapters.conftest import TABLE, Dynamo
from tests.unit.law.builders import delivered, known, released, ruled, struck

WHO = ("production", "jane@example.net")
NOW = time.time_ns() // 1_000_000
KEYS = Keys("a secret for tests")
HARD = known(struck("a", ev.HARD_BOUNCE, NOW))


def table(dynamo: Dynamo, keys: Keys = KEYS) -> SuppressionTable:
    return SuppressionTable(dynamo.client, TABLE, keys, DEFAULT_POLICY)


@pytest.fixture
def store(dynamo: Dynamo) -> SuppressionTable:
    """A claimed table."""
    claimed = table(dynamo)
    claimed.claim("owner-1")
    dynamo.forget()
    return claimed


def ms(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


def learn(store: SuppressionTable, *parts: History, who: tuple[str, str] = WHO) -> None:
    for part in parts:
        merge(store, *who, part, DEFAULT_POLICY)


# --- calls ----------------------------------------------------------------------------------------------------


def test_a_new_address_is_one_conditional_put(dynamo: Dynamo, store: SuppressionTable) -> None:
    assert merge(store, *WHO, struck("a", ev.HARD_BOUNCE, NOW), DEFAULT_POLICY)
    assert dynamo.calls == ["PutItem"]
    assert dynamo.requests[0]["ConditionExpression"] == "attribute_not_exists(#key)"
    assert dynamo.requests[0]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    (item,) = dynamo.items()
    assert item["pk"]["S"] == KEYS.address(*WHO)


def test_a_known_address_is_two_puts_and_no_read(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    dynamo.forget()
    assert merge(store, *WHO, struck("b", ev.SOFT_BOUNCE, NOW), DEFAULT_POLICY)
    assert dynamo.calls == ["PutItem", "PutItem"]
    found, _ = store.get(*WHO)
    assert found is not None
    assert found.history == known(struck("a", ev.HARD_BOUNCE, NOW), struck("b", ev.SOFT_BOUNCE, NOW))


def test_an_address_suppressed_long_ago_is_two_puts_as_well(dynamo: Dynamo, store: SuppressionTable) -> None:
    """Its month was noted when it was first written; another container need not note it again."""
    learn(store, struck("a", ev.HARD_BOUNCE, NOW - 400 * DAY))
    dynamo.forget()
    fresh = table(dynamo)
    assert merge(fresh, *WHO, struck("b", ev.SOFT_BOUNCE, NOW), DEFAULT_POLICY)
    assert dynamo.calls == ["PutItem", "PutItem"]


def test_a_delivery_to_an_address_suppressed_long_ago_needs_no_more_than_read_and_put(
    dynamo: Dynamo, store: SuppressionTable
) -> None:
    """Its month was noted when it was first written; a write for every delivery would add up."""
    learn(store, struck("a", ev.COMPLAINT, NOW - 400 * DAY), struck("b", ev.SOFT_BOUNCE, NOW - DAY))
    dynamo.forget()
    fresh = table(dynamo)
    stored = fresh.get_many([WHO])[WHO]
    assert merge_into(fresh, stored, delivered("default", NOW), DEFAULT_POLICY)
    assert dynamo.calls == ["BatchGetItem", "PutItem"]


def test_a_duplicate_is_one_call_and_no_write(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    before = dynamo.items()
    dynamo.forget()
    assert not merge(store, *WHO, struck("a", ev.HARD_BOUNCE, NOW), DEFAULT_POLICY)
    assert dynamo.calls == ["PutItem"]
    assert dynamo.items() == before


def test_a_senders_question_is_one_call(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    dynamo.forget()
    (answer,) = questions.check(store, "production", "default", [WHO[1]], NOW)
    assert dynamo.calls == ["BatchGetItem"]
    assert dynamo.requests[0]["RequestItems"][TABLE]["ConsistentRead"] is True
    assert answer.suppression == Suppression("environment", None, ev.HARD_BOUNCE, NOW, None)


def test_many_addresses_are_one_batch_read_for_each_hundred(dynamo: Dynamo, store: SuppressionTable) -> None:
    addresses = [f"user{n}@example.net" for n in range(102)]
    for address in addresses[::50]:
        learn(store, struck("a", ev.HARD_BOUNCE, NOW), who=("production", address))
    dynamo.forget()
    answers = questions.check(store, "production", "default", addresses, NOW)
    assert dynamo.calls == ["GetItem", "BatchGetItem", "BatchGetItem"]
    assert [a.address for a in answers if a.suppression] == addresses[::50]


# --- conditions -----------------------------------------------------------------------------------------------


def test_a_writer_that_lost_a_race_gets_what_is_there_and_joins_it(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    stale, _ = store.get(*WHO)
    assert stale is not None
    learn(store, struck("b", ev.COMPLAINT, NOW))
    dynamo.forget()
    assert merge_into(store, stale, struck("c", ev.SOFT_BOUNCE, NOW), DEFAULT_POLICY)
    assert dynamo.calls == ["PutItem", "PutItem"]
    found, _ = store.get(*WHO)
    assert found is not None
    assert set(found.history.strikes) == {"a/default", "b/default", "c/default"}


def test_three_lost_races_are_a_retryable_error(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    stale, _ = store.get(*WHO)
    assert stale is not None
    rival = table(dynamo)
    strikes = iter(range(100))

    def another_is_faster(_: object) -> None:
        waiting, dynamo.answers["PutItem"] = dynamo.answers["PutItem"], []
        merge(rival, *WHO, struck(f"rival-{next(strikes)}", ev.SOFT_BOUNCE, NOW), DEFAULT_POLICY)
        dynamo.answers["PutItem"] = waiting

    dynamo.answers["PutItem"] = [another_is_faster] * 3
    with pytest.raises(RetryableError, match="lost 3 races"):
        merge_into(store, stale, struck("mine", ev.COMPLAINT, NOW), DEFAULT_POLICY)
    found, _ = store.get(*WHO)
    assert found is not None
    assert set(found.history.strikes) == {f"{name}/default" for name in ("a", "rival-0", "rival-1", "rival-2")}


def test_the_version_is_another_at_each_write_also_of_the_same_history(dynamo: Dynamo, store: SuppressionTable) -> None:
    """A counter would meet itself again after TTL has deleted the item."""
    versions = set()
    for _ in range(5):
        learn(store, struck("a", ev.HARD_BOUNCE, NOW))
        (item,) = dynamo.items()
        versions.add(item["version"]["S"])
        dynamo.client.delete_item(TableName=TABLE, Key={"pk": item["pk"]})
    assert len(versions) == 5


def test_what_ttl_deleted_between_read_and_write_is_stored_as_new(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.SOFT_BOUNCE, NOW))
    stale, _ = store.get(*WHO)
    assert stale is not None
    dynamo.client.delete_item(TableName=TABLE, Key={"pk": {"S": KEYS.address(*WHO)}})
    assert merge_into(store, stale, struck("b", ev.SOFT_BOUNCE, NOW), DEFAULT_POLICY)
    found, _ = store.get(*WHO)
    assert found is not None
    assert set(found.history.strikes) == {"a/default", "b/default"}


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "AccessDenied"])
def test_what_may_be_mended_from_outside_is_retryable_and_named(
    dynamo: Dynamo, store: SuppressionTable, code: str
) -> None:
    dynamo.answers["PutItem"] = [code]
    with pytest.raises(RetryableError, match=f"^writing a suppression: {code}$"):
        merge(store, *WHO, struck("a", ev.HARD_BOUNCE, NOW), DEFAULT_POLICY)


def test_an_unreachable_table_is_retryable(dynamo: Dynamo, store: SuppressionTable) -> None:
    def unreachable(_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")

    dynamo.answers["PutItem"] = [unreachable]
    with pytest.raises(RetryableError, match=r"^writing a suppression: ConnectTimeoutError$"):
        merge(store, *WHO, struck("a", ev.HARD_BOUNCE, NOW), DEFAULT_POLICY)


def test_an_item_that_dynamodb_will_never_take_is_permanent(dynamo: Dynamo, store: SuppressionTable) -> None:
    why = "x" * 450_000
    with pytest.raises(PermanentError, match=r"^writing a suppression: ValidationException$"):
        merge(store, *WHO, ruled("*", NOW, None, why=why), DEFAULT_POLICY)


# --- reading --------------------------------------------------------------------------------------------------


def test_what_dynamodb_leaves_unread_is_asked_again(
    dynamo: Dynamo, store: SuppressionTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    learn(store, struck("b", ev.HARD_BOUNCE, NOW), who=("production", "john@example.net"))
    pauses: list[float] = []
    monkeypatch.setattr("ses_feedback.adapters.suppression_table.time.sleep", pauses.append)
    dynamo.forget()
    dynamo.answers["BatchGetItem"] = [
        lambda request: {"Responses": {TABLE: []}, "UnprocessedKeys": request["RequestItems"]}
    ] * 2
    found = store.get_many([WHO, ("production", "john@example.net"), ("production", "nobody@example.net")])
    assert set(found) == {WHO, ("production", "john@example.net")}
    assert len(dynamo.calls) == 3
    assert pauses == sorted(pauses)
    assert len(pauses) == 2


def test_what_dynamodb_keeps_leaving_unread_is_a_retryable_error(
    dynamo: Dynamo, store: SuppressionTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ses_feedback.adapters.suppression_table.time.sleep", lambda _: None)
    dynamo.answers["BatchGetItem"] = [lambda request: {"UnprocessedKeys": request["RequestItems"]}] * 99
    with pytest.raises(RetryableError, match="throttling"):
        store.get_many([WHO])


def test_the_clock_is_awss(dynamo: Dynamo, store: SuppressionTable) -> None:
    """Decisions take it, so that an operator's wrong clock does not date them."""
    header = {"HTTPHeaders": {"date": "Fri, 15 Jan 2027 08:00:00 GMT"}}
    meta = {"pk": {"S": "meta"}, "fingerprint": {"S": KEYS.fingerprint()}, "owner": {"S": "o"}}
    dynamo.answers["BatchGetItem"] = [{"Responses": {TABLE: [meta]}, "ResponseMetadata": header}]
    assert store.get(*WHO) == (None, 1_800_000_000_000)


def test_without_a_date_in_the_answer_the_clock_is_ours(dynamo: Dynamo, store: SuppressionTable) -> None:
    meta = {"pk": {"S": "meta"}, "fingerprint": {"S": KEYS.fingerprint()}, "owner": {"S": "o"}}
    dynamo.answers["BatchGetItem"] = [{"Responses": {TABLE: [meta]}}]
    assert abs(store.get(*WHO)[1] - NOW) < HOUR


def test_environments_do_not_see_each_other(dynamo: Dynamo, store: SuppressionTable) -> None:
    learn(store, struck("a", ev.HARD_BOUNCE, NOW))
    assert store.get("dev", WHO[1])[0] is None


# --- claiming -------------------------------------------------------------------------------------------------


def test_a_table_is_claimed_once_and_again_by_its_owner(dynamo: Dynamo) -> None:
    table(dynamo).claim("owner-1")
    table(dynamo).claim("owner-1")
    table(dynamo).verify()


def test_another_deployment_of_the_same_name_is_told_so(dynamo: Dynamo, store: SuppressionTable) -> None:
    with pytest.raises(PermanentError, match=f"table {TABLE} belongs to another deployment of the same name"):
        store.claim("owner-2")


def test_another_secret_is_told_so_by_every_way_in(dynamo: Dynamo, store: SuppressionTable) -> None:
    wrong = table(dynamo, Keys("another secret"))
    for attempt in (lambda: wrong.claim("owner-1"), wrong.verify, lambda: wrong.get(*WHO)):
        with pytest.raises(PermanentError, match="was filled under another address key"):
            attempt()


def test_an_unclaimed_table_answers_nothing(dynamo: Dynamo) -> None:
    for attempt in (table(dynamo).verify, lambda: table(dynamo).get(*WHO)):
        with pytest.raises(PermanentError, match="belongs to no deployment yet: deploy first"):
            attempt()


def test_a_claim_that_fails_for_another_reason_is_retryable(dynamo: Dynamo) -> None:
    dynamo.answers["UpdateItem"] = ["ThrottlingException"]
    with pytest.raises(RetryableError, match="claiming the table: ThrottlingException"):
        table(dynamo).claim("owner-1")


# --- listing --------------------------------------------------------------------------------------------------


def listed(store: SuppressionTable, *reasons: str, since: int = 0, environment: str = "production") -> list[str | None]:
    return [entry.address for entry in store.listing(environment, reasons or ev.REASONS, since, NOW)]


def fill(store: SuppressionTable, **parts: History) -> None:
    for name, part in parts.items():
        learn(store, part, who=("production", f"{name}@example.net"))


def test_a_listing_is_newest_first_over_all_months_reasons_and_shards(dynamo: Dynamo, store: SuppressionTable) -> None:
    names = {f"u{n:02}": NOW - n * 5 * DAY for n in range(12)}
    classes = (ev.HARD_BOUNCE, ev.COMPLAINT)
    fill(store, **{name: struck(name, classes[n % 2], at) for n, (name, at) in enumerate(names.items())})
    assert listed(store) == [f"{name}@example.net" for name in names]
    assert listed(store, ev.COMPLAINT) == [f"{name}@example.net" for name in list(names)[1::2]]
    assert listed(store, since=NOW - 20 * DAY) == [f"u{n:02}@example.net" for n in range(5)]
    assert listed(store, environment="dev") == []


def test_a_listing_names_the_strongest_suppression_of_each(dynamo: Dynamo, store: SuppressionTable) -> None:
    fill(store, a=known(struck("s", ev.ALREADY_SUPPRESSED, NOW), struck("c", ev.COMPLAINT, NOW - 1, stream="news")))
    fill(store, b=ruled("*", NOW, NOW + DAY, reason=ev.IMPORT))
    entries = list(store.listing("production", ev.REASONS, 0, NOW))
    assert [(e.address, e.suppression) for e in entries] == [
        ("b@example.net", Suppression("environment", None, ev.IMPORT, NOW, NOW + DAY)),
        ("a@example.net", Suppression("stream", "news", ev.COMPLAINT, NOW - 1, None)),
    ]


def test_what_is_released_is_listed_no_more(dynamo: Dynamo, store: SuppressionTable) -> None:
    fill(store, a=struck("a", ev.HARD_BOUNCE, NOW))
    fill(store, a=released("*", NOW + 1))
    assert listed(store, ev.HARD_BOUNCE) == []


def test_feedback_of_last_month_notes_nothing_and_is_listed(dynamo: Dynamo, store: SuppressionTable) -> None:
    first_of_month = ms(*datetime.fromtimestamp(NOW / 1000, UTC).timetuple()[:2])
    fill(store, a=struck("a", ev.HARD_BOUNCE, first_of_month - 1))
    assert dynamo.calls == ["PutItem"]
    assert listed(store, ev.HARD_BOUNCE) == ["a@example.net"]


def test_feedback_that_is_an_hour_ahead_is_listed_on_the_last_evening_of_a_month(
    dynamo: Dynamo, store: SuppressionTable
) -> None:
    first_of_month = ms(*datetime.fromtimestamp(NOW / 1000, UTC).timetuple()[:2])
    fill(store, a=struck("a", ev.HARD_BOUNCE, first_of_month))
    evening = first_of_month - HOUR
    assert [e.address for e in store.listing("production", [ev.HARD_BOUNCE], 0, evening)] == ["a@example.net"]


def test_old_events_are_listed_although_the_month_is_long_past(dynamo: Dynamo, store: SuppressionTable) -> None:
    """Replayed feedback of years ago; its month is noted once, before the item is written."""
    fill(store, a=struck("a", ev.HARD_BOUNCE, ms(2019, 5)), b=struck("b", ev.HARD_BOUNCE, ms(2021, 7)))
    fill(store, c=struck("c", ev.HARD_BOUNCE, ms(2019, 5, 9)))
    assert dynamo.calls == ["UpdateItem", "PutItem", "UpdateItem", "PutItem", "PutItem"]
    fill(store, d=struck("d", ev.HARD_BOUNCE, NOW))
    assert listed(store, ev.HARD_BOUNCE) == [f"{name}@example.net" for name in "dbca"]
    assert listed(store, ev.HARD_BOUNCE, since=ms(2019, 5, 2)) == [f"{name}@example.net" for name in "dbc"]
    assert listed(store, ev.HARD_BOUNCE, since=ms(2020, 1)) == [f"{name}@example.net" for name in "db"]


def test_months_noted_before_the_claim_outlive_it(dynamo: Dynamo) -> None:
    store = table(dynamo)
    fill(store, a=struck("a", ev.HARD_BOUNCE, ms(2019, 5)))
    store.claim("owner-1")
    assert listed(table(dynamo), ev.HARD_BOUNCE) == ["a@example.net"]


def test_one_very_old_event_does_not_make_a_listing_walk_through_all_months_between(
    dynamo: Dynamo, store: SuppressionTable
) -> None:
    """A receiver whose clock says 1970 (the bounce's time is the receiver's) costs one month, not seven hundred."""
    fill(store, a=struck("a", ev.HARD_BOUNCE, 5))
    dynamo.forget()
    assert listed(store, ev.HARD_BOUNCE) == ["a@example.net"]
    assert dynamo.calls.count("Query") <= 4 * naming.LISTING_SHARDS


def test_every_month_of_a_table_that_is_years_old_is_listed(dynamo: Dynamo) -> None:
    store = table(dynamo)
    store.claim("owner-1")
    dynamo.client.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "meta"}},
        UpdateExpression="SET oldest = :month",
        ExpressionAttributeValues={":month": {"S": "2024-03"}},
    )
    # Written while they were recent: no month was noted.
    for name, at in {"a": ms(2024, 2), "b": ms(2024, 12, 31), "c": NOW}.items():
        dynamo.answers["UpdateItem"] = [{}]
        learn(store, struck(name, ev.HARD_BOUNCE, at), who=("production", f"{name}@example.net"))
    assert listed(store, ev.HARD_BOUNCE) == ["c@example.net", "b@example.net", "a@example.net"]


def test_the_month_is_noted_before_the_address_is_written(dynamo: Dynamo, store: SuppressionTable) -> None:
    """Where noting fails nothing is written: the feedback comes back, and no address is hidden from a listing."""
    dynamo.answers["UpdateItem"] = ["ThrottlingException"]
    with pytest.raises(RetryableError, match="noting old months: ThrottlingException"):
        fill(store, a=struck("a", ev.HARD_BOUNCE, ms(2019, 5)))
    assert dynamo.items() == []
    fill(store, a=struck("a", ev.HARD_BOUNCE, ms(2019, 5)))
    assert listed(store, ev.HARD_BOUNCE) == ["a@example.net"]


def test_what_a_decision_uncovers_is_listed_in_its_own_month(dynamo: Dynamo, store: SuppressionTable) -> None:
    """An old suppression hidden behind a stronger one is found when that one goes."""
    old = struck("a", ev.HARD_BOUNCE, ms(2019, 5))
    fill(store, a=ruled("*", NOW, None))
    fill(store, a=old)
    assert listed(store, ev.OPERATOR) == ["a@example.net"]
    fill(store, a=ruled("*", NOW + 1, NOW + 2))
    assert listed(store, ev.HARD_BOUNCE) == ["a@example.net"]


def test_a_listing_reads_page_after_page_and_no_further_than_asked(
    dynamo: Dynamo, store: SuppressionTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ses_feedback.adapters.suppression_table._PAGE", 2)
    names = {f"u{n:02}": NOW - n for n in range(20)}
    fill(store, **{name: struck(name, ev.HARD_BOUNCE, at) for name, at in names.items()})
    assert listed(store, ev.HARD_BOUNCE) == [f"{name}@example.net" for name in names]
    dynamo.forget()
    entries = store.listing("production", [ev.HARD_BOUNCE], 0, NOW)
    assert next(entries).address == "u00@example.net"
    assert dynamo.calls.count("Query") == naming.LISTING_SHARDS


# --- a replaced secret --------------------------------------------------------------------------------------------


def test_a_function_compares_its_secret_once_before_anything_else(dynamo: Dynamo, store: SuppressionTable) -> None:
    careful = SuppressionTable(dynamo.client, TABLE, KEYS, DEFAULT_POLICY, compare=True)
    dynamo.forget()
    careful.put_new(*WHO, HARD)
    careful.get_many([WHO])
    careful.look_up([WHO])
    assert dynamo.calls == ["GetItem", "PutItem", "BatchGetItem", "GetItem"]
    assert dynamo.requests[0]["ConsistentRead"]


def test_under_a_replaced_secret_nothing_is_written_and_nobody_is_told_that_they_may_send(
    dynamo: Dynamo, store: SuppressionTable
) -> None:
    """Each call raises what brings feedback back; the lookup API does not take it for something that passes."""
    store.put_new(*WHO, HARD)
    replaced = SuppressionTable(dynamo.client, TABLE, Keys("a new value"), DEFAULT_POLICY, compare=True)
    calls = (
        lambda: replaced.put_new(*WHO, HARD),
        lambda: replaced.get_many([WHO]),
        lambda: replaced.look_up([WHO]),
        lambda: replaced.get(*WHO),
    )
    for call in (*calls, *calls):
        with pytest.raises(WrongSecret, match="another address key") as caught:
            call()
        assert not passes(caught.value)
    assert len(dynamo.items()) == 1


def test_an_unreadable_claim_is_looked_at_again(dynamo: Dynamo, store: SuppressionTable) -> None:
    careful = SuppressionTable(dynamo.client, TABLE, KEYS, DEFAULT_POLICY, compare=True)
    dynamo.answers["GetItem"] = ["InternalServerError"]
    with pytest.raises(RetryableError) as caught:
        careful.put_new(*WHO, HARD)
    assert not isinstance(caught.value, WrongSecret)
    assert careful.put_new(*WHO, HARD) is None


def test_the_table_knows_the_policy_that_was_deployed_last(dynamo: Dynamo) -> None:
    claimed = table(dynamo)
    claimed.claim("owner-1", "first")
    assert claimed.deployed_policy() == "first"
    claimed.claim("owner-1", "second")
    assert claimed.deployed_policy() == "second"
    with pytest.raises(PermanentError):
        claimed.claim("owner-2", "third")
    claimed.claim("owner-1")
    assert claimed.deployed_policy() == "second"
