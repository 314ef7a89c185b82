"""How the legs of ``prove`` are shown: one table, and below it what is wrong, with the log to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ses_feedback.cli.screen import BAD, GOOD, MILD, QUIET, STRONG, Part, Screen, Styled
from ses_feedback.cli.words import count
from ses_feedback.usecases.proving.legs import (
    ARCHIVED,
    COUNTED,
    FAILED,
    LEGS,
    NONE,
    ON_CALL_LEGS,
    PENDING,
    PROVED,
    RELEASED,
    SUPPRESSED,
    Leg,
)
from ses_feedback.usecases.proving.proof import Proved

# So many identities that fail alike are named; the table has all.
_NAMED: Final = 3
_FITS: Final = 32
# Short, so that all legs stand side by side in 80 columns.
HEADINGS: Final = {SUPPRESSED: "SUPPRESS", COUNTED: "COUNT", ARCHIVED: "ARCHIVE", RELEASED: "RELEASE"}


def records(done: Proved) -> Iterator[dict[str, Any]]:
    """Yield a JSON line for each leg of each identity, then of on-call."""
    for subject in done.subjects:
        where = {"identity": subject.identity.name, "environment": subject.identity.environment, "severity": None}
        yield from (where | _record(leg) for leg in subject.legs.values())
    for line in done.on_call:
        where = {"identity": None, "environment": None, "severity": line.severity}
        yield from (where | _record(leg) for leg in line.legs.values())


def _record(leg: Leg) -> dict[str, Any]:
    seconds = None if leg.seconds is None else round(leg.seconds, 1)
    return {
        "leg": leg.name,
        "state": leg.state,
        "seconds": seconds,
        "what": leg.what,
        "read": leg.read,
        "mend": leg.mend,
    }


def show(screen: Screen, done: Proved) -> None:
    """Show a run to a person."""
    proved = [subject for subject in done.subjects if subject.legs[LEGS[0]].state != PENDING]
    pending = [subject for subject in done.subjects if subject.legs[LEGS[0]].state == PENDING]
    if proved:
        _table(screen, "IDENTITY", LEGS, [(s.identity.name, s.legs) for s in proved])
    _table(screen, "ON-CALL", ON_CALL_LEGS, [(line.severity, line.legs) for line in done.on_call])
    for what, names in _alike([(s.identity.name, s.legs[LEGS[0]].what or "") for s in pending]).items():
        screen.line(Styled("pending: ", MILD), f"{_few(names)}: {what}")
    failed = _failed(done)
    if failed:
        _show_failed(screen, failed)
    elif proved:
        screen.line(Styled("Proved.", GOOD), *_more(done))


def _table(screen: Screen, of: str, names: Sequence[str], rows: Sequence[tuple[str, Mapping[str, Leg]]]) -> None:
    """Show a table, without the legs that nobody has."""
    shown = [name for name in names if any(legs[name].state != NONE for _, legs in rows)]
    screen.table(
        (of, *(HEADINGS.get(name, name.upper()) for name in shown)),
        [(who, *(_cell(legs[name]) for name in shown)) for who, legs in rows],
    )


def _cell(leg: Leg) -> Part:
    if leg.state == PROVED:
        return Styled("✓" if leg.seconds is None else f"✓ {_seconds(leg.seconds)}", GOOD)
    if leg.state == FAILED:
        return Styled("✗", BAD)
    return Styled("-", QUIET)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"


def _failed(done: Proved) -> list[tuple[str, Leg]]:
    found = [(s.identity.name, leg) for s in done.subjects for leg in s.legs.values() if leg.state == FAILED]
    return found + [
        (f"on-call ({o.severity})", leg) for o in done.on_call for leg in o.legs.values() if leg.state == FAILED
    ]


def _show_failed(screen: Screen, failed: Sequence[tuple[str, Leg]]) -> None:
    """Show what failed; identities that fail alike are one row, and what is too long to be copied goes below."""
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for where, leg in failed:
        what = (leg.what or "").replace(where, "the identity")
        alike.setdefault((leg.name, what, leg.read or "", leg.mend or ""), []).append(where)
    screen.line(Styled("Not proved", BAD))
    commands: list[str] = []
    rows: list[tuple[Part, ...]] = []
    for (name, what, read, mend), names in alike.items():
        said = what.replace("the identity", names[0]) if len(names) == 1 else what
        rows.append(
            (f"{_few(names)}: {name}", Styled(said, BAD), *(_command(screen, c, commands) for c in (read, mend)))
        )
    screen.paragraphs(("WHERE", "WHAT", "READ", "MEND"), rows)
    for number, command in enumerate(commands, 1):
        screen.line(Styled(f"[{number}] ", QUIET), command)
    kinds = ", ".join(f"{number} {name}" for name, number in Counter(leg.name for _, leg in failed).most_common())
    screen.line(Styled(f"{count(len(failed), 'leg')} not proved", STRONG), f": {kinds}")


def _command(screen: Screen, command: str, commands: list[str]) -> Part:
    if screen.terminal and len(command) > _FITS:
        if command not in commands:
            commands.append(command)
        command = f"[{commands.index(command) + 1}] below"
    return Styled(command, QUIET)


def _more(done: Proved) -> list[Part]:
    """Return what a run that proved all still has to say: what it cannot see."""
    drilled = any(leg.state == PROVED for line in done.on_call for leg in (line.legs[n] for n in ON_CALL_LEGS[1:]))
    if drilled:
        return [" Ask who is on call whether the drill has come: that no command can see."]
    if all(line.legs[name].state == NONE for line in done.on_call for name in ON_CALL_LEGS[1:]):
        return [" `ses-feedback prove --drill` shows that alarms reach on-call as well."]
    return []


def _alike(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, what in pairs:
        found.setdefault(what, []).append(name)
    return found


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
