"""``check``: may I send to these addresses?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Environment, Json, Stream
from ses_feedback.cli.screen import BAD, GOOD, Screen, Styled
from ses_feedback.cli.session import Session, read_address
from ses_feedback.cli.words import because, verdict
from ses_feedback.config import load
from ses_feedback.domain.mailboxes import mailboxes
from ses_feedback.usecases import questions

SUPPRESSED = 1


def check(
    ctx: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="E-mail addresses.")],
    environment: Environment = None,
    stream: Stream = None,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Ask whether addresses may be mailed.

    The exit code is 1 if at least one of them is suppressed, so that a script can ask before it sends.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    where = questions.choose_environment(settings, environment)
    wanted = [read_address(text) for text in addresses]
    others = {who: mailboxes(text).others for who, text in zip(wanted, addresses, strict=True)}
    meant = questions.choose_stream(settings, where, stream)
    now = session.now()
    with session.connect(settings) as deployment:
        answers = questions.check(deployment.store, where, meant, wanted, now, others)
    screen = Screen()
    for answer in answers:
        found = answer.suppression
        address = str(answer.address)
        if json:
            screen.record({"address": address, **verdict(found)})
        elif found is None:
            screen.line(address, ": ", Styled("not suppressed", GOOD), f" in stream {meant} of {where}")
        else:
            screen.line(address, ": ", Styled("suppressed", BAD), " by ", because(found, where, now))
    return SUPPRESSED if any(answer.suppression for answer in answers) else 0
