"""``explain``: what a notification says, and what would follow from it. Needs no AWS."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import BAD, GOOD, MILD, QUIET, STRONG, Screen, Styled
from ses_feedback.cli.session import Session, quoted
from ses_feedback.cli.words import end, moment, scope
from ses_feedback.config import Config, directory, load
from ses_feedback.domain import decide as dc
from ses_feedback.domain.canary import recognise
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.policy import STREAM
from ses_feedback.domain.reading import Reading, read
from ses_feedback.domain.times import parse_time

_STANDARD_INPUT = "-"
_BLOCK = 4 * 1024 * 1024
_STYLES = {dc.SUPPRESS: BAD, dc.STRIKE: MILD, dc.CLEAR_STRIKES: GOOD, dc.NONE: QUIET, dc.QUARANTINE: BAD}

Explanation = dict[str, Any]


def explain(
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE|-...", help="Files of notifications; - is standard input.")
    ],
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Show what notifications say and what would follow.

    Takes any notification of SES in any envelope: bare, SNS, Lambda, SQS, EventBridge, Firehose lines; several at once.
    Decides as for an address that nothing is known about. What would be quarantined is shown with the reason. No AWS is
    needed.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    screen = Screen()
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        opened = [(name, _open(stack, name)) for name in files]
        for explanation in _explain_all(opened, settings, session.now()):
            counts[explanation["action"]] += 1
            if json:
                screen.record(explanation)
            else:
                _show(screen, explanation)
    if not json:
        screen.line(Styled(_summary(counts), STRONG))
    return 0


def _explain_all(opened: list[tuple[str, BinaryIO]], settings: Config, now: int) -> Iterator[Explanation]:
    places = directory(settings)
    for name, stream in opened:
        for piece in _pieces(name, stream):
            reading = read(piece, places, now)
            yield from _explanations(reading, settings)


def _explanations(reading: Reading, settings: Config) -> Iterator[Explanation]:
    for event in reading.events:
        if recognise(settings.deployment.name, event.recipient) is not None:
            yield dc.explain_canary(event)
        else:
            yield dc.explain_event(event, dc.decide(event, settings.policy))
    for fault in reading.faults:
        yield dc.explain_fault(fault)
    for setup in reading.setups:
        yield dc.explain_setup(setup)


def _open(stack: ExitStack, name: str) -> BinaryIO:
    if name == _STANDARD_INPUT:
        if sys.stdin is None:
            raise PermanentError("standard input is closed: name a file")
        return sys.stdin.buffer
    try:
        return stack.enter_context(Path(name).open("rb"))
    except (OSError, ValueError) as error:
        raise PermanentError(_unreadable(name, error)) from error


def _unreadable(name: str, error: OSError | ValueError) -> str:
    what = "standard input" if name == _STANDARD_INPUT else quoted(name)
    if isinstance(error, FileNotFoundError):
        return f"{what}: no such file; name a file of notifications, or - for standard input"
    if isinstance(error, IsADirectoryError):
        return f"{what} is a directory: name the files in it"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{what} cannot be read: {reason}"


def _pieces(name: str, stream: BinaryIO) -> Iterator[bytes]:
    """Yield a stream in pieces that hold whole notifications, so that a large archive needs little memory.

    A line that ends in ``}`` before one that begins with ``{`` ends a JSON text: within one, a comma would part them.
    """
    rest = b""
    while True:
        try:
            block = stream.read(_BLOCK)
        except (OSError, ValueError) as error:
            raise PermanentError(_unreadable(name, error)) from error
        if not block:
            break
        rest += block
        cut = rest.rfind(b"}\n{") + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    yield rest


def _show(screen: Screen, found: Explanation) -> None:
    action = found["action"]
    about = found["class"] or found["kind"] or "unreadable"
    screen.line(
        Styled(about, STRONG), " ", found["recipient"] or "", " → ", Styled(_effect(found), _STYLES.get(action, ""))
    )
    screen.line("  ", found["why"])
    facts = [
        found["identity"],
        f"{found['environment']}/{found['stream']}" if found["environment"] else None,
        moment(parse_time(found["occurred_at"])) if found["occurred_at"] else None,
        f"message {found['message_id']}" if found["message_id"] else None,
        "counts as a bounce" if found["counts_as_bounce"] else None,
        "counts as a complaint" if found["counts_as_complaint"] else None,
    ]
    known = " · ".join(fact for fact in facts if fact)
    if known:
        screen.line("  ", Styled(known, QUIET))
    screen.line()


def _effect(found: Explanation) -> str:
    action = found["action"]
    if action == dc.SUPPRESS:
        stream = found["stream"] if found["scope"] == STREAM else None
        until = parse_time(found["until"]) if found["until"] else None
        when = end(until, parse_time(found["occurred_at"]))
        return f"suppress, {scope(stream, found['environment'])}, {when}"
    return str(action)


def _summary(counts: Counter[str]) -> str:
    total = sum(counts.values())
    if not total:
        return "nothing to explain: the input is empty"
    parts = ", ".join(f"{number} {action}" for action, number in counts.most_common())
    return f"{total} event{'s' if total != 1 else ''}: {parts}"
