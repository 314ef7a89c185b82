"""SQS as a place of work: batches within its limits, and honest about every message that was not taken."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ses_feedback.adapters.work_queues import SqsWorkQueue, size
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.ports import Letter
from ses_feedback.usecases.redrive import Moved, redrive, sample
from tests.unit.usecases.comeback import Clock

SOURCE, TARGET = "ses-feedback-dead-letters", "ses-feedback-retry"


class Sqs:
    """Two queues in moto, and the requests that are made. ``fail`` names an operation whose entries with an id fail."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.fail: dict[str, str] = {}
        for name in (SOURCE, TARGET):
            client.create_queue(QueueName=name, Attributes={"ReceiveMessageWaitTimeSeconds": "0"})
        client.meta.events.register("provide-client-params.sqs", self._note)
        client.meta.events.register("before-call.sqs", self._answer)

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> dict[str, Any]:
        self.requests.append((model.name, params))
        return {**params, "WaitTimeSeconds": 0} if model.name == "ReceiveMessage" else params

    def _answer(self, model: Any, **_: object) -> Any:
        wanted = self.fail.pop(model.name, None)
        if wanted is None:
            return None
        failed = [{"Id": wanted, "Code": "InternalError", "SenderFault": False}]
        entries = self.requests[-1][1]["Entries"]
        done = [{"Id": entry["Id"]} for entry in entries if entry["Id"] != wanted]
        return SimpleNamespace(status_code=200), {"Successful": done, "Failed": failed, "ResponseMetadata": {}}

    def queue(self, name: str) -> SqsWorkQueue:
        return SqsWorkQueue(self.client, name)

    def made(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.requests if name == operation]

    def put(self, *bodies: str, **attributes: Any) -> None:
        url = self.client.get_queue_url(QueueName=SOURCE)["QueueUrl"]
        for body in bodies:
            self.client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


@pytest.fixture
def sqs(aws: Callable[..., Any]) -> Sqs:
    return Sqs(aws("sqs"))


def move(sqs: Sqs, **options: Any) -> Moved:
    moved, clock = Moved(sqs.queue(SOURCE).depth()), Clock()
    pace = SimpleNamespace(step=10, wait=lambda things: not clock.stopped, stopped=False)
    redrive(sqs.queue(SOURCE), sqs.queue(TARGET), rate=pace, limit=options.get("limit"), into=moved)  # type: ignore[arg-type]
    return moved


def test_dead_letters_are_moved_whole(sqs: Sqs) -> None:
    """Body and attributes arrive, the source is empty, the count adds up; ten in a call."""
    text = {"DataType": "String", "StringValue": "403"}
    binary = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    sqs.put(*(f"body {n} é" for n in range(23)), ErrorCode=text, Trace=binary)
    moved = move(sqs)
    assert (moved.found, moved.moved, moved.left) == (23, 23, 0)
    target = sqs.queue(TARGET)
    assert (sqs.queue(SOURCE).depth(), target.depth()) == (0, 23)
    letters = [letter for _ in range(3) for letter in target.receive(10, 30)]
    assert {letter.body for letter in letters} == {f"body {n} é" for n in range(23)}
    assert letters[0].attributes["ErrorCode"]["StringValue"] == "403"
    assert letters[0].attributes["Trace"]["BinaryValue"] == b"\x00\xff"
    assert len(sqs.made("SendMessageBatch")) == 3


def test_receiving_hides_waits_and_asks_for_all(sqs: Sqs) -> None:
    """A long poll, as a short one misses messages; age and receives are told."""
    sqs.put("body")
    queue = sqs.queue(SOURCE)
    (letter,) = queue.receive(50, 77)
    assert (letter.body, letter.receives) == ("body", 1)
    assert letter.sent_at > 1_600_000_000_000
    (asked,) = sqs.made("ReceiveMessage")
    assert (asked["MaxNumberOfMessages"], asked["VisibilityTimeout"], asked["WaitTimeSeconds"]) == (10, 77, 2)
    assert queue.receive(10, 77) == []
    assert queue.depth() == 1
    queue.show_again([letter])
    assert len(queue.receive(10, 77)) == 1


def test_a_sample_lets_all_lie(sqs: Sqs) -> None:
    sqs.put("one", "two")
    queue = sqs.queue(SOURCE)
    assert [letter.why for letter in sample(queue)] == ["unknown; the function's log says more"] * 2
    assert len(queue.receive(10, 30)) == 2


def test_batches_keep_within_the_limit_of_a_request(sqs: Sqs) -> None:
    """The messages of a batch together may be no larger than the largest one."""
    target = sqs.queue(TARGET)
    most = target.largest()
    third = most // 3 + 1
    letters = [Letter(str(n), "x" * third, {}) for n in range(4)]
    assert target.send(letters) == {}
    assert [len(asked["Entries"]) for asked in sqs.made("SendMessageBatch")] == [2, 2]
    assert len(sqs.made("GetQueueAttributes")) == 1


def test_a_message_above_the_limit_is_refused_alone(sqs: Sqs) -> None:
    """Attributes count; the others of its batch are sent."""
    target = sqs.queue(TARGET)
    most = target.largest()
    attributes = {"Why": {"DataType": "String", "StringValue": "x"}}
    large = Letter("large", "x" * (most - 9), attributes)
    assert size(large) == most + 1
    refused = target.send([Letter("small", "x", {}), large])
    assert refused == {"large": f"larger than the {most} bytes that {TARGET} takes"}
    assert target.depth() == 1
    assert target.send([Letter("fits", "x" * (most - 10), attributes)]) == {}


def test_failed_entries_are_named(sqs: Sqs) -> None:
    """SQS answers 200 and lists what it did not take: each is told by the message's own id."""
    queue = sqs.queue(SOURCE)
    sqs.fail = {"SendMessageBatch": "1", "DeleteMessageBatch": "0"}
    letters = [Letter(name, name, {}, "receipt") for name in ("a", "b")]
    assert queue.send(letters) == {"b": f"{SOURCE} takes no message (InternalError)"}
    assert queue.delete(letters) == {"a": f"{SOURCE} does not delete a message (InternalError)"}


def test_a_failed_deletion_leaves_the_message_in_both_queues(sqs: Sqs) -> None:
    sqs.put("one")
    sqs.fail = {"DeleteMessageBatch": "0"}
    moved = move(sqs, limit=1)
    assert (moved.moved, moved.left, moved.repeated) == (0, 1, 1)
    assert (sqs.queue(SOURCE).depth(), sqs.queue(TARGET).depth()) == (1, 1)


def test_showing_again_never_fails(sqs: Sqs) -> None:
    """A receipt that is too old, a queue that does not answer: the message comes back by itself."""
    sqs.queue(SOURCE).show_again([Letter("a", "a", {}, "no such receipt")])
    sqs.queue("no-such-queue").show_again([Letter("a", "a", {}, "x")])
    sqs.queue(SOURCE).show_again([])
    assert len(sqs.made("ChangeMessageVisibilityBatch")) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda queue: queue.depth(),
        lambda queue: queue.largest(),
        lambda queue: queue.receive(1, 1),
        lambda queue: queue.send([Letter("a", "a", {})]),
        lambda queue: queue.delete([Letter("a", "a", {}, "x")]),
    ],
)
def test_a_queue_that_is_not_there_is_an_error(sqs: Sqs, ask: Callable[[SqsWorkQueue], object]) -> None:
    with pytest.raises(RetryableError, match="finding the queue no-such-queue: "):
        ask(sqs.queue("no-such-queue"))
