"""When a composite alarm's actions wait for its suppressor, and when they are made up for. Pure, no clock.

*Composite alarms: action suppression*: while the suppressor is in ALARM nothing is sent; when the composite changes
first, it waits up to the wait period for the suppressor; after the suppressor is over, it waits the extension period
more. At the end the actions of the state that still holds are performed, once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Suppression:
    """The suppression of one composite alarm. Times in seconds; ``told`` is the state its actions last told about."""

    told: str
    wait: float = 60
    extension: float = 60
    pending_since: float | None = None
    over_since: float | None = None
    suppressed: bool = False

    def decide(self, state: str, *, suppressor_in_alarm: bool, now: float) -> str | None:
        """Return the state whose actions are due now, or ``None``. Call at each change and at each tick."""
        if suppressor_in_alarm:
            self.suppressed = True
            self.over_since = None
            return None
        if self.suppressed:
            self.over_since = now if self.over_since is None else self.over_since
            if now - self.over_since < self.extension:
                return None
            self.suppressed, self.over_since = False, None
            self.pending_since = None
            return self._tell(state)
        if state == self.told:
            self.pending_since = None
            return None
        self.pending_since = now if self.pending_since is None else self.pending_since
        if now - self.pending_since < self.wait:
            return None
        self.pending_since = None
        return self._tell(state)

    def _tell(self, state: str) -> str | None:
        if state == self.told:
            return None
        self.told = state
        return state
