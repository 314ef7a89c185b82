"""The embedded AWS from the command line: ``python -m local up | stop | demo``.

``CONFIG`` names another configuration file, ``PORT`` another port, ``STATE`` another folder than ``.local``. Every
problem is one clear line and exit code 2; what failed in the middle of a run is exit code 1; Ctrl-C is 130, as shells
have it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from local.cdk import DeploymentError
from local.cloud import Cloud, CloudError
from local.deployment import deploy
from local.state import FOLDER, ROOT, AlreadyRunning, State
from ses_feedback.config import Config, ConfigError, load

DEFAULT_PORT: Final = 4566
DEFAULT_CONFIG: Final = ROOT / "feedback.toml"


class Stopped(BaseException):
    """SIGTERM: somebody wants an orderly end. No error, so that nothing on the way takes it for one."""


class UsageError(Exception):
    """What was asked for cannot be done; ``str(error)`` is one line."""


def _port() -> int:
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise UsageError(f"PORT={text}: not a port; a number from 1 to 65535, for example PORT={DEFAULT_PORT}")
    return int(text)


def _state() -> State:
    named = os.environ.get("STATE")
    return State(Path(named) if named else FOLDER)


def _config() -> Config:
    named = os.environ.get("CONFIG")
    return load((Path(named) if named else DEFAULT_CONFIG).resolve())


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(text, flush=True)


def up() -> int:
    """Deploy and stay in the foreground until Ctrl-C or SIGTERM, or until the embedded AWS ends."""
    port, config = _port(), _config()
    state = _state()
    with state.held(), Cloud(state.folder, region=config.deployment.region, port=port) as cloud:
        say(f"the embedded AWS runs on {cloud.endpoint} (log: {_shown(state.log)})")
        outputs = deploy(cloud, config, state, say)
        exports = cloud.exports()
        if os.environ.get("CONFIG"):
            exports["SES_FEEDBACK_CONFIG"] = str(config.path)
        state.write(exports, outputs)
        say(f"ready: `. {_shown(state.env)}` in another shell, outputs in {_shown(state.outputs)}; Ctrl-C ends it")
        while cloud.running():
            time.sleep(0.2)
    raise CloudError(f"the embedded AWS ended by itself; see {_shown(state.log)}")


def stop() -> int:
    """End what ``up`` started, from another shell; clean up after a crash."""
    said = _state().stop()
    say(said)
    return 1 if said.endswith("does not end") else 0


def demo() -> int:
    """Deploy, send, publish, show. In a folder of its own, so that it may run beside ``up``."""
    from local.demo import run  # noqa: PLC0415 - only the demo draws

    port = _port() if os.environ.get("PORT") else 0
    return run(_config(), State(_state().folder / "demo"), port=port)


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


COMMANDS: Final[Mapping[str, Callable[[], int]]] = {"up": up, "stop": stop, "demo": demo}


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m local {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2

    def leave(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: tidying up is not interrupted
        raise Stopped

    signal.signal(signal.SIGTERM, leave)
    try:
        return COMMANDS[arguments[0]]()
    except (UsageError, ConfigError, AlreadyRunning, CloudError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except DeploymentError as problem:
        print(problem, file=sys.stderr)
        return 1
    except Stopped:
        say("stopped")
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
