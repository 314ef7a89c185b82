"""``quarantine retry``: what can be read by now goes back to work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ses_feedback import naming
from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.quarantine import WhyHolds
from ses_feedback.cli.screen import GOOD, MILD, QUIET, STRONG, Screen, Styled, tell
from ses_feedback.cli.session import Session
from ses_feedback.cli.values import rate as parse_rate
from ses_feedback.cli.words import count
from ses_feedback.cli.work import DEFAULT_RATE, DryRun, Rate, progress, stoppable
from ses_feedback.config import directory, load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases import quarantine as work
from ses_feedback.usecases.ports import Kept, QuarantineStore
from ses_feedback.usecases.quarantine import Retried
from ses_feedback.usecases.rate import Rate as Pace

_INCOMPLETE: Final = 2


def retry(
    ctx: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Ids of the list, or their first digits.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is in quarantine.")] = False,
    why: WhyHolds = None,
    dry_run: DryRun = False,
    rate: Rate = DEFAULT_RATE,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Put pieces back to work, after a fix.

    Each takes the way of any other feedback: it is recorded, and counted. What still cannot be read is quarantined
    anew. Stopping with Ctrl-C at any time loses nothing: the next retry finishes what this one began.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    _check(ids or [], everything, why)
    per_second = parse_rate(rate)
    screen = Screen()
    result = Retried()
    name = settings.deployment.name
    with session.connect(settings) as deployment, stoppable() as stop:
        store = deployment.quarantine
        queues = [deployment.queue(naming.retry_queue_name(name)), deployment.queue(naming.tally_queue_name(name))]
        found = _meant(store, ids or [])
        job = work.Retry(store, queues, directory(settings), session.now)
        try:
            with progress("looking" if dry_run else "putting back", len(found)) as advance:
                if dry_run:
                    job.look(found, why, Pace(per_second, stop), result, advance)
                else:
                    job.run(found, why, Pace(per_second, stop), result, advance)
        finally:
            # Whatever ended it, Ctrl-C and an error of AWS included, the count is told.
            if json:
                screen.record(_record(result, dry_run, stop.is_set()))
            else:
                _show(screen, result, dry_run, stop.is_set())
    for problem, number in result.problems.most_common():
        tell(f"ses-feedback: {count(number, 'piece')} stay{'s' if number == 1 else ''} in quarantine: {problem}")
    if stop.is_set():
        return INTERRUPTED
    return _INCOMPLETE if result.problems else 0


def _check(ids: Sequence[str], everything: bool, why: str | None) -> None:
    if ids and (everything or why is not None):
        raise PermanentError("name ids, or say --all or --why, not both")
    if not ids and not everything and why is None:
        raise PermanentError("say what to put back: ids that quarantine list shows, --why TEXT, or --all")


def _meant(store: QuarantineStore, ids: Sequence[str]) -> list[Kept]:
    """Return what shall be put back, the oldest first; where nothing is named, all."""
    if not ids:
        with progress("looking through the quarantine") as advance:
            return work.everything(store, advance)[::-1]
    named = {kept.id: kept for kept in (work.one(store, name) for name in ids)}
    return list(named.values())


def _record(result: Retried, dry_run: bool, interrupted: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "found": result.found,
        "put_back": result.put_back,
        "gone": result.gone,
        "left": result.left,
        "unread": result.unread,
        "resumed": result.resumed,
        "unreadable": result.unreadable,
        "interrupted": interrupted,
        "problems": dict(result.problems),
        "reasons": dict(result.reasons),
    }


def _show(screen: Screen, result: Retried, dry_run: bool, interrupted: bool) -> None:
    if not result.found:
        screen.line("Nothing of that is in quarantine.")
        return
    end = " (interrupted)" if interrupted else ""
    if dry_run:
        able = sum(result.reasons.values()) - sum(result.problems.values())
        screen.line(
            Styled(count(result.found, "piece"), STRONG), f" found, {able} would be put back, nothing was done{end}."
        )
    else:
        screen.line(
            Styled(count(result.found, "piece"), STRONG),
            " found, ",
            Styled(f"{result.put_back} put back", GOOD),
            f", {result.gone} gone by then" if result.gone else "",
            ", ",
            Styled(f"{result.left} left", MILD if result.left else GOOD),
            f"{end}.",
        )
    if result.unread:
        screen.line(f"  {count(result.unread, 'piece')} of those left not looked at")
    if result.resumed:
        screen.line(f"  {count(result.resumed, 'piece')} begun by a retry that was not finished")
    if result.unreadable:
        screen.line(
            Styled(f"  {count(result.unreadable, 'piece')} not readable by this version and configuration either", MILD)
        )
    for reason, number in result.reasons.most_common():
        screen.line(Styled(f"{number:>7}  ", QUIET), reason)
