"""A replay from a bucket into the table, both as AWS has them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.archive_texts import ReplayArchive
from ses_feedback.adapters.connection import connect
from ses_feedback.config import load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import DAY, parse_time
from ses_feedback.usecases.replay_reading import ALWAYS, Window
from tests.unit.replay.archives import line
from tests.unit.usecases.mail import bounce

from .conftest import DEPLOYMENT, Dynamo

CONFIG = """
[deployment]
region = "us-east-1"
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
"""
SECRET = "a secret for tests"
ACCOUNT = "123456789012"
NOW = parse_time("2026-11-24T05:00:00Z")


@pytest.fixture
def config(tmp_path: Path, aws: Callable[..., Any], dynamo: Dynamo) -> Any:
    """A deployment with its secret and its table."""
    path = tmp_path / "feedback.toml"
    path.write_text(CONFIG)
    aws("secretsmanager", "us-east-1").create_secret(Name=naming.secret_name(DEPLOYMENT), SecretString=SECRET)
    found = load(path)
    with connect(found) as connection:
        connection.store.claim("owner")  # type: ignore[attr-defined]
    return found


def fill(s3: Any, bucket: str, names: list[str]) -> None:
    s3.create_bucket(Bucket=bucket)
    for number, name in enumerate(names):
        text = line(bounce(f"m{number}", (f"{number}@example.net",), at=NOW - DAY))
        s3.put_object(Bucket=bucket, Key=name, Body=gzip.compress(text.encode()))


def test_the_deployments_own_bucket_is_replayed(
    config: Any, aws: Callable[..., Any], dynamo: Dynamo, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command itself; what Firehose failed on and Athena's answers are not feedback."""
    from ses_feedback.cli.program import run
    from ses_feedback.cli.session import Session

    names = [f"feedback/2026/11/{day:02}/05/a.gz" for day in range(1, 13)]
    fill(
        aws("s3", "us-east-1"),
        naming.archive_bucket_name(DEPLOYMENT, ACCOUNT, "us-east-1"),
        [*names, "errors/a.gz", "answers/b.gz"],
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    session = Session(now=lambda: NOW)
    assert run(["replay", "--json"], session) == 0
    counts = json.loads(capfd.readouterr().out)
    assert (counts["objects"], counts["strikes"], counts["written"]) == (12, 12, 12)
    items = dynamo.items()
    assert len(items) == 12
    assert {s["M"]["reason"]["S"] for item in items for s in item["suppressions"]["L"]} == {"hard_bounce"}
    assert run(["replay"], session) == 0
    assert "12 right already" in capfd.readouterr().out
    assert dynamo.items() == items, "not even a version is another"


def test_hours_outside_the_window_are_not_listed(config: Any, aws: Callable[..., Any]) -> None:
    s3 = aws("s3", "us-east-1", 3)
    fill(s3, "my-archive", [f"feedback/2026/{month:02}/{day:02}/05/a.gz" for month in range(1, 12) for day in (1, 20)])
    asked: list[dict[str, Any]] = []
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: asked.append(params))
    with connect(config) as connection:
        archive = connection.replay_from("s3://my-archive")
        window = Window(parse_time("2026-05-20T00:00:00Z"), parse_time("2026-05-25T00:00:00Z"))
        assert [o.name for o in archive.objects(window)] == [
            "feedback/2026/05/20/05/a.gz",
            "feedback/2026/06/01/05/a.gz",
        ]
        assert len(list(archive.objects(ALWAYS))) == 22
    assert asked[1]["StartAfter"] == "feedback/2026/05/19/23"


def test_a_foreign_layout_is_read_as_it_is(config: Any, aws: Callable[..., Any]) -> None:
    """Firehose's default: a prefix of one's own, the hour, and names without an ending."""
    fill(aws("s3", "us-east-1"), "old-archive", ["ses/2026/11/23/05/stream-1-2026-11-23-05-00-00-uuid", "dump.json"])
    with connect(config) as connection:
        for place, names in (
            ("s3://old-archive", ["dump.json", "ses/2026/11/23/05/stream-1-2026-11-23-05-00-00-uuid"]),
            ("s3://old-archive/ses/", ["ses/2026/11/23/05/stream-1-2026-11-23-05-00-00-uuid"]),
        ):
            archive = connection.replay_from(place)
            objects = list(archive.objects(ALWAYS))
            assert [o.name for o in objects] == names
            assert all(json.loads(text)["v"] == 1 for texts in archive.open_all(objects) for text in texts)


def test_a_bucket_that_is_not_there_is_one_line(config: Any) -> None:
    with connect(config) as connection, pytest.raises(PermanentError, match='there is no bucket "nowhere"'):
        archive: ReplayArchive = connection.replay_from("s3://nowhere")  # type: ignore[assignment]
        list(archive.objects(ALWAYS))
