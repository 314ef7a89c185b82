"""SES's own list of a region beside ours: read theirs, judge each entry, and find what of ours is missing there.

A comparison may be cut short at any point. ``Preview`` changes neither list; ``syncing`` has what makes them alike.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, Protocol, TypeVar

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import FeedbackError
from ses_feedback.usecases.lists import ses_list as rules
from ses_feedback.usecases.lists.importing import ListStore
from ses_feedback.usecases.lists.ses_list import Entry, Judged, Terms
from ses_feedback.usecases.lists.sync_ports import PutNotes, Round, RoundStore, Row, SesListGateway, StaleToken
from ses_feedback.usecases.pacing import OutOfTime, Pacer
from ses_feedback.usecases.ports import Stored
from ses_feedback.usecases.questions import AT_ONCE

T = TypeVar("T")

_PAGES_BETWEEN_SAVES: Final = 20
STRANGERS: Final = "entries"  # how many entries SES's list has


class Keyed(Protocol):
    """What makes keys of addresses."""

    def address(self, environment: str, address: str) -> str:
        """Return the key of an address."""


class Difference(NamedTuple):
    """One address about which the lists differ: ``what`` is ``put``, ``take`` or ``remove``, as it is done."""

    region: str
    address: str
    what: str
    why: str


class Outcome(NamedTuple):
    """How far the round of a region came. ``waiting`` is how many addresses SES still works on."""

    region: str
    finished: bool
    counts: Mapping[str, int]
    passed: Mapping[str, int]
    waiting: int = 0
    problem: str | None = None


class Outside(NamedTuple):
    """What every round works with. ``going`` says whether to go on; ``tell`` hears of each difference.

    ``advance`` is told how many entries of SES's list were read.
    """

    store: ListStore
    notes: PutNotes
    rounds: RoundStore
    keys: Keyed
    pacer: Pacer
    now: Callable[[], int]
    going: Callable[[], bool]
    tell: Callable[[Difference], None]
    advance: Callable[[int], None] = lambda number: None


class Parts(NamedTuple):
    """What of AWS a sync needs besides the table: SES's list in each region, and what is remembered."""

    lists: Sequence[SesListGateway]
    notes: PutNotes
    rounds: RoundStore
    pacer: Pacer


class Compare:
    """What both a sync and its preview do."""

    def __init__(self, ses: SesListGateway, terms: Terms, outside: Outside) -> None:
        self._ses = ses
        self._terms = terms
        self._outside = outside
        self._round = Round()
        self._fresh: list[int] = []

    def run(self) -> Outcome:
        """Go as far as time allows; return how far that was. Nothing is raised but what is a bug."""
        problem = None
        try:
            self._outside.store.verify()
            finished = self._go()
        except OutOfTime:
            finished = False
        except FeedbackError as error:
            finished, problem = False, str(error)
        try:
            self._leave()
        except FeedbackError as error:
            problem = problem or str(error)
        found = self._round
        waiting = sum(job.rows for job in found.jobs)
        return Outcome(self._ses.region, finished, dict(found.counts), dict(found.passed), waiting, problem)

    def _go(self) -> bool:
        raise NotImplementedError

    def _leave(self) -> None:
        """Keep how far it came."""

    def _act(self, judged: Sequence[tuple[Entry, str, Judged]], known: Mapping[str, Stored]) -> None:
        raise NotImplementedError

    def _paced(self, what: str, call: Callable[[], T]) -> T:
        return self._outside.pacer.run(f"{what} SES's list in {self._ses.region}", call)

    def _mark(self, address: str) -> int:
        return rules.mark_of(self._outside.keys.address(self._terms.environment, address))

    # --- theirs -------------------------------------------------------------------------------------------------------

    def _theirs(self) -> bool:
        """Read SES's list; return whether to its end."""
        found, pages = self._round, 0
        while not found.listed:
            if not self._outside.going():
                return False
            try:
                entries, token = self._paced("reading", partial(self._ses.page, found.token))
            except StaleToken:
                found.token, found.seen, self._fresh, entries = None, array("Q"), [], ()
                found.removals.clear()
                for name in (STRANGERS, rules.SAME, rules.REMOVE, rules.BAD):
                    found.counts.pop(name, None)
                for why in rules.UNREADABLE:
                    found.passed.pop(why, None)
                continue
            self._page(entries)
            found.token, found.listed = token, token is None
            pages += 1
            if pages % _PAGES_BETWEEN_SAVES == 0:
                self._leave()
        self._settle_marks()
        return True

    def _page(self, entries: Sequence[Entry]) -> None:
        for start in range(0, len(entries), AT_ONCE):
            self._part(entries[start : start + AT_ONCE])
        self._outside.advance(len(entries))

    def _part(self, entries: Sequence[Entry]) -> None:
        environment, now = self._terms.environment, self._outside.now()
        named = [(entry, rules.address_of(entry)) for entry in entries]
        good = [(entry, address) for entry, address in named if address is not None]
        counts = self._round.counts
        counts[STRANGERS] += len(entries)
        self._count(rules.BAD, rules.NO_ADDRESS, len(entries) - len(good))
        if not good:
            return
        wanted = list(dict.fromkeys((environment, address) for _, address in good))
        known = {who[1]: stored for who, stored in self._outside.store.get_many(wanted).items()}
        put = self._outside.notes.noted(self._ses.region, [entry.address for entry, _ in good])
        judged = []
        for entry, address in good:
            verdict = rules.judge(entry, self._ses.region, known.get(address), put.get(entry.address), self._terms, now)
            self._count(verdict.what, verdict.why, 1)
            if verdict.what in (rules.TAKE, rules.REMOVE):
                self._tell(entry.address, verdict.what, verdict.why)
            if entry.address == address and verdict.what != rules.REMOVE:
                self._fresh.append(self._mark(address))
            judged.append((entry, address, verdict))
        self._act(judged, known)

    def _count(self, what: str, why: str, number: int) -> None:
        if number:
            self._round.counts[what] += number
            if what == rules.BAD:
                self._round.passed[why] += number

    def _tell(self, address: str, what: str, why: str) -> None:
        self._outside.tell(Difference(self._ses.region, address, what, why))

    def _settle_marks(self) -> None:
        if self._fresh:
            self._round.seen = array("Q", sorted([*self._round.seen, *self._fresh]))
            self._fresh = []

    def _has(self, address: str) -> bool:
        mark, seen = self._mark(address), self._round.seen
        at = bisect_left(seen, mark)
        return at < len(seen) and seen[at] == mark

    # --- ours ---------------------------------------------------------------------------------------------------------

    def _missing(self) -> Iterator[list[Row]]:
        """Yield, a hundred at most at a time, what of ours SES's list lacks, as the table has it now."""
        environment, store = self._terms.environment, self._outside.store
        listed = store.listing(environment, ev.REASONS, 0, self._outside.now())
        missing = (
            entry.address
            for entry in listed
            if entry.address is not None and rules.goes(entry.suppression) and not self._has(entry.address)
        )
        while part := list(islice(missing, AT_ONCE)):
            # The index may be behind, and a suppression released a moment ago.
            known = store.get_many([(environment, address) for address in dict.fromkeys(part)])
            rows = []
            for (_, address), stored in known.items():
                found = rules.belongs(stored)
                if found is not None:
                    rows.append(Row(address, rules.reason_for(found)))
                    self._tell(address, rules.PUT, rules.MISSING)
            yield rows


class Preview(Compare):
    """Tells how the lists differ, and changes neither."""

    def _go(self) -> bool:
        if not self._theirs():
            return False
        for rows in self._missing():
            self._round.counts[rules.PUT] += len(rows)
            if not self._outside.going():
                return False
        return True

    def _act(self, judged: Sequence[tuple[Entry, str, Judged]], known: Mapping[str, Stored]) -> None:
        """Do nothing."""
