"""REPLAY: an archive becomes the suppressions that live feedback made of it, in an empty table or a live one.

First everything is read and noted by address; then each address is settled at once, strikes and decisions before
deliveries, and written only where the table does not say so already. All of it can be done again, wholly or in part,
from any point, and changes nothing more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, Suppression, expires_at, join, strongest, suppressions
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.merging import is_up_to_date, merge, merge_into
from ses_feedback.usecases.ports import HistoryStore, Stored
from ses_feedback.usecases.rate import Rate, Stop
from ses_feedback.usecases.record import Who
from ses_feedback.usecases.replay_reading import Gathered, Reader, Window
from ses_feedback.usecases.tally import AT_ONCE, clearing

T = TypeVar("T")
Advance = Callable[[int], None]
# Calls a function with each of some things, perhaps several at once; ``map`` is one.
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

# Addresses are noted when so many were gathered: some ten megabytes of memory.
_NOTED_AT_ONCE: Final = 20_000
_READS_AT_ONCE: Final = 8
_TRIES: Final = 7
_FIRST_PAUSE_S: Final = 0.2

# How an address differs from the table.
SUPPRESSED: Final = "suppressed"  # it would be, and is not
FREED: Final = "freed"  # it would not be, and is
CHANGED: Final = "changed"  # it is either way, by another suppression
EVIDENCE: Final = "evidence"  # what holds is the same; what it rests on is not
DIFFERENCES: Final = (SUPPRESSED, FREED, CHANGED, EVIDENCE)


# An address, its evidence (strikes and decisions), and its newest delivery by stream.
Noted = tuple[Who, History, Mapping[str, int]]


class Object(NamedTuple):
    """An object of an archive: its name, and its size in bytes."""

    name: str
    size: int


class Texts(Protocol):
    """An object that was opened: iterating yields texts of whole notifications, and fills the rest meanwhile.

    ``skipped`` is what was passed over in it. ``unread`` is why it could not be read, where it may be another time.
    """

    object: Object
    skipped: Counter[str]
    unread: str | None

    def __iter__(self) -> Iterator[str]:
        """Yield its texts. Raises ``FeedbackError`` where nothing of the archive can be read."""


class Source(Protocol):
    """An archive, wherever it lies."""

    def objects(self, window: Window) -> Iterator[Object]:
        """Yield the objects that may hold feedback of a window. Raises ``FeedbackError``."""

    def open_all(self, objects: Iterable[Object]) -> Iterator[Texts]:
        """Yield objects in order, opened."""


class Notebook(Protocol):
    """Notes how far a replay is and what it knows, so that one that was stopped goes on."""

    def expect(self, objects: Iterable[Object]) -> None:
        """Note what there is to read; what was read before and has not changed since is not read again."""

    def totals(self) -> tuple[int, int]:
        """Return how many objects are still to be read, and their bytes."""

    def unread(self) -> Iterator[Object]:
        """Yield the objects still to be read."""

    def note(self, gathered: Gathered) -> None:
        """Join what was gathered with what is noted of each address."""

    def done(self, object_: Object, counts: Mapping[str, int], skipped: Mapping[str, int]) -> None:
        """Note that an object was read, and what was counted."""

    def counted(self) -> tuple[Counter[str], Counter[str]]:
        """Return the counts of all objects read, and of what was passed over."""

    def addresses(self) -> int:
        """Return how many addresses are still to be settled."""

    def unsettled(self) -> Iterator[Noted]:
        """Yield addresses in order."""

    def settled(self, last: Who) -> None:
        """Note that all addresses up to one are settled."""


class Difference(NamedTuple):
    """An address for which the table says otherwise than the archive: what holds there, and what would."""

    environment: str
    address: str
    kind: str
    before: tuple[Suppression, ...]
    after: tuple[Suppression, ...]


Change = tuple[Difference, Stored | None, History]


@dataclass(slots=True)
class Replayed:
    """What became of addresses. ``right`` needed nothing; ``over`` are unknown, and nothing of them matters any more.

    ``differences`` by kind, ``reasons`` those of addresses that would be suppressed and are not (``freed``: the other
    way round). ``problems`` says why some could not be written.
    """

    addresses: int = 0
    right: int = 0
    over: int = 0
    written: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    freed: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)


def collect(
    opened: Iterable[Texts], reader: Reader, notebook: Notebook, stop: Stop, advance: Advance, unread: Counter[str]
) -> bool:
    """Read objects and note what they say; return whether it came to the end. ``advance`` is told of bytes.

    What could not be read is counted into ``unread`` by its reason, and stays to be read another time.
    """
    for texts in opened:
        if stop.is_set():
            return False
        reader.counts.clear()
        reader.skipped.clear()
        for text in texts:
            if stop.is_set():
                return False
            reader.read(text)
            if len(reader.gathered) >= _NOTED_AT_ONCE:
                notebook.note(reader.take())
        notebook.note(reader.take())
        if texts.unread is None:
            notebook.done(texts.object, reader.counts, reader.skipped + texts.skipped)
        else:
            unread[texts.unread] += 1
        advance(texts.object.size)
    return True


class Settling:
    """Brings the table to what is noted, or (``dry_run``) only finds where it is not. ``told`` hears of differences.

    ``each`` may work on several at once. ``pause`` waits so many seconds after DynamoDB refused.
    """

    def __init__(
        self,
        store: HistoryStore,
        policy: Policy,
        now: int,
        *,
        rate: Rate,
        into: Replayed,
        dry_run: bool = False,
        told: Callable[[Difference], None] = lambda difference: None,
        each: Each = map,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._rate = rate
        self._into = into
        self._dry_run = dry_run
        self._told = told
        self._each = each
        self._pause = pause

    def run(self, notebook: Notebook, advance: Advance) -> bool:
        """Settle all addresses of a notebook; return whether it came to the end. May raise ``RetryableError``."""
        if self._dry_run:
            return self.settle(notebook.unsettled(), advance)
        return self.settle(notebook.unsettled(), advance, notebook.settled)

    def settle(
        self,
        found: Iterable[Noted],
        advance: Advance = lambda number: None,
        settled: Callable[[Who], None] = lambda last: None,
    ) -> bool:
        """Settle addresses, each given once; return whether it came to the end. May raise ``RetryableError``."""
        found = iter(found)
        while batches := [batch for _ in range(_READS_AT_ONCE) if (batch := list(islice(found, AT_ONCE)))]:
            compared = list(self._each(self._compare, batches))
            changes = list(chain.from_iterable(changes for changes, _ in compared))
            over = sum(over for _, over in compared)
            for difference, _, _ in changes:
                self._count(difference)
            if not self._dry_run and not self._write_all(changes):
                return False
            number = sum(len(batch) for batch in batches)
            self._into.addresses += number
            self._into.over += over
            self._into.right += number - len(changes) - over
            settled(batches[-1][-1][0])
            advance(number)
            if self._rate.stopped:
                return False
        return True

    def _compare(self, batch: Sequence[Noted]) -> tuple[list[Change], int]:
        """Return for each address that differs how, what is stored, and what is to be learned; and how many are over.

        Over is what nobody knows and what cannot matter any more: DynamoDB would only delete it again.
        """
        stored = self._patiently(lambda: self._store.get_many([who for who, _, _ in batch]))
        changes: list[Change] = []
        over = 0
        for who, evidence, delivered in batch:
            there = stored.get(who)
            known = there.history if there else History()
            joined = join(known, evidence, self._policy)
            deliveries = clearing(delivered, joined)
            if deliveries.deliveries:
                joined = join(joined, deliveries, self._policy)
            found = tuple(suppressions(joined, self._policy))
            if (joined == known) if there is None else is_up_to_date(there, joined, self._policy):
                continue
            ends = expires_at(joined, found, self._policy)
            if there is None and ends is not None and ends * SECOND <= self._now:
                over += 1
                continue
            news = replace(evidence, deliveries=deliveries.deliveries)
            changes.append((self._difference(who, there.suppressions if there else (), found), there, news))
        return changes, over

    def _difference(self, who: Who, before: tuple[Suppression, ...], after: tuple[Suppression, ...]) -> Difference:
        held, holds = (tuple(s for s in some if s.until is None or s.until > self._now) for some in (before, after))
        if held == holds:
            kind = EVIDENCE
        elif not held:
            kind = SUPPRESSED
        else:
            kind = CHANGED if holds else FREED
        return Difference(*who, kind, held, holds)

    def _count(self, difference: Difference) -> None:
        self._into.differences[difference.kind] += 1
        if difference.kind in (SUPPRESSED, FREED):
            top = strongest(difference.before or difference.after)
            reasons = self._into.reasons if difference.kind == SUPPRESSED else self._into.freed
            reasons[top.reason if top else ""] += 1
        self._told(difference)

    def _write_all(self, changes: Sequence[Change]) -> bool:
        step = self._rate.step
        for start in range(0, len(changes), step):
            some = changes[start : start + step]
            if not self._rate.wait(len(some)):
                return False
            for problem in self._each(self._write, some):
                if problem is None:
                    self._into.written += 1
                else:
                    self._into.problems[problem] += 1
        return True

    def _write(self, change: Change) -> str | None:
        """Write one address; return what is wrong with it where it can never be written."""
        difference, stored, news = change
        try:
            if stored is not None:
                self._patiently(lambda: merge_into(self._store, stored, news, self._policy))
            else:
                who = (difference.environment, difference.address)
                self._patiently(lambda: merge(self._store, *who, news, self._policy))
        except PermanentError as error:
            return str(error)
        return None

    def _patiently(self, call: Callable[[], T]) -> T:
        """Return what a call returns, repeating it while it may work later: a long replay meets every throttle."""
        for attempt in range(_TRIES):
            try:
                return call()
            except RetryableError:
                if attempt == _TRIES - 1 or self._rate.stopped:
                    raise
            self._pause(_FIRST_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable: the last try returns or raises")
