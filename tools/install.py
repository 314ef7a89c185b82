"""Sets up what the project runs on: ``python`` makes .venv from the lock files, ``node`` makes node_modules.

``make`` calls this where a lock file is newer than the stamp that the last success left. Standard library only: it
runs before anything is installed. Whatever stops it, the next call starts from a sound state: a folder that was being
made is removed, at once or (after a kill) by the next call; one that could not be brought up to date is left as it was.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

VENV = Path(".venv")
NODE_MODULES = Path("node_modules")
# Programs that the tests start by their module. The AWS CLI on PyPI is version 1: in an environment that is active, it
# would stand before the reader's own, which is to be version 2.
UNNAMED = ("aws", "aws.cmd", "aws_completer", "aws_bash_completer", "aws_zsh_completer.sh")
LOGS = Path(".build/logs")
STAMP = ".installed"
# Lies in a folder while it is being filled. Found at the start, it says that the last call was killed.
UNFINISHED = ".installing"

REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")

# Byte code of what a synth and the command line import, also where the environment forbids writing any on the way:
# without it each synth would compile the CDK again, which takes as long as the synth.
WARM_UP = (
    "from infra.node import use_packaged_node; use_packaged_node(); "
    "import infra.main, ses_feedback.cli.commands, ses_feedback.adapters.connection"
)

_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|Network is unreachable|Connection (?:refused|reset|abort)"
    r"|ConnectTimeout|ReadTimeout|timed out|ProxyError"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH"
)
_NO_SPACE = re.compile(r"No space left on device|ENOSPC")


class InstallError(Exception):
    """Set-up failed; ``str(error)`` is the one line that the user reads."""


def probable_cause(log: str) -> str:
    """Return the likeliest reason for a failure, as a question where the log only suggests it."""
    if _NO_SPACE.search(log):
        return "no space left on the disk"
    if _NO_NETWORK.search(log):
        return "no network? The package registry cannot be reached"
    errors = re.findall(r"^(?:ERROR:|npm (?:error|ERR!)) *(.+)$", log, re.MULTILINE)
    return errors[-1].strip() if errors else "the tool gave no reason"


def run(what: str, command: Sequence[str], log: Path, **environment: str) -> None:
    """Run a command with its output in ``log``; raise ``InstallError`` with the probable cause where it fails."""
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            check=False,
        )
    if done.returncode:
        cause = probable_cause(log.read_text(encoding="utf-8", errors="replace"))
        raise InstallError(f"could not install {what}: {cause}. Everything it said: {log}")


def works(python: Path) -> bool:
    """Tell whether an environment's Python still starts: the one it was made from may be gone."""
    try:
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install_python(log: Path) -> None:
    """Fill .venv from the lock files, and put the project itself into it, editable."""
    unfinished = VENV / UNFINISHED
    python = VENV / "bin" / "python"
    if unfinished.exists() or not works(python):
        shutil.rmtree(VENV, ignore_errors=True)
    fresh = not VENV.exists()
    try:
        if fresh:
            VENV.mkdir()
            unfinished.touch()
            venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)
        unfinished.touch()
        # Without --no-compile pip byte-compiles a hundred megabytes of which a run needs a tenth: a minute more.
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
        pip += ["--retries", "2", "--no-input"]
        run("the Python packages", [*pip, *(a for file in REQUIREMENTS for a in ("-r", file))], log)
        for name in UNNAMED:
            (VENV / "bin" / name).unlink(missing_ok=True)
        run("ses-feedback itself", [*pip, "--no-deps", "--editable", "."], log)
        run("byte code", [str(python), "-c", WARM_UP], log, PYTHONDONTWRITEBYTECODE="")
    except BaseException as error:
        if fresh:
            shutil.rmtree(VENV, ignore_errors=True)
        elif isinstance(error, InstallError):
            unfinished.unlink()  # pip gave up by itself, and takes back what it had begun
        raise
    unfinished.unlink()
    (VENV / STAMP).touch()


def install_node(log: Path) -> None:
    """Fill node_modules from package-lock.json, with the npm that came with the Python packages."""
    npm = [str(VENV / "bin" / "npm"), "ci", "--no-progress", "--fetch-retries=2", "--fetch-retry-mintimeout=1000"]
    path = os.pathsep.join((str((VENV / "bin").resolve()), os.environ.get("PATH", "")))
    try:
        run("the CDK command line", [*npm, "--fetch-retry-maxtimeout=5000"], log, PATH=path)
    except BaseException:
        # npm removes what was there before it begins, so half of it is all that is left.
        shutil.rmtree(NODE_MODULES, ignore_errors=True)
        raise
    (NODE_MODULES / STAMP).touch()


PARTS = {"python": ("the Python packages", install_python), "node": ("the CDK command line", install_node)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Install one part; return the exit code: 0, 1 with one line on standard error, 130 when interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    part = parser.parse_args(arguments).part
    what, install = PARTS[part]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"install-{part}.log"
    log.unlink(missing_ok=True)
    print(f"installing {what} ...", flush=True)
    started = time.monotonic()
    try:
        install(log)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"could not install {what}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted while installing {what}: the next call begins anew", file=sys.stderr)
        return 130
    print(f"installed {what} in {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
