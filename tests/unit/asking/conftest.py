from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ses_feedback.cli.program import run
from ses_feedback.cli.session import Session

from .lines import NOW

CONFIG = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
"""


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON lines."""
        return [json.loads(text) for text in self.out.splitlines()]


Run = Callable[..., Done]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command at ``NOW``, with a configuration in the working directory. Sessions may be brought."""
    monkeypatch.chdir(tmp_path)
    for name in ("SES_FEEDBACK_CONFIG", "SES_FEEDBACK_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "feedback.toml").write_text(CONFIG)

    def command(*arguments: str, **session: Any) -> Done:
        code = run(arguments, Session(now=lambda: NOW, **session))
        return Done(code, *capfd.readouterr())

    return command


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An empty folder for an archive."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder
