"""The machine's clock, for what has to wait its turn."""

from __future__ import annotations

import time


class SystemClock:
    """Implements ``usecases.pacing.Clock``."""

    def now(self) -> int:
        """Return the present in ms since 1970."""
        return time.time_ns() // 1_000_000

    def sleep(self, ms: int) -> None:
        """Let a duration in ms pass."""
        time.sleep(ms / 1_000)
