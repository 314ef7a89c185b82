"""Which AWS errors are worth trying again, as this package's own error types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError, WrongSecret

# DynamoDB Developer Guide, "Error handling": what is worth another try.
_PASSING: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
_SERVER_ERROR: Final = re.compile(r"5\d\d")  # what stands for a code where an answer has none


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turn botocore's errors into ours, naming ``what`` was being done. The cause stays attached.

    Only an item that DynamoDB will never take is permanent. Everything else may be mended from outside (a throttle
    passes, a missing table or permission is deployed), so it is retryable: the feedback comes back.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise _kind(error)(f"{what}: {code}") from error
    except BotoCoreError as error:
        raise RetryableError(f"{what}: {type(error).__name__}") from error


def passes(error: RetryableError) -> bool:
    """Return whether what went wrong passes by itself: a throttle, a lost race, a network. Else somebody has to act."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return not isinstance(error, WrongSecret)
    code = str(cause.response.get("Error", {}).get("Code"))
    return code in _PASSING or bool(_SERVER_ERROR.fullmatch(code))


def _kind(error: ClientError) -> type[FeedbackError]:
    details = error.response.get("Error", {})
    too_large = details.get("Code") == "ValidationException" and "size" in details.get("Message", "").lower()
    return PermanentError if too_large else RetryableError
