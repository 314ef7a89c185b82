"""An account in memory whose loop shows probes as AWS does: each way after its own time, or never."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ses_feedback.config import Config
from ses_feedback.domain.changes import SUPPRESSED
from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.events import HARD_BOUNCE
from ses_feedback.domain.history import History, Strike
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.proving.legs import ACTED
from ses_feedback.usecases.proving.ports import Archived, Heard, Parts
from tests.unit.checks.world import World
from tests.unit.cli.fakes import NOW, Lists, MemoryStore

# After how long each way shows a mail, in ms.
LATENCY = {"table": 700, "counts": 60 * SECOND, "archive": 5 * MINUTE, "changes": 6 * SECOND, "digests": 100 * SECOND}


@dataclass
class Account:
    """Implements every port of ``prove`` but those of ``World``; its clock moves when somebody sleeps or calls."""

    config: Config
    now_: int = NOW
    lists: Lists = field(default_factory=lambda: Lists(regions=()))
    refuse: dict[str, FeedbackError] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    rate_: float = 14.0
    throttles: int = 0
    aside: int = 0
    drill_failures: tuple[str, ...] = ()
    events: list[str] = field(default_factory=list)
    mails: list[tuple[str, str, int]] = field(default_factory=list)
    open_: tuple[str, ...] | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        self.world = World(self.config)
        self.store = ProvedStore(self)
        self._shown: set[str] = set()

    @property
    def parts(self) -> Parts:
        ses, aws, pacer, _ = self.world.inventory
        return Parts(
            ses, aws, pacer, self.store, self.lists, self, self, self, self, self, self, "arn:aws:iam::1:user/jo"
        )

    # --- Clock

    def now(self) -> int:
        return self.now_

    def sleep(self, ms: int) -> None:
        assert ms > 0
        self.now_ += ms

    # --- Mailer

    def rate(self) -> float:
        return self.rate_

    def send(self, identity: str, recipient: str) -> str:
        self.now_ += 100
        if self.throttles:
            self.throttles -= 1
            raise self.refuse["throttled"]
        if identity in self.refuse:
            raise self.refuse[identity]
        self.mails.append((identity, recipient, self.now_))
        return f"m{len(self.mails)}"

    def arrived_by(self, way: str) -> Iterator[tuple[str, str, str, str]]:
        """Yield message id, identity, recipient and kind of what a way shows by now."""
        for number, (identity, recipient, at) in enumerate(self.mails, 1):
            kind = {"bounce": "bounce", "complaint": "complaint", "success": "delivery"}[recipient.partition("+")[0]]
            if way not in self.lost and f"{way} {kind}" not in self.lost and self.now_ >= at + LATENCY[way]:
                yield f"m{number}", identity, recipient, kind

    # --- Shelf

    def arrived(self, since: int) -> Iterator[Archived]:
        self._maybe("archive")
        yield from (Archived(message, kind) for message, _, _, kind in self.arrived_by("archive"))

    def put_aside(self, since: int) -> int:
        return self.aside

    # --- Counts

    def proved(self, identities: Sequence[str], start: int, end: int) -> Mapping[str, Mapping[str, int]]:
        self._maybe("counts")
        found: dict[str, dict[str, int]] = {}
        for message, identity, _, kind in self.arrived_by("counts"):
            sent = self.mails[int(message[1:]) - 1][2] // SECOND
            if identity in identities:
                found.setdefault(identity, {})[kind] = sent
        return found

    # --- Ear

    def open(self, topics: Sequence[str], until: int) -> None:
        self._maybe("ear")
        assert until > self.now_
        self.open_ = tuple(topics)
        self.events.append("open")

    def hear(self, wait_s: int) -> Sequence[Heard]:
        assert self.open_ is not None
        self.now_ += wait_s * SECOND
        return [Heard(topic, text) for topic, text in self._tell() if topic in self.open_]

    def close(self) -> None:
        self.open_ = None
        self.events.append("close")
        self._maybe("close")

    def _tell(self) -> Iterator[tuple[str, str]]:
        wanted = self.world.wanted
        for message, _, recipient, kind in self.arrived_by("changes"):
            if kind in ACTED and self._once(f"change {message}"):
                yield wanted.changes.topic, f'{{"type": "{SUPPRESSED}", "address": "{recipient}"}}'
        for feed in wanted.digests:
            told = [r for m, _, r, k in self.arrived_by("digests") if k in ACTED and self._once(f"digest {m}")]
            if told:
                yield feed.topic, "\n\n".join(told)
        if self.reason is not None and "drill" not in self.lost and self._once(f"drill {self.reason}"):
            for feed in wanted.on_call:
                yield feed.topic, self.reason

    def _once(self, what: str) -> bool:
        new = what not in self._shown
        self._shown.add(what)
        return new

    # --- Bell

    def ring(self, reason: str) -> None:
        self._maybe("bell")
        self.reason = reason

    def failures(self, since: int) -> Sequence[str]:
        return self.drill_failures

    def _maybe(self, what: str) -> None:
        if what in self.refuse:
            raise self.refuse[what]


class ProvedStore(MemoryStore):
    """A table that record_feedback writes to meanwhile; its clock is the account's."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account
        self._recorded: set[str] = set()

    def clock(self) -> int:
        return self._account.now_

    def get(self, environment: str, address: str):  # type: ignore[no-untyped-def]
        self._record()
        return self.items.get((environment, address)), self._account.now_

    def get_many(self, wanted):  # type: ignore[no-untyped-def]
        self._account._maybe("table")
        self._record()
        return {who: self.items[who]._replace(read_at=self._account.now_) for who in wanted if who in self.items}

    def _record(self) -> None:
        identities = self._account.config.identities
        for message, name, recipient, kind in self._account.arrived_by("table"):
            if kind not in ACTED or message in self._recorded:
                continue
            self._recorded.add(message)
            at = self._account.mails[int(message[1:]) - 1][2]
            class_ = HARD_BOUNCE if kind == "bounce" else kind
            strike = Strike(class_, identities[name].stream, at + 10, at, message, name)
            merge(self, identities[name].environment, recipient, History({message: strike}), DEFAULT_POLICY)


def suppressed(account: Account) -> list[str]:
    """The addresses that may not be mailed."""
    return [address for (_, address), stored in account.store.items.items() if stored.suppressions]
