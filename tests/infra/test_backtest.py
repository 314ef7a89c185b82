"""The requirement of the backtest on shorter mail, and the command, over the alarms of the synthesised templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backtest.scenarios import SCENARIOS, Scenario
from backtest.template import alarms_of
from backtest.verdict import examine

ROOT = Path(__file__).parents[2]
HEAD = "minute,identity,delivered,hard_bounced,complained"
BEGUN = datetime(2026, 3, 2, tzinfo=UTC)
FILE = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
[identities."news.example.com"]
"""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_page_before_aws_acts_and_never_cry_wolf(scenario: Scenario) -> None:
    """Harm is paged before AWS's line is crossed, or within the hour of the burst that crosses it; health never is."""
    verdict = examine(scenario, alarms_of, days=scenario.short)
    assert not verdict.problems()
    if scenario.harmful:
        assert any(assumed.crossed for assumed in verdict.assumed), "nothing that AWS would mind"


def run(
    tmp_path: Path, rows: Sequence[str], *, file: str = FILE, **environment: str
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "feedback.toml").write_text(file)
    (tmp_path / "trace.csv").write_text("\n".join((HEAD, *rows, "")))
    named = {"TRACE": str(tmp_path / "trace.csv"), "CONFIG": str(tmp_path / "feedback.toml"), **environment}
    return subprocess.run(
        [sys.executable, "-m", "backtest"],
        cwd=ROOT,
        env={**os.environ, **named},
        capture_output=True,
        text=True,
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def minute(offset: int) -> str:
    return (BEGUN + timedelta(minutes=offset)).strftime("%Y-%m-%dT%H:%MZ")


def steady(identity: str, minutes: int, step: int = 10) -> list[str]:
    """2,880 mails a day, 1% of them bounced."""
    return [f"{minute(at)},{identity},20,{int(at % 50 == 0)},0" for at in range(0, minutes, step)]


def test_a_bad_import_of_one_identity_is_paged_within_minutes_and_ends_in_silence(tmp_path: Path) -> None:
    """Two good days, then 600 of 1,500 addresses bounce within an hour; after the last row everything becomes OK."""
    burst = 2_880 + 600
    rows = steady("example.com", 3_000) + steady("news.example.com", 4_320)
    rows += [f"{minute(burst + at)},news.example.com,15,10,0" for at in range(60)]
    found = lines(run(tmp_path, rows))
    assert all(set(line) == {"time", "alarm", "identity", "severity", "rate", "state"} for line in found)
    # Its environment's alarms are on as well, and muted by its own: a transition is a state.
    assert {line["identity"] for line in found} == {"news.example.com", None}
    assert {line["rate"] for line in found} == {"bounce"}
    assert [line["time"] for line in found] == sorted(line["time"] for line in found)
    page = [line for line in found if line["alarm"] == "ses-feedback news.example.com page"]
    assert [(line["severity"], line["rate"], line["state"]) for line in page] == [
        ("page", "bounce", "ALARM"),
        ("page", "bounce", "OK"),
    ]
    assert minute(burst)[:16] <= page[0]["time"][:16] <= minute(burst + 15)[:16]
    last = {line["alarm"]: line["state"] for line in found}
    assert set(last.values()) == {"OK"}
    warned = [line for line in found if line["severity"] == "warn" and line["state"] == "ALARM"]
    own = {"ses-feedback news.example.com warn", "ses-feedback environment production warn"}
    assert {line["alarm"] for line in warned} == own
    over_all = [line for line in found if line["alarm"] == "ses-feedback environment production page"]
    assert [line["identity"] for line in over_all] == [None, None]
    assert over_all[0]["time"] >= page[0]["time"]


def test_one_bounce_in_thirteen_mails_changes_nothing(tmp_path: Path) -> None:
    """A quiet sender with bad luck, for a month: no line at all."""
    rows = [f"{minute(day * 1_440 + at * 60)},example.com,1,{int(at == 7)},0" for day in range(30) for at in range(13)]
    assert lines(run(tmp_path, rows)) == []


def test_alarms_by_environment_are_roll_ups(tmp_path: Path) -> None:
    """With one set of alarms for each environment, its identities add up and no line names one."""
    file = '[deployment]\nalarms = "environment"\n' + FILE
    rows = [f"{minute(at)},{name},10,1,0" for at in range(60) for name in ("example.com", "news.example.com")]
    found = lines(run(tmp_path, rows, file=file))
    assert {line["identity"] for line in found} == {None}
    assert "ses-feedback environment production page" in {line["alarm"] for line in found if line["state"] == "ALARM"}


@pytest.mark.parametrize(
    ("rows", "environment", "named"),
    [
        (
            ["now,example.com,1,0,0", f"{minute(0)},x.org,1,0,0"],
            {},
            ["line 2: minute", 'line 3: identity: no identity "x.org"'],
        ),
        ([], {"TRACE": "none.csv"}, ["none.csv: cannot be read: No such file or directory"]),
        ([], {"CONFIG": "none.toml"}, ["none.toml: no such file"]),
        ([], {"TRACE": ""}, ["CONFIG="]),
        ([], {"TRACE": "", "CONFIG": "", "SEED": "x"}, ["SEED=x: not a seed"]),
    ],
)
def test_mistakes_are_one_line_each_and_exit_2(
    tmp_path: Path, rows: list[str], environment: dict[str, str], named: list[str]
) -> None:
    """Nothing on standard output, no traceback."""
    done = run(tmp_path, rows, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == len(named)
    for line, part in zip(done.stderr.splitlines(), named, strict=True):
        assert part in line
