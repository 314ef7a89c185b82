"""Waiting until a new permission counts.

KMS: "changes to tags and aliases can take up to five minutes to affect authorization" (KMS developer guide, "ABAC for
AWS KMS"), and the functions may use the key under the condition of its alias. So on a first deployment the tables are
denied for a while, though nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.pacing import Clock

T = TypeVar("T")

# Five minutes, and one for clocks and caches that differ.
PATIENCE_MS: Final = 6 * MINUTE
_PAUSE_MS: Final = 10 * SECOND
# DynamoDB says AccessDeniedException of its own permissions and of the key's alike.
_DENIALS: Final = frozenset({"AccessDeniedException", "AccessDenied", "KMSAccessDeniedException"})


def once_allowed(call: Callable[[], T], clock: Clock, until: int) -> T:
    """Return what ``call`` returns, repeating it while AWS denies it, until a time (ms since 1970).

    Raises whatever else ``call`` raises, and the last denial, with a note of how long it has been one.
    """
    start = clock.now()
    while True:
        try:
            return call()
        except FeedbackError as error:
            if not _denied(error):
                raise
            if clock.now() + _PAUSE_MS >= until:
                error.add_note(f"denied for {(clock.now() - start) // SECOND} seconds: a permission is missing")
                raise
        clock.sleep(_PAUSE_MS)


def _denied(error: FeedbackError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response.get("Error", {}).get("Code") in _DENIALS
