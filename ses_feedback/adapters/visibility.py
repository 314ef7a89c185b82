"""When a message of the retry queue is tried again: after 1, 2, 4 … minutes, at most an hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError

FIRST_DELAY = 60
LONGEST_DELAY = 3600


def delay(receives: int) -> int:
    """Return how many seconds to wait after the ``receives``-th failure, counted from 1."""
    return int(min(FIRST_DELAY * 2 ** min(receives - 1, 10), LONGEST_DELAY))


def postpone(queue_url: str, messages: Iterable[Mapping[str, Any]]) -> list[str]:
    """Shorten each failed message's wait to what its number of receives asks for; return what went wrong, for the log.

    A message that cannot be postponed keeps the queue's visibility timeout, the longest delay: nothing is lost by it.
    """
    failed = list(messages)
    if not failed:
        return []
    from ses_feedback.adapters.clients import client  # noqa: PLC0415 - only where something failed

    problems = []
    for message in failed:
        receives = int(message["attributes"]["ApproximateReceiveCount"])
        try:
            with aws_errors("postponing a message"):
                client("sqs").change_message_visibility(
                    QueueUrl=queue_url,
                    ReceiptHandle=message["receiptHandle"],
                    VisibilityTimeout=delay(receives),
                )
        except RetryableError as error:
            problems.append(str(error))
    return problems
