"""``redrive``: dead letters go back to work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from ses_feedback import naming
from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import GOOD, MILD, STRONG, Screen, Styled, tell
from ses_feedback.cli.session import Deployment, Session, quoted
from ses_feedback.cli.values import rate as parse_rate
from ses_feedback.cli.values import whole_number
from ses_feedback.cli.words import count, length, origin
from ses_feedback.cli.work import DEFAULT_RATE, DryRun, Rate, progress, stoppable
from ses_feedback.config import load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import format_time
from ses_feedback.usecases import redrive as work
from ses_feedback.usecases.ports import LetterSource, LetterTarget
from ses_feedback.usecases.rate import Rate as Pace
from ses_feedback.usecases.redrive import DeadLetter, Moved

_INCOMPLETE: Final = 2
DEAD_LETTERS: Final = "dead-letters"
TALLY: Final = "tally"
ARCHIVE: Final = "archive"
ALL: Final = "all"


class _Way(NamedTuple):
    """From where to where, opened."""

    source: LetterSource
    target: LetterTarget


def redrive(
    ctx: typer.Context,
    queues: Annotated[
        str, typer.Argument(metavar="[dead-letters|tally|archive|all]", help="Whose dead letters; all unless told.")
    ] = ALL,
    dry_run: DryRun = False,
    rate: Rate = DEFAULT_RATE,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help="At most this many of each queue; all unless told.")
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Send dead letters round again.

    What could not be recorded goes back to be recorded, what could not be counted to be counted, and what could not be
    archived to be archived. Each message is sent before it is deleted: stopping with Ctrl-C at any time loses nothing.
    Doing it twice changes no suppression.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    _check(queues, settings.deployment.name)
    per_second = parse_rate(rate)
    most = None if limit is None else whole_number("--limit", limit)
    screen = Screen()
    code = 0
    with session.connect(settings) as deployment:
        for way in _ways(queues, settings.deployment.name, deployment):
            if dry_run:
                _show_plan(screen, way, json, session.now())
            else:
                code = max(code, _move(screen, way, per_second, most, json))
            if code == INTERRUPTED:
                break
    return code


def _queues(deployment: str) -> dict[str, str]:
    return {
        DEAD_LETTERS: naming.dead_letter_queue_name(deployment),
        TALLY: naming.tally_dead_letter_queue_name(deployment),
        ARCHIVE: naming.archive_dead_letter_queue_name(deployment),
    }


def _check(named: str, deployment: str) -> None:
    known = _queues(deployment)
    if named == ALL or named in known or named in known.values():
        return
    if named in ("team", "team-dead-letters", naming.team_dead_letter_queue_name(deployment)):
        raise PermanentError(
            f"{quoted(named)} cannot be redriven: SNS takes no message back for one subscription; "
            "docs/runbooks/team-dead-letters.md says how a team gets them"
        )
    raise PermanentError(f"{quoted(named)} is no dead-letter queue of {deployment}; known: {', '.join(known)}, {ALL}")


def _ways(named: str, name: str, deployment: Deployment) -> Iterator[_Way]:
    for short, queue in _queues(name).items():
        if named not in (ALL, short, queue):
            continue
        source = deployment.queue(queue)
        if short == ARCHIVE:
            yield _Way(source, deployment.archive_stream)
            # What SNS could not hand to Firehose is in the queue, what Firehose could not write, in the bucket.
            if named != queue:
                yield _Way(deployment.archive_errors, deployment.archive_stream)
        else:
            retry = naming.retry_queue_name(name) if short == DEAD_LETTERS else naming.tally_queue_name(name)
            yield _Way(source, deployment.queue(retry))


def _move(screen: Screen, way: _Way, per_second: int, limit: int | None, json: bool) -> int:
    source, target = way
    total = source.depth()
    moved = Moved(total)
    with stoppable() as stop:
        try:
            with progress(source.name, total if limit is None else min(total, limit)) as advance:
                work.redrive(source, target, rate=Pace(per_second, stop), limit=limit, into=moved, advance=advance)
        finally:
            # Whatever ended it, Ctrl-C and an error of AWS included, the count is told.
            _show(screen, way, moved, stop.is_set(), json)
    if stop.is_set():
        return INTERRUPTED
    for problem, number in moved.problems.most_common():
        tell(f"ses-feedback: {count(number, 'message')} left in {way.source.name}: {problem}; run this command again")
    if moved.problems:
        return _INCOMPLETE
    if moved.emptied and moved.left:
        tell(
            f"{way.source.name} showed no more, though it told of {moved.left} more: somebody else has received them, "
            "or its count is late; look again in a minute"
        )
    return 0


def _show(screen: Screen, way: _Way, moved: Moved, interrupted: bool, json: bool) -> None:
    if json:
        screen.record(
            {
                "queue": way.source.name,
                "to": way.target.name,
                "found": moved.found,
                "moved": moved.moved,
                "left": moved.left,
                "repeated": moved.repeated,
                "interrupted": interrupted,
                "problems": dict(moved.problems),
            }
        )
        return
    if not moved.found:
        screen.line(way.source.name, ": ", Styled("empty", GOOD))
        return
    screen.line(
        Styled(way.source.name, STRONG),
        f": {moved.found} found, ",
        Styled(f"{moved.moved} moved", GOOD),
        f" to {way.target.name}, ",
        Styled(f"{moved.left} left", MILD if moved.left else GOOD),
        " (interrupted)" if interrupted else "",
    )
    if moved.repeated:
        screen.line(f"  {count(moved.repeated, 'message')} of those left may have been sent as well: handled twice")


def _show_plan(screen: Screen, way: _Way, json: bool, now: int) -> None:
    source = way.source
    way.target.depth()  # a queue that is missing is told before anything is moved
    found = source.depth()
    letters = work.sample(source)
    if json:
        sample = [_record(letter) for letter in letters]
        screen.record(
            {"queue": way.source.name, "to": way.target.name, "found": found, "dry_run": True, "sample": sample}
        )
        return
    if not found and not letters:
        screen.line(way.source.name, ": ", Styled("empty", GOOD))
        return
    screen.line(
        Styled(way.source.name, STRONG), f": {max(found, len(letters))} found; they would go to {way.target.name}."
    )
    if letters:
        screen.line(f"Some of them, {len(letters)}, without addresses:")
        rows = [
            (f"{length(max(now - letter.sent_at, 0))} ago", str(letter.receives), origin(letter.topic), letter.why)
            for letter in letters
        ]
        screen.table(("SENT", "RECEIVED", "ORIGIN", "WHY"), rows)


def _record(letter: DeadLetter) -> dict[str, Any]:
    return {
        "sent_at": format_time(letter.sent_at),
        "receives": letter.receives,
        "topic": letter.topic,
        "why": letter.why,
    }
