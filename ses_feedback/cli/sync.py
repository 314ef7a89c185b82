"""``sync``: SES's own suppression list and ours, made alike."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import BAD, GOOD, MILD, STRONG, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session, as_deployed
from ses_feedback.cli.words import count
from ses_feedback.cli.work import DryRun, progress, stoppable
from ses_feedback.config import Config, load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import EVERY_STREAM

if TYPE_CHECKING:
    from ses_feedback.usecases.lists.comparing import Difference, Outcome

_INCOMPLETE: Final = 2
_SHOWN: Final = 20
# What is counted, by the key it has in JSON, and whose words differ in a dry run.
_COUNTS: Final = {
    "entries": "entries",
    "same": "same",
    "taken": "take",
    "put": "put",
    "removed": "remove",
    "left": "left",
    "refused": "refused",
    "failed": "failed",
    "unreadable": "unreadable",
}
_WORDS: Final = {"take": "take over", "put": "put on SES's list", "remove": "remove from SES's list"}


def sync(
    ctx: typer.Context,
    dry_run: DryRun = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Make SES's own suppression list and ours alike.

    In every region of deployment.regions: what SES suppresses and the table lacks comes in with SES's date; what the
    table holds in every stream and without end goes to SES; what was released, or is over, leaves SES's list. What was
    put there from here never comes back as evidence. Whatever interrupts it, the same command goes on where it ended.
    """
    from ses_feedback.adapters.clock import SystemClock  # noqa: PLC0415 - no other command syncs
    from ses_feedback.usecases.lists.comparing import Outside  # noqa: PLC0415
    from ses_feedback.usecases.lists.ses_list import Terms  # noqa: PLC0415
    from ses_feedback.usecases.lists.syncing import sync_regions  # noqa: PLC0415

    session: Session = ctx.obj
    settings = load(Path(config))
    _check(settings, dry_run)
    wanted, report = settings.ses_list, _Report(settings.ses_list.environment, json, dry_run)
    outcomes = []
    with session.connect(settings) as deployment, stoppable() as stop:
        deployment.store.verify()
        settings = as_deployed(settings, deployment)
        parts = deployment.sync_parts
        terms = Terms(wanted.environment, wanted.complaints or EVERY_STREAM, settings.policy)
        with nullcontext(_ignore) if json else progress("SES's list") as advance:
            outside = Outside(
                store=deployment.store,
                notes=parts.notes,
                rounds=parts.rounds,
                keys=deployment.keys,
                pacer=parts.pacer,
                now=SystemClock().now,
                going=lambda: not stop.is_set(),
                tell=report.difference,
                advance=advance,
            )
            for outcome in sync_regions(parts.lists, terms, outside, dry_run=dry_run):
                outcomes.append(outcome)
                report.region(outcome)
        report.end()
        if stop.is_set():
            tell("ses-feedback: interrupted; run the same command again, and it goes on from there")
            return INTERRUPTED
    return _left_to_do(outcomes)


def _ignore(number: int) -> None:
    """Show no progress."""


class _Report:
    """What is told of a sync: to programs as it happens, to people once the bar of progress is gone."""

    def __init__(self, environment: str, json: bool, dry_run: bool) -> None:
        self._environment = environment
        self._json = json
        self._dry_run = dry_run
        self._screen = Screen()
        self._shown: Counter[str] = Counter()
        self._later: list[Difference | Outcome] = []

    def difference(self, difference: Difference) -> None:
        """Tell of one address, or note it: of each kind and region as many as a person reads, and one more."""
        region, address, what, why = difference
        if self._json:
            record = {"region": region, "address": address, "action": what, "why": why, "dry_run": self._dry_run}
            self._screen.record(record)
            return
        self._shown[what] += 1
        if self._shown[what] <= _SHOWN + 1:
            self._later.append(difference)

    def region(self, outcome: Outcome) -> None:
        """Tell of a region, or note it."""
        self._shown.clear()
        if self._json:
            _show(self._screen, self._environment, outcome, json=True, dry_run=self._dry_run)
        else:
            self._later.append(outcome)

    def end(self) -> None:
        """Tell people."""
        from ses_feedback.usecases.lists.comparing import Difference  # noqa: PLC0415 - the same

        shown: Counter[str] = Counter()
        for thing in self._later:
            if isinstance(thing, Difference):
                region, address, what, why = thing
                shown[what] += 1
                would = "would " if self._dry_run else ""
                more = f"more to {_WORDS[what]}, which --json shows"
                text = f"{address}: {would}{_WORDS[what]}: {why}" if shown[what] <= _SHOWN else more
                self._screen.line(Styled(region, STRONG), f"  {text}")
            else:
                shown.clear()
                _show(self._screen, self._environment, thing, json=False, dry_run=self._dry_run)


def _check(settings: Config, dry_run: bool) -> None:
    wanted = settings.ses_list
    if not dry_run and not wanted.sync:
        raise PermanentError(
            "ses_list.sync: SES's list is changed only where the file asks for it: [ses_list] sync = true; "
            "--dry-run shows what that would do"
        )
    known = settings.environments()
    if wanted.environment not in known:
        raise PermanentError(
            f'ses_list.environment: no identity is in "{wanted.environment}"; name one of: {", ".join(known)}'
        )
    if not wanted.complaints:  # the loader asks for it as soon as anything is to be changed
        streams = ", ".join(settings.streams(wanted.environment))
        tell(
            f"complaints are taken for all streams here; ses_list.complaints can name the one they are about: {streams}"
        )


def _show(screen: Screen, environment: str, outcome: Outcome, json: bool, dry_run: bool) -> None:
    counts = {name: outcome.counts.get(key, 0) for name, key in _COUNTS.items()}
    if json:
        record: dict[str, Any] = {
            "region": outcome.region,
            "environment": environment,
            "dry_run": dry_run,
            "finished": outcome.finished,
            **counts,
            "waiting": outcome.waiting,
            "passed": dict(outcome.passed),
            "problem": outcome.problem,
        }
        screen.record(record)
        return
    screen.line(Styled(f"SES's list in {outcome.region}", STRONG), f" and {environment}")
    would = "would be " if dry_run else ""
    words: dict[str, tuple[Part, str]] = {
        "entries": ("on SES's list", ""),
        "same": ("as it should be", ""),
        "taken": (Styled(f"{would}taken over", GOOD), "SES's list has them, and the table did not"),
        "put": (Styled(f"{would}put there", GOOD), "the table holds them, and SES's list did not"),
        "removed": (Styled(f"{would}removed there", GOOD), "released, over, or erased here"),
        "left": (Styled("left for the next time", MILD), "more than one round removes"),
        "refused": (Styled("refused by SES", BAD), ""),
        "failed": (Styled("failed", BAD), "of lists that were handed over earlier; they are tried again"),
        "unreadable": (Styled("passed over", MILD), "entries that cannot be read"),
    }
    rows = [
        [word, f"{counts[name]:,}", why] for name, (word, why) in words.items() if counts[name] or name == "entries"
    ]
    screen.table(("ADDRESSES", "NUMBER", "WHY"), rows)
    for why, number in outcome.passed.items():
        screen.line(f"  {number:,}: {why}")
    if outcome.waiting:
        screen.line(
            f"SES still works on {count(outcome.waiting, 'address', 'addresses')} that were handed to it as a list."
        )


def _left_to_do(outcomes: list[Outcome]) -> int:
    for outcome in outcomes:
        if outcome.problem is not None:
            tell(f"ses-feedback: SES's list in {outcome.region} is not in step yet: {outcome.problem}")
        elif not outcome.finished:
            tell(
                f"ses-feedback: SES's list in {outcome.region} is not compared yet, as SES still works on an earlier "
                "list; run this command again later"
            )
    refused = sum(outcome.counts.get("refused", 0) for outcome in outcomes)
    if refused:
        tell(f"ses-feedback: SES refused {count(refused, 'address', 'addresses')}")
    done = all(outcome.finished for outcome in outcomes) and not refused
    return 0 if done else _INCOMPLETE
