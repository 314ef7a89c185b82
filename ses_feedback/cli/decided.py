"""``events --decisions``: what the archive has of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ses_feedback.cli.asking import ask, window
from ses_feedback.cli.screen import BAD, GOOD, Part, Screen, Styled, tell
from ses_feedback.cli.session import read_address
from ses_feedback.cli.trail import known_words
from ses_feedback.domain.archive import RELEASE, known_of
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.archive import Archive, Filter
from ses_feedback.usecases.archive_decisions import TIME, decision_of, newest_decisions

_COLUMNS: Final = ("WHEN", "DECISION", "ADDRESS", "WHERE", "BY", "WHY")


def decided_where(
    now: int, since: str, until: str | None, wanted: Mapping[str, str | None], others: Mapping[str, object]
) -> Filter:
    """Return the filter on decisions. ``others`` are options that decisions do not have.

    Raises ``PermanentError``, which names the option that is wrong.
    """
    for option, value in others.items():
        if value is not None:
            raise PermanentError(f"--{option}: a decision has none; leave it out with --decisions")
    texts = {name: value.strip() for name, value in wanted.items() if value is not None}
    if "address" in texts:
        texts["address"] = read_address(texts["address"])
    return Filter(*window(since, until, now), tuple(sorted(texts.items())), canaries=True, time=TIME)


def list_decisions(archive: Archive, where: Filter, most: int, *, agreed: bool, json: bool) -> int:
    """Show the newest decisions, at most so many; return the exit code."""
    rows = ask(archive, newest_decisions(where, most + 1), agreed=agreed)
    found = [decision_of(row) for row in rows[:most]]
    screen = Screen()
    if json:
        for decision in found:
            screen.record(decision)
    elif found:
        screen.table(_COLUMNS, [_row(decision) for decision in found])
    else:
        screen.line("No such decisions in the archive.")
    if len(rows) > most:
        tell(f"there are more: --limit {most * 10} shows up to {most * 10}")
    return 0


def _row(decision: Mapping[str, Any]) -> list[Part]:
    released = decision["action"] == RELEASE
    known = known_words(known_of(decision), str(decision["environment"]))
    return [
        str(decision["at"]),
        Styled("released", GOOD) if released else Styled(_suppressed(decision["until"]), BAD),
        str(decision["address"]),
        f"{decision['environment']}/{decision['stream']}",
        str(decision["by"] or ""),
        " · ".join(text for text in (str(decision["why"] or ""), known) if text),
    ]


def _suppressed(until: object) -> str:
    return "suppressed for ever" if until is None else f"suppressed until {until}"
