"""``quarantine list`` and ``quarantine show``: what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import BAD, MILD, QUIET, STRONG, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session
from ses_feedback.cli.values import start_of, whole_number
from ses_feedback.cli.words import bytes_, count, kind_of, moment, origin
from ses_feedback.cli.work import progress
from ses_feedback.config import load
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import quarantine as work
from ses_feedback.usecases.ports import Kept, Piece

_LIMIT: Final = "50"

WhyHolds = Annotated[
    str | None, typer.Option("--why", metavar="TEXT", help="Only where the reason holds this text; capitals or not.")
]


def list_quarantine(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only what came since: 7d, or a date such as 2026-11-01 (UTC)."),
    ] = None,
    why: WhyHolds = None,
    limit: Annotated[str, typer.Option("--limit", metavar="N", help="At most this many.")] = _LIMIT,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """List what could not be read, the newest first.

    Shows when each piece came, why it could not be read, and from which topic, without its text.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    start = 0 if since is None else start_of(since, session.now())
    most = whole_number("--limit", limit)
    with session.connect(settings) as deployment:
        store = deployment.quarantine
        with progress("looking through the quarantine") as advance:
            everything = work.everything(store, advance)
        meant = [kept for kept in everything if kept.at >= start]
        with progress("reading", min(most + 1, len(meant))) as advance:
            found = []
            for piece in work.newest(store, meant, why, most + 1):
                found.append(piece)
                advance(1)
    screen = Screen()
    shown = found[:most]
    if json:
        for piece in shown:
            screen.record(_record(piece))
    else:
        _show_list(screen, shown, everything)
    if len(found) > most:
        tell(f"there are more: --limit {most * 10} shows up to {most * 10}")
    return 0


def show_quarantined(
    ctx: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="An id of the list, or its first digits.")],
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Show a piece whole: why it could not be read, and its text.

    The text is personal: it holds addresses. Letters that would steer a terminal are spelt out; with --json, every
    letter is there as it was.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    with session.connect(settings) as deployment:
        piece = work.whole(deployment.quarantine, work.one(deployment.quarantine, id_))
    screen = Screen()
    if json:
        screen.record({**_record(piece), "raw": _text(piece)})
        return 0
    screen.line(Styled(piece.kept.id, STRONG))
    unfinished = " (a retry of it is not finished)" if piece.kept.retrying else ""
    screen.line("  since  ", moment(piece.at), Styled(unfinished, MILD))
    screen.line("  why    ", Styled(piece.why, BAD))
    screen.line("  topic  ", piece.topic or "unknown")
    screen.line("  size   ", bytes_(_size(piece)))
    screen.line()
    for line in _text(piece).split("\n"):
        screen.line(line)
    return 0


def _text(piece: Piece) -> str:
    return piece.stored.decode("utf-8", "backslashreplace") if piece.raw is None else piece.raw


def _size(piece: Piece) -> int:
    return len(_text(piece).encode("utf-8", "surrogatepass"))


def _record(piece: Piece) -> dict[str, Any]:
    return {
        "id": piece.kept.id,
        "quarantined_at": format_time(piece.at),
        "why": piece.why,
        "topic": piece.topic,
        "kind": kind_of(piece.topic),
        "size": _size(piece),
        "retrying": piece.kept.retrying,
    }


def _show_list(screen: Screen, pieces: Sequence[Piece], everything: Sequence[Kept]) -> None:
    if not pieces:
        screen.line("Nothing is in quarantine" + (", as far as was asked." if everything else "."))
        return
    digits = work.shown_length(kept.id for kept in everything)
    rows: list[list[Part]] = [
        [
            piece.kept.id[:digits],
            moment(piece.at),
            origin(piece.topic),
            bytes_(_size(piece)),
            Styled("not finished", MILD) if piece.kept.retrying else "",
            piece.why,
        ]
        for piece in pieces
    ]
    screen.table(("ID", "SINCE", "ORIGIN", "SIZE", "RETRY", "WHY"), rows)
    screen.line()
    screen.line(Styled(f"{len(pieces)} of {count(len(everything), 'piece')} in quarantine, by reason:", STRONG))
    for reason, number in Counter(piece.why for piece in pieces).most_common():
        screen.line(Styled(f"{number:>7}  ", QUIET), reason)
