"""The two roots of everything that can go wrong while feedback is handled.

A permanent error will fail again however often it is tried: its input goes to quarantine. A retryable one may succeed
later: its input comes back. Anything that is neither (a bug) is treated as retryable. Configuration errors stand apart,
in ``ses_feedback.config``: nothing is handled at all while the file is wrong.
"""

from __future__ import annotations


class FeedbackError(Exception):
    """Root of the errors this package raises on purpose while it handles feedback or answers a question."""


class PermanentError(FeedbackError):
    """Trying again cannot help."""


class RetryableError(FeedbackError):
    """Trying again later may help: throttled, timed out, lost a race too often."""


class InvalidAddress(PermanentError):
    """A text that is not an e-mail address; ``str(error)`` says why."""


class InvalidTime(PermanentError):
    """A text that is not a point in time; ``str(error)`` says why."""


class InvalidDuration(PermanentError):
    """A text that is not a duration; ``str(error)`` says what one looks like."""


class UnknownStream(PermanentError):
    """A question that names no stream where one must be named, or one that the environment does not have."""
