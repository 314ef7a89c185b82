"""Runs a command and turns whatever happens into an exit code: no traceback reaches an operator unasked."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.app import app
from ses_feedback.cli.options import PROGRAM
from ses_feedback.cli.screen import ReaderGone, Unwritable, flush, tell
from ses_feedback.cli.session import Session
from ses_feedback.config import ConfigError
from ses_feedback.domain.errors import FeedbackError

OK = 0
ERROR = 2
READER_GONE = 141  # 128 + SIGPIPE, what a shell reports of any tool in `… | head`
DEBUG = "SES_FEEDBACK_DEBUG"


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """Run the command line and return its exit code. Errors are told on standard error, one line each."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter gets its escape; nobody gets a UnicodeEncodeError.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments, session or Session())
    except ReaderGone:
        _forget_output()
        return READER_GONE


def _run(arguments: Sequence[str], session: Session) -> int:
    try:
        command = get_command(app)
        code = command.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=session)
        flush()
    except typer.TyperException as error:
        tell(_usage(error))
    except ConfigError as error:
        for problem in error.problems:
            tell(problem)
        _debug()
    except Unwritable as error:
        tell(f"{PROGRAM}: {error}")
        _forget_output()
    except FeedbackError as error:
        tell(f"{PROGRAM}: {error}")
        _debug()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except ReaderGone:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence says what happened, and how to see more
        said = " ".join(f"{type(error).__name__}: {error}".split())
        tell(f"{PROGRAM}: internal error, please report it: {said[:300]}; {DEBUG}=1 shows where")
        _debug()
    else:
        return code if isinstance(code, int) else OK
    return ERROR


def _usage(error: typer.TyperException) -> str:
    """Return a usage error on one line, with the command that explains more."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    said = " ".join(error.format_message().split()).rstrip(".?")
    return f"{path}: {said[:1].lower() + said[1:]}; see '{path} --help'"


def _debug() -> None:
    if os.environ.get(DEBUG):
        import traceback  # noqa: PLC0415 - only on request

        traceback.print_exc()


def _forget_output() -> None:
    """Let the interpreter flush into nothing at exit: it would complain once more otherwise."""
    if sys.stdout is None:
        return
    with contextlib.suppress(OSError, ValueError):
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)
