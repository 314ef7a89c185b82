"""The mail of canaries, by SES's v2 API: one recipient, who it is from and what it is for in plain words."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.domain.errors import FeedbackError, RetryableError
from ses_feedback.usecases.canaries import Refused
from ses_feedback.usecases.pacing import Throttled

SENDER: Final = "ses-feedback-canary"
# SES v2 API reference, SendEmail; `Throttling` is what SES answers above the account's sending rate.
_THROTTLES: Final = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}
)
_TEXT: Final = """\
This is a canary of the ses-feedback deployment {deployment}: it went from {identity} to Amazon SES's mailbox simulator,
to prove that bounces, complaints and deliveries of {identity} find their way back. No person receives it, and it counts
towards no rate. It is switched off by `canary = false` for the identity in feedback.toml.
"""


class CanaryMail:
    """Implements ``Mailer``. ``client`` is a botocore client of ``sesv2`` that tries once."""

    def __init__(self, client: Any, deployment: str) -> None:
        self._client = client
        self._deployment = deployment

    def send(self, identity: str, recipient: str) -> None:
        """Mail one recipient."""
        text = _TEXT.format(deployment=self._deployment, identity=identity)
        send(self._client, identity, recipient, f"Canary of {self._deployment}", text)


def send(client: Any, identity: str, recipient: str, subject: str, text: str) -> str:
    """Mail one recipient; return SES's message id. No configuration set is named: the identity's own default applies.

    Raises ``Refused``, ``Throttled`` or another ``RetryableError``.
    """
    try:
        answer = client.send_email(
            FromEmailAddress=sender(identity),
            Destination={"ToAddresses": [recipient]},
            Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}},
        )
    except ClientError as error:
        raise _translated(error, identity) from error
    except BotoCoreError as error:
        raise RetryableError(f"SES did not answer SendEmail: {type(error).__name__}") from error
    return str(answer["MessageId"])


def sender(identity: str) -> str:
    """Return who a canary is from: an address itself, or an address of a domain that needs no mailbox."""
    return identity if "@" in identity else f"{SENDER}@{identity}"


def _translated(error: ClientError, identity: str) -> FeedbackError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "unknown"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLES or status == 429:
        return Throttled(f"SES throttles SendEmail ({code})")
    if status >= 500:
        return RetryableError(f"SES failed at SendEmail ({code})")
    # SES's words name the sender and its configuration set, which are the operator's own and no recipient's.
    said = " ".join(str(details.get("Message", "")).split())
    return Refused(f"SES does not send for {identity}: {code}: {said}")
