"""A quarantine and queues in memory, with the semantics of S3 and SQS, that can be interrupted at any call.

They count the calls an adapter would make, one for each object or batch, and ask ``Calls`` at each what goes wrong.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ses_feedback.domain.events import Fault
from ses_feedback.domain.times import format_time, parse_time
from ses_feedback.usecases.ports import Kept, Letter, Piece
from tests.fakes import Crash

T = TypeVar("T")
Trouble = Callable[[int, str], None]


@dataclass
class Calls:
    """The calls made, by name; ``before`` and ``after`` are asked at each, with its number, and may raise."""

    made: list[str] = field(default_factory=list)
    before: Trouble | None = None
    after: Trouble | None = None

    def call(self, name: str, effect: Callable[[], T]) -> T:
        number = len(self.made)
        self.made.append(name)
        if self.before is not None:
            self.before(number, name)
        result = effect()
        if self.after is not None:
            self.after(number, name)
        return result

    def crash_at(self, number: int, *, after: bool) -> None:
        """Let the process die at a call, before or after it took effect."""

        def die(at: int, name: str) -> None:
            if at == number:
                raise Crash

        self.before, self.after = (None, die) if after else (die, None)

    def mend(self) -> None:
        """Let nothing go wrong any more."""
        self.before = self.after = None


class Objects:
    """A ``QuarantineStore``, and the ``Quarantine`` that functions keep pieces in: one bucket."""

    page = 3

    def __init__(self, calls: Calls | None = None) -> None:
        self.calls = calls or Calls()
        self.stored: dict[tuple[bool, str], tuple[bytes, int, str]] = {}
        self.kept = 0
        self._versions = itertools.count()

    def put(self, retrying: bool, id_: str, body: bytes, at: int) -> str:
        version = f"v{next(self._versions)}"
        self.stored[retrying, id_] = (body, at, version)
        return version

    def keep(self, fault: Fault, now: int) -> bool:
        """Keep a fault as the bucket does: once for each text."""
        id_ = hashlib.sha256(fault.raw.encode("utf-8", "surrogatepass")).hexdigest()
        if (False, id_) in self.stored:
            return False
        found = {"quarantined_at": format_time(now), "why": fault.why, "topic": fault.topic, "raw": fault.raw}
        self.put(False, id_, json.dumps(found).encode(), now)
        self.kept += 1
        return True

    def ids(self, *, retrying: bool = False) -> set[str]:
        return {id_ for where, id_ in self.stored if where is retrying}

    def pages(self) -> Iterator[Sequence[Kept]]:
        for retrying in (False, True):
            found = sorted(id_ for where, id_ in self.stored if where is retrying)
            for start in range(0, len(found) or 1, self.page):
                page = found[start : start + self.page]
                yield self.calls.call("list", lambda page=page, r=retrying: [self._kept(r, id_) for id_ in page])

    def find(self, prefix: str) -> Sequence[Kept]:
        return [self._kept(where, id_) for where, id_ in sorted(self.stored) if id_.startswith(prefix)]

    def _kept(self, retrying: bool, id_: str) -> Kept:
        body, at, _ = self.stored.get((retrying, id_), (b"", 0, ""))
        return Kept(id_, at, len(body), retrying)

    def read(self, wanted: Sequence[Kept]) -> Sequence[Piece]:
        found = [self.calls.call("read", lambda kept=kept: self._read(kept)) for kept in wanted]
        return [piece for piece in found if piece is not None]

    def _read(self, kept: Kept) -> Piece | None:
        there = self.stored.get((kept.retrying, kept.id))
        if there is None:
            return None
        body, at, version = there
        if not body.startswith(b"{"):
            return Piece(kept, at, "this object was not written by ses-feedback", None, None, body, version)
        found = json.loads(body)
        at = parse_time(found["quarantined_at"])
        return Piece(kept, at, found["why"], found["topic"], found["raw"], body, version)

    def hold(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        return [
            piece if piece.kept.retrying else self.calls.call("hold", lambda piece=piece: self._hold(piece))
            for piece in pieces
        ]

    def _hold(self, piece: Piece) -> Piece:
        version = self.put(True, piece.kept.id, piece.stored, piece.at)
        return piece._replace(kept=piece.kept._replace(retrying=True), version=version)

    def withdraw(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self.calls.call("withdraw", lambda piece=piece: self._delete(piece))

    def let_go(self, held: Sequence[Piece]) -> None:
        for piece in held:
            self.calls.call("let go", lambda piece=piece: self._delete(piece))

    def _delete(self, piece: Piece) -> None:
        key = (piece.kept.retrying, piece.kept.id)
        if key in self.stored and self.stored[key][2] == piece.version:
            del self.stored[key]


@dataclass
class Waiting:
    """A message in a queue."""

    letter: Letter
    hidden: bool = False


class Queue:
    """A ``WorkQueue``. ``refuse`` maps a body to why it is not taken; ``cannot_delete`` to why it stays."""

    def __init__(self, name: str, calls: Calls | None = None, largest: int = 1_048_576) -> None:
        self._name = name
        self.calls = calls or Calls()
        self.limit = largest
        self.waiting: list[Waiting] = []
        self.refuse: dict[str, str] = {}
        self.cannot_delete: dict[str, str] = {}
        self.said: int | None = None
        self._numbers = itertools.count()

    @property
    def name(self) -> str:
        return self._name

    @property
    def bodies(self) -> list[str]:
        return [message.letter.body for message in self.waiting]

    def put(self, body: str, **known: object) -> None:
        number = next(self._numbers)
        letter = Letter(f"id-{number}", body, {}, f"receipt-{number}")
        self.waiting.append(Waiting(letter._replace(**known)))

    def take(self) -> list[str]:
        """Empty the queue, as its function does."""
        bodies = self.bodies
        self.waiting.clear()
        return bodies

    def largest(self) -> int:
        return self.limit

    def depth(self) -> int:
        return self.calls.call("depth", lambda: len(self.waiting) if self.said is None else self.said)

    def receive(self, most: int, hidden_s: int) -> Sequence[Letter]:
        return self.calls.call("receive", lambda: self._receive(most))

    def _receive(self, most: int) -> list[Letter]:
        seen = [message for message in self.waiting if not message.hidden][:most]
        for message in seen:
            message.hidden = True
        return [message.letter for message in seen]

    def send(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        return self.calls.call("send", lambda: self._send(letters)) if letters else {}

    def _send(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        refused = {letter.id: self.refuse[letter.body] for letter in letters if letter.body in self.refuse}
        for letter in letters:
            if letter.id not in refused:
                self.put(letter.body, attributes=letter.attributes)
        return refused

    def delete(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        return self.calls.call("delete", lambda: self._delete(letters))

    def _delete(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        stayed = {letter.id: self.cannot_delete[letter.body] for letter in letters if letter.body in self.cannot_delete}
        gone = {letter.receipt for letter in letters if letter.id not in stayed}
        self.waiting = [message for message in self.waiting if message.letter.receipt not in gone]
        return stayed

    def show_again(self, letters: Sequence[Letter]) -> None:
        receipts = {letter.receipt for letter in letters}
        for message in self.waiting:
            message.hidden = message.hidden and message.letter.receipt not in receipts

    def time_out(self) -> None:
        """Let every message be seen again."""
        for message in self.waiting:
            message.hidden = False


@dataclass
class Clock:
    """A clock that is moved by waiting, and a wish to stop after so many waits."""

    now: float = 1_000.0
    waits: list[float] = field(default_factory=list)
    stopped: bool = False

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return self.stopped

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return self.stopped
