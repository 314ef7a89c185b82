"""What SES says of identities, configuration sets and the account, read for the checks, a hundred at a time.

One method makes one request; pacing and retries belong to the caller, so the clients must be made with ``attempts=1``.
Every operation here takes one request a second (SES API reference, at each).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from ses_feedback.adapters.troubles import Place, code_of, describe
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.settings import NOTIFICATION_TYPES, Settings
from ses_feedback.usecases.checks.live import Account, Dkim, EventDestination, ListedIdentity, SetState
from ses_feedback.usecases.pacing import Throttled
from ses_feedback.usecases.wiring_ports import IdentityRejected

_THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_NOT_FOUND: Final = frozenset({"NotFoundException"})
_PAGE: Final = 1_000  # the most `ListEmailIdentities` gives
_V2_VERIFIED: Final = frozenset({"SUCCESS", "TEMPORARY_FAILURE"})


class SesInventory:
    """Implements ``SesReader`` over botocore clients of ``ses`` and ``sesv2``."""

    def __init__(self, deployment: str, v1: Any, v2: Any) -> None:
        self._v1 = v1
        self._v2 = v2
        self._place = Place(deployment, v1.meta.region_name)

    def verifications(self, identities: Sequence[str]) -> Mapping[str, str]:
        """See ``IdentityReader``. Needs ``ses:GetIdentityVerificationAttributes``."""
        answer = self._call(self._v1, "GetIdentityVerificationAttributes", Identities=list(identities))
        found: Mapping[str, Mapping[str, Any]] = answer["VerificationAttributes"]
        return {_name(name): str(one["VerificationStatus"]) for name, one in found.items()}

    def all_settings(self, identities: Sequence[str]) -> Mapping[str, Settings]:
        """See ``IdentityReader``. Needs ``ses:GetIdentityNotificationAttributes``."""
        answer = self._call(self._v1, "GetIdentityNotificationAttributes", Identities=list(identities))
        found: Mapping[str, Mapping[str, Any]] = answer["NotificationAttributes"]
        return {
            _name(name): Settings(
                topics={t: one.get(f"{t}Topic") or None for t in NOTIFICATION_TYPES},
                headers={t: bool(one.get(f"HeadersIn{t}NotificationsEnabled")) for t in NOTIFICATION_TYPES},
                forwarding=bool(one["ForwardingEnabled"]),
            )
            for name, one in found.items()
        }

    def signing(self, identities: Sequence[str]) -> Mapping[str, Dkim]:
        """See ``SesReader``. Needs ``ses:GetIdentityDkimAttributes``."""
        answer = self._call(self._v1, "GetIdentityDkimAttributes", Identities=list(identities))
        found: Mapping[str, Mapping[str, Any]] = answer["DkimAttributes"]
        return {
            _name(name): Dkim(bool(one["DkimEnabled"]), str(one["DkimVerificationStatus"]))
            for name, one in found.items()
        }

    def default_set(self, identity: str) -> str | None:
        """See ``IdentityReader``. Needs ``ses:GetEmailIdentity``."""
        answer = self._found("GetEmailIdentity", EmailIdentity=identity)
        if answer is None:
            raise IdentityRejected(f"SES does not know {identity} in {self._place.region}")
        return answer.get("ConfigurationSetName") or None

    def listed(self, page: str | None) -> tuple[Sequence[ListedIdentity], str | None]:
        """See ``SesReader``. Needs ``ses:ListEmailIdentities``."""
        more = {"NextToken": page} if page else {}
        answer = self._call(self._v2, "ListEmailIdentities", PageSize=_PAGE, **more)
        identities = [
            ListedIdentity(_name(one["IdentityName"]), one.get("VerificationStatus") in _V2_VERIFIED)
            for one in answer.get("EmailIdentities", [])
        ]
        return identities, answer.get("NextToken") or None

    def account(self) -> Account:
        """See ``SesReader``. Needs ``ses:GetAccount``."""
        answer = self._call(self._v2, "GetAccount")
        suppression = answer.get("SuppressionAttributes") or {}
        return Account(
            production=bool(answer.get("ProductionAccessEnabled")),
            sending=bool(answer.get("SendingEnabled", True)),
            enforcement=str(answer.get("EnforcementStatus") or ""),
            suppressed=frozenset(suppression.get("SuppressedReasons") or ()),
        )

    def set_state(self, name: str) -> SetState | None:
        """See ``SesReader``. Needs ``ses:GetConfigurationSet``."""
        answer = self._found("GetConfigurationSet", ConfigurationSetName=name)
        if answer is None:
            return None
        suppression = answer.get("SuppressionOptions") or {}
        reasons = suppression.get("SuppressedReasons")
        return SetState(
            sending=bool((answer.get("SendingOptions") or {}).get("SendingEnabled", True)),
            reputation=bool((answer.get("ReputationOptions") or {}).get("ReputationMetricsEnabled")),
            tls=str((answer.get("DeliveryOptions") or {}).get("TlsPolicy") or "OPTIONAL"),
            suppressed=None if reasons is None else frozenset(reasons),
        )

    def event_destinations(self, name: str) -> tuple[EventDestination, ...] | None:
        """See ``SetReader``. Needs ``ses:GetConfigurationSetEventDestinations``."""
        answer = self._found("GetConfigurationSetEventDestinations", ConfigurationSetName=name)
        if answer is None:
            return None
        return tuple(
            EventDestination(
                name=one["Name"],
                enabled=bool(one.get("Enabled")),
                types=frozenset(one.get("MatchingEventTypes", [])),
                topic=(one.get("SnsDestination") or {}).get("TopicArn"),
                cloudwatch=bool(one.get("CloudWatchDestination")),
            )
            for one in answer.get("EventDestinations", [])
        )

    def enable_destination(self, configuration_set: str, destination: str) -> None:
        """See ``SesReader``. Two requests, since SES replaces the whole definition.

        Needs ``ses:GetConfigurationSetEventDestinations`` and ``ses:UpdateConfigurationSetEventDestination``.
        """
        answer = self._call(self._v2, "GetConfigurationSetEventDestinations", ConfigurationSetName=configuration_set)
        (found,) = [one for one in answer.get("EventDestinations", []) if one["Name"] == destination] or [None]
        if found is None:
            raise PermanentError(f"{configuration_set} has no event destination {destination} any more")
        definition = {key: value for key, value in found.items() if key != "Name"}
        self._call(
            self._v2,
            "UpdateConfigurationSetEventDestination",
            ConfigurationSetName=configuration_set,
            EventDestinationName=destination,
            EventDestination={**definition, "Enabled": True},
        )

    def _found(self, operation: str, **parameters: Any) -> Mapping[str, Any] | None:
        """Return what SES's v2 API answers, ``None`` where it does not know what is asked for."""
        try:
            return self._call(self._v2, operation, **parameters)
        except _Missing:
            return None

    def _call(self, client: Any, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except ClientError as error:
            raise self._translated(error)(describe(error, self._place)) from error
        except (HTTPClientError, NoConnection) as error:
            raise RetryableError(describe(error, self._place)) from error
        except BotoCoreError as error:
            raise PermanentError(describe(error, self._place)) from error
        return answer

    @staticmethod
    def _translated(error: ClientError) -> type[FeedbackError]:
        code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLES or status == 429:
            return Throttled
        if code in _NOT_FOUND:
            return _Missing
        return RetryableError if status >= 500 else PermanentError


class _Missing(PermanentError):
    """SES does not know what was asked for."""


def _name(identity: str) -> str:
    """Return an identity as the file has it: SES shows it in the letters it was created with."""
    return identity.lower()
