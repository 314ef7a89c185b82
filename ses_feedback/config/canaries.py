"""[canary]: how often identities mail SES's simulator, and within what time their feedback must be back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ses_feedback.config import schema
from ses_feedback.config.model import Canary
from ses_feedback.config.problems import Problems, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.times import DAY, HOUR, MINUTE, format_duration


def read(problems: Problems, values: Mapping[str, Any]) -> Canary:
    """Return the times of canaries: the defaults, and in their place those of ``values``."""
    table = Table(problems, "canary", values, schema.CANARY)
    every = _between(table, "every", HOUR, 7 * DAY, "each round is billed mail, and a week is long to be blind")
    within = _between(table, "within", MINUTE, HOUR, "feedback takes seconds, and after an hour it is lost")
    default = Canary()
    every = default.every if every is None else every
    within = default.within if within is None else within
    if within >= every:
        table.problem(
            "within",
            f"must be shorter than canary.every {shown(format_duration(every))}: one round has to end before the next",
        )
    return Canary(every, within)


def _between(table: Table, name: str, least: int, most: int, why: str) -> int | None:
    length = table.duration(name)
    if length is None or least <= length <= most:
        return length
    allowed = f"{format_duration(least)} to {format_duration(most)}"
    table.problem(name, f"{shown(format_duration(length))} is outside {allowed}: {why}")
    return None
