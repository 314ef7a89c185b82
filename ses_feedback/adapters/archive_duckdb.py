"""Questions to an archive in a folder or a bucket, answered on this computer by DuckDB.

Objects are fetched hour by hour, and only what the question asks about is kept. What cannot be read is counted by its
reason, and the rest is read: the beginning of a gzip that breaks off, the good lines among the bad.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from ses_feedback import naming
from ses_feedback.adapters.archive_places import Piece, Place, Unread
from ses_feedback.domain.archive_columns import (
    ARRIVAL_NAMES,
    DECISION_COLUMNS,
    EVENT_COLUMNS,
    FLAG,
    LINE_COLUMNS,
    NUMBER,
    VERSION,
)
from ses_feedback.usecases.archive import Advance, Hours, Question, Size, Value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GZIP: Final = b"\x1f\x8b"
_AT_ONCE: Final = 16  # objects fetched and read together: a hundred megabytes of memory at Firehose's usual sizes
_FETCHERS: Final = 8
LONGEST_LINE: Final = 16 << 20  # DuckDB's own limit of an object; SNS's is a quarter of a megabyte

NO_OBJECT: Final = "objects that are neither gzip nor JSON lines"
BROKEN: Final = "gzip objects that break off or are damaged, read up to there"
FOREIGN: Final = "lines that are not the archive's"
NEWER: Final = "lines of a newer version"

_TYPES: Final = {FLAG: "BOOLEAN", NUMBER: "BIGINT"}
_EVENT: Final = ", ".join(f'"{name}" {_TYPES.get(kind, "VARCHAR")}' for name, kind in EVENT_COLUMNS)
_DECISION: Final = ", ".join(f'"{name}" {_TYPES.get(kind, "VARCHAR")}' for name, kind in DECISION_COLUMNS)
_LINE: Final = {
    **{name: _TYPES.get(kind, "VARCHAR") for name, kind in LINE_COLUMNS},
    "events": f"STRUCT({_EVENT})[]",
    "decision": f"STRUCT({_DECISION})",
}
_COLUMNS: Final = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in _LINE.items()) + "}"
_ARRIVAL: Final = ", ".join(f'"{name}" VARCHAR' for name in ARRIVAL_NAMES)
_ARRIVED: Final = ", ".join(f'"{name}"' for name in ARRIVAL_NAMES)
# What a relation's columns are, and how they are taken from the lines.
_RELATIONS: Final = {
    naming.ARCHIVE_ARRIVALS: (
        f"{_EVENT}, {_ARRIVAL}",
        f"SELECT unnest(events, recursive := true), {_ARRIVED} FROM lines WHERE v = {VERSION}",
    ),
    naming.ARCHIVE_DECISIONS: (
        _DECISION,
        f"SELECT unnest(decision) FROM lines WHERE v = {VERSION} AND decision IS NOT NULL",
    ),
}


class DuckArchive:
    """The archive in ``place``. Nothing of it costs money by the byte."""

    priced = False

    def __init__(self, place: Place) -> None:
        self._place = place
        self.skipped: Counter[str] = Counter()
        self._found: tuple[Hours, list[Piece]] | None = None

    def measure(self, hours: Hours) -> Size:
        """Return what a question about these hours reads."""
        pieces = self._pieces(hours)
        return Size(len(pieces), sum(piece.size for piece in pieces))

    def refuse(self, size: int) -> None:
        """Refuse nothing: a large archive only takes long."""

    def ask(self, question: Question, advance: Advance) -> Iterator[Sequence[Value]]:
        """Yield the rows of the answer."""
        with tempfile.TemporaryDirectory(prefix="ses-feedback-") as folder:
            database = duckdb.connect(
                config={
                    "temp_directory": folder,
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                }
            )
            try:
                database.execute(f"CREATE TABLE {question.relation} ({_RELATIONS[question.relation][0]})")
                _Load(database, Path(folder), self._place, question, self.skipped).all(
                    self._pieces(question.filter.hours), advance
                )
                answer = database.execute(question.sql(question.relation))
                while rows := answer.fetchmany(1_000):
                    yield from rows
            finally:
                database.close()

    def _pieces(self, hours: Hours) -> list[Piece]:
        if self._found is None or self._found[0] != hours:
            self._found = hours, list(self._place.pieces(hours))
        return self._found[1]


class _Load:
    """Fills the table of arrivals from objects, some at a time."""

    def __init__(
        self, database: DuckDBPyConnection, folder: Path, place: Place, question: Question, skipped: Counter[str]
    ) -> None:
        self._database = database
        self._folder = folder
        self._place = place
        self._relation = question.relation
        self._condition = question.filter.condition()
        self._skipped = skipped

    def all(self, pieces: Sequence[Piece], advance: Advance) -> None:
        """Load every object."""
        with ThreadPoolExecutor(_FETCHERS) as pool:
            for start in range(0, len(pieces), _AT_ONCE):
                some = pieces[start : start + _AT_ONCE]
                files = [file for file in pool.map(self._fetch, some, range(len(some))) if file is not None]
                for kind in ("gz", "json"):
                    self._load([file for file in files if file.suffix == f".{kind}"])
                for file in files:
                    file.unlink()
                advance(sum(piece.size for piece in some))

    def _fetch(self, piece: Piece, number: int) -> Path | None:
        """Store an object beside the database under a name that tells how to read it; ``None`` where it is none."""
        try:
            content = self._place.read(piece.name)
        except Unread as error:
            self._skipped[str(error)] += 1
            return None
        if not content.strip():
            return None
        zipped = content.startswith(_GZIP)
        if not zipped and not content.lstrip().startswith(b"{"):
            self._skipped[NO_OBJECT] += 1
            return None
        file = self._folder / f"{number}.{'gz' if zipped else 'json'}"
        file.write_bytes(content)
        return file

    def _load(self, files: Sequence[Path]) -> None:
        """Load files of one kind; where one of them is damaged, each by itself and what is good of it."""
        if not files or self._try(files):
            return
        for file in files:
            if not self._try([file]) and not self._try([self._salvage(file)]):
                self._skipped[NO_OBJECT] += 1

    def _try(self, files: Sequence[Path]) -> bool:
        names = ", ".join(f"'{str(file).replace(chr(39), chr(39) * 2)}'" for file in files)
        zipped = "gzip" if files[0].suffix == ".gz" else "none"
        reader = (
            f"read_json([{names}], format = 'newline_delimited', compression = '{zipped}', ignore_errors = true, "
            f"columns = {_COLUMNS})"
        )
        try:
            self._database.execute(f"CREATE OR REPLACE TEMP TABLE lines AS SELECT * FROM {reader}")
        except duckdb.Error:
            return False
        foreign, newer = self._database.execute(
            f"SELECT count(*) FILTER (v IS NULL OR (v <= {VERSION} AND events IS NULL)), "
            f"count(*) FILTER (v > {VERSION}) FROM lines"
        ).fetchall()[0]
        self._skipped.update({reason: n for reason, n in ((FOREIGN, foreign), (NEWER, newer)) if n})
        self._database.execute(
            f"INSERT INTO {self._relation} SELECT * FROM ({_RELATIONS[self._relation][1]}) WHERE {self._condition}"
        )
        return True

    def _salvage(self, file: Path) -> Path:
        """Write down what can still be read of a file as plain lines, and count what cannot."""
        target = file.with_suffix(".salvaged.json")
        with target.open("wb") as output:
            rest = b""
            too_long = False
            for chunk in self._chunks(file):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if too_long or len(line) >= LONGEST_LINE:
                        self._skipped[FOREIGN] += 1
                        too_long = False
                    else:
                        output.write(line + b"\n")
                if len(rest) >= LONGEST_LINE:  # not kept in memory until it ends
                    rest, too_long = b"", True
            if too_long:
                self._skipped[FOREIGN] += 1
        return target

    def _chunks(self, file: Path) -> Iterator[bytes]:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as source:
            try:
                while chunk := source.read(1 << 16):
                    yield chunk
            except (OSError, EOFError, zlib.error):
                self._skipped[BROKEN] += 1
