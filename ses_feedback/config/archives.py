"""[archive]: how long what SES said is kept, and when it moves to cheaper storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ses_feedback.config import schema
from ses_feedback.config.model import Archive
from ses_feedback.config.problems import Problems, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.times import DAY, FOREVER, format_duration


def read(problems: Problems, values: Mapping[str, Any]) -> Archive:
    """Return the times of the archive: the defaults, and in their place those of ``values``."""
    table = Table(problems, "archive", values, schema.ARCHIVE)
    default = Archive()
    keep, cold_after = _days(table, "keep", default.keep), _days(table, "cold_after", default.cold_after)
    if keep is not None and cold_after is not None and cold_after >= keep:
        if values.get("cold_after") is None:
            return Archive(keep, None)  # too short for the default to matter
        table.problem(
            "cold_after",
            f"must be shorter than archive.keep {shown(format_duration(keep))}; "
            f'what does not live so long need not move: "{FOREVER}"',
        )
    return Archive(keep, cold_after)


def _days(table: Table, name: str, default: int | None) -> int | None:
    """Return a time in whole days, the grain of S3's lifecycle; ``None`` for never."""
    length = table.duration(name, forever=True)
    if length is None:
        return None if table.values.get(name) == FOREVER else default
    if length % DAY:
        table.problem(name, f"{shown(format_duration(length))} is not in whole days, which S3 counts in")
        return default
    return length
