"""KEEP: what changed in the suppression table; operators' decisions among it go to the archive.

The table's stream hands a change over until it is taken, for a day: what Firehose refuses comes back.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.archive_stream import ArchiveStream
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.items import from_item
from ses_feedback.domain.history import History
from ses_feedback.usecases.announcing import decisions

logger = Logger(service=naming.ANNOUNCE_CHANGES, location=None, xray_trace_id=None)


@lru_cache(maxsize=1)
def stream() -> ArchiveStream:
    """Return the archive's stream; most changes are strikes, and need none."""
    return ArchiveStream(client("firehose"), os.environ[naming.ENV_ARCHIVE_STREAM])


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Announce the changes of a batch; return what the log says too. Raises where they have to be handed over again."""
    lines: list[str] = []
    for record in event["Records"]:
        change = record["dynamodb"]
        if "NewImage" in change:
            before = from_item(change["OldImage"]).history if "OldImage" in change else History()
            lines += decisions(before, from_item(change["NewImage"]))
    if lines:
        stream().put(lines)
    changes = len(event["Records"])
    logger.info("done", changes=changes, decisions=len(lines))
    return {"changes": changes, "decisions": len(lines)}
