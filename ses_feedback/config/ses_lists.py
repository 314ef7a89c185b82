"""[ses_list]: whether SES's own suppression list and ours keep each other right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ses_feedback.config import schema
from ses_feedback.config.model import Identity, SesList
from ses_feedback.config.problems import Problems, choices, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.events import DEFAULT_STREAM
from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.domain.times import DAY, HOUR, format_duration

_LEAST: Final = HOUR
_MOST: Final = 7 * DAY


def read(problems: Problems, values: Mapping[str, Any] | None, identities: Mapping[str, Identity]) -> SesList:
    """Return what the file says of SES's list; without the table, the defaults, and nothing is kept in step."""
    given = values or {}
    table = Table(problems, "ses_list", given, schema.SES_LIST)
    default = SesList()
    sync = bool(table.boolean("sync"))
    every = table.duration("every")
    if every is not None and not _LEAST <= every <= _MOST:
        allowed = f"{format_duration(_LEAST)} to {format_duration(_MOST)}"
        why = "each time both lists are read as a whole"
        table.problem("every", f"{shown(format_duration(every))} is outside {allowed}: {why}")
    environment = table.string("environment") or default.environment
    known = {i.environment for i in identities.values()}
    if identities and environment not in known and (sync or "environment" in given):
        table.problem("environment", f"no identity is in {shown(environment)}; {choices(environment, sorted(known))}")
        return default
    streams = sorted({i.stream for i in identities.values() if i.environment == environment})
    return SesList(sync, environment, _complaints(table, environment, streams, asked=sync), every or default.every)


def _complaints(table: Table, environment: str, streams: list[str], *, asked: bool) -> str:
    """Return the stream that complaints on SES's list are about: the one named, else ``default``, else the only one.

    Empty where it has to be named, and nobody ``asked`` for it.
    """
    named = table.string("complaints")
    if named is not None:
        if streams and named not in (*streams, EVERY_STREAM):
            reason = f"no stream {shown(named)} in {environment}; {choices(named, [*streams, EVERY_STREAM])}"
            table.problem("complaints", reason)
        return named
    if DEFAULT_STREAM in streams or not streams:
        return DEFAULT_STREAM
    if len(streams) == 1:
        return streams[0]
    if asked and "complaints" not in table.values:
        table.problem(
            "complaints",
            f"missing; SES's list does not say which mail somebody complained about: name the stream "
            f"({', '.join(streams)}), or {shown(EVERY_STREAM)} for all of them",
        )
    return ""
