"""REPLAY: the state machine of a large replay invokes this with some of the archive's objects, in each of two steps.

The event: ``Items``, each with ``Key`` and ``Size`` of an object and ``replay``, what all of them share: ``step``
(``evidence`` or ``deliveries``), ``since`` and ``until`` (ms), and ``rate`` (addresses a second for this function).
"""

from __future__ import annotations

import os
import threading
from typing import Any

from ses_feedback import naming
from ses_feedback.adapters.archive_places import UNREADABLE, Bucket
from ses_feedback.adapters.archive_texts import ReplayArchive
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.runtime import Runtime
from ses_feedback.usecases.handling import counted
from ses_feedback.usecases.rate import Rate
from ses_feedback.usecases.replay import Object, Replayed, Settling
from ses_feedback.usecases.replay_reading import Reader, Window
from ses_feedback.usecases.replay_steps import replay_some

runtime = Runtime()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Replay some objects; return counts. Raises where it has to be done again: it changes nothing twice."""
    items = event.get("Items", [event])  # one alone is not in a list
    wanted = items[0]["replay"]
    window = Window(int(wanted["since"]), int(wanted["until"]))
    archive = ReplayArchive(Bucket(client("s3"), os.environ[naming.ENV_ARCHIVE_BUCKET]))
    rules, result = runtime.rules, Replayed()
    reader = Reader(rules, {place.environment for place in rules.places}, runtime.keys, window, runtime.now)
    settling = Settling(
        runtime.store,
        rules.policy,
        runtime.now,
        rate=Rate(int(wanted["rate"]), threading.Event()),
        into=result,
    )
    objects = archive.chosen((Object(item["Key"], int(item["Size"])) for item in items), window)
    unread = replay_some(wanted["step"], archive.open_all(objects), reader, settling, rules.policy, UNREADABLE)
    counts: dict[str, Any] = {
        **counted(reader.counts),
        "skipped": dict(reader.skipped),
        "unread": dict(unread),
        "addresses": result.addresses,
        "right": result.right,
        "over": result.over,
        "written": result.written,
        "differences": dict(result.differences),
        "reasons": dict(result.reasons),
        "freed": dict(result.freed),
        "problems": dict(result.problems),
    }
    runtime.logger.info("replayed", step=wanted["step"], **counts)
    return counts
