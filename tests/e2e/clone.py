"""A fresh clone of the project and an account to deploy it into, as somebody has them who follows the documentation.

Commands run in bash, in the activated environment, word for word, through a terminal or without one. Only the example's
account becomes the embedded one's, and a file in the home folder tells the CDK what the embedded AWS needs: code for
this machine's processor, and no waiting for a batch of notifications.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from botocore import xform_name

from local.cloud import ACCOUNT, Cloud
from local.state import ROOT

DOCUMENTED_ACCOUNT: Final = "111122223333"
QUESTION: Final = "(y/n)"
_PATIENCE_S: Final = 400
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LINE: Final = re.compile(r"npx cdk [a-z][^`\n]*")


def documented() -> set[str]:
    """Every line of the README and the documentation that calls the CDK, in blocks and between words."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {line.strip() for file in files for line in _LINE.findall(file.read_text())}


def block(heading: str, file: str = "docs/deploy.md") -> list[str]:
    """The commands of the first block of shell under a heading."""
    section = (ROOT / file).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found, heading
    return [line.strip() for line in found[1].splitlines() if line.strip()]


class Clone:
    """The project in ``folder``, with commands that go to ``cloud`` through a ``terminal`` or without one."""

    def __init__(self, folder: Path, cloud: Cloud, *, terminal: bool) -> None:
        self.folder = folder / "clone"
        self.cloud = cloud
        self.terminal = terminal
        self.ran: set[str] = set()
        self._home = folder / "home"
        self._home.mkdir()
        context = {"local": "true", "tally_window_s": "1", "ses_interval_ms": str(cloud.ses_interval_ms)}
        (self._home / ".cdk.json").write_text(json.dumps({"context": context}))
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, tracked.stdout.split("\0")):
            if not name.startswith("tests/"):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        for installed in (".venv", "node_modules"):
            (self.folder / installed).symlink_to(ROOT / installed)

    def run(self, line: str, *answers: str, code: int = 0) -> str:
        """Run a line of the documentation to its end, answering the questions it asks, and return what it said."""
        script = f". .venv/bin/activate\n{line.replace(DOCUMENTED_ACCOUNT, ACCOUNT)}\n"
        environment = {**self.cloud.environment(), "HOME": str(self._home), "TERM": "xterm"}
        with self._started(script, environment) as (process, said, answer):
            text = _COLOUR.sub("", "".join(self._conversation(said, answer, list(answers))))
            ended = process.wait()
        assert ended == code, f"$ {line}  (exit code {ended}, {self.terminal=})\n{text[-4_000:]}"
        self.ran.add(line)
        return text

    @contextmanager
    def _started(self, script: str, environment: dict[str, str]) -> Iterator[tuple[Any, int, int | None]]:
        """Start bash in a session of its own: its output to read, and what it asks to answer, which a pipe has not."""
        if self.terminal:
            ours, theirs = pty.openpty()
            streams: dict[str, Any] = {"stdin": theirs, "stdout": theirs}
        else:
            ours, theirs = os.pipe()
            streams = {"stdin": subprocess.DEVNULL, "stdout": theirs}
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=environment,
            stderr=theirs,
            start_new_session=True,
            **streams,
        )
        os.close(theirs)
        clock = threading.Timer(_PATIENCE_S, os.killpg, (process.pid, signal.SIGKILL))
        clock.start()
        try:
            yield process, ours, ours if self.terminal else None
        finally:
            clock.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            os.close(ours)

    @staticmethod
    def _conversation(said: int, answer: int | None, answers: list[str]) -> Iterator[str]:
        asked = ""
        while True:
            try:
                some = os.read(said, 65_536).decode(errors="replace")
            except OSError:  # a terminal that nobody holds any longer
                return
            if not some:
                return
            yield some
            asked += some
            if QUESTION in asked:
                asked = ""
                assert answer is not None and answers, f"an unexpected question: {some}"
                os.write(answer, f"{answers.pop(0)}\n".encode())

    def aws(self, line: str) -> Any:
        """Make the call that a documented ``aws`` command makes."""
        program, service, operation, *options = shlex.split(line)
        assert program == "aws"
        client = self.cloud.client(service)
        call = operation.replace("-", "_")
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call])
        members = {xform_name(name, "-"): name for name in model.input_shape.members}
        return getattr(client, call)(**dict(_parameters(options, members)))


def _parameters(options: Sequence[str], members: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Read options as the command line of AWS does: ``--name value``, ``--flag`` and ``--no-flag``."""
    rest = list(options)
    while rest:
        name = rest.pop(0).removeprefix("--")
        value = rest.pop(0) if rest and not rest[0].startswith("--") else None
        if name == "region":
            continue
        if value is not None:
            yield members[name], value
        elif name.startswith("no-"):
            yield members[name.removeprefix("no-")], False
        else:
            yield members[name], True
