"""The pace of a program that has the account's SES calls to itself: an operator's, who waits for it."""

from __future__ import annotations


class OwnSlots:
    """Implements ``Slots`` within one process: whoever else calls meanwhile is throttled, and tries again."""

    def __init__(self) -> None:
        self._next_at = 0

    def take(self, now: int, interval: int, latest: int) -> int | None:
        """See ``Slots``."""
        slot = max(now, self._next_at)
        if slot > latest:
            return None
        self._next_at = slot + interval
        return slot
