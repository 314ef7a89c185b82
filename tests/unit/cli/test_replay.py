from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ses_feedback.adapters.archive_places import COLD, Folder, Unread
from ses_feedback.adapters.replay_machine import ReplayMachine
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import DAY
from tests.unit.replay.archives import decision, line, put
from tests.unit.replay.test_on_aws import States
from tests.unit.usecases.mail import bounce, complaint, delivery

from .conftest import Run
from .fakes import NOW, FakeDeployment, MemoryStore

JANE = ("production", "jane@example.net")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deployment: FakeDeployment) -> Iterator[Path]:
    """The deployment's archive, and a home of its own for notes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    deployment.archive = tmp_path / "archive"
    put(
        deployment.archive,
        "feedback/2026/11/23/05/a.gz",
        "\n".join(
            [
                line(bounce("m1", at=NOW - DAY)),
                line(complaint("m2", ("joe@example.net",), at=NOW - DAY, source="news@example.com")),
                line(delivery("m3", at=NOW - DAY)),
                line(bounce("m4", source="info@foreign.example", at=NOW - DAY), topic="arn:aws:sns:us-east-1:1:x"),
                decision("ann@example.net", "suppress", NOW - 2 * DAY),
                "junk",
            ]
        ),
    )
    yield deployment.archive
    assert not list((tmp_path / "state").rglob("*.db")), "notes are removed when a replay is done"


def test_the_deployments_archive_fills_its_table(cli: Run, archive: Path, store: MemoryStore) -> None:
    """People get sentences: what was read, passed over and written."""
    done = cli("replay")
    assert (done.code, done.err) == (0, "")
    assert set(store.items) == {JANE, ("production", "joe@example.net"), ("production", "ann@example.net")}
    assert "1 object read: 4 messages, 3 events, of these 2 strikes and 1 delivery; 1 decision of operators" in done.out
    assert re.search(r"1 +passed over: not JSON", done.out)
    assert re.search(r"1 +passed over: not ours", done.out)
    assert "3 addresses compared: 0 right already, 0 of no matter any more, 3 written" in done.out
    assert re.search(r"3 +suppressed anew: ", done.out)
    again = cli("replay")
    assert "3 right already, 0 of no matter any more, 0 written" in again.out


def test_a_dry_run_prints_each_difference_as_json(cli: Run, archive: Path, store: MemoryStore) -> None:
    """A line for each address that differs, then the counts; nothing is written."""
    done = cli("replay", "--from", str(archive), "--dry-run", "--json")
    assert (done.code, store.items) == (0, {})
    *differences, counts = done.records
    assert [found["address"][:3] for found in differences] == ["ann", "jan", "joe"]
    assert differences[1] == {
        "address": "jane@example.net",
        "environment": "production",
        "difference": "suppressed",
        "before": [],
        "after": [{"stream": "*", "reason": "hard_bounce", "since": "2026-11-23T05:00:00.000Z", "until": None}],
    }
    assert counts == {
        "dry_run": True,
        "interrupted": False,
        "objects": 1,
        "messages": 4,
        "events": 3,
        "strikes": 2,
        "deliveries": 1,
        "decisions": 1,
        "outside": 0,
        "skipped": {"not ours: no identity of the configuration covers it": 1, "not JSON": 1},
        "unread": {},
        "addresses": 3,
        "right": 0,
        "over": 0,
        "written": 0,
        "differences": {"suppressed": 3, "freed": 0, "changed": 0, "evidence": 0},
        "reasons": {"operator": 1, "hard_bounce": 1, "complaint": 1},
        "freed": {},
        "problems": {},
    }


def test_a_dry_run_says_what_would_be(cli: Run, archive: Path) -> None:
    done = cli("replay", "--dry-run")
    assert "3 differ; nothing was written" in done.out
    assert re.search(r"3 +would be suppressed: ", done.out)


def test_a_window_is_asked_for_by_dates_or_lengths(cli: Run, archive: Path, store: MemoryStore) -> None:
    done = cli("replay", "--since", "2026-11-23", "--until", "1h", "--json")
    assert set(store.items) == {JANE, ("production", "joe@example.net")}
    assert done.records[-1]["outside"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "nowhere"), 'there is no folder or file "nowhere"'),
        (("--from", "ftp://host/x"), "is neither a folder nor s3://BUCKET/PREFIX"),
        (("--from", "s3:///x"), "names no bucket"),
        (("--since", "soon"), "--since"),
        (("--until", "soon"), "--until"),
        (("--since", "1d", "--until", "2d"), "is not after --since"),
        (("--rate", "0"), "--rate"),
        (("--on-aws", "--dry-run"), "--on-aws"),
        (("--state", "/dev/null/x"), "--state"),
        (("--state", "feedback.toml"), "--state"),
    ],
)
def test_each_mistake_is_one_line(cli: Run, archive: Path, options: tuple[str, ...], said: str) -> None:
    done = cli("replay", *options)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert said in done.err
    assert done.out == ""


def test_what_was_stopped_goes_on_by_the_same_command(
    cli: Run, archive: Path, store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that refuses ends it with a line and the counts so far; then nothing is read twice."""

    def refuse(*_: object) -> None:
        raise RetryableError("DynamoDB is down")

    monkeypatch.setattr("ses_feedback.usecases.replay._FIRST_PAUSE_S", 0)
    notes = tmp_path / "notes.db"
    with monkeypatch.context() as patch:
        patch.setattr(store, "put_new", refuse)
        done = cli("replay", "--state", str(notes), "--json")
    assert done.code == 2
    assert "DynamoDB is down" in done.err
    assert str(notes) in done.err
    assert (done.records[-1]["messages"], done.records[-1]["written"]) == (4, 0)
    done = cli("replay", "--state", str(notes), "--since", "1d")
    assert (done.code, "belongs to another replay" in done.err) == (2, True)
    done = cli("replay", "--state", str(notes), "--json")
    assert done.code == 0
    assert done.records[-1]["written"] == 3
    assert not notes.exists()


def test_an_object_that_cannot_be_read_now_is_told(
    cli: Run, archive: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is done, the exit code is 2, and the same command reads it later."""
    put(archive, "feedback/2026/11/23/05/b.gz", line(bounce("m9", ("ada@example.net",), at=NOW - DAY)))
    real = Folder.open

    def refuse(self: Folder, name: str) -> Any:
        if name.endswith("b.gz"):
            raise Unread(COLD)
        return real(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "open", refuse)
        done = cli("replay", "--json")
    assert (done.code, done.records[-1]["unread"]) == (2, {COLD: 1})
    assert "not read: 1 objects in cold storage" in done.err
    assert set(store.items) == {JANE, ("production", "joe@example.net"), ("production", "ann@example.net")}
    done = cli("replay", "--json")
    assert (done.code, done.records[-1]["objects"], done.records[-1]["written"]) == (0, 2, 1)
    assert ("production", "ada@example.net") in store.items


def test_aws_does_it_where_it_is_too_much_for_one_computer(cli: Run, deployment: FakeDeployment) -> None:
    """The command starts it, follows it and tells what became of it; what was not done makes it exit with 2."""
    counts = {
        "objects": 2,
        "messages": 9,
        "events": 9,
        "strikes": 3,
        "written": 2,
        "right": 1,
        "skipped": {"not JSON": 1},
    }
    states = States({"evidence": [counts], "deliveries": [{"deliveries": 5, "right": 5}]})
    deployment.machine = ReplayMachine(states, None, machine="arn:machine")
    done = cli("replay", "--on-aws", "--rate", "1000", "--since", "2026-11-01")
    assert (done.code, done.err) == (0, "started: arn:execution\n")
    assert "2 objects read: 9 messages, 9 events, of these 3 strikes and 5 deliveries; 0 decisions" in done.out
    assert "strikes and decisions: 1 right already, 2 written" in done.out
    assert json.loads(states.started[0]["input"])["rate"] == 100
    done = cli("replay", "--on-aws", "--json")
    assert done.records == [
        {"execution": "arn:execution", "failure": None, "evidence": counts, "deliveries": {"deliveries": 5, "right": 5}}
    ]
    states.execution["output"] = json.dumps({"evidence": [{"unread": {COLD: 3}}], "deliveries": []})
    done = cli("replay", "--on-aws")
    assert (done.code, f"not done: 3 {COLD}" in done.err) == (2, True)
    states.execution["status"] = "FAILED"
    done = cli("replay", "--on-aws", "--json")
    assert (done.code, done.records[0]["failure"]) == (2, "FAILED")
    assert "redrive that execution, or run this command again" in done.err
