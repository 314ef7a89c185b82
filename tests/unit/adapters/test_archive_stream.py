"""Firehose as the functions and redrive put into it, and the folder of what it failed on."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.archive_arrivals import ArchiveArrivals
from ses_feedback.adapters.archive_errors import ArchiveErrors
from ses_feedback.adapters.archive_stream import LARGEST, ArchiveStream
from ses_feedback.domain.errors import FeedbackError, RetryableError
from ses_feedback.usecases.ports import Letter
from ses_feedback.usecases.redrive import sample

BUCKET = naming.archive_bucket_name("ses-feedback", "111122223333", "us-east-1")
NAME = naming.archive_stream_name("ses-feedback")


class Firehose:
    """What of Firehose's client is called; ``refuse`` names data it does not take."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.refuse: set[bytes] = set()

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        assert request["DeliveryStreamName"] == NAME
        data = [record["Data"] for record in request["Records"]]
        self.batches.append(data)
        busy = {"ErrorCode": "ServiceUnavailableException"}
        return {"RequestResponses": [busy if one in self.refuse else {"RecordId": "r"} for one in data]}


def letters(*bodies: str) -> list[Letter]:
    return [Letter(str(number), body, {}) for number, body in enumerate(bodies)]


def test_batches_keep_to_what_firehose_takes() -> None:
    """500 records and 4 MB a call, and no record above 1,000 KiB or empty."""
    firehose = Firehose()
    ArchiveStream(firehose, NAME).put(["x"] * 1_001)
    assert [len(batch) for batch in firehose.batches] == [500, 500, 1]
    firehose.batches.clear()
    ArchiveStream(firehose, NAME).put(["x" * LARGEST] * 5)
    assert [len(batch) for batch in firehose.batches] == [4, 1]
    refused = ArchiveStream(firehose, NAME).send(letters("", "x" * (LARGEST + 1), "fits"))
    assert refused.keys() == {"0", "1"}
    assert "cannot be read" in refused["0"]
    assert "1024000 bytes" in refused["1"]


def test_what_is_refused_is_told_and_may_be_put_again() -> None:
    firehose = Firehose()
    firehose.refuse = {b"b"}
    assert ArchiveStream(firehose, NAME).send(letters("a", "b")).keys() == {"1"}
    with pytest.raises(RetryableError, match=r"1 ses-feedback-archive takes no record .ServiceUnavailableException"):
        ArchiveStream(firehose, NAME).put(["a", "b"])


def test_a_stream_that_is_missing_is_told(aws: Callable[..., Any]) -> None:
    """Before anything is moved to it."""
    with pytest.raises(RetryableError, match="ResourceNotFoundException"):
        ArchiveStream(aws("firehose"), NAME).depth()


def aside(*texts: str, code: str = "Lambda.FunctionError") -> bytes:
    records = [
        {"rawData": base64.b64encode(text.encode("utf-8", "surrogateescape")).decode(), "errorCode": code}
        for text in texts
    ]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.fixture
def s3(aws: Callable[..., Any]) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="feedback/2026/11/24/05/line.gz", Body=b"")
    return client


def keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_records_come_back_as_they_were_and_go_with_their_object(s3: Any) -> None:
    """Plain or gzip, bytes that are no UTF-8 included; an object goes when its last record has gone."""
    texts = [f"text {n}" for n in range(12)] + ["broken \udcff"]
    s3.put_object(Bucket=BUCKET, Key="errors/processing-failed/2026/11/24/05/a", Body=aside(*texts[:11]))
    s3.put_object(Bucket=BUCKET, Key="errors/processing-failed/2026/11/24/06/b", Body=gzip.compress(aside(*texts[11:])))
    errors = ArchiveErrors(s3, BUCKET)
    assert (errors.waiting(), errors.depth()) == (2, 13)
    first = errors.receive(100, 60)
    assert len(first) == 10
    assert errors.delete(first) == {}
    assert len(keys(s3)) == 3
    rest = errors.receive(100, 60)
    assert [letter.body for letter in (*first, *rest)] == texts
    assert errors.delete(rest[:1]) == {}
    assert len(keys(s3)) == 2
    errors.delete(rest[1:])
    assert keys(s3) == ["feedback/2026/11/24/05/line.gz"]
    assert errors.receive(100, 60) == []


def test_what_cannot_be_read_stays_and_is_refused(s3: Any) -> None:
    """Somebody else's object, a truncated gzip, a record without data: named by the stream, never deleted."""
    s3.put_object(Bucket=BUCKET, Key="errors/a", Body=b"what is this?")
    s3.put_object(Bucket=BUCKET, Key="errors/b", Body=gzip.compress(aside("x" * 1_000))[:30])
    s3.put_object(Bucket=BUCKET, Key="errors/c", Body=b'{"rawData": 7}\n' + aside("good"))
    errors = ArchiveErrors(s3, BUCKET)
    found = errors.receive(10, 60)
    refused = ArchiveStream(Firehose(), NAME).send(found)
    assert len(refused) == 3
    errors.delete([letter for letter in found if letter.id not in refused])
    assert errors.waiting() == 3


def test_a_sample_tells_why_and_moves_nothing(s3: Any) -> None:
    """Firehose's code, never its message, which may quote a record."""
    s3.put_object(Bucket=BUCKET, Key="errors/a", Body=aside(json.dumps({"TopicArn": "arn:t", "Message": "jane@x.org"})))
    errors = ArchiveErrors(s3, BUCKET)
    (letter,) = sample(errors)
    assert letter.why == "Firehose could not deliver it: Lambda.FunctionError"
    assert letter.topic == "arn:t"
    assert len(errors.receive(10, 60)) == 1


def test_an_object_that_cannot_be_deleted_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there again the next time: a line twice."""
    s3.put_object(Bucket=BUCKET, Key="errors/a", Body=aside("one"))
    errors = ArchiveErrors(s3, BUCKET)
    found = errors.receive(10, 60)
    s3.delete_object(Bucket=BUCKET, Key="feedback/2026/11/24/05/line.gz")

    def refuse(**_: object) -> None:
        raise RetryableError("deleting: AccessDenied")

    monkeypatch.setattr(s3, "delete_object", refuse)
    assert list(errors.delete(found).values()) == ["deleting: AccessDenied"]


def test_an_empty_folder(s3: Any) -> None:
    errors = ArchiveErrors(s3, BUCKET)
    assert (errors.waiting(), errors.depth(), errors.receive(10, 60)) == (0, 0, [])
    assert errors.name == f"{BUCKET}/errors"


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        ("feedback/2026/11/24/10/x.gz", 1),
        ("feedback/2026/11/24/09/x.gz", 1),
        ("feedback/2026/11/24/08/x.gz", 1),
        ("feedback/2026/11/24/07/x.gz", 0),
        ("errors/processing-failed/2026/11/24/10/x.gz", 0),
    ],
)
def test_arrivals_are_the_objects_of_the_last_hours(s3: Any, key: str, seen: int) -> None:
    """Of this hour and the two before, in the folder of feedback and in no other."""
    now = int(datetime(2026, 11, 24, 10, 5, tzinfo=UTC).timestamp() * 1_000)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    assert ArchiveArrivals(s3, BUCKET).newest(now) == seen


def test_arrivals_that_nobody_may_list_are_an_error(s3: Any) -> None:
    """And no zero, which would be an alarm."""
    with pytest.raises(FeedbackError, match="listing no-such-bucket/feedback"):
        ArchiveArrivals(s3, "no-such-bucket").newest(0)
