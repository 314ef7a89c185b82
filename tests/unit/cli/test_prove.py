"""``prove``, as an operator types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ses_feedback.cli.program import run
from ses_feedback.cli.session import Session
from ses_feedback.config import load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.proving.legs import LEGS, ON_CALL_LEGS
from tests.unit.proving.fakes import Account
from tests.unit.proving.test_proof import CONFIG, DEV, SHOP

from .conftest import Done, Run
from .fakes import NOW, FakeDeployment
from .test_screen import Terminal, terminal  # noqa: F401 - a fixture

KEYS = {"identity", "environment", "severity", "leg", "state", "seconds", "what", "read", "mend"}


@pytest.fixture
def there(config_file: Path, deployment: FakeDeployment) -> Account:
    """A deployment of a domain and an address whose loop works."""
    config_file.write_text(CONFIG)
    deployment.account = Account(load(config_file))
    return deployment.account


def test_all_is_proved(cli: Run, there: Account) -> None:
    done = cli("prove", "--drill")
    assert (done.code, done.err) == (0, "")
    head, *rows, page, warn, last = done.out.splitlines()
    assert head.split() == ["IDENTITY", "SENT", "SUPPRESS", "COUNT", "ARCHIVE", "CHANGE", "DIGEST", "RELEASE"]
    assert rows[0].split()[:3] == [SHOP, "✓", "0.1s"]
    assert page.startswith("page") and page.count("✓") == len(ON_CALL_LEGS) == warn.count("✓")
    assert last == "Proved. Ask who is on call whether the drill has come: that no command can see."


def test_only_what_was_named_and_a_drill_only_where_asked(cli: Run, there: Account) -> None:
    done = cli("prove", "DEV@example.com")
    assert done.code == 0
    assert {identity for identity, _, _ in there.mails} == {DEV}
    assert there.reason is None
    assert "DIGEST" not in done.out and "WORDS" not in done.out
    assert done.out.splitlines()[-1] == (
        "Proved. `ses-feedback prove --drill` shows that alarms reach on-call as well."
    )


def test_json(cli: Run, there: Account) -> None:
    """A line for each leg, with all keys always."""
    there.lost = {"counts"}
    done = cli("prove", "--json")
    assert (done.code, done.err) == (1, "")
    assert all(record.keys() == KEYS for record in done.records)
    assert [(r["identity"], r["severity"], r["leg"]) for r in done.records] == [
        *((name, None, leg) for name in (SHOP, DEV) for leg in LEGS),
        *((None, severity, leg) for severity in ("page", "warn") for leg in ON_CALL_LEGS),
    ]
    (counted,) = [r for r in done.records if (r["identity"], r["leg"]) == (SHOP, "counted")]
    assert (counted["state"], counted["seconds"]) == ("failed", None)
    assert counted["read"].startswith("aws logs tail /aws/lambda/ses-feedback-tally_feedback --region us-east-1")


def test_what_fails_alike_is_told_once(cli: Run, there: Account) -> None:
    there.lost = {"counts"}
    done = cli("prove")
    assert done.code == 1
    lines = done.out.splitlines()
    start = lines.index("Not proved")
    assert lines[start + 1].startswith(f"  {SHOP}, {DEV}: counted: the bounce and the complaint")
    assert lines[start + 2].startswith("    read: aws logs tail /aws/lambda/ses-feedback-tally_feedback")
    assert lines[-1] == "2 legs not proved: 2 counted"


@pytest.mark.parametrize("width", [80, 200])
def test_in_a_terminal_nothing_is_wider_than_it_is(
    there: Account,
    config_file: Path,
    deployment: FakeDeployment,
    terminal: Terminal,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    """The table of legs fits, and a long command stands below it, whole."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout", terminal)
    there.lost = {"table"}
    assert run(["prove", "--drill"], Session(deployment.connect, lambda: NOW)) == 1
    shown = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    commands = [line for line in shown if line.startswith("[")]
    assert any("aws logs tail /aws/lambda/ses-feedback-record_feedback" in line for line in commands)
    assert all(len(line) <= width for line in shown if line not in commands)
    assert any(line.split()[::7] == ["IDENTITY", "RELEASE"] for line in shown)
    assert any(line.split()[:2] == [SHOP, "✓"] for line in shown)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["other.example.org"],
            '"other.example.org" is no identity of feedback.toml; `ses-feedback routes` lists them',
        ),
        (["not a domain"], '"not a domain" is neither an e-mail address nor a domain'),
        (["--timeout", "soon"], "--timeout: "),
        (["--timeout", "forever"], '--timeout: "forever" is no time to wait; such as 15m'),
    ],
)
def test_a_mistake_is_one_line(cli: Run, there: Account, arguments: list[str], said: str) -> None:
    done = cli("prove", *arguments)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert said in line
    assert there.mails == []


def test_nothing_is_verified(cli: Run, there: Account) -> None:
    there.world.statuses = {}
    done = cli("prove")
    assert done.code == 1
    assert f"pending: {SHOP}, {DEV}: SES does not know it" in done.out
    assert done.err == "ses-feedback: SES has verified none of the identities: nothing is proved\n"


def test_what_could_not_be_removed_is_told(cli: Run, there: Account) -> None:
    there.refuse = {"close": PermanentError("not removed: the queue q: AWS denies sqs:DeleteQueue")}
    done: Done = cli("prove")
    assert done.code == 1
    assert done.err == "ses-feedback: not removed: the queue q: AWS denies sqs:DeleteQueue\n"
