"""SES's identity settings: the v1 API for notifications, the v2 API for the default configuration set.

One method makes one request; pacing and retries belong to the caller, so the clients must be made with ``attempts=1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.settings import NOTIFICATION_TYPES, Settings
from ses_feedback.usecases.pacing import Throttled
from ses_feedback.usecases.wiring_ports import (
    ConfigurationSetRejected,
    DkimRecord,
    IdentityRejected,
    NotPermitted,
    Rejected,
    TopicRejected,
)

_THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_DENIALS: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_INVALID: Final = "InvalidParameterValue"
_NOT_FOUND: Final = "NotFoundException"
_EXISTS: Final = "AlreadyExistsException"
_BUSY: Final = "ConcurrentModificationException"
# Where easy DKIM's keys are published, unless SES names another zone (SES developer guide, "Easy DKIM in Amazon SES").
_DKIM_ZONE: Final = "dkim.amazonses.com"
_OWN_KEY: Final = "EXTERNAL"


class SesIdentities:
    """The settings of one region's identities. ``v1`` and ``v2`` are botocore clients of ``ses`` and ``sesv2``.

    ``tags`` are put on the identities that ``create`` makes.
    """

    def __init__(self, v1: Any, v2: Any, tags: Mapping[str, str] | None = None) -> None:
        self._v1 = v1
        self._v2 = v2
        self._tags = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        self._region: str = v1.meta.region_name

    def settings(self, identity: str) -> Settings | None:
        """Return an identity's notification settings, ``None`` if SES does not know it."""
        answer = self._call(self._v1, "GetIdentityNotificationAttributes", identity, Identities=[identity])
        found = _only(answer["NotificationAttributes"])
        if found is None:
            return None
        return Settings(
            topics={t: found.get(f"{t}Topic") or None for t in NOTIFICATION_TYPES},
            headers={t: bool(found.get(f"HeadersIn{t}NotificationsEnabled")) for t in NOTIFICATION_TYPES},
            forwarding=bool(found["ForwardingEnabled"]),
        )

    def verification(self, identity: str) -> str | None:
        """Return an identity's ``VerificationStatus`` (``Success``, ``Pending`` …), ``None`` if SES knows none."""
        answer = self._call(self._v1, "GetIdentityVerificationAttributes", identity, Identities=[identity])
        found = _only(answer["VerificationAttributes"])
        return None if found is None else str(found["VerificationStatus"])

    def set_topic(self, identity: str, type_: str, topic: str | None) -> None:
        """Set the topic of a notification type, or clear it, which SES takes as a request without ``SnsTopic``."""
        wanted = {} if topic is None else {"SnsTopic": topic}
        self._call(
            self._v1, "SetIdentityNotificationTopic", identity, NotificationType=type_, Identity=identity, **wanted
        )

    def set_headers(self, identity: str, type_: str, enabled: bool) -> None:
        """Switch the mail's headers in a type's notifications."""
        self._call(
            self._v1,
            "SetIdentityHeadersInNotificationsEnabled",
            identity,
            Identity=identity,
            NotificationType=type_,
            Enabled=enabled,
        )

    def set_forwarding(self, identity: str, enabled: bool) -> None:
        """Switch the forwarding of bounces and complaints by e-mail."""
        self._call(
            self._v1, "SetIdentityFeedbackForwardingEnabled", identity, Identity=identity, ForwardingEnabled=enabled
        )

    def configuration_set(self, identity: str) -> str | None:
        """Return an identity's default configuration set. Raises ``IdentityRejected`` if SES knows no such identity."""
        answer = self._call(self._v2, "GetEmailIdentity", identity, EmailIdentity=identity)
        return answer.get("ConfigurationSetName") or None

    def set_configuration_set(self, identity: str, name: str | None) -> None:
        """Set an identity's default configuration set, or clear it, which SES takes as a request without a name."""
        wanted = {} if name is None else {"ConfigurationSetName": name}
        self._call(self._v2, "PutEmailIdentityConfigurationSetAttributes", identity, EmailIdentity=identity, **wanted)

    def create(self, identity: str) -> None:
        """Create an identity: a domain with easy DKIM, an address with a mail to it that asks for verification."""
        # Somebody else's, or our own of a request whose answer was lost: either way there is nothing to create.
        with suppress(_Exists):
            self._call(self._v2, "CreateEmailIdentity", identity, EmailIdentity=identity, Tags=self._tags)

    def delete(self, identity: str) -> None:
        """Delete an identity."""
        with suppress(IdentityRejected):
            self._call(self._v2, "DeleteEmailIdentity", identity, EmailIdentity=identity)

    def dkim(self, identity: str) -> tuple[DkimRecord, ...]:
        """Return a domain's CNAME records for easy DKIM. Raises ``IdentityRejected`` if SES knows no such identity."""
        found = self._call(self._v2, "GetEmailIdentity", identity, EmailIdentity=identity).get("DkimAttributes") or {}
        if found.get("SigningAttributesOrigin") == _OWN_KEY:
            return ()  # the token is the selector of a key that is its owner's to publish
        zone = found.get("SigningHostedZone") or _DKIM_ZONE
        tokens = found.get("Tokens") or []
        return tuple(DkimRecord(f"{token}._domainkey.{identity}", f"{token}.{zone}") for token in tokens)

    def _call(self, client: Any, operation: str, identity: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except ClientError as error:
            raise self._translated(error, operation, identity, parameters) from error
        except (HTTPClientError, NoConnection) as error:
            raise RetryableError(f"SES in {self._region} did not answer {operation}: {type(error).__name__}") from error
        except BotoCoreError as error:
            raise PermanentError(f"{operation} for {identity} cannot be sent: {error}") from error
        return answer

    def _translated(
        self, error: ClientError, operation: str, identity: str, parameters: Mapping[str, Any]
    ) -> FeedbackError:
        code = str(error.response["Error"].get("Code", ""))
        message = " ".join(str(error.response["Error"].get("Message", "")).split())[:300]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLES or status == 429:
            return Throttled(f"SES throttles {operation}: {message}")
        if code in _DENIALS:
            return NotPermitted(f"{operation} for {identity} is denied: allow the function's role ses:{operation}")
        if code == _EXISTS:
            return _Exists(message)
        if status >= 500 or code == _BUSY:
            return RetryableError(f"SES in {self._region} failed at {operation} for {identity} ({code})")
        return self._rejected(code, message, operation, identity, parameters)

    def _rejected(
        self, code: str, message: str, operation: str, identity: str, parameters: Mapping[str, Any]
    ) -> Rejected:
        said = f"SES says {code}: {message}"
        topic, name = parameters.get("SnsTopic"), parameters.get("ConfigurationSetName")
        # SES's words: "Identity … is invalid. Must be a verified email address or domain.", "SNS topic …".
        if code == _INVALID and "must be a verified" in message.lower():
            return IdentityRejected(f"SES takes no settings for {identity}: verify it in {self._region} first ({said})")
        if code == _INVALID and "topic" in message.lower() and topic is not None:
            return TopicRejected(
                f"SES cannot use {topic} for {parameters['NotificationType']} of {identity}: it must be a standard"
                f" topic in {self._region} whose policy, and whose key's policy, let ses.amazonaws.com publish ({said})"
            )
        if code == _NOT_FOUND and name is not None:
            return ConfigurationSetRejected(
                f"SES has no configuration set {name} in {self._region} for {identity}: create it first ({said})"
            )
        if code == _NOT_FOUND:
            return IdentityRejected(f"SES does not know {identity} in {self._region}: create and verify it ({said})")
        if operation == "CreateEmailIdentity":
            return Rejected(f"SES in {self._region} does not create {identity}: {said}")
        return Rejected(f"{operation} for {identity} is refused: {said}")


class _Exists(PermanentError):
    """SES has an identity of this name."""


def _only(attributes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the entry of an answer about one identity, whatever letter case SES names it in; ``None`` if empty."""
    return next(iter(attributes.values()), None)
