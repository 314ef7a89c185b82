"""The command line. ``main`` is what ``ses-feedback`` runs; everything else is imported when it is needed."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED = 130  # 128 + SIGINT, what a shell reports


def main() -> NoReturn:
    """Run the command line with the process's arguments, and end the process with its exit code."""
    try:
        from ses_feedback.cli.program import run  # noqa: PLC0415 - an interrupt while importing is quiet too

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
