"""The shell of whoever is on call: at the root of the project, with its programs and the AWS CLI, and nothing else set.

The AWS CLI is AWS's own: version 1, from PyPI, since version 2 is not there. Of what is typed here, only `logs tail` is
in version 2 alone.
"""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from local.cloud import ACCOUNT, Cloud
from local.state import ROOT

PATIENCE_S = 120
# The account that documents show. It is the one word of a command that is another here, besides what a test says.
SHOWN_ACCOUNT = "111122223333"


class Done(NamedTuple):
    """How a command ended, and what it said; in a terminal everything is ``out``."""

    code: int
    out: str
    err: str = ""

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Shell:
    """Runs commands in bash against a cloud. ``folder`` is the user's home.

    ``context``: what the CDK finds in the user's own settings, beside what the project says.
    """

    def __init__(self, cloud: Cloud, folder: Path, context: Mapping[str, str]) -> None:
        programs, settings = folder / "bin", folder / "aws-config"
        programs.mkdir(parents=True)
        aws = programs / "aws"
        # Version 1 has old addresses of SQS that no variable turns aside, only this option.
        python = shlex.join([sys.executable, "-m", "awscli", "--endpoint-url", cloud.endpoint])
        aws.write_text(f'#!/bin/sh\nexec {python} "$@"\n', encoding="utf-8")
        aws.chmod(0o755)
        settings.write_text(f"[plugins]\ntail = {__package__}.logs_tail\n", encoding="utf-8")
        (folder / ".cdk.json").write_text(json.dumps({"context": dict(context)}), encoding="utf-8")
        self._environment = cloud.environment()
        self._environment |= {
            "PATH": os.pathsep.join((str(programs), self._environment["PATH"])),
            "PYTHONPATH": str(ROOT),
            "AWS_CONFIG_FILE": str(settings),
            "HOME": str(folder),
        }

    def run(self, text: str, **words: str) -> Done:
        """Run a command; ``words`` are replaced by what they are here. Its standard input is empty."""
        done = subprocess.run(
            ["bash", "-c", _here(text, words)],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def type(self, text: str, **words: str) -> Done:
        """Run a command in a terminal, where nobody answers."""
        reader, terminal = pty.openpty()
        with subprocess.Popen(
            ["bash", "-c", _here(text, words)],
            cwd=ROOT,
            env={**self._environment, "TERM": "xterm"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        ) as process:
            os.close(terminal)
            shown = bytearray()
            while part := _read(reader):
                shown += part
            os.close(reader)
            return Done(process.wait(PATIENCE_S), shown.decode(errors="replace"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's end of a terminal that nobody has open any more
        return b""


def _here(text: str, words: dict[str, str]) -> str:
    for word, here in {SHOWN_ACCOUNT: ACCOUNT, **words}.items():
        text = text.replace(word, here)
    return text
