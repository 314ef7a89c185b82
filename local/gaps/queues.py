"""SQS: messages put by other services without losing any, batches above ten for functions, and the batching window.

And a clock for a queue's own delay and for the pauses between the tries of a function's messages that runs faster than
AWS's.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from typing import Any, Final

from ministack.core.concurrency import esm_wake
from ministack.core.responses import new_uuid
from ministack.services import cloudwatch, lambda_svc, sqs

_BATCH_BYTES: Final = 6 * 1024 * 1024  # an invocation's payload
# A minute of delay, or of waiting for the next try, passes in a second, as it does between asynchronous tries.
SPEED_UP: Final = float(os.environ.get("LOCAL_QUEUE_SPEED_UP", "60"))
Attributes = Mapping[str, Mapping[str, str]]


def install() -> None:
    """Let event source mappings have what their template asks for; the emulator stops at ten and never waits."""
    sqs._receive_messages_for_esm = _receive
    delay = sqs.queue_delay
    sqs.queue_delay = lambda queue: delay(queue) / SPEED_UP
    run = lambda_svc._run_sqs_batch

    def run_and_come_back_sooner(
        mapping: dict[str, Any],
        function: dict[str, Any],
        event: dict[str, Any],
        batch: list[dict[str, Any]],
        queue_url: str,
        queue_name: str,
    ) -> None:
        try:
            run(mapping, function, event, batch, queue_url, queue_name)
        finally:
            _shorten_pauses(batch, {record["receiptHandle"] for record in event["Records"]})

    lambda_svc._run_sqs_batch = run_and_come_back_sooner


def _shorten_pauses(batch: list[dict[str, Any]], receipts: set[str]) -> None:
    """Let what is left of the visibility timeouts of a finished batch pass faster; deleted messages do not mind.

    While the function runs, its messages stay hidden as long as on AWS: only waiting is shortened, never working.
    """
    with sqs._queues_lock:
        now = time.time()
        for message in batch:
            if message["receipt_handle"] in receipts and message["visible_at"] > now:
                message["visible_at"] = now + (message["visible_at"] - now) / SPEED_UP


def _mapping_of(queue: dict[str, Any]) -> dict[str, Any]:
    arn = queue["attributes"].get("QueueArn")
    return next((m for _a, _r, m in lambda_svc._iter_all_esms() if m.get("EventSourceArn") == arn), {})


def _receive(queue_url: str, wanted: int) -> list[dict[str, Any]]:
    """Return up to ``BatchSize`` messages, or none while the window is open and the batch is not full.

    "Lambda invokes your function when the batching window ends, the batch size is reached, or the payload limit is
    reached" (*Using Lambda with Amazon SQS*). The window opens with the oldest visible message.
    """
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        visible = [m for m in queue["messages"] if m["visible_at"] <= now]
        window = float(_mapping_of(queue).get("MaximumBatchingWindowInSeconds") or 0)
        oldest = min((max(m["visible_at"], m["sent_at"]) for m in visible), default=now)
        if len(visible) < wanted and now - oldest < window:
            return []
        visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
        taken: list[dict[str, Any]] = sqs._collect_msgs(queue, _fitting(visible[:wanted]), visibility)
        return taken


def _fitting(messages: list[dict[str, Any]]) -> int:
    size = 0
    for position, message in enumerate(messages):
        size += len(message["body"])
        if size > _BATCH_BYTES:
            return max(1, position)
    return max(1, len(messages))


def put(arn: str, body: str, attributes: Attributes | None = None, group: str = "", deduplication: str = "") -> bool:
    """Put a message on a queue by its ARN, as a service of AWS does; say whether the queue exists."""
    queue = sqs._queue_by_arn(arn)
    if queue is None:
        return False
    now = time.time()
    message: dict[str, Any] = {
        "id": new_uuid(),
        "body": body,
        "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "message_attributes": dict(attributes or {}),
        "md5_attrs": sqs._md5_msg_attrs(dict(attributes or {})),
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "group_id": group or None,
        "dedup_id": deduplication or None,
    }
    sqs._ensure_msg_fields(message)
    with sqs._queues_lock:  # the pollers replace this list: an append beside them would be lost
        queue["messages"].append(message)
    cloudwatch.record_metric("AWS/SQS", "NumberOfMessagesSent", 1, "Count", {"QueueName": arn.rpartition(":")[2]})
    esm_wake.set()
    return True
