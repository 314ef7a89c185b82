"""``suppress`` and ``release``: an operator's decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ses_feedback.cli.asking import Yes
from ses_feedback.cli.options import DEFAULT_CONFIG, Address, ConfigFile, Environment, Json, Scope, Why
from ses_feedback.cli.screen import BAD, GOOD, MILD, STRONG, Screen, Styled, tell
from ses_feedback.cli.session import Session, as_deployed, quoted, read_address
from ses_feedback.cli.signing import By, said_by, signed
from ses_feedback.cli.trail import known_record
from ses_feedback.cli.verifying import DeliveriesFrom, Force, Verify, evidence_of, show_checked, verified_record
from ses_feedback.cli.verifying import verify as verify_first
from ses_feedback.cli.words import because, end, scope
from ses_feedback.config import Config, load
from ses_feedback.domain.addresses import former, spellings
from ses_feedback.domain.errors import InvalidDuration, PermanentError
from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.domain.times import FOREVER, parse_duration
from ses_feedback.usecases import questions
from ses_feedback.usecases.questions import Decided
from ses_feedback.usecases.verdicts import decision, lists_cleared

_LONGEST_WHY = 500
_INCOMPLETE = 2


def suppress(
    ctx: typer.Context,
    address: Address,
    why: Why,
    duration: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 12h, 30d, 2w or forever.")
    ] = FOREVER,
    by: By = None,
    environment: Environment = None,
    stream: Scope = EVERY_STREAM,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Decide not to mail an address.

    Never shortens a suppression that rests on strikes; replaces your former decision for the same stream.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    where, meant = _places(settings, environment, stream)
    who = read_address(address)
    lasts = _duration(duration)
    reason, name = said_why(why), said_by(by)
    with session.connect(settings) as deployment:
        settings = as_deployed(settings, deployment)
        signature = signed(deployment, name)
        decided = questions.suppress(
            deployment.store,
            settings.policy,
            environment=where,
            address=who,
            scope=meant,
            duration=lasts,
            why=reason,
            by=signature,
        )
    screen = Screen()
    if json:
        screen.record({**decision(who, where, meant, decided), **_evidence(signature, decided)})
        return 0
    until = None if lasts is None else decided.at + lasts
    screen.line(who, " is now ", Styled("suppressed", BAD), f" in {scope(meant, where)}, {end(until, decided.at)}.")
    found = decided.answer.suppression
    if found is not None and found.until != until:
        screen.line(Styled("A longer one holds as well: ", MILD), because(found, where, decided.at), ".")
    return 0


def release(
    ctx: typer.Context,
    address: Address,
    why: Why,
    by: By = None,
    verify: Verify = False,
    archive: DeliveriesFrom = None,
    force: Force = False,
    yes: Yes = False,
    environment: Environment = None,
    stream: Scope = EVERY_STREAM,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Decide to mail an address again.

    Forgets what was held against it until now, for good. Also takes it off SES's own list in every configured region.
    SES tells capitals apart: type the address as the mail spelled it, and both spellings are cleared. Where SES refuses
    in a region, the release holds all the same, and the exit code is 2: run the command again. Who decided, why, and
    what was known at that moment are kept with it, for show and the archive.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    where, meant = _places(settings, environment, stream)
    who = read_address(address)
    reason, name = said_why(why), said_by(by)
    checked = verify_first(session, settings, who, wanted=verify, archive=archive, force=force, agreed=yes)
    with session.connect(settings) as deployment:
        settings = as_deployed(settings, deployment)
        signature = signed(deployment, name)
        decided = questions.release(
            deployment.store,
            settings.policy,
            deployment.lists(*spellings(address, who)),
            environment=where,
            address=who,
            former=former(address),
            scope=meant,
            why=reason,
            by=signature,
            verified=evidence_of(checked),
        )
    screen = Screen()
    if json:
        said = {**_evidence(signature, decided), "verified": verified_record(checked)}
        screen.record({**decision(who, where, meant, decided), **said, "lists": lists_cleared(decided.lists)})
    else:
        _show_release(screen, who, where, meant, decided)
        if checked is not None:
            show_checked(screen, who, checked)
    refused = {region: problem for region, problem in decided.lists.items() if problem is not None}
    for region, problem in refused.items():
        tell(
            f"ses-feedback: released here, but SES's own list in {region} still has to let go: {problem}; "
            "then run this command again"
        )
    return _INCOMPLETE if refused else 0


def _show_release(screen: Screen, who: str, where: str, meant: str, decided: Decided) -> None:
    screen.line(who, " is ", Styled("released", GOOD), f" in {scope(meant, where)}.")
    for region, problem in decided.lists.items():
        state = Styled("cleared", GOOD) if problem is None else Styled("not cleared", BAD)
        screen.line("  SES's own list in ", Styled(region, STRONG), ": ", state)
    found = decided.answer.suppression
    if found is None:
        return
    screen.line(Styled("Still suppressed: ", MILD), because(found, where, decided.at), ".")
    if meant != EVERY_STREAM and found.stream is None:
        screen.line("That holds in every stream: release it with --stream '*'.")


def _evidence(signature: str, decided: Decided) -> dict[str, Any]:
    return {"by": signature or None, "known": known_record(decided.known)}


def _places(settings: Config, environment: str | None, stream: str) -> tuple[str, str]:
    where = questions.choose_environment(settings, environment)
    if stream == EVERY_STREAM:
        return where, stream
    return where, questions.choose_stream(settings, where, stream)


def _duration(text: str) -> int | None:
    try:
        return parse_duration(text)
    except InvalidDuration as error:
        raise PermanentError(f"--for: {error}") from None


def said_why(text: str) -> str:
    """Return the reason as it is stored. Raises ``PermanentError`` where it is none, or cannot be shown on one line."""
    reason = text.strip()
    if not reason:
        raise PermanentError("--why: say why, for whoever looks at this address later")
    if len(reason) > _LONGEST_WHY:
        raise PermanentError(f"--why: {len(reason)} letters are too long; at most {_LONGEST_WHY}")
    if not reason.isprintable():
        raise PermanentError(f"--why: {quoted(reason)} must be one line of readable text")
    return reason
