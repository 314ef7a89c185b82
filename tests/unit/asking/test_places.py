"""Archives in a bucket: the same answer as from a folder, only what matters listed, and clear lines for a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ses_feedback.adapters import clients
from ses_feedback.adapters.archive_duckdb import DuckArchive
from ses_feedback.adapters.archive_places import COLD, UNREADABLE, Bucket, Folder
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.archive import Filter, Hours, newest

from .conftest import Run
from .lines import NOW, event, line, store

WEEK = Filter(NOW - 7 * DAY, NOW)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 in memory, with no other AWS within reach."""
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        clients.client.cache_clear()
        clients._session.cache_clear()
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="the-archive")
        yield client
    clients.client.cache_clear()
    clients._session.cache_clear()


def upload(s3: Any, folder: Path, prefix: str = "") -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            s3.put_object(
                Bucket="the-archive", Key=prefix + path.relative_to(folder).as_posix(), Body=path.read_bytes()
            )


@pytest.mark.parametrize("prefix", ["", "copied/here/"])
def test_a_bucket_answers_as_the_folder_does(cli: Run, s3: Any, archive: Path, prefix: str) -> None:
    """The whole bucket or a prefix of it, with the damage and what lies beside."""
    for day in range(3):
        store(archive, [line(event(f"d{day}@example.net", at=NOW - day * DAY))], at=NOW - day * DAY)
    store(archive, ["damage"], name="damage.gz")
    (archive / "errors" / "2026").mkdir(parents=True)
    (archive / "errors" / "2026" / "x.gz").write_bytes(b"x")
    upload(s3, archive, prefix)
    here = cli("events", "--from", str(archive), "--json")
    there = cli("events", "--from", f"s3://the-archive/{prefix}", "--json")
    assert len(here.records) == 3
    assert there == here


def test_only_the_hours_asked_about_are_listed(s3: Any) -> None:
    """Listing begins at the first hour and ends after the last: a long archive costs no more than a short one."""
    for day in range(1, 29):
        for hour in range(24):
            s3.put_object(Bucket="the-archive", Key=f"feedback/2026/02/{day:02}/{hour:02}/a.gz", Body=b"x")
    listed: list[str] = []

    class Counting:
        def list_objects_v2(self, **request: Any) -> Any:
            answer = s3.list_objects_v2(**{"MaxKeys": 10, **request})
            listed.extend(found["Key"] for found in answer.get("Contents", ()))
            return answer

    hours = Hours("2026/02/10/05", "2026/02/10/07")
    found = [piece.hour for piece in Bucket(Counting(), "the-archive").pieces(hours)]
    assert found == ["2026/02/10/05", "2026/02/10/06", "2026/02/10/07"]
    assert len(listed) <= 11


@pytest.mark.parametrize(
    ("code", "reason"), [("InvalidObjectState", COLD), ("NoSuchKey", UNREADABLE), ("InternalError", None)]
)
def test_an_object_that_cannot_be_had_is_counted(s3: Any, archive: Path, code: str, reason: str | None) -> None:
    """In cold storage, or deleted meanwhile: the rest is read. What would befall every object is an error."""
    store(archive, [line(event("a@example.net"))])
    store(archive, [line(event("b@example.net"))], name="bad.gz")
    upload(s3, archive)

    class Half:
        list_objects_v2 = staticmethod(s3.list_objects_v2)

        def get_object(self, **request: Any) -> Any:
            if request["Key"].endswith("bad.gz"):
                raise ClientError({"Error": {"Code": code}}, "GetObject")
            return s3.get_object(**request)

    found = DuckArchive(Bucket(Half(), "the-archive"))
    if reason is None:
        with pytest.raises(ClientError):
            list(found.ask(newest(WEEK, 10), lambda size: None))
        return
    rows = list(found.ask(newest(WEEK, 10), lambda size: None))
    assert [row[2] for row in rows] == ["a@example.net"]
    assert found.skipped == {reason: 1}


def test_reading_tells_how_far_it_is(archive: Path) -> None:
    """The bytes that are told of add up to the size that was measured."""
    for number in range(40):
        store(archive, [line(event(f"a{number}@example.net"))], name=f"{number}.gz")
    found = DuckArchive(Folder(archive))
    told: list[int] = []
    assert len(list(found.ask(newest(WEEK, 100), told.append))) == 40
    size = found.measure(WEEK.hours)
    assert (size.objects, size.bytes_) == (40, sum(told))
    assert len(told) > 1


def test_a_bucket_that_is_not_there_is_one_line(cli: Run, s3: Any) -> None:
    """It names the bucket, and what may be wrong."""
    done = cli("events", "--from", "s3://no-such-bucket")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert '--from: there is no bucket "no-such-bucket"' in done.err


@pytest.mark.parametrize(
    ("code", "said"),
    [("AccessDenied", "of another account"), ("PermanentRedirect", "another region"), ("301", "another region")],
)
def test_a_bucket_of_others_is_one_line(code: str, said: str) -> None:
    """Another account's or region's."""

    class Foreign:
        def list_objects_v2(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": code}}, "ListObjectsV2")

    with pytest.raises(PermanentError, match=said):
        list(Bucket(Foreign(), "theirs", named="--from").pieces(WEEK.hours))
