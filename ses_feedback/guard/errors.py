"""What a guard raises. No message names an address: it may end in a log line."""

from __future__ import annotations

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.usecases.guarding import Outcome


class GuardError(FeedbackError):
    """Root of what a guard raises on purpose."""


class Misconfigured(GuardError):
    """The guard was told something that cannot be right; nothing was sent."""


class NobodyLeft(GuardError):
    """Every recipient is suppressed, and nothing was sent. ``outcome`` names them and says why."""

    def __init__(self, outcome: Outcome) -> None:
        count = len(outcome.removed)
        who = "the only recipient is" if count == 1 else f"all {count} recipients are"
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(outcome.reasons.items()))
        super().__init__(
            f"not sent: {who} suppressed in stream {outcome.stream} of {outcome.environment} ({reasons}); "
            "the error's outcome names them"
        )
        self.outcome = outcome


class TableUnreadable(GuardError):
    """The suppression table cannot be read, and the guard was told to refuse then. ``outcome`` has what is known."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"not sent: the suppression table cannot be read: {outcome.trouble}")
        self.outcome = outcome
