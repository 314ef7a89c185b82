"""Metric points that CloudWatch would not show yet: they wait here until they are due. No clock, no thread."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from cloudwatch.lateness import hidden_s


class LatePoints:
    """Points by when they can be seen; time passes ``speed_up`` times as fast for them."""

    def __init__(self, speed_up: float = 1) -> None:
        self._speed_up = speed_up
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._lock = threading.Lock()

    def take(self, at: float, now: float, store: Callable[[], None]) -> None:
        """Store a point of the time ``at`` that comes ``now`` (seconds), or let it wait as long as it may take."""
        wait = hidden_s(now - at) / self._speed_up
        if not wait:
            store()
            return
        with self._lock:
            heapq.heappush(self._waiting, (now + wait, next(self._number), store))

    def release(self, now: float) -> None:
        """Store the points that can be seen by ``now``."""
        due = []
        with self._lock:
            while self._waiting and self._waiting[0][0] <= now:
                due.append(heapq.heappop(self._waiting)[2])
        for store in due:
            store()
