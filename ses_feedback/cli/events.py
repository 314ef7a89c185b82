"""``events``: what the archive has of an address, an identity, a receiver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ses_feedback.cli.asking import (
    DEFAULT_SINCE,
    Campaign,
    Canaries,
    Identity,
    InEnvironment,
    InStream,
    Receiver,
    Since,
    Source,
    Until,
    Yes,
    ask,
    filter_of,
)
from ses_feedback.cli.decided import decided_where, list_decisions
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import BAD, MILD, QUIET, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session, quoted
from ses_feedback.cli.values import whole_number
from ses_feedback.config import load
from ses_feedback.domain import events as words
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases import archive as questions

_LIMIT: Final = "100"
_MOST: Final = 1_000_000
# Classes that are not kinds of their own, and kinds that are classes.
CLASSES: Final = tuple(
    dict.fromkeys((*words.STRIKABLE, words.NOT_SPAM, *(k for k in words.KINDS if k not in (words.BOUNCE, words.SETUP))))
)
KINDS: Final = tuple(kind for kind in words.KINDS if kind != words.SETUP)
_GRAVE: Final = (words.HARD_BOUNCE, words.COMPLAINT)
_FINE: Final = (words.DELIVERY, words.SEND, words.OPEN, words.CLICK)


def events(
    ctx: typer.Context,
    recipient: Annotated[
        str | None, typer.Option("--recipient", metavar="ADDRESS", help="Only feedback about this address.")
    ] = None,
    identity: Identity = None,
    environment: InEnvironment = None,
    stream: InStream = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="K", help="Only this kind: bounce, complaint, delivery, delay …")
    ] = None,
    class_: Annotated[
        str | None, typer.Option("--class", metavar="C", help="Only this class: hard_bounce, soft_bounce, blocked …")
    ] = None,
    receiver: Receiver = None,
    campaign: Campaign = None,
    since: Since = DEFAULT_SINCE,
    until: Until = None,
    canaries: Canaries = False,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Not feedback, but what was decided: by whom, why, on what evidence.")
    ] = False,
    limit: Annotated[str, typer.Option("--limit", metavar="N", help="At most this many, the newest.")] = _LIMIT,
    source: Source = None,
    yes: Yes = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """List archived feedback, the newest first.

    Each recipient of a notification is one event, however often it was archived. On AWS Athena reads the deployment's
    archive; with --from this computer reads any other one, with the same answer. With --decisions: who suppressed and
    released whom.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    most = whole_number("--limit", limit, _MOST)
    if decisions:
        about_feedback = {"identity": identity, "kind": kind, "class": class_, "receiver": receiver}
        wanted = {"address": recipient, "environment": environment, "stream": stream}
        where = decided_where(
            session.now(), since, until, wanted, {**about_feedback, "campaign": campaign, "canaries": canaries or None}
        )
        with session.archive(settings, source) as archive:
            return list_decisions(archive, where, most, agreed=yes, json=json)
    _one_of("--kind", kind, KINDS)
    _one_of("--class", class_, CLASSES)
    where = filter_of(
        session.now(),
        since=since,
        until=until,
        canaries=canaries,
        recipient=recipient,
        identity=identity,
        environment=environment,
        stream=stream,
        kind=kind,
        class_=class_,
        receiver=receiver,
        campaign=campaign,
    )
    with session.archive(settings, source) as archive:
        rows = ask(archive, questions.newest(where, most + 1), agreed=yes)
    found = [questions.event_of(row) for row in rows[:most]]
    screen = Screen()
    if json:
        for event in found:
            screen.record(event)
    elif found:
        screen.table(
            ("WHEN", "CLASS", "RECIPIENT", "IDENTITY", "STREAM", "CAMPAIGN", "SAID"), [_row(event) for event in found]
        )
    else:
        screen.line("No such feedback in the archive.")
    if len(rows) > most:
        tell(f"there are more: --limit {most * 10} shows up to {most * 10}")
    return 0


def _one_of(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise PermanentError(f"{option}: {quoted(value)} is none of {', '.join(known)}")


def _row(event: dict[str, Any]) -> list[Part]:
    class_ = str(event["class"])
    style = BAD if class_ in _GRAVE else QUIET if class_ in _FINE else MILD
    said = " · ".join(str(event[name]) for name in ("status", "diagnostic") if event[name])
    return [
        str(event["occurred_at"]),
        Styled(class_, style),
        str(event["recipient"]),
        str(event["identity"]),
        f"{event['environment']}/{event['stream']}",
        str(event["campaign"] or ""),
        said,
    ]
