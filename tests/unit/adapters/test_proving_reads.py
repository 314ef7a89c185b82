"""What ``prove`` reads: each new object of the archive once, the metrics of probes, what CloudWatch could not do."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters.proving_reads import ArchiveShelf, DrillAlarm, ProvedMetrics, asked
from ses_feedback.adapters.troubles import Place
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.times import HOUR, MINUTE, SECOND
from ses_feedback.usecases.proving.ports import Archived

from .test_proving_ear import Time

PLACE = Place("ses-feedback", "us-east-1")
BUCKET = "ses-feedback-archive-111122223333-us-east-1"


@pytest.fixture
def s3() -> Iterator[Any]:
    """The archive's bucket."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def now() -> int:
    return int(datetime.now(UTC).timestamp() * SECOND)


def put(s3: Any, key: str, *lines: object) -> None:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text.encode()))


def hour(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y/%m/%d/%H")


def line(*events: tuple[str, str]) -> dict[str, object]:
    return {"v": 1, "events": [{"message_id": message, "kind": kind} for message, kind in events]}


def test_each_object_is_read_once_and_what_is_no_line_is_passed_over(s3: Any) -> None:
    at = now()
    shelf = ArchiveShelf(s3, PLACE, BUCKET, Time(at))
    put(s3, f"feedback/{hour(at)}/one.gz", line(("m1", "bounce"), ("m1", "delivery")), "no JSON", {"events": None})
    put(s3, f"feedback/{hour(at - 3 * HOUR)}/old.gz", line(("m0", "bounce")))
    assert list(shelf.arrived(at - MINUTE)) == [Archived("m1", "bounce"), Archived("m1", "delivery")]
    put(s3, f"feedback/{hour(at)}/two.gz", line(("m2", "complaint")))
    assert list(shelf.arrived(at - MINUTE)) == [Archived("m2", "complaint")]
    assert list(shelf.arrived(at - MINUTE)) == []
    assert list(ArchiveShelf(s3, PLACE, BUCKET, Time(at)).arrived(at + MINUTE)) == []


def test_an_object_that_breaks_off_is_read_again(s3: Any) -> None:
    at = now()
    whole = gzip.compress((json.dumps(line(("m1", "bounce"))) + "\n").encode())
    s3.put_object(Bucket=BUCKET, Key=f"feedback/{hour(at)}/one.gz", Body=whole[:-9])
    shelf = ArchiveShelf(s3, PLACE, BUCKET, Time(at))
    with pytest.raises(RetryableError, match=r"one\.gz in the archive could not be read"):
        list(shelf.arrived(at - MINUTE))
    put(s3, f"feedback/{hour(at)}/one.gz", line(("m1", "bounce")))
    assert list(shelf.arrived(at - MINUTE)) == [Archived("m1", "bounce")]


def test_what_firehose_put_aside_is_counted_by_when(s3: Any) -> None:
    at = now()
    shelf = ArchiveShelf(s3, PLACE, BUCKET, Time(at))
    assert shelf.put_aside(at - MINUTE) == 0
    put(s3, f"errors/processing-failed/{hour(at)}/x", "…")
    assert shelf.put_aside(at - MINUTE) == 1
    assert shelf.put_aside(at + MINUTE) == 0


class Metrics:
    """CloudWatch with one value of each metric; takes so many queries as it does."""

    def __init__(self) -> None:
        self.asked: list[list[dict[str, Any]]] = []

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        queries = request["MetricDataQueries"]
        assert len(queries) <= 500
        self.asked.append(queries)
        at = request["StartTime"]
        return {"MetricDataResults": [{"Id": q["Id"], "Timestamps": [at], "Values": [7.0]} for q in queries]}


def test_metrics_of_many_identities_take_calls_of_five_hundred() -> None:
    client = Metrics()
    names = [f"i{n}.example.com" for n in range(400)]
    found = ProvedMetrics(client, PLACE).proved(names, 0, HOUR)
    assert set(found) == set(names) and found[names[0]] == dict.fromkeys(naming.METRICS_PROVED, 7)
    assert [len(queries) for queries in client.asked] == [500, 500, 200]
    stat = client.asked[0][0]["MetricStat"]
    assert (stat["Stat"], stat["Metric"]["Namespace"]) == ("Maximum", "SesFeedback")
    assert {d["Name"]: d["Value"] for d in stat["Metric"]["Dimensions"]} == {
        "Deployment": "ses-feedback",
        "Identity": names[0],
    }


def test_a_drill_changes_the_state_and_failures_are_those_since() -> None:
    class Watch:
        def __init__(self) -> None:
            self.states: list[tuple[str, ...]] = []

        def set_alarm_state(self, **request: str) -> None:
            self.states.append((request["AlarmName"], request["StateValue"], request["StateReason"]))

        def describe_alarm_history(self, **_: Any) -> dict[str, Any]:
            def item(at: int, summary: str, data: object) -> dict[str, Any]:
                return {"Timestamp": datetime.fromtimestamp(at, UTC), "HistorySummary": summary, "HistoryData": data}

            failed = json.dumps({"actionState": "Failed", "error": "not authorized"})
            return {
                "AlarmHistoryItems": [
                    item(105, "Successfully executed action arn:x", json.dumps({"actionState": "Succeeded"})),
                    item(104, "Failed to execute action arn:y", failed),
                    item(103, "Failed to execute action arn:z", "no JSON"),
                    item(90, "Failed to execute action arn:old", failed),
                ]
            }

    watch = Watch()
    bell = DrillAlarm(watch, PLACE)
    bell.ring("because")
    assert watch.states == [("ses-feedback drill", state, "because") for state in ("OK", "ALARM")]
    assert bell.failures(100_000) == [
        "Failed to execute action arn:y: not authorized",
        "Failed to execute action arn:z: CloudWatch says no more",
    ]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [("Throttling", 400, RetryableError), ("Whatever", 503, RetryableError), ("AccessDenied", 403, PermanentError)],
)
def test_what_passes_by_itself_is_told_from_what_does_not(code: str, status: int, kind: type[FeedbackError]) -> None:
    error = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetMetricData")
    with pytest.raises(kind, match=r"cloudwatch:GetMetricData"), asked(PLACE):
        raise error


def test_lines_are_read_one_at_a_time() -> None:
    """An object may hold 64 MB before it was compressed."""
    body = io.BytesIO(gzip.compress(b"\n".join([json.dumps(line(("m", "bounce"))).encode()] * 3)))
    at = now() // HOUR * HOUR + 30 * MINUTE

    class S3:
        def list_objects_v2(self, **request: Any) -> dict[str, Any]:
            return {
                "Contents": [{"Key": request["Prefix"] + "x", "LastModified": datetime.fromtimestamp(at / 1_000, UTC)}]
            }

        def get_object(self, **_: Any) -> dict[str, Any]:
            return {"Body": body}

    first = next(iter(ArchiveShelf(S3(), PLACE, BUCKET, Time(at)).arrived(at - MINUTE)))
    assert first == Archived("m", "bounce")
