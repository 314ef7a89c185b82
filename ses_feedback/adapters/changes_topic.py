"""The SNS topic through which changes of suppressions reach whoever follows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.changes import Announcement

# SNS API reference, PublishBatch: entries of a call. An event has at most some 1,000 bytes, of 256 KB.
AT_ONCE: Final = 10
_TRIES: Final = 3


class ChangesTopic:
    """Implements ``ChangesPress``. ``client`` is a botocore client of ``sns``. Needs ``sns:Publish``, and the key."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """See ``ChangesPress``. What SNS refuses of a batch is tried again by itself."""
        refused: Counter[str] = Counter()
        for start in range(0, len(announcements), AT_ONCE):
            refused.update(self._batch(announcements[start : start + AT_ONCE]))
        if refused:
            why = ", ".join(f"{number} {code}" for code, number in refused.most_common())
            raise RetryableError(f"publishing changes: {why}")

    def _batch(self, announcements: Sequence[Announcement]) -> list[str]:
        """Publish up to ten; return the code of each that was refused to the end."""
        entries = [_entry(announcement) for announcement in announcements]
        failed: dict[str, str] = {}
        for _ in range(_TRIES):
            with aws_errors("publishing changes"):
                answer = self._client.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)
            failed = {entry["Id"]: str(entry.get("Code", "unknown")) for entry in answer.get("Failed", ())}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                break
        return list(failed.values())


def _entry(announcement: Announcement) -> dict[str, Any]:
    attributes = {n: {"DataType": "String", "StringValue": value} for n, value in announcement.attributes.items()}
    return {"Id": announcement.id, "Message": announcement.text, "MessageAttributes": attributes}
