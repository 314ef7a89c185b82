"""``replay``: an archive becomes suppressions again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.replay_on_aws import replay_on_aws
from ses_feedback.cli.screen import GOOD, MILD, QUIET, STRONG, Screen, Styled, tell
from ses_feedback.cli.session import Deployment, Session, as_deployed, quoted
from ses_feedback.cli.values import rate as parse_rate
from ses_feedback.cli.values import start_of
from ses_feedback.cli.words import count, time_or_none
from ses_feedback.cli.work import DryRun, Rate, progress, stoppable
from ses_feedback.config import load
from ses_feedback.config.runtime import from_runtime, to_runtime
from ses_feedback.domain.errors import FeedbackError, PermanentError
from ses_feedback.domain.history import EVERY_STREAM, Suppression
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import replay as work
from ses_feedback.usecases.rate import Rate as Pace
from ses_feedback.usecases.replay import Difference, Replayed, Source
from ses_feedback.usecases.replay_reading import ALWAYS, Reader, Window

if TYPE_CHECKING:
    from ses_feedback.adapters.replay_notebook import ReplayNotebook
    from ses_feedback.config import Config
    from ses_feedback.usecases.rate import Stop

DEFAULT_RATE: Final = "500"
_INCOMPLETE: Final = 2
_AT_ONCE: Final = 10  # connections of one botocore client
_REPLAY_VERSION: Final = 1
# About a hundred million events, as Firehose compresses them.
_MUCH: Final = 50 * 10**9

_WOULD: Final = {
    work.SUPPRESSED: "would be suppressed",
    work.FREED: "would be free again",
    work.CHANGED: "would be suppressed otherwise than now",
    work.EVIDENCE: "would know more, with the same suppressions",
}
_WERE: Final = {
    work.SUPPRESSED: "suppressed anew",
    work.FREED: "free again",
    work.CHANGED: "suppressed otherwise than before",
    work.EVIDENCE: "know more, with the same suppressions",
}


def replay(
    ctx: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PLACE", help="A folder, a file or s3://BUCKET/PREFIX; else the deployment's own archive."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only what happened since: 30d, or a date such as 2026-11-01."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="Only what happened before: 1d, or a date such as 2026-11-08."),
    ] = None,
    dry_run: DryRun = False,
    rate: Rate = DEFAULT_RATE,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="FILE", help="Where to note how far it is; else a file of its own for each."),
    ] = None,
    on_aws: Annotated[
        bool,
        typer.Option("--on-aws", help="Let AWS replay the deployment's archive: for more than 100 million events."),
    ] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Rebuild suppressions from an archive.

    Reads this deployment's archive or anybody's: notifications of SES in any envelope, plain or gzip, one a line or
    back to back. An empty table gets the suppressions that live feedback made; one that is right is not written.
    Nothing is counted or told again. Stopped with Ctrl-C, the same command goes on where it was.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    window = _window(since, until, session.now())
    pace = parse_rate(rate)
    screen = Screen()
    if on_aws:
        if source is not None or dry_run or state is not None:
            raise PermanentError(
                "--on-aws replays the deployment's own archive: leave out --from, --dry-run and --state"
            )
        with session.connect(settings) as deployment, stoppable() as stop:
            return replay_on_aws(screen, deployment, window, pace, json, stop)
    path = None
    try:
        with session.connect(settings) as deployment, stoppable() as stop:
            deployment.store.verify()
            # A dry run may look what a policy would do that nobody has deployed.
            settings = settings if dry_run else as_deployed(settings, deployment)
            archive = deployment.replay_from(source)
            name = _name(settings, deployment, source, since, until)
            path = _state_path(state, name, dry_run)
            with _notebook(path, name, settings) as notebook:
                with progress("listing the archive"):
                    notebook.expect(archive.objects(window))
                job = _Job(session, settings, deployment, notebook, screen if json and dry_run else None, stop)
                try:
                    job.read(archive, window)
                    job.settle(pace, dry_run)
                finally:
                    # Whatever ended it, Ctrl-C and an error of AWS included, the counts are told.
                    job.show(screen, dry_run, json)
                code = job.code
                if code == 0 and not dry_run:
                    notebook.remove()
    except FeedbackError as error:
        if path is None or not path.exists() or "--state" in str(error):
            raise
        raise PermanentError(f"{error}; the same command goes on where this one ended, as noted in {path}") from error
    if code and path is not None:
        tell(f"the same command goes on where this one ended, as noted in {path}")
    return code


class _Job:
    """One replay, and what became of it."""

    def __init__(
        self,
        session: Session,
        settings: Config,
        deployment: Deployment,
        notebook: ReplayNotebook,
        differences: Screen | None,
        stop: Stop,
    ) -> None:
        self._now = session.now()
        self._settings = settings
        self._deployment = deployment
        self._notebook = notebook
        self._differences = differences
        self._stop = stop
        self._result = Replayed()
        self._unread: Counter[str] = Counter()

    @property
    def code(self) -> int:
        """The exit code."""
        if self._stop.is_set():
            return INTERRUPTED
        return _INCOMPLETE if self._unread or self._result.problems else 0

    def read(self, archive: Source, window: Window) -> None:
        """Read what was not read before."""
        rules = from_runtime(to_runtime(self._settings))
        environments = self._settings.environments()
        reader = Reader(rules, environments, self._deployment.keys, window, self._now)
        _, size = self._notebook.totals()
        if size > _MUCH:
            tell(f"{size / 10**9:,.0f} GB take long on one computer: --on-aws replays the deployment's own archive")
        with progress("reading", size, sizes=True) as advance:
            opened = archive.open_all(self._notebook.unread())
            work.collect(opened, reader, self._notebook, self._stop, advance, self._unread)

    def settle(self, per_second: int, dry_run: bool) -> None:
        """Settle every address, or look what that would do."""
        if self._stop.is_set():
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only this command pays for it

        number = self._notebook.addresses()
        what = "comparing" if dry_run else "writing"
        with ThreadPoolExecutor(_AT_ONCE) as pool, progress(what, number) as advance:
            work.Settling(
                self._deployment.store,
                self._settings.policy,
                self._now,
                rate=Pace(per_second, self._stop),
                into=self._result,
                dry_run=dry_run,
                told=self._tell,
                each=pool.map,
            ).run(self._notebook, advance)

    def _tell(self, difference: Difference) -> None:
        if self._differences is not None:
            self._differences.record(
                {
                    "address": difference.address,
                    "environment": difference.environment,
                    "difference": difference.kind,
                    "before": [_suppression(found) for found in difference.before],
                    "after": [_suppression(found) for found in difference.after],
                }
            )

    def show(self, screen: Screen, dry_run: bool, json: bool) -> None:
        """Tell the counts."""
        counts, skipped = self._notebook.counted()
        result = self._result
        if json:
            screen.record(
                {
                    "dry_run": dry_run,
                    "interrupted": self._stop.is_set(),
                    **{name: counts[name] for name in ("objects", "messages", "events", "strikes", "deliveries")},
                    **{name: counts[name] for name in ("decisions", "outside")},
                    "skipped": dict(skipped),
                    "unread": dict(self._unread),
                    "addresses": result.addresses,
                    "right": result.right,
                    "over": result.over,
                    "written": result.written,
                    "differences": {kind: result.differences[kind] for kind in work.DIFFERENCES},
                    "reasons": dict(result.reasons),
                    "freed": dict(result.freed),
                    "problems": dict(result.problems),
                }
            )
        else:
            _show_reading(screen, counts, skipped)
            _show_result(screen, result, dry_run, self._stop.is_set())
        for reason, number in self._unread.most_common():
            tell(f"ses-feedback: not read: {number:,} {reason}")
        for problem, number in result.problems.most_common():
            tell(f"ses-feedback: not written: {count(number, 'address', 'addresses')}: {problem}")


def _show_reading(screen: Screen, counts: Counter[str], skipped: Counter[str]) -> None:
    screen.line(
        Styled(count(counts["objects"], "object"), STRONG),
        f" read: {count(counts['messages'], 'message')}, {count(counts['events'], 'event')}, of these "
        f"{count(counts['strikes'], 'strike')} and {count(counts['deliveries'], 'delivery', 'deliveries')}; "
        f"{count(counts['decisions'], 'decision')} of operators",
    )
    if counts["outside"]:
        screen.line(f"  {counts['outside']:,} of another time than asked for")
    for reason, number in skipped.most_common():
        screen.line(Styled(f"{number:>9,}  ", QUIET), f"passed over: {reason}")


def _show_result(screen: Screen, result: Replayed, dry_run: bool, interrupted: bool) -> None:
    changes = sum(result.differences.values())
    screen.line(
        Styled(count(result.addresses, "address", "addresses"), STRONG),
        " compared: ",
        Styled(f"{result.right:,} right already", GOOD),
        f", {result.over:,} of no matter any more, ",
        Styled(f"{changes:,} differ" if dry_run else f"{result.written:,} written", MILD if changes else GOOD),
        "; nothing was written" if dry_run else "",
        " (interrupted)" if interrupted else "",
    )
    words = _WOULD if dry_run else _WERE
    for kind in work.DIFFERENCES:
        number = result.differences[kind]
        if number:
            reasons = {work.SUPPRESSED: result.reasons, work.FREED: result.freed}.get(kind, Counter())
            said = ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common())
            screen.line(Styled(f"{number:>9,}  ", QUIET), words[kind], f": {said}" if said else "")


def _suppression(found: Suppression) -> dict[str, Any]:
    return {
        "stream": found.stream or EVERY_STREAM,
        "reason": found.reason,
        "since": format_time(found.since),
        "until": time_or_none(found.until),
    }


def _window(since: str | None, until: str | None, now: int) -> Window:
    start = 0 if since is None else start_of(since, now)
    try:
        end = ALWAYS.until if until is None else start_of(until, now)
    except PermanentError as error:
        raise PermanentError(str(error).replace("--since", "--until")) from None
    if start >= end:
        raise PermanentError(f"--until: {quoted(until or '')} is not after --since, {quoted(since or '')}")
    return Window(start, end)


def _name(settings: Config, deployment: Deployment, source: str | None, *window: str | None) -> str:
    """Return what tells this replay from others: where its notes are good for another, they are not good at all."""
    import hashlib  # noqa: PLC0415 - the same
    import json  # noqa: PLC0415

    place = source if source is None or "://" in source else str(Path(source).expanduser().resolve())
    about = [_REPLAY_VERSION, deployment.keys.fingerprint(), to_runtime(settings), place, *window]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _state_path(state: str | None, name: str, dry_run: bool) -> Path | None:
    if state is not None:
        return Path(state).expanduser()
    if dry_run:
        return None
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home, "ses-feedback", f"replay-{name[:16]}.db")


@contextmanager
def _notebook(path: Path | None, name: str, settings: Config) -> Iterator[ReplayNotebook]:
    from ses_feedback.adapters.replay_notebook import ReplayNotebook  # noqa: PLC0415 - no other command needs SQLite

    notebook = ReplayNotebook(path, name, settings.policy)
    try:
        yield notebook
    finally:
        if notebook.is_empty():
            notebook.remove()
        notebook.close()
