"""The folder of one run: who runs here, what was deployed, what is temporary. Two runs share nothing.

The run holds a lock on a file for as long as it lives. The kernel lets go of it whatever ends the run, so a crash
never looks like a run that still goes on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / ".local"


class AlreadyRunning(Exception):
    """Another run has this folder."""


class State:
    """The files of one run in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.env = self.folder / "env"
        self.outputs = self.folder / "outputs.json"
        self.ready = self.folder / "ready"
        self.log = self.folder / "emulator.log"
        self.cdk_log = self.folder / "cdk.log"
        self.assembly = self.folder / "cdk.out"
        self.cells = self.folder / "cells.lock.json"
        self._pid = self.folder / "pid"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one run, clean at its start and at its end. Raises ``AlreadyRunning``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._pid.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                file.seek(0)
                raise AlreadyRunning(
                    f"an embedded AWS already runs from {self.folder} (process {file.read().strip()}); "
                    "end it with `make local-stop`"
                ) from None
            self.clean()
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                self.clean()
                file.truncate(0)

    def clean(self) -> None:
        """Remove what says that something runs here, and what only a run needs; logs stay, to be read."""
        for file in (self.env, self.outputs, self.ready, self.cells):
            file.unlink(missing_ok=True)
        for name in ("tmp", "state", "s3", "cdk.out"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def runner(self) -> int | None:
        """Return the process that holds the folder, or ``None``."""
        try:
            with self._pid.open("r+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return int(file.read().strip() or 0) or None
        except FileNotFoundError:
            return None
        return None

    def stop(self, *, grace: float = 45.0) -> str:
        """End the run that holds the folder, by force after ``grace`` seconds, and clean up; return what happened."""
        process = self.runner()
        if process is None:
            self.clean()
            return f"nothing runs from {self.folder}"
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if self.runner() is None:
                    self.clean()
                    return f"stopped (process {process})"
                time.sleep(0.05)
        return f"process {process} does not end"

    def write(self, environment: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        """Write the exports and the outputs, then say that all is ready."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
        self.env.write_text("".join(lines))
        self.outputs.write_text(json.dumps(dict(sorted(outputs.items())), indent=2) + "\n")
        self.ready.touch()
