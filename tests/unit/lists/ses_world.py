"""SES's own list in memory, with pages and capitals, and all that a sync remembers, strict as the real ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.history import History, Ruling
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.lists.comparing import Difference, Outcome, Outside
from ses_feedback.usecases.lists.importing import News
from ses_feedback.usecases.lists.ses_list import Entry, Terms
from ses_feedback.usecases.lists.sync_ports import JobState, Round, Row, StaleToken
from ses_feedback.usecases.lists.syncing import sync_regions
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.ports import Stored
from tests.fakes import FakeStore

NOW = 1_800_000_000_000
ENVIRONMENT = "production"
TERMS = Terms(ENVIRONMENT, "marketing", DEFAULT_POLICY)
KEYS = Keys("a secret for tests")


class Store(FakeStore):
    """A ``ListStore``: the clock is the world's."""

    def put_new_many(self, news: Sequence[News]) -> Sequence[Stored | None]:
        return [self.put_new(*one) for one in news]

    def learn(self, address: str, history: History, environment: str = ENVIRONMENT) -> None:
        merge(self, environment, address, history, DEFAULT_POLICY)


@dataclass
class World:
    """The clock, the table, and what is remembered. ``differences`` are what was told."""

    at: int = NOW
    store: Store = field(default_factory=Store)
    put_at: dict[tuple[str, str], int] = field(default_factory=dict)
    rounds: dict[str, Round] = field(default_factory=dict)
    objects: dict[str, list[Row]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    going: Callable[[], bool] = lambda: True
    until: int = NOW + 1_000 * DAY
    slept: int = 0

    # --- Clock, Slots --------------------------------------------------------------------------------------

    def now(self) -> int:
        return self.at

    def sleep(self, ms: int) -> None:
        self.at += ms
        self.slept += ms

    def take(self, now: int, interval: int, latest: int) -> int | None:
        return now if now <= latest else None

    # --- PutNotes ------------------------------------------------------------------------------------------

    def noted(self, region: str, addresses: Sequence[str]) -> Mapping[str, int]:
        return {a: self.put_at[region, a] for a in addresses if (region, a) in self.put_at}

    def note(self, region: str, addresses: Sequence[str], at: int) -> None:
        self.put_at.update({(region, a): at for a in addresses})

    def forget(self, region: str, addresses: Sequence[str]) -> None:
        for address in addresses:
            self.put_at.pop((region, address), None)

    # --- RoundStore ----------------------------------------------------------------------------------------

    def load(self, region: str) -> Round:
        return copy.deepcopy(self.rounds.get(region, Round()))

    def save(self, region: str, found: Round) -> None:
        self.rounds[region] = copy.deepcopy(found)

    def upload(self, region: str, action: str, rows: Sequence[Row], at: int) -> tuple[str, str]:
        key = f"{region}/{action}-{len(self.objects)}"
        self.objects[key] = list(rows)
        return key, f"s3://bucket/{key}"

    def drop(self, key: str) -> None:
        del self.objects[key]

    # --- what a test asks ----------------------------------------------------------------------------------

    def sync(self, *lists: Ses, dry_run: bool = False, terms: Terms = TERMS) -> list[Outcome]:
        pacer = Pacer(self, self, interval=0, until=self.until, jitter=lambda: 0.0)
        outside = Outside(self.store, self, self, KEYS, pacer, self.now, self.going, self.differences.append)
        return list(sync_regions(lists, terms, outside, dry_run=dry_run))

    def rulings(self, address: str) -> Mapping[tuple[str, str], Ruling]:
        return self.store.history(ENVIRONMENT, address).rulings


class Ses:
    """A ``SesListGateway``. ``troubles`` are raised one a call; ``page_size`` entries a page; jobs end when told to."""

    def __init__(self, world: World, region: str = "us-east-1", page_size: int = 1_000) -> None:
        self.region = region
        self.entries: dict[str, Entry] = {}
        self.calls: list[str] = []
        self.troubles: dict[str, list[FeedbackError | None]] = {}
        self.jobs: dict[str, tuple[str, str]] = {}
        self.states: dict[str, JobState] = {}
        self.stale = False
        self._world = world
        self._page_size = page_size

    def add(self, address: str, reason: str = "BOUNCE", at: int | None = None) -> None:
        self.entries[address] = Entry(address, reason, self._world.at if at is None else at)

    def page(self, token: str | None) -> tuple[Sequence[Entry], str | None]:
        self._called("page")
        if token and self.stale:
            self.stale = False
            raise StaleToken("too old")
        start = int(token or 0)
        rows = list(self.entries.values())
        end = start + self._page_size
        return rows[start:end], str(end) if end < len(rows) else None

    def put(self, row: Row) -> None:
        self._called("put")
        self.add(row.address, row.reason)

    def remove(self, address: str) -> None:
        self._called("remove")
        self.entries.pop(address, None)

    def start(self, action: str, url: str) -> str:
        self._called("start")
        id_ = f"job-{len(self.jobs) + 1}"
        self.jobs[id_] = (action, url.removeprefix("s3://bucket/"))
        return id_

    def job(self, id_: str) -> JobState:
        self._called("job")
        return self.states.get(id_, JobState(done=False))

    def work(self, state: JobState | None = None) -> None:
        """Do what SES does with bulk lists, hours later."""
        for id_, (action, key) in self.jobs.items():
            if id_ in self.states:
                continue
            self.states[id_] = state or JobState(done=True)
            if state is not None and state.error:
                continue
            for row in self._world.objects[key]:
                if action == "PUT":
                    self.add(row.address, row.reason)
                else:
                    self.entries.pop(row.address, None)

    def _called(self, what: str) -> None:
        self.calls.append(what)
        waiting = self.troubles.get(what)
        trouble = waiting.pop(0) if waiting else None
        if trouble is not None:
            raise trouble
