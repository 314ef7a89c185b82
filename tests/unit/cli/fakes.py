"""A deployment in memory, for commands to work with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ses_feedback.adapters.archive_places import place_of
from ses_feedback.adapters.archive_texts import ReplayArchive
from ses_feedback.adapters.replay_machine import ReplayMachine
from ses_feedback.config import Config
from ses_feedback.domain.events import Event
from ses_feedback.domain.history import History, Strike, strike_of, strongest, suppressions
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy
from ses_feedback.domain.times import DAY, HOUR, parse_time
from ses_feedback.usecases.doctor import Inventory, Places
from ses_feedback.usecases.lists.comparing import Parts
from ses_feedback.usecases.lists.importing import ListStore, News
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.pausing import Desk
from ses_feedback.usecases.ports import AccountLists, Listed, Stored
from ses_feedback.usecases.proving.ports import Parts as Proving
from tests.unit.breaker.fakes import JO
from tests.unit.breaker.fakes import World as PauseWorld
from tests.unit.checks.world import World
from tests.unit.lists.ses_world import Ses
from tests.unit.lists.ses_world import World as SesWorld
from tests.unit.usecases.comeback import Calls, Objects, Queue

if TYPE_CHECKING:
    from tests.unit.proving.fakes import Account

NOW = parse_time("2026-11-24T05:00:00.000Z")


class MemoryStore:
    """Implements ``ListStore``; its clock stands at ``NOW``."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Stored] = {}
        self.writes = 0

    def put_new(self, environment: str, address: str, history: History) -> Stored | None:
        there = self.items.get((environment, address))
        if there is None:
            self._put(environment, address, history)
        return there

    def clock(self) -> int:
        return NOW

    def put_new_many(self, news: Sequence[News]) -> Sequence[Stored | None]:
        return [self.put_new(*one) for one in news]

    def replace(self, stored: Stored, history: History) -> Stored | None:
        there = self.items.get((stored.environment, stored.address))
        if there is not None and there.version != stored.version:
            return there
        self._put(stored.environment, stored.address, history)
        return None

    def _put(self, environment: str, address: str, history: History) -> None:
        self.writes += 1
        found = tuple(suppressions(history, DEFAULT_POLICY))
        self.items[environment, address] = Stored(environment, address, history, found, str(self.writes), NOW)

    def get_many(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Stored]:
        return {who: self.items[who] for who in wanted if who in self.items}

    def get(self, environment: str, address: str) -> tuple[Stored | None, int]:
        return self.items.get((environment, address)), NOW

    def verify(self) -> None:
        pass

    def listing(self, environment: str, reasons: Iterable[str], since: int, now: int) -> Iterator[Listed]:
        wanted = set(reasons)
        found = [
            Listed(None if stored.history.erased else stored.address, top)
            for (where, _), stored in self.items.items()
            if where == environment and (top := strongest(stored.suppressions)) and top.reason in wanted
        ]
        yield from sorted(
            (entry for entry in found if entry.suppression.since >= since),
            key=lambda entry: entry.suppression.since,
            reverse=True,
        )

    def learn(self, address: str, *strikes: Strike, environment: str = "production") -> None:
        """Know strikes against an address."""
        learned = History({f"{address}{n}{s.at}": s for n, s in enumerate(strikes)})
        merge(self, environment, address, learned, DEFAULT_POLICY)

    def hear(self, event: Event) -> None:
        """Know the strike an event is."""
        self.learn(event.recipient, strike_of(event), environment=event.environment)


@dataclass
class Lists:
    """SES's lists: remembers what it was asked, and refuses in the regions of ``refusals``."""

    refusals: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    regions: tuple[str, ...] = ("us-east-1", "eu-west-1")
    spellings: tuple[str, ...] = ()

    def remove(self, address: str) -> Mapping[str, str | None]:
        self.asked.append((address, *self.spellings))
        return {region: self.refusals.get(region) for region in self.regions}


@dataclass
class FakeDeployment:
    """A deployment that was opened."""

    store: ListStore
    account_lists: Lists = field(default_factory=Lists)
    calls: Calls = field(default_factory=Calls)
    quarantine: Objects = field(init=False)
    queues: dict[str, Queue] = field(default_factory=dict)
    world: World | None = None
    sending: PauseWorld = field(default_factory=PauseWorld)
    caller: str = JO
    signature: str = JO
    sync: tuple[SesWorld, list[Ses]] | None = None
    archive: Path | None = None
    machine: ReplayMachine | None = None
    account: Account | None = None

    policy: Policy | None = None

    def __post_init__(self) -> None:
        self.quarantine = Objects(self.calls)

    def policy_deployed(self) -> Policy | None:
        return self.policy

    def queue(self, name: str) -> Queue:
        return self.queues.setdefault(name, Queue(name, self.calls))

    @property
    def inventory(self) -> Inventory:
        assert self.world is not None
        return self.world.inventory

    @property
    def places(self) -> Places:
        assert self.world is not None
        return self.world.places

    @property
    def pauses(self) -> Desk:
        return self.sending.desk

    @property
    def archive_stream(self) -> Queue:
        return self.queue("ses-feedback-archive")

    @property
    def archive_errors(self) -> Queue:
        return self.queue("ses-feedback-archive-111122223333-us-east-1/errors")

    @property
    def keys(self) -> Keys:
        return Keys("a secret for tests")

    @property
    def replay_machine(self) -> ReplayMachine:
        assert self.machine is not None
        return self.machine

    def replay_from(self, source: str | None) -> ReplayArchive:
        return ReplayArchive(place_of(source or str(self.archive), lambda: None))

    @property
    def proving(self) -> Proving:
        assert self.account is not None
        return self.account.parts

    @property
    def sync_parts(self) -> Parts:
        assert self.sync is not None
        world, lists = self.sync
        pacer = Pacer(world, world, interval=0, until=world.until, jitter=lambda: 0.0)
        return Parts(lists, world, world, pacer)

    def lists(self, *spellings: str) -> AccountLists:
        self.account_lists.spellings = spellings
        return self.account_lists

    @contextmanager
    def connect(self, config: Config) -> Iterator[FakeDeployment]:
        """Open it."""
        yield self


def hard(at: int = NOW - DAY, stream: str = "transactional") -> Strike:
    """Return a hard bounce."""
    return Strike(
        *("hard_bounce", stream, at, at, "0100-1", "example.com", "5.1.1"),
        diagnostic="smtp; 550 5.1.1 user \x1b[31munknown",
        detail="Permanent/General",
    )


def complaint(at: int = NOW - 2 * HOUR, stream: str = "marketing") -> Strike:
    """Return a complaint."""
    return Strike("complaint", stream, at, at, "0100-2", "news@example.com", detail="abuse")


def refused_by_ses(at: int = NOW - DAY) -> Strike:
    """Return an already_suppressed bounce: 30 days."""
    return Strike("already_suppressed", "transactional", at, at - HOUR, "0100-3", "example.com")
