"""A queue in SQS as an operator works with it: messages are received, sent and deleted ten at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.ports import Letter

AT_ONCE: Final = 10
_PATIENCE_S: Final = 2  # a long poll asks every server of the queue, a short one misses messages
_DEPTHS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
Entry = dict[str, Any]


class SqsWorkQueue:
    """Implements ``WorkQueue`` over a low-level SQS client.

    Needs ``sqs:GetQueueUrl`` and ``sqs:GetQueueAttributes``; to be emptied ``sqs:ReceiveMessage``,
    ``sqs:DeleteMessage`` and ``sqs:ChangeMessageVisibility``; to be filled ``sqs:SendMessage``.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._name

    @cached_property
    def _url(self) -> str:
        with aws_errors(f"finding the queue {self._name}"):
            return str(self._client.get_queue_url(QueueName=self._name)["QueueUrl"])

    def _attributes(self, *names: str) -> Mapping[str, str]:
        with aws_errors(f"looking at the queue {self._name}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(names))
        found: Mapping[str, str] = answer["Attributes"]
        return found

    @cached_property
    def _largest(self) -> int:
        return int(self._attributes("MaximumMessageSize")["MaximumMessageSize"])

    def largest(self) -> int:
        """See ``WorkQueue``. It is the queue's own setting: AWS's default has grown from 256 KiB to 1 MiB."""
        return self._largest

    def depth(self) -> int:
        """See ``WorkQueue``."""
        found = self._attributes(*_DEPTHS)
        return sum(int(found[name]) for name in _DEPTHS)

    def receive(self, most: int, hidden_s: int) -> Sequence[Letter]:
        """See ``WorkQueue``."""
        with aws_errors(f"receiving from the queue {self._name}"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, AT_ONCE),
                VisibilityTimeout=hidden_s,
                WaitTimeSeconds=_PATIENCE_S,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                MessageAttributeNames=["All"],
            )
        return [_letter(message) for message in answer.get("Messages", [])]

    def send(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """See ``WorkQueue``. A batch may be no larger than the largest message."""
        refused: dict[str, str] = {}
        fitting = []
        for letter in letters:
            if size(letter) > self._largest:
                refused[letter.id] = f"larger than the {self._largest} bytes that {self._name} takes"
            else:
                fitting.append(letter)
        for batch in _batches(fitting, self._largest):
            with aws_errors(f"sending to the queue {self._name}"):
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=_numbered(batch, _outgoing))
            refused.update(self._failures(batch, answer, "takes no message"))
        return refused

    def delete(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """See ``WorkQueue``."""
        stayed: dict[str, str] = {}
        for batch in _batches(letters, None):
            with aws_errors(f"deleting from the queue {self._name}"):
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=_numbered(batch, _receipt))
            stayed.update(self._failures(batch, answer, "does not delete a message"))
        return stayed

    def show_again(self, letters: Sequence[Letter]) -> None:
        """See ``WorkQueue``. A message that is gone by now, or an outage, changes nothing: hiding ends by itself."""
        for batch in _batches(letters, None):
            entries = [{**entry, "VisibilityTimeout": 0} for entry in _numbered(batch, _receipt)]
            with contextlib.suppress(RetryableError), aws_errors("showing messages again"):
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def _failures(self, batch: Sequence[Letter], answer: Mapping[str, Any], what: str) -> Iterator[tuple[str, str]]:
        for failed in answer.get("Failed", []):
            yield batch[int(failed["Id"])].id, f"{self._name} {what} ({failed.get('Code', 'unknown')})"


def size(letter: Letter) -> int:
    """Return what a message counts for in SQS: its body, and its attributes with their names and types."""
    total = len(letter.body.encode())
    for name, value in letter.attributes.items():
        total += len(name.encode()) + len(value["DataType"].encode())
        total += len(value.get("StringValue", "").encode()) + len(value.get("BinaryValue", b""))
    return total


def _letter(message: Mapping[str, Any]) -> Letter:
    system = message.get("Attributes", {})
    return Letter(
        id=message["MessageId"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        receipt=message["ReceiptHandle"],
        sent_at=int(system.get("SentTimestamp", 0)),
        receives=int(system.get("ApproximateReceiveCount", 0)),
    )


def _batches(letters: Sequence[Letter], most_bytes: int | None) -> Iterator[list[Letter]]:
    batch: list[Letter] = []
    total = 0
    for letter in letters:
        length = size(letter) if most_bytes is not None else 0
        if batch and (len(batch) == AT_ONCE or (most_bytes is not None and total + length > most_bytes)):
            yield batch
            batch, total = [], 0
        batch.append(letter)
        total += length
    if batch:
        yield batch


def _numbered(batch: Sequence[Letter], entry: Callable[[Letter], Entry]) -> list[Entry]:
    return [{"Id": str(number), **entry(letter)} for number, letter in enumerate(batch)]


def _outgoing(letter: Letter) -> Entry:
    entry: Entry = {"MessageBody": letter.body}
    if letter.attributes:
        entry["MessageAttributes"] = dict(letter.attributes)
    return entry


def _receipt(letter: Letter) -> Entry:
    return {"ReceiptHandle": letter.receipt}
