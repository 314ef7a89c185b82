"""Synth as its user meets it: a process that ends well, or with one clear line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.archive import CHANGES_WINDOW_S
from infra.cells import MOST
from infra.deployment import new_app
from infra.main import main
from infra.sources import ROOT
from infra.weights import resources
from ses_feedback.config import parse
from tests.infra import configs

EXAMPLE = ROOT / "feedback.toml"
Run = Callable[..., "Ended"]


def synth(
    folder: Path, *, config: Path | None = None, context: dict[str, str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK command line would, without credentials."""
    given = {"aws:cdk:bundling-stacks": [], **(context or {})}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "SES_FEEDBACK"))}
    clean |= {"CDK_OUTDIR": str(folder / "cdk.out"), "CDK_CONTEXT_JSON": json.dumps(given), **environment}
    if config is not None:
        clean["SES_FEEDBACK_CONFIG"] = str(config)
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")], capture_output=True, text=True, check=False, env=clean, cwd=folder
    )


@dataclass(frozen=True)
class Ended:
    """How a synth inside this process ended."""

    status: int
    lines: list[str]
    out: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that synthesises without starting another Python and Node, which takes seconds."""
    monkeypatch.chdir(tmp_path)

    def synthesise(file: Path, /, **context: object) -> Ended:
        monkeypatch.setenv("SES_FEEDBACK_CONFIG", str(file))
        given = {"aws:cdk:bundling-stacks": [], **context}
        status = main(new_app(outdir=str(tmp_path / "cdk.out"), context=given))
        said = capsys.readouterr()
        return Ended(status, said.err.splitlines(), said.out)

    return synthesise


def write(folder: Path, text: str = configs.SMALL) -> Path:
    path = folder / "feedback.toml"
    path.write_text(text)
    return path


def one_line(ended: Ended) -> str:
    """Return the only line of a failed synth."""
    assert ended.status == 1
    assert ended.out == ""
    (line,) = ended.lines
    return line


def test_the_example_synthesises(tmp_path: Path) -> None:
    """Without credentials: templates, a lock file beside the configuration, and the cost on standard error."""
    config = write(tmp_path, EXAMPLE.read_text())
    done = synth(tmp_path, config=config)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lock = json.loads((tmp_path / "feedback.lock.json").read_text())
    assert set(lock["cells"].values()) == {1}
    assert "commit it" in done.stderr
    assert "list price a month" in done.stderr
    assert (tmp_path / "cdk.out" / "ses-feedback-core.template.json").is_file()
    before = (tmp_path / "feedback.lock.json").read_bytes()
    again = synth(tmp_path, config=config)
    assert again.returncode == 0
    assert "commit it" not in again.stderr
    assert (tmp_path / "feedback.lock.json").read_bytes() == before


def test_context_decides(tmp_path: Path) -> None:
    """Configuration, lock, pacing, window and target come from context; the owner of the lock claims the table."""
    config = tmp_path / "other.toml"
    config.write_text(configs.SMALL)
    context = {
        "config": str(config),
        "lock": str(tmp_path / "cells.json"),
        "ses_interval_ms": "0",
        "tally_window_s": "1",
        "local": "true",
    }
    done = synth(tmp_path, context=context, SES_FEEDBACK_CONFIG="nowhere.toml")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cdk.out", "cells.json", "other.toml"]
    core = json.loads((tmp_path / "cdk.out" / "ses-feedback-core.template.json").read_text())["Resources"].values()
    functions = [r["Properties"] for r in core if r["Type"] == "AWS::Lambda::Function"]
    assert {f["Runtime"] for f in functions} == {f"python3.{sys.version_info.minor}"}
    (interval,) = [
        f["Environment"]["Variables"]["SES_FEEDBACK_SES_INTERVAL_MS"]
        for f in functions
        if f["FunctionName"].endswith("wire_identity")
    ]
    assert interval == "0"
    windows = [r["Properties"]["MaximumBatchingWindowInSeconds"] for r in core if r["Type"].endswith("SourceMapping")]
    assert sorted(windows) == [0, 1, CHANGES_WINDOW_S]
    (claim,) = [r["Properties"] for r in core if r["Type"] == "Custom::SuppressionTableClaim"]
    assert claim["Owner"] == json.loads((tmp_path / "cells.json").read_text())["owner"]


def test_what_is_probably_not_meant_is_a_warning_and_deploys(tmp_path: Path, run: Run) -> None:
    """One line each, after the cost; senders' IAM policies, for one, must name a configuration set."""
    team = '[teams.idle]\nnotify = [{ sms = "+12065550100" }]\n'
    ended = run(write(tmp_path, team + configs.SMALL + "configuration_set = true\n"))
    assert ended.status == 0
    idle, senders = (line for line in ended.lines if line.startswith("warning: "))
    assert idle.startswith('warning: teams.idle: no identity has team = "idle"')
    assert senders.startswith('warning: identities."example.com".configuration_set: senders')
    assert "configuration-set/ses-feedback-example-com-" in senders


def test_nothing_to_warn_of_says_nothing(tmp_path: Path, run: Run) -> None:
    """Not even an empty line."""
    ended = run(write(tmp_path))
    assert ended.status == 0
    assert not any(line.startswith("warning: ") or not line for line in ended.lines)


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"local": "yes"}, "--context local: expected true or false, found 'yes'"),
        ({"ses_interval_ms": "-1"}, "--context ses_interval_ms: expected a whole number from 0 to 60000, found '-1'"),
        ({"tally_window_s": "301"}, "--context tally_window_s: expected a whole number from 1 to 300, found '301'"),
        ({"tally_window_s": 1.5}, "--context tally_window_s: expected a whole number from 1 to 300, found 1.5"),
        ({"config": 7}, "--context config: expected a path, found 7"),
    ],
)
def test_bad_context_is_one_line(tmp_path: Path, run: Run, context: dict[str, object], line: str) -> None:
    """What is wrong, and what would be right."""
    assert one_line(run(write(tmp_path), **context)) == line
    assert not (tmp_path / "feedback.lock.json").exists()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """No traceback, and no template."""
    done = synth(tmp_path, config=Path("nowhere.toml"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("nowhere.toml: no such file")
    assert not list(tmp_path.rglob("*.json"))


def test_every_problem_of_the_file_has_its_line(tmp_path: Path, run: Run) -> None:
    """All at once, each with its path; nothing is written."""
    text = configs.SMALL + 'team = "nobody"\n[teams.a]\nnotify = [{ sqs = "dev-bounces" }]\n'
    ended = run(write(tmp_path, text))
    assert (ended.status, ended.out) == (1, "")
    team, queue = sorted(ended.lines)
    assert team.startswith('identities."example.com".team: no team "nobody"')
    assert queue.startswith("teams.a.notify[0]")
    assert not list(tmp_path.rglob("*.json"))


def test_a_broken_lock_is_one_line(tmp_path: Path, run: Run) -> None:
    """And it is left as it is."""
    lock = tmp_path / "feedback.lock.json"
    lock.write_text("<<<<<<< ours\n")
    assert "not a lock file of cells" in one_line(run(write(tmp_path)))
    assert lock.read_text() == "<<<<<<< ours\n"


def test_a_lock_that_cannot_be_written_is_one_line(tmp_path: Path, run: Run) -> None:
    """A deployment whose cells are forgotten would move its identities the next time."""
    ended = run(write(tmp_path), lock=str(tmp_path / "nowhere" / "cells.json"))
    assert "cells.json: cannot be written" in one_line(ended)


def test_too_many_resources_is_one_line_that_names_the_identity(tmp_path: Path, run: Run) -> None:
    """More than 480 resources of one identity fit no stack."""
    notify = ", ".join(
        f'{{ email_json = "p{i}@example.com", on = ["bounce", "complaint", "delivery"] }}' for i in range(160)
    )
    text = configs.SMALL + f'team = "a"\n[teams.a]\nnotify = [{notify}]\n'
    config = parse(tomllib.loads(text))
    load = resources(config, config.identities["example.com"])
    assert load > MOST
    line = one_line(run(write(tmp_path, text)))
    assert line.startswith(f'identities."example.com": its cell 1 would hold {load + 1} resources, {load} of them')


def test_no_package_index_is_one_line(tmp_path: Path) -> None:
    """The line says what could not be installed; no lock is left for a deployment that never was."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from infra.node import use_packaged_node; use_packaged_node()\n"
        "from pathlib import Path\n"
        "import infra.bundling, infra.main\n"
        "infra.bundling.LocalBundling.__init__.__kwdefaults__['cache'] = Path('cache')\n"
        "sys.exit(infra.main.main())"
    )
    config = write(tmp_path)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_", "PIP_"))}
    clean |= {
        "SES_FEEDBACK_CONFIG": str(config),
        "CDK_OUTDIR": str(tmp_path / "cdk.out"),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=False, env=clean, cwd=tmp_path
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Bundling asset")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("installing lambdas/requirements.txt failed: ")
    assert not (tmp_path / "feedback.lock.json").exists()
