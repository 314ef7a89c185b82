"""A child never outlives its parent: not after Ctrl-C, not after SIGKILL, not after a crash.

The parent holds the write end of a pipe that is the child's standard input and never writes to it. When the parent is
gone, for whatever reason, the kernel closes that end, the child reads end-of-file and takes its whole process group
with it. No polling, no signal that could be lost, and it works on every POSIX system.

As a program it guards a command that does not know about any of this (the CDK command line, which starts Python and
Node):

    python -m local.lifeline COMMAND ARGUMENT…
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

PIPE: Final = subprocess.PIPE
Process = subprocess.Popen[str]
_ROOT: Final = Path(__file__).resolve().parent.parent


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path = _ROOT,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Process:
    """Start a command that calls ``guard`` itself, in a process group of its own: Ctrl-C reaches only the parent."""
    return subprocess.Popen(
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def spawn_guarded(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path = _ROOT, stdout: int | IO[bytes] | None = None
) -> Process:
    """Start any command under this module's guard, standard error joined to standard output, both as text."""
    guarded = [sys.executable, "-P", str(Path(__file__).resolve()), *command]
    return spawn(guarded, env=env, cwd=cwd, stdout=stdout, stderr=subprocess.STDOUT)


def stop(process: Process, *, grace: float = 5.0) -> None:
    """End a child started here and everything it started: politely, then, after ``grace`` seconds, by force."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
    _signal_group(process.pid, signal.SIGKILL)  # grandchildren that ignored SIGTERM
    if process.stdin is not None:
        process.stdin.close()


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):  # already gone (macOS says EPERM of a group of zombies)
        return


def guard() -> None:
    """In the child: take the whole process group down when the parent is gone."""

    def watch() -> None:
        try:
            while os.read(0, 1024):
                pass
        finally:
            if os.getpgrp() == os.getpid():
                os.killpg(os.getpgrp(), signal.SIGKILL)
            os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _main(command: Sequence[str]) -> int:
    guard()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
