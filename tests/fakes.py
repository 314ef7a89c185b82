"""Stand-ins with the semantics of the real thing: a table of conditional writes, a quarantine, a meter, SES's lists.

``FakeStore`` behaves like DynamoDB seen through ``SuppressionTable`` and can be told what goes wrong at each call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.events import Fault
from ses_feedback.domain.history import History, strongest, suppressions
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy
from ses_feedback.usecases.ports import Listed, Stored

T = TypeVar("T")
Who = tuple[str, str]
Trouble = str | Callable[[], object] | Exception

OK = "ok"
THROTTLE = "throttle"  # refused: nothing happened
TIMEOUT = "timeout"  # it took effect, but the answer was lost
CRASH_BEFORE = "crash before"  # the whole process died, nothing happened
CRASH_AFTER = "crash after"  # the whole process died, after it took effect
TROUBLES = (OK, THROTTLE, TIMEOUT, CRASH_BEFORE, CRASH_AFTER)


class Crash(BaseException):
    """The process is gone: no handler of errors may see it."""


class FakeStore:
    """A ``QuestionStore`` in memory.

    ``troubles`` are used up one a call: one of ``TROUBLES``, an exception to raise, or a function to call first
    (another writer, being faster). ``calls`` names the calls made, ``writes`` counts what took effect. ``stale`` holds
    what ``get_many``, which reads eventually consistent, still sees in place of the present.
    """

    def __init__(self, policy: Policy = DEFAULT_POLICY, clock: int = 0) -> None:
        self.policy = policy
        self.clock = clock
        self.items: dict[Who, Stored] = {}
        self.troubles: list[Trouble] = []
        self.calls: list[str] = []
        self.writes = 0
        self.stale: dict[Who, Stored] = {}
        self.claimed = True
        self._versions = itertools.count()

    # --- HistoryStore ---------------------------------------------------------------------------------

    def put_new(self, environment: str, address: str, history: History) -> Stored | None:
        return self._call("put_new", lambda: self._write((environment, address), history, None))

    def replace(self, stored: Stored, history: History) -> Stored | None:
        who = (stored.environment, stored.address)
        return self._call("replace", lambda: self._write(who, history, stored.version))

    def get_many(self, wanted: Sequence[Who]) -> Mapping[Who, Stored]:
        assert 0 < len(wanted) <= 100, "a BatchGetItem takes 1 to 100 keys"
        assert len(set(wanted)) == len(wanted), "a BatchGetItem takes no key twice"
        seen = {**self.items, **self.stale}
        return self._call("get_many", lambda: {who: seen[who] for who in wanted if who in seen})

    # --- QuestionStore --------------------------------------------------------------------------------

    def get(self, environment: str, address: str) -> tuple[Stored | None, int]:
        return self._call("get", lambda: (self.items.get((environment, address)), self.clock))

    def verify(self) -> None:
        if not self.claimed:
            raise PermanentError("the table belongs to no deployment yet")

    def listing(self, environment: str, reasons: Iterable[str], since: int, now: int) -> Iterator[Listed]:
        wanted = set(reasons)
        found = []
        for (where, address), stored in self.items.items():
            top = strongest(stored.suppressions)
            if where == environment and top is not None and top.reason in wanted and top.since >= since:
                found.append(Listed(address, top))
        yield from sorted(found, key=lambda listed: listed.suppression.since, reverse=True)

    # --- the machinery --------------------------------------------------------------------------------

    def history(self, environment: str, address: str) -> History:
        """Return what is stored of an address."""
        stored = self.items.get((environment, address))
        return stored.history if stored else History()

    def expire(self, environment: str, address: str) -> None:
        """Let DynamoDB's TTL delete an item."""
        del self.items[environment, address]

    def _write(self, who: Who, history: History, version: str | None) -> Stored | None:
        there = self.items.get(who)
        if there is not None and there.version != version:
            return there
        found = tuple(suppressions(history, self.policy))
        self.items[who] = Stored(*who, history, found, f"v{next(self._versions)}")
        self.writes += 1
        return None

    def _call(self, name: str, effect: Callable[[], T]) -> T:
        self.calls.append(name)
        trouble = self.troubles.pop(0) if self.troubles else OK
        if callable(trouble):
            trouble()
            trouble = OK
        if isinstance(trouble, Exception):
            raise trouble
        if trouble == THROTTLE:
            raise RetryableError("throttled")
        if trouble == CRASH_BEFORE:
            raise Crash
        result = effect()
        if trouble == TIMEOUT:
            raise RetryableError("timed out")
        if trouble == CRASH_AFTER:
            raise Crash
        return result


class FakeQuarantine:
    """A ``Quarantine`` in memory: one object for each text, as in the bucket."""

    def __init__(self) -> None:
        self.kept: dict[str, Fault] = {}
        self.troubles: list[Exception] = []
        self.calls = 0

    def keep(self, fault: Fault, now: int) -> bool:
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        new = fault.raw not in self.kept
        self.kept.setdefault(fault.raw, fault)
        return new


class FakeMeter:
    """A ``Meter`` that remembers its documents: (dimensions, time, values), and the notes beside them."""

    def __init__(self) -> None:
        self.documents: list[tuple[dict[str, str], int, dict[str, int]]] = []
        self.notes: list[tuple[dict[str, str], int, dict[str, dict[str, int]]]] = []

    def emit(
        self,
        dimensions: Mapping[str, str],
        at: int,
        values: Mapping[str, int],
        *,
        sets: Sequence[Sequence[str]] | None = None,
        notes: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        if notes:
            self.notes.append((dict(dimensions), at, {name: dict(counts) for name, counts in notes.items()}))
        for names in sets or (dimensions,):
            self.documents.append(({name: dimensions[name] for name in names}, at, dict(values)))


class FakeLists:
    """SES's account lists of some regions; ``refusals`` maps a region to what goes wrong there."""

    def __init__(self, regions: Iterable[str] = ("us-east-1",), refusals: Mapping[str, str] | None = None) -> None:
        self.regions = tuple(regions)
        self.refusals = dict(refusals or {})
        self.removed: list[str] = []

    def remove(self, address: str) -> Mapping[str, str | None]:
        self.removed.append(address)
        return {region: self.refusals.get(region) for region in self.regions}
