"""``list``: who is suppressed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Environment, Json
from ses_feedback.cli.screen import QUIET, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session
from ses_feedback.cli.values import start_of, whole_number
from ses_feedback.cli.words import length, moment, time_or_none
from ses_feedback.config import load
from ses_feedback.domain.history import Suppression
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import questions
from ses_feedback.usecases.questions import Answer

_LIMIT = "100"


def list_(
    ctx: typer.Context,
    environment: Environment = None,
    stream: Annotated[
        str | None,
        typer.Option("--stream", metavar="S", help="Only what stands against mailing this stream."),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="R", help="Only this reason: a class such as hard_bounce, or operator."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only what began since: 7d, or a date such as 2026-11-01 (UTC)."),
    ] = None,
    limit: Annotated[str, typer.Option("--limit", metavar="N", help="At most this many.")] = _LIMIT,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """List suppressed addresses, the newest suppression first.

    Each address is shown with its strongest suppression; with --stream, with the one that answers for that stream.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    where = questions.choose_environment(settings, environment)
    if stream is not None:
        stream = questions.choose_stream(settings, where, stream)
    now = session.now()
    start = 0 if since is None else start_of(since, now)
    most = whole_number("--limit", limit)
    with session.connect(settings) as deployment:
        found = list(
            questions.listing(
                deployment.store, where, stream=stream, reason=reason, since=start, limit=most + 1, now=now
            )
        )
    screen = Screen()
    shown = found[:most]
    if json:
        for answer in shown:
            screen.record(_record(answer, where))
    else:
        _show(screen, shown, where, now)
    if len(found) > most:
        tell(f"there are more: --limit {most * 10} shows up to {most * 10}")
    return 0


def _suppression(answer: Answer) -> Suppression:
    if answer.suppression is None:
        raise AssertionError("a listing holds suppressed addresses only")
    return answer.suppression


def _record(answer: Answer, environment: str) -> dict[str, Any]:
    found = _suppression(answer)
    return {
        "address": answer.address,
        "environment": environment,
        "stream": found.stream,
        "reason": found.reason,
        "scope": found.scope,
        "until": time_or_none(found.until),
        "since": format_time(found.since),
    }


def _show(screen: Screen, answers: list[Answer], environment: str, now: int) -> None:
    if not answers:
        screen.line(f"Nobody is suppressed in {environment}, as far as was asked.")
        return
    rows: list[list[Part]] = []
    for answer in answers:
        found = _suppression(answer)
        rows.append(
            [
                Styled("(erased)", QUIET) if answer.address is None else answer.address,
                found.reason,
                found.stream or "*",
                moment(found.since),
                "for ever" if found.until is None else f"{moment(found.until)} ({length(found.until - now)})",
            ]
        )
    screen.table(("ADDRESS", "REASON", "STREAM", "SINCE", "UNTIL"), rows)
