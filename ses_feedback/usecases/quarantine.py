"""What lies in quarantine, and how it goes back to work: through the queues, as the SNS message it once was."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.reading import read
from ses_feedback.usecases.ports import Kept, Letter, Piece, QuarantineStore, WorkQueue
from ses_feedback.usecases.rate import Rate

SHORTEST_ID: Final = 4
TOO_LARGE: Final = "too large for the queue"
FOREIGN: Final = "not written by this program"
_LEAST_SHOWN: Final = 8
_READ_AT_ONCE: Final = 50
_ID: Final = re.compile(rf"[0-9a-f]{{{SHORTEST_ID},64}}")
# `SendMessage` takes no other character beyond ASCII's control ones, which JSON spells out anyway.
_UNSENDABLE: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")

Advance = Callable[[int], None]


def _ignore(number: int) -> None:
    """Show no progress."""


@dataclass(slots=True)
class Retried:
    """What became of a retry; ``found`` is always ``put_back + gone + left``.

    ``resumed`` of those found had been begun by a retry that did not finish; ``gone`` were taken by somebody else
    meanwhile; ``unread`` of those left were not looked at, because the retry was stopped: with a reason to look for,
    they may be others. ``unreadable`` of those put back (or, in a dry run, of those that would be) are not readable by
    this version and configuration either: where the deployed ones are the same, they return. ``problems`` says why the
    rest are left.
    """

    candidates: int = 0
    others: int = 0
    unread: int = 0
    put_back: int = 0
    gone: int = 0
    resumed: int = 0
    unreadable: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def found(self) -> int:
        """How many were meant."""
        return self.candidates - self.others

    @property
    def left(self) -> int:
        """How many are still there."""
        return self.found - self.put_back - self.gone


def everything(store: QuarantineStore, advance: Advance = _ignore) -> list[Kept]:
    """Return all that is in quarantine, newest first; of one that is there and retrying as well, what is there."""
    found: dict[str, Kept] = {}
    for page in store.pages():
        _gather(found, page)
        advance(len(page))
    return sorted(found.values(), key=lambda kept: (-kept.at, kept.id))


def _gather(found: dict[str, Kept], page: Iterable[Kept]) -> None:
    for kept in page:
        known = found.get(kept.id)
        if known is None or known.retrying:
            found[kept.id] = kept


def shown_length(ids: Iterable[str]) -> int:
    """Return how many digits tell these ids apart, at least eight."""
    ordered = sorted(ids)
    length = _LEAST_SHOWN
    for one, other in pairwise(ordered):
        while one[:length] == other[:length] and length < len(one):
            length += 1
    return length


def newest(store: QuarantineStore, found: Sequence[Kept], why: str | None, limit: int) -> Iterator[Piece]:
    """Yield the first ``limit`` of some pieces whose reason holds a text, reading no more than it takes."""
    at_once = min(_READ_AT_ONCE, limit)
    chunks = (found[start : start + at_once] for start in range(0, len(found), at_once))
    pieces = (piece for chunk in chunks for piece in store.read(chunk))
    yield from islice((piece for piece in pieces if _is_meant(piece, why)), limit)


def one(store: QuarantineStore, name: str) -> Kept:
    """Return the piece of an id, or of the beginning of one. Raises ``PermanentError`` unless there is exactly one."""
    prefix = name.lower()
    if not _ID.fullmatch(prefix):
        raise PermanentError(f'"{name}" is not an id: at least {SHORTEST_ID} of the digits 0-9 and a-f that list shows')
    found: dict[str, Kept] = {}
    _gather(found, store.find(prefix))
    if not found:
        raise PermanentError(f'nothing in quarantine has the id "{name}": see what is there with quarantine list')
    if len(found) > 1:
        raise PermanentError(f'"{name}" is the beginning of {len(found)} ids: type more digits')
    return next(iter(found.values()))


def whole(store: QuarantineStore, kept: Kept) -> Piece:
    """Return a piece with its text. Raises ``PermanentError`` where it is gone by now."""
    pieces = store.read([kept])
    if not pieces:
        raise PermanentError(f"{kept.id} is gone from the quarantine: it expired, or somebody has retried it")
    return pieces[0]


def as_message(piece: Piece) -> str:
    """Return a piece as the SNS message it came in: the topic stays known, and the reader opens it as one message."""
    topic = {} if piece.topic is None else {"TopicArn": piece.topic}
    text = json.dumps({"Type": "Notification", **topic, "Message": piece.raw}, ensure_ascii=False)
    return _UNSENDABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Retry:
    """Puts pieces back to work: to be recorded by one queue, and counted by the other.

    At any point it may die: what is still in quarantine is there for the next retry, and so is what was held. A piece
    that was sent and not yet let go is sent once more; that changes no suppression, and counts it once more.
    """

    def __init__(
        self, store: QuarantineStore, queues: Sequence[WorkQueue], directory: Directory, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._queues = queues
        self._directory = directory
        self._now = now
        self._largest: int | None = None

    def look(
        self, found: Sequence[Kept], why: str | None, rate: Rate, into: Retried, advance: Advance = _ignore
    ) -> None:
        """Count into ``into`` what a retry of some pieces would do, and do nothing. ``rate`` only says when to stop."""
        into.candidates = into.unread = len(found)
        for start in range(0, len(found), _READ_AT_ONCE):
            if rate.stopped:
                return
            chunk = found[start : start + _READ_AT_ONCE]
            self._sift(chunk, why, into)
            advance(len(chunk))

    def run(
        self, found: Sequence[Kept], why: str | None, rate: Rate, into: Retried, advance: Advance = _ignore
    ) -> None:
        """Put pieces back, those whose reason holds a text or whose retry has begun, and count into ``into``."""
        into.candidates = into.unread = len(found)
        for start in range(0, len(found), rate.step):
            if rate.stopped:
                return
            chunk = found[start : start + rate.step]
            ready = self._sift(chunk, why, into)
            if ready and not rate.wait(len(ready)):
                return
            self._put_back(ready, into)
            advance(len(chunk))

    def _sift(self, chunk: Sequence[Kept], why: str | None, into: Retried) -> list[Piece]:
        """Return the pieces of a chunk that can be put back, and count the others."""
        pieces = self._store.read(chunk)
        into.unread -= len(chunk)
        into.gone += len(chunk) - len(pieces)
        ready = []
        for piece in pieces:
            if not piece.kept.retrying and not _is_meant(piece, why):
                into.others += 1
                continue
            into.reasons[piece.why] += 1
            into.resumed += piece.kept.retrying
            if piece.raw is None:
                into.problems[FOREIGN] += 1
                continue
            message = as_message(piece)
            if len(message.encode()) > self._most():
                into.problems[TOO_LARGE] += 1
                continue
            into.unreadable += bool(read(message, self._directory, self._now()).faults)
            ready.append(piece)
        return ready

    def _most(self) -> int:
        if self._largest is None:
            self._largest = min(queue.largest() for queue in self._queues)
        return self._largest

    def _put_back(self, pieces: list[Piece], into: Retried) -> None:
        if not pieces:
            return
        held = self._store.hold(pieces)
        self._store.withdraw([piece for piece in pieces if not piece.kept.retrying])
        refused: dict[str, str] = {}
        letters = [Letter(piece.kept.id, as_message(piece), {}) for piece in pieces]
        for queue in self._queues:
            refused.update(queue.send([letter for letter in letters if letter.id not in refused]))
        into.problems.update(refused.values())
        sent = [piece for piece in held if piece.kept.id not in refused]
        self._store.let_go(sent)
        into.put_back += len(sent)


def _is_meant(piece: Piece, why: str | None) -> bool:
    return why is None or why.casefold() in piece.why.casefold()
