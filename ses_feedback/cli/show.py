"""``show``: why an address is suppressed, or why not: the evidence and the decisions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, Address, ConfigFile, Environment, Json
from ses_feedback.cli.screen import BAD, GOOD, QUIET, STRONG, Part, Screen, Styled
from ses_feedback.cli.session import Session, read_address
from ses_feedback.cli.trail import record, row, signed_record, trail
from ses_feedback.cli.words import because, moment, time_or_none, verdict
from ses_feedback.config import load
from ses_feedback.domain.addresses import former
from ses_feedback.domain.events import ALREADY_SUPPRESSED
from ses_feedback.domain.history import EVERY_STREAM, History, Ruling, Strike, Suppression, covering
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import questions
from ses_feedback.usecases.ports import Stored


def show(
    ctx: typer.Context,
    address: Address,
    environment: Environment = None,
    stream: Annotated[
        str | None, typer.Option("--stream", metavar="S", help="Only what holds in this stream; left out: in each.")
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Show all that is known of an address.

    What holds now in each stream, and why: its strikes, the deliveries that cleared strikes, and in order of time all
    that happened and was decided, by whom, why, and on what evidence.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    where = questions.choose_environment(settings, environment)
    known = settings.streams(where)
    if stream is not None:
        known = (questions.choose_stream(settings, where, stream),)
    who = read_address(address)
    with session.connect(settings) as deployment:
        stored = questions.show(deployment.store, where, who, former(address))
    now = (stored.read_at if stored else 0) or session.now()
    screen = Screen()
    streams = known if stream is not None else _streams(known, stored)
    if json:
        screen.record(_record(who, where, streams, stored, now))
    elif stored is None:
        screen.line(f"Nothing is known of {who} in {where}: nothing stands against mailing it.")
    else:
        _show(screen, who, streams, stored, now)
    return 0


def _streams(known: Sequence[str], stored: Stored | None) -> tuple[str, ...]:
    """Return the streams of an environment: the configured ones, and those that only the evidence remembers."""
    remembered = {strike.stream for strike in stored.history.strikes.values()} if stored else set()
    decided = {found.stream for found in stored.suppressions if found.stream is not None} if stored else set()
    return tuple(sorted({*known, *remembered, *decided}))


def _newest(strikes: History) -> list[Strike]:
    return sorted(strikes.strikes.values(), key=lambda strike: strike.at, reverse=True)


def _rulings(history: History) -> list[tuple[str, Ruling]]:
    found = [(scope_, ruling) for (scope_, _), ruling in history.rulings.items()]
    return sorted(found, key=lambda pair: pair[1].at, reverse=True)


def _releases(history: History) -> list[tuple[str, Ruling]]:
    return sorted(history.releases.items(), key=lambda pair: pair[1].at, reverse=True)


def _record(who: str, where: str, streams: Sequence[str], stored: Stored | None, now: int) -> dict[str, Any]:
    history = stored.history if stored else History()
    found = stored.suppressions if stored else ()
    return {
        "address": who,
        "environment": where,
        "known": stored is not None,
        "erased_at": format_time(history.erased) if history.erased else None,
        "streams": [{"stream": name, **verdict(covering(found, name, now))} for name in streams],
        "suppressions": [_suppression(suppression, now) for suppression in found],
        "strikes": [_strike(strike) for strike in _newest(history)],
        "deliveries": [
            {"stream": name, "occurred_at": format_time(at)} for name, at in sorted(history.deliveries.items())
        ],
        "releases": [
            {"stream": name, "decided_at": format_time(r.at), **signed_record(r)} for name, r in _releases(history)
        ],
        "rulings": [
            {
                "stream": name,
                "decided_at": format_time(ruling.at),
                "until": time_or_none(ruling.until),
                "reason": ruling.reason,
                **signed_record(ruling),
            }
            for name, ruling in _rulings(history)
        ],
        "trail": [record(entry) for entry in trail(stored)],
    }


def _suppression(found: Suppression, now: int) -> dict[str, Any]:
    return {
        "stream": found.stream or EVERY_STREAM,
        "reason": found.reason,
        "scope": found.scope,
        "until": time_or_none(found.until),
        "since": format_time(found.since),
        "over": found.until is not None and found.until <= now,
    }


def _strike(strike: Strike) -> dict[str, Any]:
    return {
        "class": strike.class_,
        "stream": strike.stream,
        "identity": strike.identity,
        "occurred_at": format_time(strike.at),
        "sent_at": format_time(strike.sent) if strike.class_ == ALREADY_SUPPRESSED else None,
        "message_id": strike.message_id,
        "status": strike.status,
        "diagnostic": strike.diagnostic,
        "detail": strike.detail,
    }


def _show(screen: Screen, who: str, streams: Sequence[str], stored: Stored, now: int) -> None:
    where, history = stored.environment, stored.history
    screen.line(Styled(who, STRONG), f" in {where}, at {moment(now)}")
    if history.erased:
        screen.line(f"  erased at {moment(history.erased)}: whose this is, and all texts, are forgotten")
    for name in streams:
        found = covering(stored.suppressions, name, now)
        if found is None:
            screen.line(f"  stream {name}: ", Styled("not suppressed", GOOD))
        else:
            screen.line(f"  stream {name}: ", Styled("suppressed", BAD), " by ", because(found, where, now))
    _section(
        screen,
        "Strikes",
        ("WHEN", "CLASS", "STREAM", "EVIDENCE"),
        [(moment(strike.at), strike.class_, strike.stream, _evidence(strike)) for strike in _newest(history)],
    )
    _section(
        screen,
        "Deliveries that cleared strikes",
        ("WHEN", "STREAM"),
        [(moment(at), name) for name, at in sorted(history.deliveries.items())],
    )
    _section(
        screen,
        "In order of time",
        ("WHEN", "WHAT", "WHERE", "BY", "WHY"),
        [row(entry, where, now) for entry in trail(stored)],
    )


def _evidence(strike: Strike) -> str:
    """Return what speaks for a strike, in one cell: it may fold in a narrow terminal, and the rest stays readable."""
    message = f"message {strike.message_id}" if strike.message_id else None
    facts = (strike.status, strike.detail, strike.diagnostic, strike.identity, message)
    return " · ".join(fact for fact in facts if fact)


def _section(screen: Screen, title: str, columns: Sequence[str], rows: Sequence[Sequence[Part]]) -> None:
    screen.line()
    if not rows:
        screen.line(Styled(f"{title}: none", QUIET))
        return
    screen.line(Styled(f"{title} ({len(rows)})", STRONG))
    screen.table(columns, rows)
