"""All commands in one place, and the help of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from ses_feedback import __version__
from ses_feedback.cli.check import check
from ses_feedback.cli.commands import Command, Group
from ses_feedback.cli.doctor import doctor
from ses_feedback.cli.erase import erase
from ses_feedback.cli.events import events
from ses_feedback.cli.explain import explain
from ses_feedback.cli.exporting import export
from ses_feedback.cli.importing import import_
from ses_feedback.cli.listing import list_
from ses_feedback.cli.options import PROGRAM, examples
from ses_feedback.cli.pausing import pause, pauses, resume
from ses_feedback.cli.prove import prove
from ses_feedback.cli.quarantine import list_quarantine, show_quarantined
from ses_feedback.cli.quarantine_retry import retry
from ses_feedback.cli.redrive import redrive
from ses_feedback.cli.replay import replay
from ses_feedback.cli.report import report
from ses_feedback.cli.respelling import respell
from ses_feedback.cli.routes import routes
from ses_feedback.cli.rulings import release, suppress
from ses_feedback.cli.screen import Screen, tell
from ses_feedback.cli.show import show
from ses_feedback.cli.sync import sync

_EPILOG = """\b
Exit codes:
  0    done; for check: every address may be mailed; for doctor: all is well; for prove: all is proved
  1    check: at least one address is suppressed; routes: no identity covers a sender;
       doctor: something is wrong; prove: something is not proved
  2    an error, told in one line on standard error; or not everything could be done, told likewise
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

_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=Group,
    name=PROGRAM,
    help="Amazon SES bounces and complaints, finished: ask and decide who may be mailed.",
    epilog=_EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_HELP_OPTIONS,
)
quarantine = typer.Typer(
    cls=Group,
    help="See what could not be read, and put it back to work.",
    rich_markup_mode=None,
    context_settings=_HELP_OPTIONS,
)
app.add_typer(quarantine, name="quarantine")


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
    return 0 if version else _help_without_command(ctx)


@quarantine.callback(invoke_without_command=True)
def quarantine_root(ctx: typer.Context) -> int:
    """See what could not be read, and put it back to work."""
    return _help_without_command(ctx)


def _help_without_command(ctx: typer.Context) -> int:
    if ctx.invoked_subcommand is not None:
        return 0
    for line in ctx.get_help().splitlines():
        tell(line)
    return 2


def _add(function: Callable[..., int], name: str, *lines: str, group: typer.Typer = app) -> None:
    group.command(name, cls=Command, epilog=examples(*lines))(function)


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
_add(
    release,
    "release",
    'release jane@example.com --why "mailbox works again, ticket 4711"',
    'release jane@example.com --verify --archive aws --why "they wrote from it today"',
)
_add(
    list_,
    "list",
    "list --reason complaint --since 7d",
    "list --environment production --stream marketing --limit 1000 --json",
)
_add(
    import_,
    "import",
    "import bounces.csv --dry-run",
    "import suppression_spam_reports.csv --environment production --stream marketing",
)
_add(
    export,
    "export",
    "export --environment production",
    "export --stream transactional --format postfix",
)
_add(sync, "sync", "sync --dry-run", "sync")
_add(erase, "erase", "erase jane@example.com --dry-run", "erase jane@example.com")
_add(respell, "respell", "respell --dry-run", "respell")
_add(
    list_quarantine,
    "list",
    "quarantine list",
    'quarantine list --since 7d --why "unknown identity" --json',
    group=quarantine,
)
_add(
    show_quarantined,
    "show",
    "quarantine show 5d41402a",
    "quarantine show 5d41402a --json",
    group=quarantine,
)
_add(
    retry,
    "retry",
    "quarantine retry 5d41402a 7d793037",
    "quarantine retry --all --dry-run",
    'quarantine retry --why "unknown identity" --rate 20/s',
    group=quarantine,
)
_add(
    redrive,
    "redrive",
    "redrive --dry-run",
    "redrive dead-letters --limit 100 --rate 10",
)
_add(
    routes,
    "routes",
    "routes",
    "routes editor@news.example.com someone@shop.example.com --live",
)
_add(
    events,
    "events",
    "events --recipient jane@example.com --since 30d",
    "events --class blocked --receiver gmail.com --from s3://my-archive --json",
    "events --decisions --recipient jane@example.com --since 365d",
)
_add(
    report,
    "report",
    "report --since 30d --html report.html",
    "report --identity news.example.com --from ./archive",
)
_add(
    replay,
    "replay",
    "replay --dry-run",
    "replay --from s3://my-archive/ses --since 2026-01-01 --rate 1000",
    "replay --from ./dump.json.gz --dry-run --json",
)
_add(prove, "prove", "prove", "prove --drill", "prove news@example.com --timeout 5m --json")
_add(doctor, "doctor", "doctor", "doctor --fix", "doctor --json")
_add(pause, "pause", 'pause news.example.com --why "the list of March was never confirmed"')
_add(resume, "resume", 'resume news.example.com --why "list of March removed, ticket 4711"')
_add(pauses, "pauses", "pauses", "pauses news.example.com --json")
