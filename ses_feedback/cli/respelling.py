"""``respell``: bring what earlier versions stored in another form to the address that it is."""

from __future__ import annotations

from pathlib import Path

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import STRONG, Screen, Styled
from ses_feedback.cli.session import Session
from ses_feedback.cli.words import count
from ses_feedback.cli.work import DryRun
from ses_feedback.config import load
from ses_feedback.usecases import questions


def respell(
    ctx: typer.Context, dry_run: DryRun = False, json: Json = False, config: ConfigFile = DEFAULT_CONFIG
) -> int:
    """Move what was stored in an older spelling.

    Versions before 0.3 stored "jo.doe"@example.com with its quotes, apart from jo.doe@example.com. What is known of the
    first is added to the second, in every environment. Once after the upgrade; again changes nothing.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    screen = Screen()
    moved = 0
    with session.connect(settings) as deployment:
        for environment in settings.environments():
            found = questions.respell(deployment.store, settings.policy, environment, session.now(), dry_run=dry_run)
            for former, address in found:
                moved += 1
                if json:
                    screen.record(
                        {"environment": environment, "former": former, "address": address, "dry_run": dry_run}
                    )
                else:
                    screen.line(f"{former} is ", Styled(address, STRONG), f" in {environment}")
    if not json:
        screen.line(f"{count(moved, 'address', 'addresses')} {'would be moved' if dry_run else 'moved'}.")
    return 0
