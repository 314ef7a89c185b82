"""Taking a list over: each good row becomes a decision of reason ``import``, and every other row is accounted for.

A row counts from its own date. So a list from before a release brings nobody back, and doing it again, wholly or in
part, changes nothing. A row without a date counts from when the import first began, and only where nobody decided
before: a list that is imported again must not undo the release that came in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from ses_feedback.domain import events as ev
from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.history import EVERY_STREAM, History, Ruling, join
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases.lists.entries import ASKED_STREAM, Bad, Entry, Passed
from ses_feedback.usecases.lists.formats import Format, Row
from ses_feedback.usecases.merging import merge_into
from ses_feedback.usecases.ports import QuestionStore, Stored
from ses_feedback.usecases.questions import AT_ONCE
from ses_feedback.usecases.rate import Rate

CHUNK: Final = 1_000
_LINES_SHOWN: Final = 5
_LONGEST_WHAT: Final = 100
OVER: Final = "it is over by now"
RELEASED: Final = "it was released since"
DATELESS: Final = "it was released, and the row has no date to be newer by"
ELSEWHERE: Final = "it is of another environment"

News = tuple[str, str, History]


class ListStore(QuestionStore, Protocol):
    """What taking a list over needs besides."""

    def clock(self) -> int:
        """Return AWS's clock in ms. Verifies too."""

    def put_new_many(self, news: Sequence[News]) -> Sequence[Stored | None]:
        """Do what ``put_new`` does for each, in order: environment, address, history. No address comes twice."""


class Line(NamedTuple):
    """A row of a file and the line it begins at; ``row`` is a text where it could not be read: why."""

    number: int
    row: Row | str


class Plan(NamedTuple):
    """What an import is: into which environment, into which stream goes what a person chose, and the name it gets.

    ``began`` is AWS's clock when it first began.
    """

    environment: str
    stream: str
    streams: tuple[str, ...]
    format: Format
    source: str
    began: int


@dataclass(slots=True)
class Taken:
    """What became of the rows: ``rows`` is the sum of ``taken``, ``known``, those passed over, and those that are bad.

    ``known`` changed nothing: the table, or a row before, said so already. ``passed`` by why; ``bad`` by why, and
    ``lines`` the first line numbers of each.
    """

    rows: int = 0
    taken: int = 0
    known: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def spoilt(self, number: int, why: str) -> None:
        """Count a bad row."""
        self.bad[why] += 1
        shown = self.lines.setdefault(why, [])
        if len(shown) < _LINES_SHOWN:
            shown.append(number)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON can keep it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "passed": dict(self.passed), "bad": dict(self.bad)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Taken:
        """Return what ``as_dict`` gave."""
        values = {f.name: kept[f.name] for f in fields(cls)}
        return cls(**{**values, "passed": Counter(values["passed"]), "bad": Counter(values["bad"])})


class _Wanted(NamedTuple):
    """A good row, ready to be written."""

    address: str
    scope: str
    ruling: Ruling
    dated: bool


def take(
    lines: Iterable[Line],
    plan: Plan,
    *,
    store: ListStore,
    policy: Policy,
    rate: Rate,
    into: Taken,
    done: Callable[[], None],
    advance: Callable[[int], None],
) -> None:
    """Take over the rows, a thousand at a time, and count into ``into``.

    ``done`` is called after each thousand, when ``into`` is right and all of them are written: whoever keeps it then
    can go on from there. What the store raises ends the work; the thousand it was in is to be done again.
    """
    rows, before = iter(lines), 0
    while chunk := list(islice(rows, CHUNK)):
        if not rate.wait(len(chunk)):
            return
        sofar = Taken()
        wanted = list(_wanted(chunk, plan, sofar))
        _write(wanted, plan, store, policy, sofar)
        _add(into, sofar)
        done()
        advance(chunk[-1].number - before)
        before = chunk[-1].number


def preview(lines: Iterable[Line], plan: Plan, into: Taken) -> None:
    """Count what would be taken, as far as the file says it; what is known already counts as taken."""
    rows = iter(lines)
    while chunk := list(islice(rows, CHUNK)):
        into.taken += sum(1 for _ in _wanted(chunk, plan, into))


def _add(into: Taken, more: Taken) -> None:
    into.rows += more.rows
    into.taken += more.taken
    into.known += more.known
    into.passed += more.passed
    into.bad += more.bad
    for why, numbers in more.lines.items():
        into.lines[why] = (into.lines.get(why, []) + numbers)[:_LINES_SHOWN]


def _wanted(chunk: Sequence[Line], plan: Plan, into: Taken) -> Iterator[_Wanted]:
    for line in chunk:
        into.rows += 1
        try:
            if isinstance(line.row, str):
                into.spoilt(line.number, line.row)
            else:
                yield _decision(plan.format.read(line.row), plan)
        except Passed as passed:
            into.passed[str(passed)] += 1
        except InvalidAddress as error:
            into.spoilt(line.number, f"its address is none: {error}")
        except Bad as error:
            into.spoilt(line.number, str(error))


def _decision(entry: Entry, plan: Plan) -> _Wanted:
    try:
        address = normalise(entry.address)
    except InvalidAddress:
        if any("\udc80" <= letter <= "\udcff" for letter in entry.address):
            raise InvalidAddress("it is not in UTF-8") from None
        raise
    if entry.environment not in ("", plan.environment):
        raise Passed(ELSEWHERE)
    scope = plan.stream if entry.stream == ASKED_STREAM else entry.stream
    if scope != EVERY_STREAM and scope not in plan.streams:
        raise Bad(f"its stream is not one of {plan.environment}; known: {', '.join(plan.streams)}")
    since = plan.began if entry.since is None else entry.since
    if since > plan.began + HOUR:
        raise Bad("its date is in the future")
    if entry.until is not None and entry.until <= plan.began:
        raise Passed(OVER)
    said = "".join(c for c in " ".join(entry.what.split()) if c.isprintable())[:_LONGEST_WHAT]
    why = f"{plan.source}: {said}" if said else plan.source
    return _Wanted(address, scope, Ruling(since, entry.until, ev.IMPORT, why), entry.since is not None)


def _write(wanted: Sequence[_Wanted], plan: Plan, store: ListStore, policy: Policy, into: Taken) -> None:
    dated = {(row.address, row.scope) for row in wanted if row.dated}
    news: dict[str, History] = {}
    for row in wanted:
        if row.dated or (row.address, row.scope) not in dated:
            one = History(rulings={(row.scope, ev.IMPORT): row.ruling})
            before = news.get(row.address)
            news[row.address] = join(before if before is not None else History(), one, policy)
    changed = _changes(news, dated, plan.environment, store, policy)
    # Of several rows that are one decision, the first is the one that was taken.
    for row in wanted:
        outcome = changed[row.address].pop(row.scope, False)
        if isinstance(outcome, str):
            into.passed[outcome] += 1
        elif outcome:
            into.taken += 1
        else:
            into.known += 1


def _changes(
    news: Mapping[str, History],
    dated: Container[tuple[str, str]],
    environment: str,
    store: ListStore,
    policy: Policy,
) -> dict[str, dict[str, str | bool]]:
    """Write what is new; return for each address and scope whether that changed it, or why it is passed over."""
    there: dict[str, Stored] = {}
    addresses = list(news)
    for start in range(0, len(addresses), AT_ONCE):
        found = store.get_many([(environment, address) for address in addresses[start : start + AT_ONCE]])
        there.update({address: stored for (_, address), stored in found.items()})
    fresh = [address for address in addresses if address not in there]
    answers = store.put_new_many([(environment, address, news[address]) for address in fresh])
    outcome: dict[str, dict[str, str | bool]] = {}
    for address, other in zip(fresh, answers, strict=True):
        if other is None:
            outcome[address] = {scope: True for scope, _ in news[address].rulings}
        else:
            there[address] = other
    for address, stored in there.items():
        outcome[address], rulings = {}, {}
        for which, ruling in news[address].rulings.items():
            answer = None if (address, which[0]) in dated else _decided_before(stored.history, which)
            if answer is None:
                rulings[which] = ruling
            else:
                outcome[address][which[0]] = answer
        new = History(rulings=rulings)
        joined = join(stored.history, new, policy)
        outcome[address] |= {which[0]: _became(stored.history, joined, which) for which in rulings}
        merge_into(store, stored, new, policy)
    return outcome


def _decided_before(history: History, which: tuple[str, str]) -> str | bool | None:
    """Return what becomes of a row without a date where somebody decided before, ``None`` where nobody did."""
    standing = history.rulings.get(which)
    if standing is not None and standing.until is None:
        return False
    return DATELESS if {which[0], EVERY_STREAM} & history.releases.keys() else None


def _became(before: History, joined: History, which: tuple[str, str]) -> str | bool:
    if which not in joined.rulings:
        return RELEASED
    standing, now = before.rulings.get(which), joined.rulings[which]
    return standing is None or (standing.at, standing.until) != (now.at, now.until)
