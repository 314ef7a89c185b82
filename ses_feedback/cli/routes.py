"""``routes``: which way does the feedback of a sender go?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import BAD, GOOD, MILD, STRONG, Screen, Styled, tell
from ses_feedback.cli.session import Session, quoted, read_address
from ses_feedback.cli.work import progress
from ses_feedback.config import load, names
from ses_feedback.domain.errors import PermanentError

if TYPE_CHECKING:
    from ses_feedback.config import Config
    from ses_feedback.usecases.routes import LiveRoute, Route, Told

UNCOVERED: Final = 1
_MOST_LISTED: Final = 3  # of those who are told, in the overview


def routes(
    ctx: typer.Context,
    senders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ADDRESS...]", help="Addresses or domains that mail is sent from; all identities unless told."
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask SES as well, and show where it differs from the file. Needs AWS.")
    ] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Show which way the feedback of a sender goes.

    Which identity applies, in which stream and environment, which configuration set and topics it has, and who is told.
    Without --live it is what the file says, and no AWS is needed. The exit code is 1 if no identity covers a sender.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    from ses_feedback.usecases.routes import route  # noqa: PLC0415 - only this command pays for it

    every = not senders
    wanted = list(settings.identities) if every else [_sender(text) for text in senders or ()]
    found = [route(settings, sender) for sender in wanted]
    asked = _ask(session, settings, found) if live else [None] * len(found)
    screen = Screen()
    if json:
        for one, said in zip(found, asked, strict=True):
            screen.record(_record(one, said))
    elif every and not live:
        _overview(screen, found)
    else:
        for one, said in zip(found, asked, strict=True):
            _show(screen, one, said)
    uncovered = [one.sender for one in found if one.identity is None]
    if json:
        for sender in uncovered:
            tell(f"ses-feedback: no identity of {config} covers {sender}")
    return UNCOVERED if uncovered else 0


def _sender(text: str) -> str:
    if "@" in text:
        return read_address(text)
    try:
        return names.domain(text.strip())
    except ValueError:
        raise PermanentError(f"{quoted(text)} is neither an e-mail address nor a domain") from None


def _ask(session: Session, settings: Config, found: list[Route]) -> list[LiveRoute | None]:
    from ses_feedback.usecases.routes import LiveRoutes  # noqa: PLC0415 - only --live pays for it

    with session.connect(settings) as deployment, progress("Asking SES") as advance:
        ses, aws, pacer, _ = deployment.inventory
        return [*LiveRoutes(settings, ses, pacer, aws.home(), advance).ask(found)]


def _record(one: Route, said: LiveRoute | None) -> dict[str, Any]:
    identity = one.identity
    return {
        "address": one.sender,
        "identity": identity.name if identity else None,
        "covered_by": one.covered,
        "environment": identity.environment if identity else None,
        "stream": identity.stream if identity else None,
        "team": identity.team if identity else None,
        "configuration_set": one.configuration_set,
        "topics": dict(one.topics),
        "told": {kind: [_told(who) for who in whom] for kind, whom in one.told.items()},
        "on_call": {severity: [_told(who) for who in whom] for severity, whom in one.on_call.items()},
        "live": None
        if said is None
        else {
            "identity": said.identity,
            "topics": {type_.lower(): topic for type_, topic in said.topics.items()},
            "headers": [type_.lower() for type_ in said.headers],
            "forwarding": said.forwarding,
            "configuration_set": said.configuration_set,
            "differences": list(said.differences),
        },
    }


def _told(who: Told) -> dict[str, str]:
    return {"protocol": who.protocol, "endpoint": who.endpoint, "format": who.format}


def _overview(screen: Screen, found: Iterable[Route]) -> None:
    rows = []
    for one in found:
        identity = one.identity
        if identity is None:
            raise AssertionError("an identity covers itself")
        whom = dict.fromkeys(_named(who) for some in one.told.values() for who in some)
        rows.append(
            (
                identity.name,
                identity.environment,
                identity.stream,
                identity.team or "",
                one.configuration_set or "",
                ", ".join(one.topics),
                _few(list(whom)),
            )
        )
    screen.table(("IDENTITY", "ENVIRONMENT", "STREAM", "TEAM", "CONFIGURATION SET", "KINDS", "TOLD"), rows)


def _few(named: list[str]) -> str:
    more = len(named) - _MOST_LISTED
    return ", ".join(named[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _show(screen: Screen, one: Route, said: LiveRoute | None) -> None:
    identity = one.identity
    if identity is None:
        nobody = Styled("no identity of the file covers it", BAD)
        screen.line(Styled(one.sender, STRONG), ": ", nobody, ": its feedback is not handled")
        _show_live(screen, said)
        return
    screen.line(Styled(one.sender, STRONG), f": identity {identity.name}{_how(one)}")
    screen.line(f"  environment {identity.environment}, stream {identity.stream}, team {identity.team or 'none'}")
    screen.line(f"  configuration set: {one.configuration_set or 'none of its own'}")
    screen.line("  told, by kind:")
    rows = [
        (f"    {kind}", topic, ", ".join(_named(who) for who in one.told.get(kind, ())) or "nobody")
        for kind, topic in one.topics.items()
    ]
    screen.table(("    KIND", "TOPIC", "WHO IS TOLD"), rows)
    screen.line("  on-call: ", _severities(one.on_call))
    _show_live(screen, said)


def _how(one: Route) -> str:
    return {"address": "", "domain": " (its domain)", "parent": " (a parent domain)"}[one.covered or "address"]


def _named(who: Told) -> str:
    return f"{who.protocol} {who.endpoint}" + (" (digest)" if who.format == "text" else "")


def _severities(on_call: Mapping[str, Iterable[Told]]) -> str:
    named = {
        severity: ", ".join(f"{who.protocol} {who.endpoint}" for who in whom) for severity, whom in on_call.items()
    }
    return "; ".join(f"{severity}: {names}" for severity, names in named.items())


def _show_live(screen: Screen, said: LiveRoute | None) -> None:
    if said is None:
        return
    if said.identity is not None:
        topics = ", ".join(f"{type_} {(topic or 'none').rpartition(':')[2]}" for type_, topic in said.topics.items())
        screen.line(f"  SES now: identity {said.identity}; {topics}")
        screen.line(
            f"           headers of {', '.join(said.headers) or 'none'}; forwarding by e-mail"
            f" {'on' if said.forwarding else 'off'}; default configuration set {said.configuration_set or 'none'}"
        )
    for difference in said.differences:
        screen.line("  ", Styled("differs", MILD if said.identity else BAD), f": {difference}")
    if not said.differences:
        screen.line("  ", Styled("SES is as the file says.", GOOD))
