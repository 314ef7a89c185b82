"""``export``: everybody who is suppressed, for another program."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Environment, Json
from ses_feedback.cli.screen import Screen, tell
from ses_feedback.cli.session import Session, quoted
from ses_feedback.cli.words import count, time_or_none
from ses_feedback.cli.work import progress
from ses_feedback.config import load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import questions

CSV: Final = "csv"
POSTFIX: Final = "postfix"
_INCOMPLETE: Final = 2


def export(
    ctx: typer.Context,
    environment: Environment = None,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            metavar="S",
            help="Only what stands against mailing this stream, a row an address; left out: what holds in each. "
            "For postfix left out: default, or the only one there is.",
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option("--format", metavar="F", help="csv, which import reads, or postfix: an access map for Postfix."),
    ] = CSV,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Print all suppressed addresses.

    The newest suppression first; what is over is left out. Whoever was erased is suppressed all the same, and has no
    address to print: a line on standard error says how many.
    """
    from ses_feedback.usecases.lists import exporting as lists  # noqa: PLC0415 - no other command gives lists out

    session: Session = ctx.obj
    settings = load(Path(config))
    _check(format_, json)
    where = questions.choose_environment(settings, environment)
    if stream is not None or format_ == POSTFIX:
        stream = questions.choose_stream(settings, where, stream)
    screen = Screen()
    left: Counter[str] = Counter()
    with session.connect(settings) as deployment, progress("exported") as advance:
        rows = lists.export(deployment.store, where, stream=stream, now=session.now())
        first = next(rows, None)  # AWS has answered: a list that could not be read is no list, not an empty one
        if not json and format_ == CSV:
            screen.raw(_line(("address", "environment", "stream", "reason", "since", "until")))
        for row in chain([] if first is None else [first], rows):
            if json:
                screen.record(_record(row, where))
            elif row.address is None:
                left["erased"] += 1
            elif format_ == CSV:
                screen.raw(_line(_values(row, where)))
            else:
                line = lists.postfix_line(row)
                if line is None:
                    left["unprintable"] += 1
                else:
                    screen.raw(line + "\n")
            advance(1)
    return _left(left)


def _left(left: Counter[str]) -> int:
    if left["erased"]:
        tell(f"{count(left['erased'], 'suppression')} of erased addresses cannot be printed, and hold all the same")
    if left["unprintable"]:
        tell(
            f"ses-feedback: {count(left['unprintable'], 'address', 'addresses')} with quotes, or # at the beginning, "
            "cannot stand in an access map: left out"
        )
        return _INCOMPLETE
    return 0


def _check(format_: str, json: bool) -> None:
    if format_ not in (CSV, POSTFIX):
        raise PermanentError(f"--format: no format {quoted(format_)}; known: {CSV}, {POSTFIX}")
    if json and format_ == POSTFIX:
        raise PermanentError(f"--format: {POSTFIX} is lines of a map; with --json leave it out")


def _record(row: Any, where: str) -> dict[str, Any]:
    return {
        "address": row.address,
        "environment": where,
        "stream": row.stream,
        "reason": row.found.reason,
        "since": format_time(row.found.since),
        "until": time_or_none(row.found.until),
    }


def _values(row: Any, where: str) -> Sequence[str]:
    return [value if value is not None else "" for value in _record(row, where).values()]


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
