"""The sending calls of SES's two APIs: where each names its sender and its recipients, and how it answers.

Facts from the API references of SES v1 and v2. A call's parameters are never changed, only copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ses_feedback.domain.recipients import recipients as read
from ses_feedback.guard.headers import Message, headers, read_alike
from ses_feedback.usecases.guarding import Outcome

Parameters = Mapping[str, Any]

_HEADERS: Final = ("to", "cc", "bcc")
_FIELDS: Final = ("ToAddresses", "CcAddresses", "BccAddresses")


class Sender(NamedTuple):
    """Who a mail is from: an address, and the ARN of the identity that permits it; either may be absent."""

    address: str | None
    arn: str | None


class SingleCall:
    """``SendEmail`` of either API and ``SendTemplatedEmail``: one ``Destination``."""

    def __init__(self, sender: str, arn: str) -> None:
        self._sender = (sender, arn)

    def sender(self, parameters: Parameters) -> Sender:
        """Return who the mail is from."""
        return _sender(parameters, self._sender)

    def recipients(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients."""
        return _named(parameters.get("Destination"))

    def named(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients in the call itself."""
        return self.recipients(parameters)

    def message(self, _parameters: Parameters) -> Message | None:
        """Return the MIME message of the call, if it has one."""
        return None

    def without(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters without whom the mail loses."""
        if not outcome.loses:
            return dict(parameters)
        return {**parameters, "Destination": _kept(parameters.get("Destination"), outcome)}

    def unsent(self, _parameters: Parameters, _outcome: Outcome) -> dict[str, Any]:
        """Return the answer where nothing was sent."""
        return {"MessageId": ""}

    def answer(self, _parameters: Parameters, _outcome: Outcome, _parsed: dict[str, Any]) -> None:
        """Complete SES's answer."""


class RawCall(SingleCall):
    """A whole MIME message. Where the call names no recipients, those of its headers are meant.

    The message itself is never changed: who is removed stays in its headers, and is left out of the envelope. Where
    two readers find others in the headers, the call names the recipients, and it does not matter how SES reads them.
    """

    def __init__(self, sender: str, arn: str, *, flat: bool) -> None:
        super().__init__(sender, arn)
        self._flat = flat  # v1 has a list of recipients, v2 the same destination as other mail

    def sender(self, parameters: Parameters) -> Sender:
        """Return who the mail is from: by the call, else by its header."""
        named = super().sender(parameters)
        if named.address is not None or named.arn is not None:
            return named
        return Sender(next(iter(headers(self.message(parameters), "from")), None), None)

    def recipients(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients: those of the call, else each that the headers name."""
        return self.named(parameters) or recipients_of(self.message(parameters))

    def named(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients in the call itself."""
        return _texts(parameters.get("Destinations")) if self._flat else _named(parameters.get("Destination"))

    def without(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters with an envelope without whom the mail loses."""
        if self.named(parameters):
            if not self._flat or not outcome.loses:
                return super().without(parameters, outcome)
            return {**parameters, "Destinations": outcome.keep(parameters["Destinations"])}
        if not outcome.loses and read_alike(self.message(parameters), *_HEADERS):
            return dict(parameters)
        left = outcome.keep(self.recipients(parameters))
        return {**parameters, **({"Destinations": left} if self._flat else {"Destination": {"ToAddresses": left}})}

    def message(self, parameters: Parameters) -> Message | None:
        """Return the MIME message; ``None`` where it is none, a mistake that boto3 reports."""
        raw = parameters.get("RawMessage") if self._flat else parameters["Content"]["Raw"]
        data = raw.get("Data") if isinstance(raw, dict) else None
        return data if isinstance(data, Message) else None


class BulkCall:
    """Many messages from one template, each with its ``Destination``; the answer has a status for each."""

    def __init__(self, sender: str, arn: str, *, entries: str, statuses: str, rejected: str) -> None:
        self._sender = (sender, arn)
        self._entries = entries
        self._statuses = statuses
        self._rejected = rejected

    def sender(self, parameters: Parameters) -> Sender:
        """Return who the mail is from."""
        return _sender(parameters, self._sender)

    def recipients(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients, of all messages."""
        return [text for entry in self._of(parameters) for text in _named(entry.get("Destination"))]

    def named(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients in the call itself."""
        return self.recipients(parameters)

    def message(self, _parameters: Parameters) -> Message | None:
        """Return the MIME message of the call: it has none."""
        return None

    def without(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters without whom the mails lose, and without the messages that go to nobody."""
        if not outcome.loses:
            return dict(parameters)
        entries = [
            {**entry, "Destination": _kept(entry.get("Destination"), outcome)}
            for entry in self._of(parameters)
            if not _gone(entry, outcome)
        ]
        return {**parameters, self._entries: entries}

    def unsent(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the answer where nothing was sent: the status of each message is added as for any other answer."""
        return {self._statuses: []}

    def answer(self, parameters: Parameters, outcome: Outcome, parsed: dict[str, Any]) -> None:
        """Add the statuses of the messages that were left out: there is one for each that the caller named."""
        came = iter(parsed.get(self._statuses) or ())
        found = [
            {"Status": self._rejected, "Error": f"not sent: {_why(entry, outcome)} (ses-feedback)"}
            if _gone(entry, outcome)
            else next(came, None)
            for entry in self._of(parameters)
        ]
        parsed[self._statuses] = [status for status in found if status is not None]

    def _of(self, parameters: Parameters) -> list[dict[str, Any]]:
        entries = parameters.get(self._entries)
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list | tuple) else []


SendCall = SingleCall | BulkCall

_V1: Final = ("Source", "SourceArn")
_V2: Final = ("FromEmailAddress", "FromEmailAddressIdentityArn")
_V2_RAW: Final = RawCall(*_V2, flat=False)
# By service and operation.
CALLS: Final[Mapping[str, Mapping[str, SendCall]]] = {
    "ses": {
        "SendEmail": SingleCall(*_V1),
        "SendTemplatedEmail": SingleCall(*_V1),
        "SendRawEmail": RawCall(*_V1, flat=True),
        "SendBulkTemplatedEmail": BulkCall(*_V1, entries="Destinations", statuses="Status", rejected="MessageRejected"),
    },
    "sesv2": {
        "SendEmail": SingleCall(*_V2),
        "SendBulkEmail": BulkCall(
            *_V2, entries="BulkEmailEntries", statuses="BulkEmailEntryResults", rejected="MESSAGE_REJECTED"
        ),
    },
}


def call_of(service: str, operation: str, parameters: Parameters) -> tuple[SendCall, dict[str, Any]]:
    """Return how to read a call, and its parameters with a message that can be read more than once."""
    call = CALLS[service][operation]
    content = parameters.get("Content")
    if service == "sesv2" and isinstance(content, dict) and isinstance(content.get("Raw"), dict):
        return _V2_RAW, {**parameters, "Content": {**content, "Raw": _read(content["Raw"])}}
    if isinstance(parameters.get("RawMessage"), dict):
        return call, {**parameters, "RawMessage": _read(parameters["RawMessage"])}
    return call, dict(parameters)


def recipients_of(message: Message | None) -> list[str]:
    """Return the texts that name the recipients of a MIME message by its headers, each by itself."""
    return [one.text for text in headers(message, *_HEADERS) for one in read(text)]


def _read(raw: dict[str, Any]) -> dict[str, Any]:
    data: Any = raw.get("Data")
    return {**raw, "Data": data.read()} if hasattr(data, "read") else raw


def _sender(parameters: Parameters, names: tuple[str, str]) -> Sender:
    address, arn = (parameters.get(name) for name in names)
    return Sender(address if isinstance(address, str) else None, arn if isinstance(arn, str) else None)


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


def _named(destination: Any) -> list[str]:
    if not isinstance(destination, dict):
        return []
    return [text for name in _FIELDS for text in _texts(destination.get(name))]


def _kept(destination: Any, outcome: Outcome) -> Any:
    """Return a destination without the suppressed; a field that is empty then is left out."""
    if not isinstance(destination, dict):
        return destination  # a mistake that boto3 reports
    kept = {
        name: outcome.keep(value) if name in _FIELDS and isinstance(value, list | tuple) else value
        for name, value in destination.items()
    }
    return {name: value for name, value in kept.items() if value or not destination[name]}


def _gone(entry: Mapping[str, Any], outcome: Outcome) -> bool:
    named = _named(entry.get("Destination"))
    return bool(named) and not outcome.keep(named)


def _why(entry: Mapping[str, Any], outcome: Outcome) -> str:
    if set(outcome.refused).isdisjoint(_named(entry.get("Destination"))):
        return "every recipient is suppressed"
    return "no recipient is left: suppressed, or no e-mail address"
