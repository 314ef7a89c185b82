"""What ``prove`` reads of AWS besides the table: the archive as it grows, the metrics, and the alarm of drills."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from ses_feedback import naming
from ses_feedback.adapters.alarm_gauges import CloudWatchGauges
from ses_feedback.adapters.troubles import Place, describe, is_throttled
from ses_feedback.domain.alarm_notice import Series
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.times import HOUR, MINUTE, SECOND
from ses_feedback.usecases.pacing import Clock
from ses_feedback.usecases.proving.ports import Archived

_MOST_QUERIES: Final = 500  # of one GetMetricData


@contextmanager
def asked(place: Place) -> Iterator[None]:
    """Say in one line what goes wrong with AWS inside the block: ``RetryableError`` where it passes by itself."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise _kind(error)(describe(error, place)) from error
    except FeedbackError as error:
        cause = error.__cause__
        if isinstance(cause, BotoCoreError | ClientError):
            raise _kind(cause)(describe(cause, place)) from error
        raise


def _kind(error: BotoCoreError | ClientError) -> type[FeedbackError]:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return RetryableError if is_throttled(error) or status >= 500 else PermanentError
    return RetryableError if isinstance(error, HTTPClientError | NoConnection) else PermanentError


class ArchiveShelf:
    """Implements ``Shelf`` over the archive's bucket. Needs ``s3:ListBucket``, ``s3:GetObject`` and ``kms:Decrypt``.

    It reads the objects themselves: Athena takes longer and costs more than the few that come within minutes.
    """

    def __init__(self, s3: Any, place: Place, bucket: str, clock: Clock) -> None:
        self._s3 = s3
        self._place = place
        self._bucket = bucket
        self._clock = clock
        self._read: set[str] = set()

    def arrived(self, since: int) -> Iterator[Archived]:
        """See ``Shelf``."""
        with asked(self._place):
            for hour in _hours(since, self._clock.now() + MINUTE):
                for key in self._keys(f"{naming.ARCHIVE_FEEDBACK}/{hour}/", since):
                    if key not in self._read:
                        yield from self._lines(key)
                        self._read.add(key)

    def put_aside(self, since: int) -> int:
        """See ``Shelf``."""
        with asked(self._place):
            return sum(1 for _ in self._keys(f"{naming.ARCHIVE_ERRORS}/", since))

    def _keys(self, prefix: str, since: int) -> Iterator[str]:
        """Yield the objects under a prefix that were written since."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            answer = self._s3.list_objects_v2(**request)
            for found in answer.get("Contents", ()):
                if found["LastModified"].timestamp() * SECOND >= since:
                    yield str(found["Key"])
            if not answer.get("IsTruncated"):
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]

    def _lines(self, key: str) -> Iterator[Archived]:
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        try:
            # A line at a time: an object may hold 64 MB before it was compressed.
            with gzip.GzipFile(fileobj=body) as lines:
                for line in lines:
                    yield from _events(line)
        except (OSError, EOFError, zlib.error) as error:
            raise RetryableError(f"{key} in the archive could not be read: {type(error).__name__}") from error


def _events(line: bytes) -> Iterator[Archived]:
    try:
        found = json.loads(line)
    except ValueError:
        return
    for event in (found.get("events") if isinstance(found, dict) else None) or ():
        if event.get("message_id"):
            yield Archived(str(event["message_id"]), str(event["kind"]))


def _hours(since: int, until: int) -> Iterator[str]:
    """Yield the hours from one time to another (ms) as folders of the archive name them."""
    for start in range(since // HOUR * HOUR, until + 1, HOUR):
        yield datetime.fromtimestamp(start / SECOND, UTC).strftime("%Y/%m/%d/%H")


class ProvedMetrics:
    """Implements ``Counts``. ``client`` is a botocore client of ``cloudwatch``. Needs ``cloudwatch:GetMetricData``."""

    def __init__(self, client: Any, place: Place) -> None:
        self._gauges = CloudWatchGauges(client)
        self._place = place

    def proved(self, identities: Sequence[str], start: int, end: int) -> Mapping[str, Mapping[str, int]]:
        """See ``Counts``."""
        asking = [(identity, kind) for identity in identities for kind in naming.METRICS_PROVED]
        found: dict[str, dict[str, int]] = {}
        for first in range(0, len(asking), _MOST_QUERIES):
            some = asking[first : first + _MOST_QUERIES]
            series = [self._series(*one) for one in some]
            with asked(self._place):
                newest = self._gauges.newest(series, start // MINUTE * MINUTE, end)
            for (identity, kind), point in zip(some, newest, strict=True):
                if point is not None:
                    found.setdefault(identity, {})[kind] = int(point[1])
        return found

    def _series(self, identity: str, kind: str) -> Series:
        deployment = (naming.DIMENSION_DEPLOYMENT, self._place.deployment)
        return Series(
            naming.METRIC_NAMESPACE,
            naming.METRICS_PROVED[kind],
            "Maximum",
            MINUTE // SECOND,
            (deployment, (naming.DIMENSION_IDENTITY, identity)),
        )


class DrillAlarm:
    """Implements ``Bell``. ``client`` is a botocore client of ``cloudwatch``.

    Needs ``cloudwatch:SetAlarmState`` and ``cloudwatch:DescribeAlarmHistory`` on the alarm ``NAME drill``.
    """

    def __init__(self, client: Any, place: Place) -> None:
        self._client = client
        self._place = place
        self._name = naming.drill_alarm_name(place.deployment)

    def ring(self, reason: str) -> None:
        """See ``Bell``. CloudWatch acts on a change of state alone, and puts the alarm right again by itself."""
        with asked(self._place):
            for state in ("OK", "ALARM"):
                self._client.set_alarm_state(AlarmName=self._name, StateValue=state, StateReason=reason)

    def failures(self, since: int) -> Sequence[str]:
        """See ``Bell``."""
        with asked(self._place):
            answer = self._client.describe_alarm_history(
                AlarmName=self._name,
                HistoryItemType="Action",
                ScanBy="TimestampDescending",
            )
        # Of the newest ones; their times may be whole seconds.
        found = answer.get("AlarmHistoryItems", ())
        new = (item for item in found if item["Timestamp"].timestamp() >= since // SECOND)
        return [said for item in new if (said := _failure(item))]


def _failure(item: Mapping[str, Any]) -> str | None:
    """Return what an item of an alarm's history says of an action that failed; ``None`` for any other."""
    try:
        data = json.loads(item.get("HistoryData") or "{}")
    except ValueError:
        data = {}
    summary = str(item.get("HistorySummary") or "")
    if data.get("actionState") != "Failed" and not summary.startswith("Failed"):
        return None
    return " ".join(f"{summary}: {data.get('error') or 'CloudWatch says no more'}".split())
