"""The quarantine bucket: what could not be read, whole, one S3 object each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.events import Fault
from ses_feedback.domain.times import format_time

PREFIX = "quarantine/"


class QuarantineBucket:
    """Implements ``Quarantine`` over a low-level S3 client, made only when there is something to keep."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, fault: Fault, now: int) -> bool:
        """Store a fault under the hash of its text; return whether it is new.

        Two functions see the same unreadable notification, and each may be invoked again: one object, counted once. The
        object is JSON: ``quarantined_at``, ``why``, ``topic`` and ``raw``, the text as it arrived. Where the client had
        to try again and then found the object there, its first try may have stored it without an answer: that is new,
        because an alarm too many is better than none.
        """
        raw = fault.raw.encode("utf-8", "surrogatepass")
        name = f"{PREFIX}{hashlib.sha256(raw).hexdigest()}.json"
        body = json.dumps(
            {"quarantined_at": format_time(now), "why": fault.why, "topic": fault.topic, "raw": fault.raw}
        )
        try:
            with aws_errors("keeping an unreadable notification"):
                self._client().put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=body.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
        except RetryableError as error:
            if _exists(error):
                return _tries(error) > 1
            raise
        return True


def _exists(error: RetryableError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "PreconditionFailed"


def _tries(error: RetryableError) -> int:
    """Return how often botocore sent the request before it gave this answer."""
    metadata = getattr(error.__cause__, "response", {}).get("ResponseMetadata", {})
    return 1 + int(metadata.get("RetryAttempts", 0))
