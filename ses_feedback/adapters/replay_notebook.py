"""Where a replay notes what it knows: one SQLite file, which outlives a Ctrl-C and holds more than memory does.

What was gathered of an object and the note that it was read are separate transactions, in that order: gathering twice
changes nothing. The file holds addresses, so only its owner may read it, and it goes when the replay is done.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import History, Known, Past, Ruling, Strike, copy_key, join
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.reach import Name, Reach
from ses_feedback.usecases.record import Who
from ses_feedback.usecases.replay import Noted, Object
from ses_feedback.usecases.replay_reading import Gathered

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, size INTEGER, counts TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evidence (environment TEXT, address TEXT, history TEXT, PRIMARY KEY (environment, address))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (environment TEXT, address TEXT, stream TEXT, at INTEGER,
    PRIMARY KEY (environment, address, stream)) WITHOUT ROWID;
"""
_REPLAY: Final = "replay"
_ENVIRONMENT: Final = "settled environment"
_ADDRESS: Final = "settled address"
_PAGE: Final = 1_000


class ReplayNotebook:
    """Implements ``Notebook``. ``path`` ``None``: a temporary one, which is gone with the process.

    ``replay`` tells this replay from any other: noting goes on only where it is the same. Raises ``PermanentError``
    where it is not, where another process works with the file, and where the file is none of ours.
    """

    def __init__(self, path: Path | None, replay: str, policy: Policy) -> None:
        self._path = path
        self._policy = policy
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise PermanentError(f'--state: "{path}" cannot be written: {error.strerror or error}') from error
        # Isolation is ours: a transaction begins where one is needed, and holds the file against others at once.
        self._database = sqlite3.connect(path or "", isolation_level=None, timeout=0.5, check_same_thread=False)
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";"):
                self._database.execute(statement)
            self._database.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (_REPLAY, replay))
            self._database.execute("COMMIT")
            known = self._about(_REPLAY)
        except sqlite3.Error as error:
            self._database.close()
            raise PermanentError(_why(path, error)) from error
        if known != replay:
            self._database.close()
            raise PermanentError(
                f'--state: "{path}" belongs to another replay (other source, window, deployment or configuration): '
                "name another file, or remove it to begin anew"
            )

    def is_empty(self) -> bool:
        """Return whether there is nothing to read, or nobody could say what: there is nothing to go on with."""
        try:
            return self._one("SELECT count(*) FROM objects") == (0,)
        except sqlite3.ProgrammingError:  # removed by now
            return False

    def close(self) -> None:
        """Leave the file as it is: the same replay goes on with it."""
        self._database.close()

    def remove(self) -> None:
        """Remove the file: the replay is done."""
        self._database.close()
        if self._path is not None:
            for suffix in ("", "-journal"):
                with suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + suffix).unlink()

    # --- objects ------------------------------------------------------------------------------------------------------

    def expect(self, objects: Iterable[Object]) -> None:
        """See ``Notebook``. What is to be read may change what was settled: all of that is looked at once more."""
        with _Transaction(self._database) as database:
            database.executemany(
                "INSERT INTO objects VALUES (?, ?, NULL) ON CONFLICT (name) DO UPDATE "
                "SET size = excluded.size, counts = NULL WHERE size <> excluded.size",
                ((object_.name.encode("utf-8", "surrogateescape"), object_.size) for object_ in objects),
            )
            if self.totals()[0]:
                database.execute("DELETE FROM about WHERE name IN (?, ?)", (_ENVIRONMENT, _ADDRESS))

    def totals(self) -> tuple[int, int]:
        """See ``Notebook``."""
        number, size = self._one("SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE counts IS NULL")
        return number, size

    def unread(self) -> Iterator[Object]:
        """See ``Notebook``."""
        last = b""
        while page := self._database.execute(
            "SELECT name, size FROM objects WHERE counts IS NULL AND name > ? ORDER BY name LIMIT ?", (last, _PAGE)
        ).fetchall():
            for name, size in page:
                yield Object(name.decode("utf-8", "surrogateescape"), size)
            last = page[-1][0]

    def done(self, object_: Object, counts: Mapping[str, int], skipped: Mapping[str, int]) -> None:
        """See ``Notebook``."""
        text = json.dumps([counts, skipped])
        name = object_.name.encode("utf-8", "surrogateescape")
        self._database.execute("UPDATE objects SET counts = ? WHERE name = ?", (text, name))

    def counted(self) -> tuple[Counter[str], Counter[str]]:
        """See ``Notebook``."""
        counts: Counter[str] = Counter()
        skipped: Counter[str] = Counter()
        for (text,) in self._database.execute("SELECT counts FROM objects WHERE counts IS NOT NULL"):
            found = json.loads(text)
            counts["objects"] += 1
            counts.update(found[0])
            skipped.update(found[1])
        return counts, skipped

    # --- addresses ----------------------------------------------------------------------------------------------------

    def note(self, gathered: Gathered) -> None:
        """See ``Notebook``."""
        deliveries = (
            (*who, stream, at) for who, streams in gathered.deliveries.items() for stream, at in streams.items()
        )
        with _Transaction(self._database) as database:
            for who, history in gathered.evidence(self._policy).items():
                known = database.execute(
                    "SELECT history FROM evidence WHERE environment = ? AND address = ?", who
                ).fetchone()
                joined = join(_from_text(known[0]), history, self._policy) if known else history
                database.execute("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?)", (*who, _to_text(joined)))
            database.executemany(
                "INSERT INTO deliveries VALUES (?, ?, ?, ?) ON CONFLICT (environment, address, stream) "
                "DO UPDATE SET at = excluded.at WHERE at < excluded.at",
                deliveries,
            )

    def addresses(self) -> int:
        """See ``Notebook``."""
        (number,) = self._one(
            "SELECT count(*) FROM (SELECT environment, address FROM evidence UNION "
            "SELECT environment, address FROM deliveries) WHERE (environment, address) > (?, ?)",
            *self._position(),
        )
        return int(number)

    def unsettled(self) -> Iterator[Noted]:
        """See ``Notebook``. Page by page, so that noting how far it is disturbs no open cursor."""
        last = self._position()
        while page := self._database.execute(
            "SELECT environment, address FROM evidence WHERE (environment, address) > (?, ?) UNION "
            "SELECT environment, address FROM deliveries WHERE (environment, address) > (?, ?) ORDER BY 1, 2 LIMIT ?",
            (*last, *last, _PAGE),
        ).fetchall():
            for who in page:
                yield who, self._evidence(who), self._deliveries(who)
            last = page[-1]

    def settled(self, last: Who) -> None:
        """See ``Notebook``."""
        with _Transaction(self._database) as database:
            database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (_ENVIRONMENT, last[0]))
            database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (_ADDRESS, last[1]))

    def _evidence(self, who: Who) -> History:
        found = self._database.execute("SELECT history FROM evidence WHERE environment = ? AND address = ?", who)
        row = found.fetchone()
        return _from_text(row[0]) if row else History()

    def _deliveries(self, who: Who) -> dict[str, int]:
        return dict(
            self._database.execute("SELECT stream, at FROM deliveries WHERE environment = ? AND address = ?", who)
        )

    def _position(self) -> Who:
        return self._about(_ENVIRONMENT) or "", self._about(_ADDRESS) or ""

    def _about(self, name: str) -> str | None:
        row = self._database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _one(self, query: str, *values: str) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._database.execute(query, values).fetchone()
        return found


class _Transaction:
    """A block that takes effect as a whole, or not at all."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        self._database.execute("BEGIN")
        return self._database

    def __exit__(self, error: object, *_: object) -> None:
        self._database.execute("COMMIT" if error is None else "ROLLBACK")


def _to_text(history: History) -> str:
    return json.dumps(
        [
            [[key, *strike] for key, strike in history.strikes.items()],
            [[scope, *ruling] for scope, ruling in history.releases.items()],
            [[scope, *ruling] for (scope, _), ruling in history.rulings.items()],
            [[past.scope, past.released, *past.ruling] for past in history.past],
            [[scope, *found] for scope, found in history.reaches.items()],
            history.erased,
        ],
        separators=(",", ":"),
    )


def _from_text(text: str) -> History:
    strikes, releases, rulings, past, *more = json.loads(text)
    reaches, erased = more or ([], 0)  # version 0.1 wrote neither, and keys of strikes without their streams
    decided = [(scope, _ruling(*ruling)) for scope, *ruling in rulings]
    return History(
        strikes={copy_key(key.partition("/")[0], one): one for key, *strike in strikes for one in [Strike(*strike)]},
        releases={scope: _ruling(*ruling) for scope, *ruling in releases},
        rulings={(scope, ruling.reason): ruling for scope, ruling in decided},
        past=frozenset(Past(scope, released, _ruling(*ruling)) for scope, released, *ruling in past),
        reaches={scope: Reach(before, _names(named)) for scope, before, named in reaches},
        erased=erased,
    )


def _ruling(
    at: int,
    until: int | None,
    reason: str,
    why: str,
    by: str,
    known: list[Any] | None,
    made: int | None = None,
    lifts: Sequence[list[Any]] = (),
) -> Ruling:
    return Ruling(at, until, reason, why, by, None if known is None else Known(*known), made, _names(lifts))


def _names(pairs: Iterable[list[Any]]) -> tuple[Name, ...]:
    return tuple((message, at) for message, at in pairs)


def _why(path: Path | None, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f'--state: another replay is at work with "{path}": let it end, or name another file'
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        return f'--state: "{path}" is no state file of a replay: name another'
    return f'--state: "{path}" cannot be used: {error}'
