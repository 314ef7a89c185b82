"""Writers that take turns: threads of which exactly one runs, so that a seed decides every interleaving."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence


class Abandoned(BaseException):
    """Another writer has failed: there is nothing left to do."""


class Baton:
    """Held by one writer at a time. ``restless`` is how likely a writer is to hand it on where it may."""

    def __init__(self, chance: random.Random, restless: float) -> None:
        self._chance = chance
        self._restless = restless
        self._turns: list[threading.Lock] = []
        self._alive: list[int] = []
        self._holder = -1
        self._finished = threading.Lock()
        self._problem: BaseException | None = None

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run every work to its end, each in a thread of its own. Raises what the first that fails raises."""
        self._problem = None
        self._alive = list(range(len(works)))
        self._turns = [threading.Lock() for _ in works]
        for turn in (*self._turns, self._finished):
            turn.acquire()
        threads = [threading.Thread(target=self._play, args=(n, work), daemon=True) for n, work in enumerate(works)]
        for thread in threads:
            thread.start()
        self._give(0)
        with self._finished:
            pass
        for thread in threads:
            thread.join()
        self._turns = []
        if self._problem is not None:
            raise self._problem

    def offer(self) -> None:
        """Let another writer go on first, now and then. Without writers, nothing happens."""
        if len(self._alive) > 1 and self._turns and self._chance.random() < self._restless:
            mine = self._holder
            other = self._chance.choice(self._alive)
            if other != mine:
                self._give(other)
                self._wait(mine)

    def _play(self, number: int, work: Callable[[], None]) -> None:
        try:
            self._wait(number)
            work()
        except Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that runs them all
            self._problem = self._problem or error
        self._alive.remove(number)
        if self._alive:
            self._give(self._chance.choice(self._alive))
        else:
            self._finished.release()

    def _give(self, number: int) -> None:
        self._holder = number
        self._turns[number].release()

    def _wait(self, number: int) -> None:
        self._turns[number].acquire()
        if self._problem is not None:
            raise Abandoned
