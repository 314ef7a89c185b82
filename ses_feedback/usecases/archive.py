"""Questions to the archive: which events, and what they come to. One text of SQL for Athena and for DuckDB.

Only what both understand alike is used: times are compared as text (they all have the form of ``format_time``), and
every order is total, so that the answers are the same to the last line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from ses_feedback import naming
from ses_feedback.domain.archive_columns import ARRIVAL_NAMES, EVENT_COLUMNS, EVENT_NAMES, FLAG, KEY
from ses_feedback.domain.times import DAY, HOUR, format_time

# Feedback cannot arrive before it happened, but clocks differ; DESIGN section 5 takes up to an hour.
_CLOCKS: Final = HOUR
# What arrives later than this after its own time is not looked for where a question has an end.
LATE: Final = DAY

Advance = Callable[[int], None]
Value = str | int | bool | None


class Hours(NamedTuple):
    """The hours of arrival to read, both included, as ``yyyy/MM/dd/HH``: their order is that of their texts."""

    first: str
    last: str

    def include(self, hour: str) -> bool:
        """Return whether an hour is to be read."""
        return self.first <= hour <= self.last


class Size(NamedTuple):
    """What a question has to read. ``bytes_`` are those stored, compressed."""

    objects: int
    bytes_: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: from ``since`` on and before ``until`` (ms since 1970), and what their other fields must be.

    Texts are normalised. Canaries (the loop's own test mails) are left out unless ``canaries``. ``time`` is the column
    that says when.
    """

    since: int
    until: int
    wanted: tuple[tuple[str, str], ...] = ()
    canaries: bool = False
    time: str = "occurred_at"

    @property
    def hours(self) -> Hours:
        """The hours of arrival in which such events can lie."""
        return Hours(hour_of(max(self.since - _CLOCKS, 0)), hour_of(self.until + LATE))

    def condition(self) -> str:
        """Return the SQL condition on an event."""
        parts = [
            f"{_name(self.time)} >= {literal(format_time(self.since))}",
            f"{_name(self.time)} < {literal(format_time(self.until))}",
            *(f"{_name(column)} = {literal(value)}" for column, value in self.wanted),
        ]
        if not self.canaries:
            parts.append("coalesce(canary, false) = false")
        return " AND ".join(parts)


class Archive(Protocol):
    """An archive that answers SQL: the one on AWS through Athena, any other through DuckDB.

    All methods may raise ``FeedbackError``. ``priced``: whether reading costs money by the byte.
    """

    @property
    def priced(self) -> bool:
        """Whether AWS charges for the bytes that a question reads."""

    @property
    def skipped(self) -> Counter[str]:
        """What could not be read so far, by reason."""

    def measure(self, hours: Hours) -> Size:
        """Return what a question about these hours reads."""

    def refuse(self, size: int) -> None:
        """Raise ``FeedbackError`` where so many bytes cannot be read."""

    def ask(self, question: Question, advance: Advance) -> Iterator[Sequence[Value]]:
        """Yield the rows of the answer; ``advance`` is told of the bytes read meanwhile."""


OpenArchive = Callable[..., AbstractContextManager[Archive]]


@dataclass(frozen=True, slots=True)
class Question:
    """A filter on events, and what is made of those it finds. ``answer`` is SQL on the relation ``found``."""

    filter: Filter
    answer: str
    columns: tuple[str, ...] = field(default=())

    @property
    def relation(self) -> str:
        """The relation of the archive that it is about."""
        return naming.ARCHIVE_ARRIVALS

    def sql(self, source: str, arrived: str = "") -> str:
        """Return the query. ``source`` is the relation of arrivals, ``arrived`` a condition on its partitions."""
        condition = f"{arrived} AND {self.filter.condition()}" if arrived else self.filter.condition()
        names = _names((*EVENT_NAMES, *ARRIVAL_NAMES))
        # Of several copies of an event one is taken, always the same one.
        copy = f"row_number() OVER (PARTITION BY {_names(KEY)} ORDER BY {_names(ARRIVAL_NAMES)}) AS copy"
        return (
            f"WITH copies AS (SELECT {names}, {copy} FROM {source} WHERE {condition}), "
            f"found AS (SELECT * FROM copies WHERE copy = 1) {self.answer}"
        )


def hour_of(ms: int) -> str:
    """Return the hour of a time as the archive's folders name it, ``yyyy/MM/dd/HH``."""
    return format_time(ms)[:13].replace("-", "/").replace("T", "/")


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    return f'"{column}"'


def _names(columns: Sequence[str]) -> str:
    return ", ".join(_name(column) for column in columns)


# --- events -----------------------------------------------------------------------------------------------------------

_FLAGS: Final = {name for name, kind in EVENT_COLUMNS if kind == FLAG}


def newest(where: Filter, limit: int) -> Question:
    """Return the question for the newest events."""
    order = ", ".join(f"coalesce({_name(column)}, '')" for column in ("recipient", "kind", "class", "message_id"))
    return Question(
        where,
        f"SELECT {_names(EVENT_NAMES)} FROM found ORDER BY {_name('occurred_at')} DESC, {order} LIMIT {limit}",
        EVENT_NAMES,
    )


def last_deliveries(where: Filter, address: str) -> Question:
    """Return the question for the newest delivery to any address of those events, and to ``address`` itself."""
    at = _name("occurred_at")
    own = f"max(CASE WHEN recipient = {literal(address)} THEN {at} END) AS to_address"
    return Question(where, f"SELECT max({at}) AS to_domain, {own} FROM found", ("to_domain", "to_address"))


def event_of(row: Sequence[Value]) -> dict[str, Any]:
    """Return a row of ``newest`` as an event, with the keys of the archive's events."""
    return {name: truth(value) if name in _FLAGS else value for name, value in zip(EVENT_NAMES, row, strict=True)}


def truth(value: Value) -> bool | None:
    """Return a flag as JSON has it: Athena writes it as text."""
    return value if isinstance(value, bool) or value is None else value == "true"
