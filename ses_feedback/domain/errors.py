"""The two roots of everything that can go wrong while feedback is handled.

A permanent error will fail again however often it is tried: its input goes to quarantine. A retryable one may succeed
later: its input comes back. Anything that is neither (a bug) is treated as retryable. Configuration errors stand apart,
in ``ses_feedback.config``: nothing is handled at all while the file is wrong.
"""

from __future__ import annotations

from pathlib import PurePath


class FeedbackError(Exception):
    """Root of the errors this package raises on purpose while it handles feedback or answers a question."""


class PermanentError(FeedbackError):
    """Trying again cannot help."""


class RetryableError(FeedbackError):
    """Trying again later may help: throttled, timed out, lost a race too often."""


class WrongSecret(RetryableError):
    """The table was filled under another secret than is at hand: whatever comes waits until the former is back."""


class InvalidAddress(PermanentError):
    """A text that is not an e-mail address; ``str(error)`` says why."""


class InvalidTime(PermanentError):
    """A text that is not a point in time; ``str(error)`` says why."""


class InvalidDuration(PermanentError):
    """A text that is not a duration; ``str(error)`` says what one looks like."""


class UnknownStream(PermanentError):
    """A question that names no stream where one must be named, or one that the environment does not have."""


def describe(error: BaseException) -> str:
    """Return an error without anything personal: our own by its text, others by type and place.

    The texts of foreign errors may quote their input, which holds addresses.
    """
    if isinstance(error, FeedbackError):
        return f"{type(error).__name__}: {error}"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {PurePath(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
    return f"{type(error).__name__}{where}"
