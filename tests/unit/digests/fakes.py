"""A digest queue, turns and a press in memory, that can be told what goes wrong at which call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.digests import HIDDEN, MOST, Newsroom, Recipient, Waiting
from tests.fakes import Crash, FakeQuarantine, FakeStore
from tests.unit.usecases.mail import KEYS, NOW, rules, sns_body

TEAM = "customer-service"
PEOPLE = {TEAM: (Recipient("mail", ("bounce", "complaint"), short=False),)}
RUN = 270 * SECOND


class World:
    """What outlives a run, and a clock that only tests move.

    ``troubles`` holds, by the number of a call (from 1, whatever it calls), what goes wrong: ``before`` or ``after`` it
    took effect, as an error or as the end of the process.
    """

    def __init__(self) -> None:
        self.now = NOW
        self.waiting: dict[str, dict[str, Waiting]] = {}
        self.hidden: dict[str, int] = {}
        self.told_at: dict[str, int] = {}
        self.published: list[tuple[int, str, str, str, str]] = []
        self.deleted = 0
        self.calls: list[str] = []
        self.troubles: dict[int, tuple[str, BaseException]] = {}
        self.store = FakeStore()
        self.quarantine = FakeQuarantine()
        self._numbers = 0

    def put(self, *messages: dict[str, Any] | str, team: str = TEAM) -> None:
        for message in messages:
            self._numbers += 1
            receipt = f"r{self._numbers}"
            self.waiting.setdefault(team, {})[receipt] = Waiting(sns_body(message), receipt)

    def call(self, name: str, effect: Callable[[], Any]) -> Any:
        self.calls.append(name)
        when, error = self.troubles.pop(len(self.calls), ("", RetryableError()))
        if when == "before":
            raise error
        result = effect()
        if when == "after":
            raise error
        return result

    def newsroom(self) -> Newsroom:
        return Newsroom(
            rules=rules(),
            keys=KEYS,
            store=self.store,
            quarantine=self.quarantine,
            turns=self,
            press=self,
            open_queue=lambda team: FakeQueue(self, team),
            clock=lambda: self.now,
        )

    def run(self, teams: Mapping[str, Sequence[Recipient]] | None = None) -> Any:
        """Run the function once; a crash ends it as it would end the process."""
        try:
            return self.newsroom().tell(teams or PEOPLE, self.now + RUN)
        except Crash:
            return None

    # --- Turns ----------------------------------------------------------------------------------------

    def last(self, teams: Sequence[str]) -> Mapping[str, int]:
        found: Mapping[str, int] = self.call("last", lambda: {t: self.told_at[t] for t in teams if t in self.told_at})
        return found

    def take(self, team: str, before: int | None, now: int) -> bool:
        def effect() -> bool:
            if self.told_at.get(team) != before:
                return False
            self.told_at[team] = now
            return True

        return bool(self.call("take", effect))

    # --- Press ----------------------------------------------------------------------------------------

    def publish(self, team: str, recipient: str, subject: str, text: str) -> None:
        self.call("publish", lambda: self.published.append((self.now, team, recipient, subject, text)))


class FakeQueue:
    """One team's queue of a ``World``: what is received is hidden for six minutes."""

    def __init__(self, world: World, team: str) -> None:
        self._world = world
        self._team = team

    def _take(self, most: int) -> list[Waiting]:
        world, queue = self._world, self._world.waiting.get(self._team, {})
        visible = (w for receipt, w in queue.items() if world.hidden.get(receipt, 0) <= world.now)
        seen = list(islice(visible, most))
        for waiting in seen:  # to the end, so that the next ones are found at once
            queue[waiting.receipt] = queue.pop(waiting.receipt)
        world.hidden.update({waiting.receipt: world.now + HIDDEN for waiting in seen})
        return seen

    def look(self) -> Sequence[Waiting]:
        found: list[Waiting] = self._world.call("look", lambda: self._take(10))
        return found

    def drain(self, most: int, until: int) -> Iterator[Sequence[Waiting]]:
        assert most <= MOST
        while most > 0 and self._world.now < until:
            batch: list[Waiting] = self._world.call("drain", partial(self._take, min(100, most)))
            if not batch:
                return
            most -= len(batch)
            yield batch

    def delete(self, receipts: Sequence[str]) -> None:
        def effect() -> None:
            for receipt in receipts:
                self._world.deleted += self._world.waiting[self._team].pop(receipt, None) is not None

        self._world.call("delete", effect)

    def show_again(self, receipts: Sequence[str]) -> None:
        self._world.call("show_again", lambda: [self._world.hidden.pop(receipt, None) for receipt in receipts])
