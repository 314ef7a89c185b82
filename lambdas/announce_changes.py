"""KEEP and TELL: what changed in the suppression table reaches the archive, and whoever follows the changes.

The table's stream hands a change over until it is taken, for a day: what Firehose or SNS refuses comes back. A schedule
runs the function too, without records: then it looks which suppressions have ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.archive_stream import ArchiveStream
from ses_feedback.adapters.changes_topic import ChangesTopic
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.coming_ends import ComingEnds
from ses_feedback.adapters.dynamodb_wire import DynamoDbWire
from ses_feedback.adapters.items import from_item
from ses_feedback.adapters.keyed_items import KeyedItems
from ses_feedback.domain.history import History
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.announcing import decisions
from ses_feedback.usecases.changes import Announcement, TableChange, announce, expire

# Of the time a function has: kept back for the batch in hand. The next look takes what is left.
REPORT_MS: Final = 15_000

logger = Logger(service=naming.ANNOUNCE_CHANGES, location=None, xray_trace_id=None)


class Context(Protocol):
    """What is read of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in ms."""


@lru_cache(maxsize=1)
def stream() -> ArchiveStream:
    """Return the archive's stream; most changes are strikes, and need none."""
    return ArchiveStream(client("firehose"), os.environ[naming.ENV_ARCHIVE_STREAM])


@lru_cache(maxsize=1)
def wire() -> DynamoDbWire:
    """Return what makes the calls of both tables."""
    return DynamoDbWire(os.environ["AWS_REGION"])


class Press:
    """Publishes to the topic of changes; most changes need none, so that its client is made for the first one."""

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """See ``ChangesPress``."""
        if announcements:
            ChangesTopic(client("sns"), os.environ[naming.ENV_CHANGES_TOPIC]).publish(announcements)


def handler(event: dict[str, Any], context: Context) -> dict[str, int]:
    """Announce the changes of a batch, or the ends that have come; return what the log says too.

    Raises where a batch has to be handed over again, or a look was not whole.
    """
    if "Records" in event:
        return _changes(event["Records"])
    ends = ComingEnds(wire(), os.environ[naming.ENV_ENDS_TABLE])
    items = KeyedItems(wire(), os.environ[naming.ENV_TABLE])
    now = time.time_ns() // 1_000_000
    expired = expire(ends, items, Press(), now=now, enough=lambda: context.get_remaining_time_in_millis() < REPORT_MS)
    if expired:  # most looks find nothing, and their log would cost more than they do
        logger.info("done", expired=expired)
    return {"expired": expired}


def _changes(records: list[dict[str, Any]]) -> dict[str, int]:
    lines: list[str] = []
    changes: list[TableChange] = []
    for record in records:
        image = record["dynamodb"]
        if "NewImage" in image:
            change = _change(image)
            lines += decisions(change.before.history if change.before else History(), change.after, change.key)
            changes.append(change)
    if lines:
        stream().put(lines)
    announced = announce(changes, ComingEnds(wire(), os.environ[naming.ENV_ENDS_TABLE]), Press())
    logger.info("done", changes=len(records), decisions=len(lines), announced=announced)
    return {"changes": len(records), "decisions": len(lines), "announced": announced}


def _change(image: dict[str, Any]) -> TableChange:
    """Return a record of the stream as a write (DynamoDB Streams API, ``StreamRecord``; its time is whole seconds)."""
    return TableChange(
        image["NewImage"][naming.ATTRIBUTE_KEY]["S"],
        from_item(image["OldImage"]) if "OldImage" in image else None,
        from_item(image["NewImage"]),
        int(image["ApproximateCreationDateTime"] * SECOND),
        str(image["SequenceNumber"]),
    )
