"""Answers as JSON holds them: the same keys on the command line and in the lookup API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ses_feedback.domain.times import format_time

if TYPE_CHECKING:
    from ses_feedback.domain.history import Suppression
    from ses_feedback.usecases.questions import Decided


def time_or_none(ms: int | None) -> str | None:
    """Return a time for JSON; ``None`` stays."""
    return None if ms is None else format_time(ms)


def verdict(found: Suppression | None) -> dict[str, Any]:
    """Return the JSON keys that say whether an address is suppressed, by what, how widely and how long."""
    return {
        "suppressed": found is not None,
        "reason": found.reason if found else None,
        "scope": found.scope if found else None,
        "until": time_or_none(found.until) if found else None,
        "since": format_time(found.since) if found else None,
    }


def decision(address: str, environment: str, stream: str, decided: Decided) -> dict[str, Any]:
    """Return the JSON keys of a decision: where and when it was made, and what holds for the address since."""
    return {
        "address": address,
        "environment": environment,
        "stream": stream,
        "decided_at": format_time(decided.at),
        **verdict(decided.answer.suppression),
    }


def lists_cleared(lists: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """Return by region whether SES's own list let the address go, and what went wrong where it did not."""
    return {region: {"cleared": problem is None, "problem": problem} for region, problem in lists.items()}
