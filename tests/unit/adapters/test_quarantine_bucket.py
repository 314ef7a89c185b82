"""The quarantine bucket: whole, once, and honest about what failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.events import Fault
from tests.unit.adapters.conftest import BUCKET
from tests.unit.law.builders import T0

RAW = '{"notificationType":"Bounce","bounce":7, "odd":"\\ud800 é"}'
FAULT = Fault(RAW, "its 'bounce' is no JSON object", topic="arn:aws:sns:us-east-1:111122223333:t")


@pytest.fixture
def s3(aws: Callable[..., Any]) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def objects(s3: Any) -> list[dict[str, Any]]:
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    assert all(key.startswith("quarantine/") and key.endswith(".json") for key in keys)
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]


def test_a_fault_is_kept_whole_with_its_reason(s3: Any) -> None:
    assert QuarantineBucket(lambda: s3, BUCKET).keep(FAULT, T0)
    assert objects(s3) == [
        {"quarantined_at": "2027-01-15T08:00:00.000Z", "why": FAULT.why, "topic": FAULT.topic, "raw": RAW}
    ]


def test_the_same_text_is_kept_once_and_as_it_was_first(s3: Any) -> None:
    """Two functions see the same unreadable notification, and each may be invoked again."""
    bucket = QuarantineBucket(lambda: s3, BUCKET)
    assert bucket.keep(FAULT, T0)
    assert not bucket.keep(FAULT._replace(why="another reading"), T0 + 1)
    assert [kept["why"] for kept in objects(s3)] == [FAULT.why]
    assert bucket.keep(FAULT._replace(raw=RAW + " "), T0)
    assert len(objects(s3)) == 2


def test_lone_surrogates_are_kept_as_well(s3: Any) -> None:
    assert QuarantineBucket(lambda: s3, BUCKET).keep(Fault("\ud800", "odd"), T0)
    assert objects(s3)[0]["raw"] == "\ud800"


def test_a_bucket_that_cannot_be_written_is_a_retryable_error(s3: Any) -> None:
    with pytest.raises(RetryableError, match="keeping an unreadable notification: NoSuchBucket"):
        QuarantineBucket(lambda: s3, "no-such-bucket").keep(FAULT, T0)


def test_no_client_is_made_before_there_is_something_to_keep() -> None:
    """A cold start pays nothing for a bucket it never needs."""

    def client() -> Any:
        raise AssertionError("made too early")

    QuarantineBucket(client, BUCKET)
