"""Whether Firehose delivers: what lies in the archive's folders of the last hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.times import HOUR, SECOND

# The folder is the hour in which the oldest record of an object arrived, and an object comes minutes later: what came
# at the end of one hour is seen in its folder in the next. Of the mail of two hours, whenever one looks, some is there.
_HOURS: Final = 3


class ArchiveArrivals:
    """Looks into the bucket by a low-level S3 client. Needs ``s3:ListBucket``."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def newest(self, now: int) -> int:
        """Return how many objects have arrived in this hour and the two before, of a thousand an hour at most.

        ``now`` is in ms since 1970. May raise ``FeedbackError``.
        """
        with aws_errors(f"listing {self._bucket}/{naming.ARCHIVE_FEEDBACK}"):
            return sum(
                len(self._client.list_objects_v2(Bucket=self._bucket, Prefix=folder).get("Contents", ()))
                for folder in map(_folder, range(now, now - _HOURS * HOUR, -HOUR))
            )


def _folder(at: int) -> str:
    return f"{naming.ARCHIVE_FEEDBACK}/{datetime.fromtimestamp(at // SECOND, UTC):%Y/%m/%d/%H}/"
