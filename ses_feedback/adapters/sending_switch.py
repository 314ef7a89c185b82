"""SES's switches for sending: of a configuration set, which may be turned, and of the account, which is only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.adapters.troubles import code_of
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.usecases.pausing import Account

_NOT_FOUND: Final = "NotFoundException"
_THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})


class SesSwitch:
    """Implements ``SendingSwitch``. ``client`` is a botocore client of ``sesv2``, which repeats throttled calls.

    Needs ``ses:GetConfigurationSet`` and ``ses:PutConfigurationSetSendingOptions``, ``account`` ``ses:GetAccount``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def account(self) -> Account:
        """See ``SendingSwitch``."""
        with _errors("GetAccount"):
            answer = self._client.get_account()
        return Account(bool(answer.get("SendingEnabled", True)), str(answer.get("EnforcementStatus") or ""))

    def is_on(self, configuration_set: str) -> bool | None:
        """See ``SendingSwitch``. A set that was never paused may have no ``SendingOptions``: it sends."""
        with _errors(f"GetConfigurationSet of {configuration_set}"):
            try:
                answer = self._client.get_configuration_set(ConfigurationSetName=configuration_set)
            except ClientError as error:
                if code_of(error) == _NOT_FOUND:
                    return None
                raise
        return bool((answer.get("SendingOptions") or {}).get("SendingEnabled", True))

    def turn(self, configuration_set: str, *, on: bool) -> None:
        """See ``SendingSwitch``."""
        with _errors(f"PutConfigurationSetSendingOptions of {configuration_set}"):
            self._client.put_configuration_set_sending_options(
                ConfigurationSetName=configuration_set, SendingEnabled=on
            )


@contextmanager
def _errors(what: str) -> Iterator[None]:
    """Turn botocore's errors into ours. The cause stays attached: the command line says more of it."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        again = code in _THROTTLES or status == 429 or status >= 500
        kind = RetryableError if again else PermanentError
        raise kind(f"SES refuses {what}: {code}") from error
    except BotoCoreError as error:
        raise RetryableError(f"SES did not answer {what}: {type(error).__name__}") from error
