"""``pause``, ``resume`` and ``pauses``: an identity's sending, stopped and let go on, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import uuid4

import typer

from ses_feedback import naming
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.rulings import said_why
from ses_feedback.cli.screen import BAD, GOOD, MILD, STRONG, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session, quoted
from ses_feedback.cli.words import moment, time_or_none
from ses_feedback.config import Config, load, names
from ses_feedback.config.problems import choices
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.pause_text import rearmed
from ses_feedback.domain.times import format_time

if TYPE_CHECKING:
    from ses_feedback.domain.pauses import Pause
    from ses_feedback.usecases.pausing import Done, Sender

_INCOMPLETE: Final = 2
IdentityName = Annotated[
    str, typer.Argument(metavar="IDENTITY", help="A domain or an address that the file names as an identity.")
]
Reason = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for on-call and for whoever looks.")]


def pause(
    ctx: typer.Context, identity: IdentityName, why: Reason, json: Json = False, config: ConfigFile = DEFAULT_CONFIG
) -> int:
    """Stop all mail of an identity, at once.

    Pauses the identity's own configuration set, notes who did it and why, and tells on-call (warn). SES refuses the
    mail and keeps none of it. No deployment undoes it; resume does.
    """
    from ses_feedback.usecases import pausing  # noqa: PLC0415 - as every use case that boto comes with

    session: Session = ctx.obj
    settings = load(Path(config))
    sender = _sender(settings, identity)
    said = said_why(why)
    with session.connect(settings) as deployment:
        by = deployment.caller
        done = pausing.pause(deployment.pauses, sender, id_=uuid4().hex, by=by, why=said)
    screen = Screen()
    if json:
        screen.record({**_record(sender, done, paused=True, by=by, why=said), "was_paused": done.noted})
    else:
        before = " It was already, past ses-feedback: now the reason is noted." if done.noted else ""
        screen.line(sender.identity, " is ", Styled("paused", BAD), f": SES refuses all its mail.{before}")
        screen.line("It sends again after ", Styled(f"ses-feedback resume {sender.identity} --why …", STRONG), ".")
    return _told(done, "paused")


def resume(
    ctx: typer.Context, identity: IdentityName, why: Reason, json: Json = False, config: ConfigFile = DEFAULT_CONFIG
) -> int:
    """Let a paused identity send again.

    Whoever or whatever paused it, the circuit breaker too. Notes who did it and why, and tells on-call (warn). What AWS
    itself paused, only AWS resumes: that is an error.
    """
    from ses_feedback.usecases import pausing  # noqa: PLC0415 - as every use case that boto comes with

    session: Session = ctx.obj
    settings = load(Path(config))
    sender = _sender(settings, identity)
    said = said_why(why)
    with session.connect(settings) as deployment:
        by = deployment.caller
        done = pausing.resume(deployment.pauses, sender, by=by, why=said)
    screen = Screen()
    if json:
        before = None if done.pause is None else _pause(done.pause)
        screen.record({**_record(sender, done, paused=False, by=by, why=said), "was": before})
    else:
        screen.line(sender.identity, " ", Styled("sends again", GOOD), ".")
        if done.noted:
            screen.line("It did already; now it is noted as over.")
        if done.pause is None:
            screen.line("Nothing was noted about its pause: somebody had switched it off past ses-feedback.")
        else:
            screen.line(f"It was paused {pausing.told_by(done.pause)}")
            if done.pause.alarm is not None:
                screen.line(Styled("The circuit breaker", MILD), f": {rearmed(done.pause.alarm)}.")
    return _told(done, "resumed")


def pauses(
    ctx: typer.Context,
    identity: Annotated[
        str | None, typer.Argument(metavar="[IDENTITY]", help="Only this identity; left out: all of the file.")
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Show who was paused: when, by whom and why.

    And who resumed it. The newest first, at most 20 for each identity. Doctor says what SES does right now.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    wanted = [identity_name(settings, identity)] if identity is not None else list(settings.identities)
    with session.connect(settings) as deployment:
        known = deployment.pauses.book.histories(wanted)
    found = [(who, one) for who, some in known.items() for one in some]
    found.sort(key=lambda noted: noted[1].at, reverse=True)
    screen = Screen()
    if json:
        for who, one in found:
            screen.record({"identity": who, **_pause(one)})
    elif found:
        screen.table(("PAUSED", "IDENTITY", "BY", "WHY", "RESUMED"), [_row(who, one) for who, one in found])
    else:
        screen.line("Nobody was ever paused.")
    return 0


def identity_name(settings: Config, text: str) -> str:
    """Return the identity of the file that a text names. Raises ``PermanentError``, which names those there are."""
    try:
        name = names.identity(text.strip())
    except ValueError as error:
        raise PermanentError(f"{quoted(text)} is no identity: {error}") from None
    if name not in settings.identities:
        raise PermanentError(f"the file has no identity {quoted(name)}; {choices(name, tuple(settings.identities))}")
    return name


def _sender(settings: Config, text: str) -> Sender:
    from ses_feedback.usecases.pausing import Sender  # noqa: PLC0415 - as above

    name = identity_name(settings, text)
    if settings.identities[name].configuration_set is None:
        raise PermanentError(
            f"{name} has no configuration set of its own, and SES can pause nothing else: "
            "add configuration_set = true to it and deploy"
        )
    return Sender(name, naming.configuration_set_name(settings.deployment.name, name))


def _record(sender: Sender, done: Done, *, paused: bool, by: str, why: str) -> dict[str, Any]:
    return {
        "identity": sender.identity,
        "configuration_set": sender.configuration_set,
        "paused": paused,
        "at": format_time(done.at),
        "by": by,
        "why": why,
        "untold": done.untold,
    }


def _pause(found: Pause) -> dict[str, Any]:
    end = found.end
    return {
        "paused_at": format_time(found.at),
        "by": found.by,
        "why": found.why,
        "alarm": found.alarm,
        "resumed_at": time_or_none(end.at if end else None),
        "resumed_by": end.by if end else None,
        "resumed_why": end.why if end else None,
    }


def _row(identity: str, found: Pause) -> tuple[Part, ...]:
    end = found.end
    over: Part = Styled("not yet", BAD) if end is None else f"{moment(end.at)} by {end.by}: {end.why}"
    return moment(found.at), identity, found.by, found.why, over


def _told(done: Done, what: str) -> int:
    if done.untold is None:
        return 0
    tell(f"ses-feedback: {what}, but on-call could not be told ({done.untold}): tell them yourself")
    return _INCOMPLETE
