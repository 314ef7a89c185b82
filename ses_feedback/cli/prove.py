"""``prove``: does each leg of the loop work, in the account itself?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import Screen, tell
from ses_feedback.cli.session import Session, quoted, read_address
from ses_feedback.cli.work import progress, stoppable
from ses_feedback.config import load, names
from ses_feedback.domain.errors import InvalidDuration, PermanentError
from ses_feedback.domain.times import parse_duration

if TYPE_CHECKING:
    from ses_feedback.config import Config
    from ses_feedback.config.model import Identity

NOT_PROVED: Final = 1
DEFAULT_TIMEOUT: Final = "15m"


def prove(
    ctx: typer.Context,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IDENTITY...]", help="Identities of the file; all that SES has verified unless told."),
    ] = None,
    drill: Annotated[
        bool, typer.Option("--drill", help="Also send on-call a drill, marked as one, by the way that alarms take.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="Wait at most so long for what SES has taken.")
    ] = DEFAULT_TIMEOUT,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Prove that each leg of the loop works, in the account.

    Mails SES's simulator from each identity that SES has verified, waits until each leg has shown the feedback
    (suppressed, counted, archived, announced, told to the team), and releases the addresses again. Works in SES's
    sandbox, harms no reputation, and may be repeated at any time. The exit code is 1 when something is not proved.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    chosen = _chosen(settings, wanted or [])
    longest = _duration(timeout)
    # A command that checks an address does not pay for importing all this.
    from ses_feedback.cli.prove_screen import records, show  # noqa: PLC0415
    from ses_feedback.usecases.proving.proof import Proof, steps  # noqa: PLC0415

    with session.connect(settings) as deployment, stoppable() as stop:
        proof = Proof(settings, deployment.proving, chosen, drill=drill, timeout=longest, stop=stop.is_set)
        with progress("Proving", steps(settings, chosen)) as advance:
            done = proof.run(advance)
    for line in done.untidy:
        tell(f"ses-feedback: {line}")
    if done.interrupted:
        return INTERRUPTED
    screen = Screen()
    if json:
        for record in records(done):
            screen.record(record)
    else:
        show(screen, done)
    if not any(subject.ids for subject in done.subjects):
        states = Counter(subject.legs["sent"].state for subject in done.subjects)
        why = (
            "SES has verified none of the identities" if states["pending"] == len(done.subjects) else "SES took no mail"
        )
        tell(f"ses-feedback: {why}: nothing is proved")
    return 0 if done.whole else NOT_PROVED


def _chosen(settings: Config, wanted: list[str]) -> list[Identity]:
    """Return the identities that are meant. Raises ``PermanentError``, which names the one that the file has not."""
    if not wanted:
        return list(settings.identities.values())
    found: dict[str, Identity] = {}
    for text in wanted:
        name = _name(text)
        identity = settings.identities.get(name)
        if identity is None:
            raise PermanentError(
                f"{quoted(text)} is no identity of {settings.path}; `ses-feedback routes` lists them, and which one "
                "covers a sender"
            )
        found[name] = identity
    return list(found.values())


def _name(text: str) -> str:
    if "@" in text:
        return read_address(text)
    try:
        return names.domain(text.strip())
    except ValueError:
        raise PermanentError(f"{quoted(text)} is neither an e-mail address nor a domain") from None


def _duration(text: str) -> int:
    try:
        found = parse_duration(text)
    except InvalidDuration as error:
        raise PermanentError(f"--timeout: {error}") from None
    if not found:
        raise PermanentError(f"--timeout: {quoted(text)} is no time to wait; such as {DEFAULT_TIMEOUT}")
    return found
