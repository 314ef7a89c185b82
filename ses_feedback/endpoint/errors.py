"""What becomes of a post that is not accepted: refused for good, or to be tried again."""

from __future__ import annotations

from ses_feedback.domain.errors import PermanentError, RetryableError


class Refused(PermanentError):
    """A post that will never be accepted. ``str(error)`` says why, with nothing of the post's message."""

    def __init__(self, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.status = status


class NotNow(RetryableError):
    """A post that may be accepted later; SNS shall send it again. ``str(error)`` says why.

    ``status``: 503 where something does not work, 429 where nothing but the number of posts is wrong. SNS repeats both
    (`SNS developer guide, Message delivery retries`).
    """

    def __init__(self, why: str, status: int = 503) -> None:
        super().__init__(why)
        self.status = status
