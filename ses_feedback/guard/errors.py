"""What a guard raises. No message names an address: it may end in a log line."""

from __future__ import annotations

from typing import Final

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.usecases.guarding import Outcome

_MALFORMED: Final = "cannot be read as an e-mail address"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


class GuardError(FeedbackError):
    """Root of what a guard raises on purpose."""


class Misconfigured(GuardError):
    """The guard was told something that cannot be right; nothing was sent."""


class NobodyLeft(GuardError):
    """Every recipient is suppressed or cannot be read, and nothing was sent. ``outcome`` names them and says why."""

    def __init__(self, outcome: Outcome) -> None:
        suppressed, refused = len(outcome.removed), len(outcome.refused)
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(outcome.reasons.items()))
        why = f"suppressed in stream {outcome.stream} of {outcome.environment} ({reasons})"
        if refused and suppressed:
            said = f"{suppressed} of {suppressed + refused} recipients {_are(suppressed)} {why}, {refused} {_MALFORMED}"
        elif refused:
            said = f"{'the only recipient' if refused == 1 else f'each of {refused} recipients'} {_MALFORMED}"
        else:
            said = f"{'the only recipient is' if suppressed == 1 else f'all {suppressed} recipients are'} {why}"
        super().__init__(f"not sent: {said}; the error's outcome names them")
        self.outcome = outcome


class NobodyFound(GuardError):
    """A raw message in which no recipient can be found, and nothing was sent: whoever sends it may find one."""

    def __init__(self) -> None:
        super().__init__(
            "not sent: neither the call nor the headers To, Cc and Bcc of the message name a recipient that can be "
            "found: name them in the call"
        )


class Overridden(GuardError):
    """Another hook of the client put recipients back after the guard, and nothing was sent. ``outcome`` names them."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(
            "not sent: another hook of this client changed the recipients after the guard had removed some; attach the "
            "guard after that hook, or let the hook leave Destination and Destinations alone"
        )
        self.outcome = outcome


class TableUnreadable(GuardError):
    """The suppression table cannot be read, and the guard was told to refuse then. ``outcome`` has what is known."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"not sent: the suppression table cannot be read: {outcome.trouble}")
        self.outcome = outcome
