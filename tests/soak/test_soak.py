"""``make soak`` in brief, and the proof that it would notice: each thing broken on purpose makes it fail."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.domain.events import Event, Fault
from ses_feedback.domain.keys import Keys
from tests.soak import cloud as aws
from tests.soak.campaign import world
from tests.soak.loop import Loop

ROUGH = aws.Weather(throttle=0.1, lost=0.02, crash=0.02)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_breaks_nothing_is_lost_and_nothing_counts_twice(seed: int) -> None:
    """Thousands of events three times each, shuffled, four writers, one call of twenty in trouble: all as the model."""
    result = world(seed, 5_000)
    assert not result.differences, f"seed {seed}\n" + "\n".join(result.differences)
    assert result.events >= 5_000
    assert result.troubles > 0.04 * result.calls
    # It really was bad weather: each way to come back was taken.
    for way in ("crashes", "failed for good", "partly failed batches", "batches that could not write their metrics"):
        assert result.seen[way], way


def test_a_seed_decides_everything() -> None:
    """The same seed makes the same calls, meets the same troubles and comes to the same end."""
    assert world(3, 800) == world(3, 800)


def forget_some_writes(loop: Loop) -> None:
    dynamo = loop.cloud.dynamo
    put, count = dynamo._put, iter(range(10**9))
    dynamo._put = lambda request: {} if next(count) % 3 == 1 else put(request)  # type: ignore[method-assign]


def overwrite_without_a_look(loop: Loop) -> None:
    dynamo = loop.cloud.dynamo

    def put(request: dict[str, Any]) -> dict[str, Any]:
        dynamo.items[request["Item"][naming.ATTRIBUTE_KEY]["S"]] = request["Item"]
        return {}

    dynamo._put = put  # type: ignore[method-assign]


def lose_metrics(loop: Loop) -> None:
    logs = loop.cloud.logs
    take, count = logs._take, iter(range(10**9))
    logs._take = lambda line: None if next(count) % 2 else take(line)  # type: ignore[method-assign]


def count_again_and_again(loop: Loop) -> None:
    logs = loop.cloud.logs
    take = logs._take

    def often(line: str) -> None:
        for _ in range(20):
            take(line)

    logs._take = often  # type: ignore[method-assign]


def lose_the_unreadable(loop: Loop) -> None:
    loop.cloud.s3._put = lambda key, body: {}  # type: ignore[method-assign]


def forget_canaries(loop: Loop) -> None:
    loop.cloud.canaries = type("Forgetful", (set,), {"add": lambda self, noted: None})()


def count_canaries(loop: Loop) -> None:
    loop.rules = loop.rules._replace(deployment="another")


def call_failures_a_success(loop: Loop) -> None:
    record = loop._handlers[naming.RECORD_FEEDBACK]

    def swallow(event: dict[str, Any], context: object) -> None:
        with contextlib.suppress(Exception):
            record(event, context)

    loop._handlers = {**loop._handlers, naming.RECORD_FEEDBACK: swallow}


def let_no_batch_item_fail(loop: Loop) -> None:
    def done(handler: Callable[..., Any]) -> Callable[..., Any]:
        return lambda event, context: {"batchItemFailures": [], "was": handler(event, context)}

    names = (naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)
    loop._handlers = {**loop._handlers, **{name: done(loop._handlers[name]) for name in names}}


@pytest.mark.parametrize(
    ("meddle", "noticed"),
    [
        (forget_some_writes, ("lost", "must be")),
        (overwrite_without_a_look, ("lost", "must be")),
        (lose_metrics, ("must be from",)),
        (count_again_and_again, ("must be from",)),
        (lose_the_unreadable, ("not in quarantine", "must be from")),
        (forget_canaries, ("a canary is not noted",)),
        (count_canaries, ("invented", "must be from")),
        (call_failures_a_success, ("lost", "must be")),
        (let_no_batch_item_fail, ("lost", "must be")),
    ],
)
def test_what_is_broken_is_noticed(meddle: Callable[[Loop], None], noticed: tuple[str, ...]) -> None:
    """Lost writes, lost races, lost or repeated metrics, swallowed errors: each is told."""
    differences = world(4, 1_500, weather=ROUGH, meddle=meddle).differences
    assert any(word in line for word in noticed for line in differences), differences


def test_a_strike_that_counts_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where repetitions of one message make strikes of their own, addresses are suppressed that must not be."""
    strike, seen = Keys.strike, Counter[str]()

    def another(self: Keys, event: Event) -> str:
        key = strike(self, event)
        seen[key] += 1
        return f"{key}{seen[key]}"

    monkeypatch.setattr(Keys, "strike", another)
    differences = world(4, 1_000).differences
    assert any("a strike too many" in line or "must be" in line for line in differences), differences


# --- the stand-in for DynamoDB decides as DynamoDB does ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "version", "holds"),
    [(None, "1", True), ({"pk": {"S": "k"}, "version": {"S": "1"}}, "1", True), ({"pk": {"S": "k"}}, "1", False)],
)
def test_conditions_are_those_of_dynamodb(item: aws.Item | None, version: str, holds: bool) -> None:
    """An alternative of equality and absence holds where either does; a missing attribute equals nothing."""
    request = {
        "ConditionExpression": "#version = :version OR attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": "pk", "#version": "version"},
        "ExpressionAttributeValues": {":version": {"S": version}},
    }
    assert aws.holds(request, item) == holds


@pytest.mark.parametrize("attempts", [0, 1])
def test_what_a_try_without_an_answer_kept_is_measured(attempts: int) -> None:
    """Where the client tried again and then found the object there, its own first try may have stored it: it is new."""

    class Client:
        def put_object(self, **_request: Any) -> None:
            raise aws.refused("PreconditionFailed", "PutObject", ResponseMetadata={"RetryAttempts": attempts})

    assert QuarantineBucket(Client, aws.BUCKET).keep(Fault("raw", "odd"), 0) == (attempts > 0)
