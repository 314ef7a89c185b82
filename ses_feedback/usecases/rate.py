"""Work at a steady rate that can be stopped between two steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Stop(Protocol):
    """Somebody may want the work to end; a ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Return whether the work shall end."""

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until the work shall end; return whether it shall."""


class Rate:
    """So many things a second at most: what is late is not made up for in a burst."""

    def __init__(self, per_second: int, stop: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._stop = stop
        self._clock = clock
        self._next = 0.0

    @property
    def step(self) -> int:
        """How many things to do at once: what SQS takes, or what a second has room for."""
        return min(10, self._per_second)

    @property
    def stopped(self) -> bool:
        """Whether to end."""
        return self._stop.is_set()

    def wait(self, things: int) -> bool:
        """Wait until there is room for some things; return whether to go on with them."""
        now = self._clock()
        if now < self._next:
            self._stop.wait(self._next - now)
        self._next = max(now, self._next) + things / self._per_second
        return not self.stopped
