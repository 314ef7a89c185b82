"""A trace of one's own: mail by minute and identity, as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from backtest.mail import MINUTES_A_DAY, Feedback, Mail, shorten
from ses_feedback.config import Config
from ses_feedback.config.problems import choices, shown

COLUMNS: Final = ("minute", "identity", "delivered", "hard_bounced", "complained")
OPTIONAL: Final = ("delivered_reporting",)
MOST: Final = 10**9  # mails a minute: beyond it somebody has written something else into the column
_TOLD: Final = 20
# What is played after the last row, so that every alarm can end: a week, CloudWatch's longest window, and a day.
TAIL: Final = 8 * MINUTES_A_DAY
_FIRST: Final = int(datetime(1, 1, 1, tzinfo=UTC).timestamp() // 60)
_LAST: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() // 60)
_MINUTE: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)


class TraceError(Exception):
    """A trace that cannot be played. ``problems`` are lines ``file: line N: reason``; ``str`` is all of them."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a trace. ``minute`` counts from 1970; ``counts`` are delivered, reporting, bounced, complained."""

    minute: int
    identity: str
    counts: tuple[int, int, int, int]


def load(path: Path, config: Config) -> Mail | None:
    """Return the mail in a trace, ``None`` where it is silence from end to end. Raises ``TraceError``."""
    where = shown(str(path))[1:-1]
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TraceError([f"{where}: byte {error.start} is not UTF-8; save the trace as UTF-8"]) from None
    except OSError as error:
        raise TraceError([f"{where}: cannot be read: {error.strerror}"]) from None
    return as_mail(read(text, config, where), config)


def read(text: str, config: Config, where: str) -> list[Row]:
    """Return the rows of a trace in its own order. Raises ``TraceError`` with what is wrong, line by line."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[str] = []
    reader: _LineReader | None = None
    try:
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            try:
                if reader is None:
                    reader = _LineReader(cells, config)
                else:
                    rows.append(reader.row(cells))
            except ValueError as error:
                problems.append(f"{where}: line {lines.line_num}: {error}")
                if reader is None:
                    break
    except csv.Error as error:
        problems.append(f"{where}: line {lines.line_num}: not CSV: {error}")
    if not problems and reader is None:
        problems.append(f"{where}: empty; the first line names the columns: {','.join(COLUMNS)}")
    if problems:
        more = len(problems) - _TOLD
        raise TraceError(problems[:_TOLD] + ([f"{where}: and {more} more"] if more > 0 else []))
    return rows


class _LineReader:
    """Reads lines under one header. Every problem is a ``ValueError`` whose text goes behind the line's number."""

    def __init__(self, header: Sequence[str], config: Config) -> None:
        names = [cell.strip().lower() for cell in header]
        unknown = [name for name in names if name not in COLUMNS + OPTIONAL]
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise ValueError(f"no column {', '.join(missing)}; the first line names the columns: {','.join(COLUMNS)}")
        if unknown:
            raise ValueError(f"no column is called {shown(unknown[0])}; {choices(unknown[0], COLUMNS + OPTIONAL)}")
        if len(set(names)) != len(names):
            raise ValueError(f"a column stands twice in {shown(','.join(names))}")
        self._names = names
        self._config = config

    def row(self, cells: Sequence[str]) -> Row:
        if len(cells) != len(self._names):
            raise ValueError(f"{len(cells)} values for {len(self._names)} columns ({','.join(self._names)})")
        values = {name: cell.strip() for name, cell in zip(self._names, cells, strict=True)}
        delivered, bounced, complained = (_count(name, values[name]) for name in COLUMNS[2:])
        reporting = delivered
        if OPTIONAL[0] in values:
            reporting = _count(OPTIONAL[0], values[OPTIONAL[0]])
            if reporting > delivered:
                raise ValueError(
                    f"delivered_reporting {reporting} is more than delivered {delivered}, a part of which it is"
                )
        return Row(
            _minute(values["minute"]), self._identity(values["identity"]), (delivered, reporting, bounced, complained)
        )

    def _identity(self, text: str) -> str:
        known = self._config.identities
        if text in known:
            return text
        if text.lower() in known:
            return text.lower()
        file = self._config.path.name if self._config.path else "the configuration"
        raise ValueError(f"identity: no identity {shown(text)} in {file}; {choices(text, tuple(known))}")


def _minute(text: str) -> int:
    problem = f"minute: {shown(text)} is not a time such as 2026-11-24T09:30Z (UTC)"
    if not _MINUTE.fullmatch(text):
        raise ValueError(problem)
    try:
        time = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(problem) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    minute = int(time.timestamp() // 60)
    if not _FIRST <= minute <= _LAST - TAIL:
        raise ValueError(
            f"minute: {shown(text)} cannot be played: it and eight days after it must be in years 1 to 9999"
        )
    return minute


def _count(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and int(text) <= MOST:
        return int(text)
    raise ValueError(f"{name}: {shown(text)} is not a whole number from 0 to {MOST}")


def as_mail(rows: Sequence[Row], config: Config) -> Mail | None:
    """Return rows as mail, with silence after them until every alarm can have ended; ``None`` without any row."""
    if not rows:
        return None
    minutes, places = shorten(np.array([row.minute for row in rows], np.int64), TAIL)
    members: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        members.setdefault(row.identity, []).append(number)
    counts = np.array([row.counts for row in rows], np.int64)
    return Mail(
        config,
        minutes,
        {
            name: Feedback(places[numbers], *(counts[numbers, kind] for kind in range(4)))
            for name, numbers in members.items()
        },
    )
