"""``import``: take another provider's list over, or one of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Environment, Json
from ses_feedback.cli.screen import BAD, GOOD, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session, as_deployed
from ses_feedback.cli.values import rate as parse_rate
from ses_feedback.cli.words import count, scope
from ses_feedback.cli.work import DryRun, Rate, progress, stoppable
from ses_feedback.config import Config, load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.usecases import questions
from ses_feedback.usecases.rate import Rate as Pace

if TYPE_CHECKING:
    from ses_feedback.adapters.import_progress import Progress
    from ses_feedback.adapters.list_files import ListFile
    from ses_feedback.usecases.lists.formats import Format
    from ses_feedback.usecases.lists.importing import ListStore, Plan, Taken

_INCOMPLETE: Final = 2
_RATE: Final = "1000"


def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The list: CSV, or what the AWS command line prints.")],
    environment: Environment = None,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            metavar="S",
            help="The stream that complaints and unsubscriptions hold for; * is every stream. "
            "Left out: default, or the only one there is.",
        ),
    ] = None,
    dry_run: DryRun = False,
    rate: Rate = _RATE,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Take over a list of suppressions.

    Exports of SES, SendGrid, Mailgun, Postmark, SparkPost and Mailchimp are known by their header, and so is our own
    format. Each row counts from its own date, so that a list from before a release brings nobody back; doing it again
    changes nothing. Whatever interrupts it, the same command goes on where it ended. Rows that cannot be read are told
    by reason and line, the rest is taken, and the exit code is 2.
    """
    from ses_feedback.adapters.list_files import lines_in, open_list  # noqa: PLC0415 - no other command reads lists
    from ses_feedback.usecases.lists.importing import Plan, Taken, preview  # noqa: PLC0415

    session: Session = ctx.obj
    settings = load(Path(config))
    where = questions.choose_environment(settings, environment)
    per_second = parse_rate(rate)
    path = Path(file)
    if path.exists() and not path.is_file():
        raise PermanentError(f"{path} is no file")
    total = lines_in(path)
    with open_list(path) as found:
        meant = _stream(settings, where, stream, found.format)
        source = f'{found.format.name} list "{path.name}"'
        plan = Plan(where, meant, settings.streams(where), found.format, source, session.now())
        if not dry_run:
            return _import(session, settings, path, found, plan, total, per_second, json)
        taken = Taken()
        preview(found.lines, plan, taken)
    _show(Screen(), path, plan, taken, json, dry_run=True)
    return _left_out(taken)


def _stream(settings: Config, where: str, stream: str | None, format_: Format) -> str:
    """Return the stream of what people chose; where the list holds no such rows, none need be named."""
    if stream == EVERY_STREAM or (stream is None and not format_.by_choice):
        return EVERY_STREAM
    return questions.choose_stream(settings, where, stream)


def _import(
    session: Session,
    settings: Config,
    path: Path,
    found: ListFile,
    plan: Plan,
    total: int,
    per_second: int,
    json: bool,
) -> int:
    from ses_feedback.adapters.import_progress import Mark, Progress  # noqa: PLC0415 - no other command reads lists
    from ses_feedback.usecases.lists.importing import Taken, take  # noqa: PLC0415

    deployment = settings.deployment
    what = (deployment.name, deployment.region, plan.environment, plan.stream, plan.format.name)
    with session.connect(settings) as opened, stoppable() as stop:
        settings = as_deployed(settings, opened)
        store: ListStore = opened.store
        clock = store.clock()
        kept = Progress(path, what)
        former = kept.read()
        mark = former if former is not None else Mark(clock, Taken())
        plan, taken = plan._replace(began=mark.began), mark.taken
        if former is not None:
            tell(f"going on after row {taken.rows}, where the former run ended")
        lines = islice(found.lines, taken.rows, None)
        with _accounted(path, plan, taken, kept, json) as finished, progress(path.name, total) as advance:
            keepable = kept.keep(mark)
            if not keepable:
                tell(f"ses-feedback: {kept.path} cannot be written: if it is interrupted, it begins anew")
            take(
                lines,
                plan,
                store=store,
                policy=settings.policy,
                rate=Pace(per_second, stop),
                into=taken,
                done=lambda: _keep(kept, mark),
                advance=advance,
            )
            finished.append(not stop.is_set())
        if stop.is_set():
            return INTERRUPTED
    return _left_out(taken)


def _keep(kept: Progress, mark: Any) -> None:
    kept.keep(mark)


@contextmanager
def _accounted(path: Path, plan: Plan, taken: Taken, kept: Progress, json: bool) -> Iterator[list[bool]]:
    """Tell the count whatever ends the block, Ctrl-C and an error of AWS included, and what to do to go on."""
    finished: list[bool] = []
    try:
        yield finished
    finally:
        whole = finished == [True]
        if whole:
            kept.forget()
        _show(Screen(), path, plan, taken, json, whole=whole)
        if not whole:
            tell("ses-feedback: not all rows were read; run the same command again, and it goes on from there")


def _left_out(taken: Taken) -> int:
    bad = sum(taken.bad.values())
    if not bad:
        return 0
    tell(f"ses-feedback: {count(bad, 'row')} could not be read and {'is' if bad == 1 else 'are'} left out")
    return _INCOMPLETE


def _show(
    screen: Screen, path: Path, plan: Plan, taken: Taken, json: bool, *, dry_run: bool = False, whole: bool = True
) -> None:
    if json:
        screen.record(
            {
                "file": str(path),
                "format": plan.format.name,
                "environment": plan.environment,
                "stream": plan.stream,
                "dry_run": dry_run,
                "finished": whole,
                "rows": taken.rows,
                "taken": taken.taken,
                "known": taken.known,
                "passed": dict(taken.passed),
                "bad": {why: {"rows": rows, "lines": taken.lines[why]} for why, rows in taken.bad.items()},
            }
        )
        return
    chosen = f"; complaints and unsubscriptions in {scope(plan.stream, plan.environment)}"
    screen.line(f"{path.name}: {plan.format.name}, into {plan.environment}{chosen if plan.format.by_choice else ''}")
    rows: list[list[Part]] = [[Styled("would be taken" if dry_run else "taken", GOOD), f"{taken.taken:,}", ""]]
    if not dry_run:
        rows.append(["known already", f"{taken.known:,}", ""])
    rows += [["passed over", f"{number:,}", why] for why, number in taken.passed.most_common()]
    rows += [
        [Styled("unreadable", BAD), f"{number:,}", f"{why} ({_lines(taken.lines[why], number)})"]
        for why, number in taken.bad.most_common()
    ]
    rows.append(["together", f"{taken.rows:,}", ""])
    screen.table(("ROWS", "NUMBER", "WHY"), rows)


def _lines(numbers: list[int], of: int) -> str:
    named = ", ".join(map(str, numbers))
    return f"line{'s' if of > 1 else ''} {named}{', …' if of > len(numbers) else ''}"
