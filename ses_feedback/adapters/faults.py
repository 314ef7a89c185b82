"""Which AWS errors are worth trying again, as this package's own error types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError


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


def _kind(error: ClientError) -> type[FeedbackError]:
    details = error.response.get("Error", {})
    too_large = details.get("Code") == "ValidationException" and "size" in details.get("Message", "").lower()
    return PermanentError if too_large else RetryableError
