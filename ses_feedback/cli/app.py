"""All commands in one place, and the help of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ses_feedback import __version__
from ses_feedback.cli.check import check
from ses_feedback.cli.commands import Command, Group
from ses_feedback.cli.explain import explain
from ses_feedback.cli.listing import list_
from ses_feedback.cli.options import PROGRAM, examples
from ses_feedback.cli.rulings import release, suppress
from ses_feedback.cli.screen import Screen, tell
from ses_feedback.cli.show import show

_EPILOG = """\b
Exit codes:
  0    done; for check: every address may be mailed
  1    check: at least one address is suppressed
  2    an error, told in one line on standard error
  130  interrupted (Ctrl-C)
  141  whoever read the output stopped reading

\b
Environment:
  SES_FEEDBACK_CONFIG   the configuration file, where --config names none
  SES_FEEDBACK_DEBUG=1  shows the traceback of an error
  NO_COLOR=1            no colours
  AWS_PROFILE, AWS_ENDPOINT_URL and the other variables of the AWS SDKs are honoured;
  the region is always the configuration's deployment.region.
"""

app = typer.Typer(
    cls=Group,
    name=PROGRAM,
    help="Amazon SES bounces and complaints, finished: ask and decide who may be mailed.",
    epilog=_EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        Screen().line(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> int:
    """Show the help where no command is named: a script that forgot one fails, a person learns them."""
    if ctx.invoked_subcommand is not None or version:
        return 0
    for line in ctx.get_help().splitlines():
        tell(line)
    return 2


def _add(function: Callable[..., int], name: str, *lines: str) -> None:
    app.command(name, cls=Command, epilog=examples(*lines))(function)


_add(
    explain,
    "explain",
    "explain bounce.json",
    "explain --json - < feedback.jsonl",
)
_add(
    check,
    "check",
    "check jane@example.com",
    "check --stream marketing --json jane@example.com joe@example.org",
)
_add(show, "show", "show jane@example.com --environment production")
_add(
    suppress,
    "suppress",
    'suppress jane@example.com --why "asked by phone"',
    'suppress jane@example.com --for 30d --stream marketing --why "on leave until May"',
)
_add(release, "release", 'release jane@example.com --why "mailbox works again, ticket 4711"')
_add(
    list_,
    "list",
    "list --reason complaint --since 7d",
    "list --environment production --stream marketing --limit 1000 --json",
)
