"""A world for canaries: a table of rounds, a mailer whose feedback comes back or not, a clock that sleeping moves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ses_feedback.domain import canary
from ses_feedback.domain.canary import Round
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.pauses import History
from ses_feedback.domain.times import DAY, MINUTE
from ses_feedback.usecases.canaries import Patrol, Plan, patrol
from tests.fakes import CRASH_AFTER, CRASH_BEFORE, OK, THROTTLE, TIMEOUT, Crash, FakeMeter

T0 = 1_800_000_000_000
WITHIN = 15 * MINUTE
T = TypeVar("T")


class LambdaContext:
    """What the function on schedule reads of Lambda's context."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 600_000


class FakeClock:
    def __init__(self, now: int = T0) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def sleep(self, ms: int) -> None:
        self.time += ms


class FakeRounds:
    """``Rounds`` in memory, with the conditions of the table, and ``returned`` beside it."""

    def __init__(self) -> None:
        self.rounds: dict[str, Round] = {}
        self.pending: set[str] = set()
        self.noted: dict[str, History] = {}
        self.troubles: list[str] = []
        self.calls: list[str] = []

    def wired(self, identities: Collection[str]) -> set[str]:
        return self._call("wired", lambda: set(identities) - self.pending)

    def newest(self, identities: Collection[str]) -> Mapping[str, Round]:
        return self._call("newest", lambda: {i: r for i, r in self.rounds.items() if i in identities})

    def pauses(self, identities: Collection[str]) -> Mapping[str, History]:
        return self._call("pauses", lambda: {i: h for i, h in self.noted.items() if i in identities})

    def begin(self, identity: str, before: Round | None, new: Round) -> bool:
        def put() -> bool:
            there = self.rounds.get(identity)
            if (there and there.started) != (before and before.started):
                return False
            self.rounds[identity] = new
            return True

        return self._call("begin", put)

    def sent(self, identity: str, started: int, at: int) -> None:
        self._call("sent", lambda: self._change(identity, started, sent=at))

    def refused(self, identity: str, started: int, why: str) -> None:
        self._call("refused", lambda: self._change(identity, started, refused=why))

    def timed(self, identity: str, started: int) -> None:
        self._call("timed", lambda: self._change(identity, started, timed=True))

    def returned(self, identity: str, round_: int, piece: str, at: int) -> None:
        there = self.rounds.get(identity)
        if there is not None and piece not in there.returned:
            self._change(identity, round_, returned={**there.returned, piece: at})

    def _change(self, identity: str, started: int, **changes: object) -> None:
        there = self.rounds.get(identity)
        if there is not None and there.started == started:
            self.rounds[identity] = there._replace(**changes)  # type: ignore[arg-type]

    def _call(self, name: str, effect: Callable[[], T]) -> T:
        self.calls.append(name)
        trouble = self.troubles.pop(0) if self.troubles else OK
        if trouble == THROTTLE:
            raise RetryableError(f"{name}: throttled")
        if trouble == CRASH_BEFORE:
            raise Crash
        result = effect()
        if trouble == TIMEOUT:
            raise RetryableError(f"{name}: timed out")
        if trouble == CRASH_AFTER:
            raise Crash
        return result


class FakeMailer:
    """``Mailer``: what it takes comes back after ``delay`` ms, but for ``lost`` pieces of an identity."""

    def __init__(self, rounds: FakeRounds, clock: FakeClock, deployment: str = "ses-feedback") -> None:
        self.rounds = rounds
        self.clock = clock
        self.deployment = deployment
        self.mails: list[tuple[int, str, str]] = []
        self.lost: dict[str, set[str]] = {}
        self.delay = 2_000
        self.troubles: list[Exception | str] = []
        self.refuses: dict[str, Exception] = {}

    def send(self, identity: str, recipient: str) -> None:
        trouble = self.troubles.pop(0) if self.troubles else OK
        if isinstance(trouble, Exception):
            raise trouble
        if identity in self.refuses:
            raise self.refuses[identity]
        if trouble == CRASH_BEFORE:
            raise Crash
        self.mails.append((self.clock.now(), identity, recipient))
        found = canary.recognise(self.deployment, recipient)
        assert found is not None
        for way in (canary.ACT, canary.COUNT):
            piece = canary.piece(way, found, found.asks)
            if piece is not None and piece not in self.lost.get(identity, ()):
                self.rounds.returned(identity, found.round, piece, self.clock.now() + self.delay)
        if trouble == CRASH_AFTER:
            raise Crash


@dataclass
class World:
    """A deployment's canaries, and a run of the function at each look."""

    identities: tuple[str, ...] = ("example.com",)
    every: int = DAY
    interval: int = 1_000
    budget: int = 600_000
    clock: FakeClock = field(default_factory=FakeClock)
    rounds: FakeRounds = field(default_factory=FakeRounds)
    meter: FakeMeter = field(default_factory=FakeMeter)

    def __post_init__(self) -> None:
        self.mailer = FakeMailer(self.rounds, self.clock)

    def run(self) -> Patrol:
        return patrol(
            Plan("ses-feedback", self.identities, self.every, WITHIN),
            rounds=self.rounds,
            mailer=self.mailer,
            meter=self.meter,
            clock=self.clock,
            interval=self.interval,
            until=self.clock.now() + self.budget,
        )

    def look(self, times: int = 1) -> Patrol:
        """Let a quarter of an hour pass and run, some times; return the last run."""
        for _ in range(times):
            self.clock.time = (self.clock.time // canary.LOOK + 1) * canary.LOOK
            done = self.run()
        return done

    def values(self, metric: str) -> list[int]:
        return [values[metric] for _, _, values in self.meter.documents if metric in values]
