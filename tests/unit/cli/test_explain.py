from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ses_feedback.cli import explain as module

from .conftest import CONFIG, Run

ROOT = Path(__file__).resolve().parents[3]
KEYS = {
    *("kind", "class", "recipient", "identity", "environment", "stream", "message_id", "occurred_at"),
    *("counts_as_bounce", "counts_as_complaint", "action", "scope", "until", "why"),
}


def bounce(recipient: str = "jane@example.net", sub_type: str = "General", **fields: Any) -> dict[str, Any]:
    """Return a bounce as SES writes it."""
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": sub_type,
            "bouncedRecipients": [{"emailAddress": recipient, "status": "5.1.1", **fields}],
            "timestamp": "2026-11-20T10:00:00.000Z",
            "feedbackId": "0100-f",
        },
        "mail": {
            "timestamp": "2026-11-20T09:59:00.000Z",
            "source": "orders@example.com",
            "messageId": "0100-1",
            "destination": [recipient],
        },
    }


def test_every_event_is_a_line_with_every_key(cli: Run, tmp_path: Path) -> None:
    """The JSON is the contract of DESIGN section 9."""
    Path("bounce.json").write_text(json.dumps(bounce("Jane@example.net")))
    done = cli("explain", "bounce.json", "--json")
    assert (done.code, done.err) == (0, "")
    (record,) = done.records
    assert set(record) == KEYS
    assert record["recipient"] == "jane@example.net"
    assert (record["class"], record["action"], record["scope"], record["until"]) == (
        "hard_bounce",
        "suppress",
        "environment",
        None,
    )
    assert record["occurred_at"] == "2026-11-20T10:00:00.000Z"
    assert record["counts_as_bounce"] is True


def test_what_would_be_quarantined_is_an_event_too(cli: Run) -> None:
    """Exit 0 with action quarantine and class null, every key there; the readable neighbours are explained."""
    Path("mixed.jsonl").write_text(f"{json.dumps(bounce())}\nnot json\n")
    done = cli("explain", "mixed.jsonl", "--json")
    assert done.code == 0
    assert sorted(r["action"] for r in done.records) == ["quarantine", "suppress"]
    broken = next(r for r in done.records if r["action"] == "quarantine")
    assert set(broken) == KEYS
    assert broken["class"] is None
    assert broken["why"]


def test_a_canary_counts_for_nothing_and_other_mail_to_the_simulator_is_what_it_is(cli: Run) -> None:
    """Told apart by the label, which holds this deployment's name."""
    own = bounce("bounce+ses-feedback-canary-1a3185c5000@simulator.amazonses.com")
    others = [bounce("bounce@simulator.amazonses.com"), bounce("bounce+my-canary-1a@simulator.amazonses.com")]
    Path("simulated.jsonl").write_text("".join(json.dumps(one) + "\n" for one in [own, *others]))
    record, *rest = cli("explain", "simulated.jsonl", "--json").records
    assert set(record) == KEYS
    assert (record["class"], record["action"]) == ("hard_bounce", "none")
    assert (record["counts_as_bounce"], record["counts_as_complaint"]) == (False, False)
    assert (record["scope"], record["until"]) == (None, None)
    assert record["why"].startswith("canary: ")
    assert [(r["action"], r["counts_as_bounce"]) for r in rest] == [("suppress", True)] * 2
    assert "1 none" in cli("explain", "simulated.jsonl").out


def test_setup_messages_are_explained(cli: Run) -> None:
    """SES's own message that a topic works is kind setup, and nothing follows."""
    Path("setup.json").write_text('{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have …"}')
    (record,) = cli("explain", "setup.json", "--json").records
    assert (record["kind"], record["action"], set(record)) == ("setup", "none", KEYS)


def test_people_read_blocks_and_a_summary(cli: Run) -> None:
    """Without --json each event says what it is, what follows and why; a summary counts the actions."""
    Path("two.json").write_text(
        json.dumps(bounce()) + json.dumps(bounce("joe@example.org", "OnAccountSuppressionList"))
    )
    lines = cli("explain", "two.json").out.splitlines()
    assert lines[0] == "hard_bounce jane@example.net → suppress, all streams of production, for ever"
    assert lines[2] == (
        "  example.com · production/transactional · 2026-11-20 10:00 UTC · message 0100-1 · counts as a bounce"
    )
    assert lines[4] == (
        "already_suppressed joe@example.org → suppress, all streams of production, until 2026-12-20 10:00 UTC (30 days)"
    )
    assert lines[-1] == "2 events: 2 suppress"


def test_an_empty_input_is_said(cli: Run) -> None:
    """An empty file is no error, and no event."""
    Path("empty").touch()
    assert cli("explain", "empty").out == "nothing to explain: the input is empty\n"
    assert cli("explain", "empty", "--json").out == ""


def test_several_files_and_standard_input(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in order; - is standard input, taken as bytes."""
    Path("one.json").write_text(json.dumps(bounce("one@example.net")))
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(bounce("two@example.net")).encode() + b"\n\xff"))
    monkeypatch.setattr(sys, "stdin", stdin)
    done = cli("explain", "one.json", "-", "--json")
    assert [r["recipient"] for r in done.records] == ["one@example.net", "two@example.net", None]


def test_a_large_stream_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch, cli: Run) -> None:
    """However small the blocks are that are read, each notification is explained exactly once, indented ones too."""
    monkeypatch.setattr(module, "_BLOCK", 64)
    texts = [json.dumps(bounce(f"{n}@example.net"), indent=2 if n % 2 else None) for n in range(40)]
    Path("many.jsonl").write_text("\n".join(texts))
    done = cli("explain", "many.jsonl", "--json")
    assert [r["recipient"] for r in done.records] == [f"{n}@example.net" for n in range(40)]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nope.json", '"nope.json": no such file; name a file of notifications, or - for standard input'),
        ("folder", '"folder" is a directory: name the files in it'),
        ("loop", '"loop" cannot be read: Too many levels of symbolic links'),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(cli: Run, name: str, line: str) -> None:
    """One line with exit 2, before any other file is explained."""
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    Path("good.json").write_text(json.dumps(bounce()))
    done = cli("explain", "good.json", name, "--json")
    assert (done.code, done.out, done.err) == (2, "", f"ses-feedback: {line}\n")


def test_closed_standard_input_is_one_line(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ses-feedback explain - <&-` is told, not traced."""
    monkeypatch.setattr(sys, "stdin", None)
    done = cli("explain", "-")
    assert (done.code, done.err) == (2, "ses-feedback: standard input is closed: name a file\n")


def test_needs_no_aws_library_and_nothing_slow(tmp_path: Path) -> None:
    """No boto, no pydantic, and no rich unless a terminal shows it: explain starts in a fraction of a second."""
    (tmp_path / "feedback.toml").write_text(CONFIG)
    (tmp_path / "bounce.json").write_text(json.dumps(bounce()))
    script = (
        "import sys; from ses_feedback.cli.program import run; code = run(['explain', 'bounce.json', '--json']);"
        "heavy = {'boto3', 'botocore', 'pydantic', 'rich', 'asyncio', 'email.message'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["class"] == "hard_bounce"
