"""Synth as a program: inputs from CDK's context, stacks out, and every error one clear line."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aws_cdk as cdk
from jsii.errors import JSIIError

from infra import cost, quotas
from infra.assets import Assets
from infra.cells import Lock, allocate, lock_path, new_lock, read_lock, write_lock
from infra.deployment import DEFAULT_TALLY_WINDOW_S, Settings, add_stacks, new_app
from infra.errors import SynthError
from infra.target import LAMBDA, this_machine
from infra.weights import alarmed_environments, weights
from ses_feedback import naming
from ses_feedback.config import Config, ConfigError, load
from ses_feedback.config.warnings import before_deploying, warnings

CONFIG_ENV: Final = "SES_FEEDBACK_CONFIG"
DEFAULT_CONFIG: Final = "feedback.toml"
_INTERVALS: Final = {
    naming.CONTEXT_SES_INTERVAL: (0, 60_000),
    "tally_window_s": (1, 300),
}  # SQS wants a window for a batch above ten


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a synth is told: ``--context config=FILE``, ``lock=FILE``, ``local=true`` and the two waiting times."""

    config: Path
    lock: Path
    settings: Settings


def main(app: cdk.App | None = None) -> int:
    """Synthesise an app, as the CDK command line does; return the exit status. Raises nothing a user could cause."""
    try:
        _synthesise(app or new_app())
    except ConfigError as error:
        _say(*error.problems)
        return 1
    except SynthError as error:
        _say(str(error))
        return 1
    return 0


def _synthesise(app: cdk.App) -> None:
    inputs = read_inputs(app)
    config = load(inputs.config)
    before = read_lock(inputs.lock)
    lock = allocate_cells(config, before)
    assets = Assets(config, inputs.settings.target, warn=_say)
    try:
        add_stacks(app, config=config, lock=lock, code=assets.code, settings=inputs.settings, own_code=assets.own_code)
        app.synth()
    except (JSIIError, RuntimeError) as error:
        raise assets.error or SynthError(_why(error)) from None
    if write_lock(inputs.lock, lock, before=before):
        _say(f"{inputs.lock} has changed: commit it with the configuration, it says which stack an identity lives in")
    _say(cost.report(config, lock))
    _say(*(f"warning: {line}" for line in (*warnings(config), *before_deploying(config), *quotas.warnings(config))))


def read_inputs(app: cdk.App) -> Inputs:
    """Return the inputs in an app's context and in the environment. Raises ``SynthError``."""
    named = _text(app, "config") or os.environ.get(CONFIG_ENV) or DEFAULT_CONFIG
    config = Path(named)
    lock = _text(app, "lock")
    return Inputs(
        config,
        Path(lock) if lock else lock_path(config),
        Settings(
            target=this_machine() if _flag(app, "local") else LAMBDA,
            ses_interval_ms=_number(app, naming.CONTEXT_SES_INTERVAL, naming.DEFAULT_SES_INTERVAL_MS),
            tally_window_s=_number(app, "tally_window_s", DEFAULT_TALLY_WINDOW_S),
            rewire=_text(app, "rewire", "any text that was not given before"),
        ),
    )


def allocate_cells(config: Config, before: Lock | None) -> Lock:
    """Return the lock of a configuration, given the one there was. Raises ``CellOverflow``."""
    return allocate(before or new_lock(), weights(config), alarmed_environments(config))


def _text(app: cdk.App, key: str, expected: str = "a path") -> str | None:
    value = app.node.try_get_context(key)
    if value is None or isinstance(value, str):
        return value
    raise SynthError(f"--context {key}: expected {expected}, found {value!r}")


def _flag(app: cdk.App, key: str) -> bool:
    value = app.node.try_get_context(key)
    text = str(value).lower()
    if value is None or text in ("true", "false"):
        return text == "true"
    raise SynthError(f"--context {key}: expected true or false, found {value!r}")


def _number(app: cdk.App, key: str, default: int) -> int:
    value = app.node.try_get_context(key)
    if value is None:
        return default
    least, most = _INTERVALS[key]
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SynthError(f"--context {key}: expected a whole number from {least} to {most}, found {value!r}")
    return int(text)


def _why(error: Exception) -> str:
    """Return the first line of what CDK says; cdk-nag's findings have been printed by CDK itself."""
    text = str(error).strip()
    if "ValidationFailed" in text:
        return "cdk-nag found what nobody has acknowledged; see the findings above"
    return text.splitlines()[0] if text else type(error).__name__


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - what a synth has to say, it says on standard error
