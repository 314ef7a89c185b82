"""``make backtest``: every scenario, the documented tables and plots. With ``TRACE=FILE``: a trace of one's own.

``CONFIG`` names another configuration file; ``SEED`` another seed of the simulated mail, with which the results are
printed and not written. A problem with what was given is one line for each mistake and exit code 2; a scenario that is
not as required is exit code 1.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from infra.node import use_packaged_node

ROOT: Final = Path(__file__).resolve().parents[1]
DEFAULT_CONFIG: Final = ROOT / "feedback.toml"
PAGE: Final = ROOT / "docs" / "backtest.md"
PLOTS: Final = ROOT / "docs" / "backtest"
_LARGEST_SEED: Final = 2**63


class UsageError(Exception):
    """What was asked for cannot be done; ``str(error)`` is one line."""


def play_trace(trace: Path, config_file: Path) -> None:
    """Print every transition of the alarms of a configuration over a trace, as lines of JSON."""
    from backtest import trace as traces  # noqa: PLC0415 - numpy and the CDK are loaded after the cheap mistakes
    from backtest.template import alarms_of  # noqa: PLC0415
    from backtest.transitions import transitions  # noqa: PLC0415
    from ses_feedback.config import load  # noqa: PLC0415

    config = load(config_file)
    mail = traces.load(trace, config)
    if mail is None:
        return
    for transition in transitions(alarms_of(config), mail):
        print(transition.line())


def play_scenarios(seed: int | None) -> int:
    """Play every scenario; write the documentation where the seed is the documented one. Return the exit code."""
    from backtest import report  # noqa: PLC0415
    from backtest.scenarios import SCENARIOS  # noqa: PLC0415
    from backtest.template import alarms_of  # noqa: PLC0415
    from backtest.verdict import SEED, examine  # noqa: PLC0415

    verdicts = []
    for scenario in SCENARIOS:
        verdicts.append(examine(scenario, alarms_of, seed=SEED if seed is None else seed))
        print(report.line(verdicts[-1]), flush=True)
    failed = [verdict.scenario.name for verdict in verdicts if verdict.problems()]
    if failed:
        print(f"not as required: {', '.join(failed)}", file=sys.stderr)
        return 1
    if seed is None:
        report.write(verdicts, PAGE, PLOTS)
        print(f"tables and plots: {PAGE.relative_to(ROOT)}")
    return 0


def _seed(config: str | None) -> int | None:
    if config:
        raise UsageError(f"CONFIG={config}: the scenarios have identities of their own; name a trace too, TRACE=FILE")
    text = os.environ.get("SEED")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) < _LARGEST_SEED):
        raise UsageError(f"SEED={text}: not a seed; a whole number from 0, for example SEED=1")
    return int(text)


def main() -> int:
    """Run what the environment asks for; return the exit code."""
    from backtest.alarms import TemplateError  # noqa: PLC0415
    from backtest.trace import TraceError  # noqa: PLC0415
    from infra.errors import SynthError  # noqa: PLC0415
    from ses_feedback.config import ConfigError  # noqa: PLC0415

    use_packaged_node()
    trace, config = os.environ.get("TRACE"), os.environ.get("CONFIG")
    try:
        if trace:
            play_trace(Path(trace), Path(config) if config else DEFAULT_CONFIG)
            return 0
        return play_scenarios(_seed(config))
    except (UsageError, TraceError, ConfigError, SynthError, TemplateError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read has seen enough; nothing is left to be flushed on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
