from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ses_feedback.cli.program import run
from ses_feedback.cli.session import Session

from .fakes import NOW, FakeDeployment, MemoryStore

CONFIG = """
[deployment]
region = "us-east-1"
regions = ["us-east-1", "eu-west-1"]
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
stream = "transactional"
[identities."news@example.com"]
stream = "marketing"
"""
# Another environment, with one stream only.
STAGING = """
[identities."staging.example.com"]
environment = "staging"
"""


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration in the working directory, under the default name."""
    monkeypatch.chdir(tmp_path)
    for name in ("SES_FEEDBACK_CONFIG", "SES_FEEDBACK_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "feedback.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def store() -> MemoryStore:
    """What the deployment knows."""
    return MemoryStore()


@pytest.fixture
def deployment(store: MemoryStore) -> FakeDeployment:
    """The deployment commands talk to."""
    return FakeDeployment(store)


@pytest.fixture
def cli(config_file: Path, deployment: FakeDeployment, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command as ``main`` does, at ``NOW``."""

    def command(*arguments: str) -> Done:
        code = run(arguments, Session(deployment.connect, lambda: NOW))
        return Done(code, *capfd.readouterr())

    return command
