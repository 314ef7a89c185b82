"""A team's digest queue in SQS: many messages in little time, received and deleted by several hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.digests import Waiting

HANDS: Final = 10  # as many connections as a botocore client keeps
_AT_ONCE: Final = 10  # messages of one request (SQS)
# A short poll asks some of a queue's servers and may miss what waits, which costs a minute at most: the next run looks
# again. Once there is something, all of it shall be in the one message.
_PATIENCE_S: Final = 1


class SqsDigestQueue:
    """Implements ``DigestQueue``; what it receives is hidden for ``hidden_s``. ``client`` is a client of ``sqs``.

    Needs ``sqs:ReceiveMessage``, ``sqs:DeleteMessage`` and ``sqs:ChangeMessageVisibility``.
    """

    def __init__(self, client: Any, url: str, *, hidden_s: int, clock: Callable[[], int]) -> None:
        self._client = client
        self._url = url
        self._hidden_s = hidden_s
        self._clock = clock

    def look(self) -> Sequence[Waiting]:
        """See ``DigestQueue``."""
        return self._receive(0)

    def drain(self, most: int, until: int) -> Iterator[Sequence[Waiting]]:
        """See ``DigestQueue``. One hand first, and twice as many as long as all come back full."""
        hands, got = 1, 0
        with ThreadPoolExecutor(HANDS) as pool:
            while got < most and self._clock() < until:
                answers = list(pool.map(self._receive, [_PATIENCE_S] * min(hands, -(-(most - got) // _AT_ONCE))))
                received = [waiting for answer in answers for waiting in answer]
                if not received:
                    return
                got += len(received)
                yield received
                if all(len(answer) == _AT_ONCE for answer in answers):
                    hands = min(2 * hands, HANDS)

    def delete(self, receipts: Sequence[str]) -> None:
        """See ``DigestQueue``."""
        stayed = sum(self._each(self._delete, receipts))
        if stayed:
            raise RetryableError(f"{stayed} of {len(receipts)} messages were not deleted: they are told again")

    def show_again(self, receipts: Sequence[str]) -> None:
        """See ``DigestQueue``."""
        self._each(self._show, receipts)

    def _receive(self, patience_s: int) -> list[Waiting]:
        with aws_errors("receiving what waits for a digest"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=self._hidden_s,
                WaitTimeSeconds=patience_s,
            )
        return [Waiting(message["Body"], message["ReceiptHandle"]) for message in answer.get("Messages", ())]

    def _each(self, action: Callable[[Sequence[str]], int], receipts: Sequence[str]) -> list[int]:
        batches = [receipts[start : start + _AT_ONCE] for start in range(0, len(receipts), _AT_ONCE)]
        if len(batches) < 2:
            return [action(batch) for batch in batches]
        with ThreadPoolExecutor(HANDS) as pool:
            return list(pool.map(action, batches))

    def _delete(self, receipts: Sequence[str]) -> int:
        """Return how many stayed; one batch's failure does not keep the others from being deleted."""
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
        try:
            with aws_errors("deleting what was told"):
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except RetryableError:
            return len(receipts)
        return len(answer.get("Failed", ()))

    def _show(self, receipts: Sequence[str]) -> int:
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for number, receipt in enumerate(receipts)
        ]
        try:
            with aws_errors("showing messages again"):
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except RetryableError:
            return len(receipts)
        return 0
