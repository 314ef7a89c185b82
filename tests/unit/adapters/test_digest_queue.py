"""A digest queue in SQS: all of it, in few requests, hidden for longer than a run, and honest about what stayed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from ses_feedback.adapters.digest_queue import HANDS, SqsDigestQueue
from ses_feedback.domain.errors import RetryableError

NAME = "ses-feedback_digest_support-12345678"


class _OneAtATime:
    """moto's queues are no safe place for several threads: a message may be given to two of them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name == "meta":
            return found

        def call(**request: Any) -> Any:
            with self._lock:
                return found(**request)

        return call


class Sqs:
    """A queue in moto, the requests made, and a clock. ``fail`` names operations of which everything is refused."""

    def __init__(self, client: Any) -> None:
        self.client = _OneAtATime(client)
        self.url = client.create_queue(QueueName=NAME)["QueueUrl"]
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.fail: set[str] = set()
        self.now = 0
        client.meta.events.register("provide-client-params.sqs", self._note)
        client.meta.events.register("before-call.sqs", self._answer)

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> dict[str, Any]:
        self.requests.append((model.name, params))
        return {**params, "WaitTimeSeconds": 0} if model.name == "ReceiveMessage" else params

    def _answer(self, model: Any, **_: object) -> Any:
        if model.name not in self.fail:
            return None
        return SimpleNamespace(status_code=503), {"Error": {"Code": "ServiceUnavailable"}, "ResponseMetadata": {}}

    def queue(self) -> SqsDigestQueue:
        return SqsDigestQueue(self.client, self.url, hidden_s=360, clock=lambda: self.now)

    def put(self, number: int) -> None:
        for start in range(0, number, 10):
            entries = [{"Id": str(n), "MessageBody": f"body {n}"} for n in range(start, min(start + 10, number))]
            self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        self.requests.clear()

    def made(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.requests if name == operation]

    def depths(self) -> tuple[int, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])


@pytest.fixture
def sqs(aws: Callable[..., Any]) -> Sqs:
    return Sqs(aws("sqs"))


def test_looking_waits_for_nothing(sqs: Sqs) -> None:
    """A short poll: a quiet queue costs one request and no time."""
    assert sqs.queue().look() == []
    sqs.put(3)
    assert {waiting.body for waiting in sqs.queue().look()} == {"body 0", "body 1", "body 2"}
    (asked,) = sqs.made("ReceiveMessage")
    assert (asked["MaxNumberOfMessages"], asked["VisibilityTimeout"], asked["WaitTimeSeconds"]) == (10, 360, 0)


def test_all_of_it_is_received_once(sqs: Sqs) -> None:
    """By long polls, which ask every server of the queue, with more hands the more there is."""
    sqs.put(437)
    batches = list(sqs.queue().drain(1_000, 1))
    bodies = [waiting.body for batch in batches for waiting in batch]
    assert sorted(bodies) == sorted(f"body {n}" for n in range(437))
    assert {asked["WaitTimeSeconds"] for asked in sqs.made("ReceiveMessage")} == {1}
    assert len(batches[0]) == 10
    assert max(len(batch) for batch in batches) == 10 * HANDS


def test_a_few_messages_are_few_requests(sqs: Sqs) -> None:
    sqs.put(4)
    assert len([waiting for batch in sqs.queue().drain(100, 1) for waiting in batch]) == 4
    assert len(sqs.made("ReceiveMessage")) == 2


def test_no_more_is_received_than_can_be_told(sqs: Sqs) -> None:
    sqs.put(300)
    assert 95 <= sum(len(batch) for batch in sqs.queue().drain(95, 1)) <= 100
    assert sum(sqs.depths()) == 300


def test_receiving_ends_in_time(sqs: Sqs) -> None:
    sqs.put(300)
    got = 0
    for batch in sqs.queue().drain(1_000, 2):
        got += len(batch)
        sqs.now += 1
    assert got == 30  # one hand, then two


def test_what_was_told_is_deleted_ten_at_a_time(sqs: Sqs) -> None:
    sqs.put(95)
    queue = sqs.queue()
    receipts = [waiting.receipt for batch in queue.drain(1_000, 1) for waiting in batch]
    queue.delete(receipts)
    assert sqs.depths() == (0, 0)
    assert len(sqs.made("DeleteMessageBatch")) == 10
    queue.delete([])


def test_what_could_not_be_deleted_is_counted(sqs: Sqs) -> None:
    sqs.put(12)
    queue = sqs.queue()
    receipts = [waiting.receipt for batch in queue.drain(1_000, 1) for waiting in batch]
    with pytest.raises(RetryableError, match="1 of 13 messages were not deleted"):
        queue.delete([*receipts, "no such receipt"])
    assert sqs.depths() == (0, 0)
    sqs.fail = {"DeleteMessageBatch"}
    with pytest.raises(RetryableError, match="12 of 12 messages were not deleted"):
        queue.delete(receipts)


def test_shown_again(sqs: Sqs) -> None:
    """Where even that fails, hiding ends by itself."""
    sqs.put(15)
    queue = sqs.queue()
    receipts = [waiting.receipt for batch in queue.drain(1_000, 1) for waiting in batch]
    assert sqs.depths() == (0, 15)
    queue.show_again(receipts)
    assert sqs.depths() == (15, 0)
    sqs.fail = {"ChangeMessageVisibilityBatch"}
    queue.show_again(receipts)


def test_a_queue_that_does_not_answer(sqs: Sqs) -> None:
    sqs.fail = {"ReceiveMessage"}
    with pytest.raises(RetryableError, match="receiving what waits for a digest"):
        sqs.queue().look()
    with pytest.raises(RetryableError, match="receiving what waits for a digest"):
        list(sqs.queue().drain(1, 1))
