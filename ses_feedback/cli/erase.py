"""``erase``: forget a person, and still do not mail them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, Address, ConfigFile, Json
from ses_feedback.cli.screen import BAD, GOOD, STRONG, Screen, Styled, tell
from ses_feedback.cli.session import Session, as_deployed, read_address
from ses_feedback.cli.words import because, count, time_or_none
from ses_feedback.cli.work import DryRun
from ses_feedback.config import load
from ses_feedback.domain.addresses import former, spellings
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import questions
from ses_feedback.usecases.lists.erasing import Erased
from ses_feedback.usecases.lists.erasing import erase as forget
from ses_feedback.usecases.verdicts import lists_cleared

_INCOMPLETE = 2


def erase(
    ctx: typer.Context,
    address: Address,
    environment: Annotated[
        str | None, typer.Option("--environment", metavar="E", help="Only in this environment; left out: in each.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Forget a person, for good, and still do not mail them.

    The address, message ids, identities and all texts go. Times, classes and streams stay under a keyed hash: a later
    bounce, import or question finds them, and what it adds is kept without texts too. Nothing brings them back.

    SES's own list, which holds the address in plain, lets it go in every configured region; it is one for the whole
    account, so not where only another environment than that of ses_list is named. SES tells capitals apart: type the
    address as the mail spelled it, and both spellings go. Where SES refuses, run the command again (exit code 2).
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    chosen = questions.choose_environment(settings, environment) if environment is not None else None
    who = read_address(address)
    places = settings.environments() if chosen is None else (chosen,)
    screen = Screen()
    lists: Mapping[str, str | None] = {}
    with session.connect(settings) as deployment:
        settings = as_deployed(settings, deployment)
        found = [
            forget(deployment.store, settings.policy, where, who, former(address), dry_run=dry_run) for where in places
        ]
        if not dry_run and (chosen is None or chosen == settings.ses_list.environment):
            lists = deployment.lists(*spellings(address, who)).remove(who)
    for erased in found:
        if json:
            screen.record({**_record(who, erased, dry_run), "lists": lists_cleared(lists)})
        else:
            _show(screen, who, erased, dry_run)
    return _told(screen, lists, json=json)


def _told(screen: Screen, lists: Mapping[str, str | None], *, json: bool) -> int:
    for region, problem in lists.items():
        if not json:
            state = Styled("cleared", GOOD) if problem is None else Styled("not cleared", BAD)
            screen.line("SES's own list in ", Styled(region, STRONG), ": ", state)
        if problem is not None:
            tell(
                f"ses-feedback: erased here, but SES's own list in {region} still has to let go: {problem}; "
                "then run this command again"
            )
    return _INCOMPLETE if any(lists.values()) else 0


def _record(who: str, erased: Erased, dry_run: bool) -> dict[str, Any]:
    return {
        "address": who,
        "environment": erased.environment,
        "dry_run": dry_run,
        "known": erased.known,
        "was_erased": erased.before,
        "strikes": erased.strikes,
        "decisions": erased.decisions,
        "suppressions": [
            {
                "stream": found.stream or "*",
                "reason": found.reason,
                "since": format_time(found.since),
                "until": time_or_none(found.until),
            }
            for found in erased.suppressions
        ],
    }


def _show(screen: Screen, who: str, erased: Erased, dry_run: bool) -> None:
    where = erased.environment
    if not erased.known:
        screen.line(f"Nothing is known of {who} in {where}.")
        return
    if erased.before:
        screen.line(f"{who} was erased in {where} before.")
    else:
        done = "would be erased" if dry_run else "is erased"
        texts = f"{count(erased.strikes, 'strike')} and {count(erased.decisions, 'decision')}"
        screen.line(Styled(who, STRONG), " ", Styled(done, GOOD), f" in {where}, with the texts of {texts}.")
    for found in erased.suppressions:
        screen.line("  Still suppressed: ", because(found, where, erased.at))
    if not erased.suppressions:
        screen.line("  Nothing stands against mailing it.")
