"""The pace at which SES answers what sends nothing. Pure."""

from __future__ import annotations

import threading
from typing import Final

# Calls that leave an interval apart arrive a little less apart now and then: so much earlier is forgiven, but not saved
# up, so that the pace holds over any number of calls.
JITTER: Final = 0.1


class Pace:
    """How often the actions of one account and region that send nothing are answered."""

    def __init__(self, interval_ms: int) -> None:
        self._interval = interval_ms / 1_000
        self._due: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def admits(self, scope: tuple[str, str], now: float) -> bool:
        """Say whether a call at a time in seconds is answered; only an answered one makes the next ones wait."""
        with self._lock:
            due = self._due.get(scope, now)
            if now < due - JITTER * self._interval:
                return False
            self._due[scope] = max(now, due) + self._interval
            return True
