"""The sending calls of SES's two APIs: where each names its sender and its recipients, and how it answers.

Facts from the API references of SES v1 and v2. A call's parameters are never changed, only copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.parser import HeaderParser
from typing import Any, Final, NamedTuple

from ses_feedback.usecases.guarding import Outcome

Parameters = Mapping[str, Any]

_FIELDS: Final = ("ToAddresses", "CcAddresses", "BccAddresses")
_LONGEST_HEADERS: Final = 1 << 20


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

    def without(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters without the suppressed."""
        return {**parameters, "Destination": _kept(parameters.get("Destination"), outcome)}

    def unsent(self, _parameters: Parameters, _outcome: Outcome) -> dict[str, Any]:
        """Return the answer where nothing was sent."""
        return {"MessageId": ""}

    def answer(self, _parameters: Parameters, _outcome: Outcome, _parsed: dict[str, Any]) -> None:
        """Complete SES's answer."""


class RawCall(SingleCall):
    """A whole MIME message. Where the call names no recipients, those of its headers are meant.

    The message itself is never changed: who is removed stays in its headers, and is left out of the envelope.
    """

    def __init__(self, sender: str, arn: str, *, flat: bool) -> None:
        super().__init__(sender, arn)
        self._flat = flat  # v1 has a list of recipients, v2 the same destination as other mail

    def sender(self, parameters: Parameters) -> Sender:
        """Return who the mail is from: by the call, else by its header."""
        named = super().sender(parameters)
        if named.address is not None or named.arn is not None:
            return named
        return Sender(next(iter(_headers(self._message(parameters), "from")), None), None)

    def recipients(self, parameters: Parameters) -> list[str]:
        """Return the texts that name recipients: those of the call, else the headers."""
        return self._of_call(parameters) or _headers(self._message(parameters), "to", "cc", "bcc")

    def without(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters with an envelope without the suppressed."""
        if self._of_call(parameters):
            if not self._flat:
                return super().without(parameters, outcome)
            return {**parameters, "Destinations": outcome.keep(parameters["Destinations"])}
        left = outcome.keep(self.recipients(parameters))
        return {**parameters, **({"Destinations": left} if self._flat else {"Destination": {"ToAddresses": left}})}

    def _of_call(self, parameters: Parameters) -> list[str]:
        return _texts(parameters.get("Destinations")) if self._flat else _named(parameters.get("Destination"))

    def _message(self, parameters: Parameters) -> Any:
        raw = parameters.get("RawMessage") if self._flat else parameters["Content"]["Raw"]
        return raw.get("Data") if isinstance(raw, dict) else None  # a mistake that boto3 reports


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

    def without(self, parameters: Parameters, outcome: Outcome) -> dict[str, Any]:
        """Return the parameters without the suppressed, and without the messages that go to nobody."""
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
        refused = {"Status": self._rejected, "Error": "not sent: every recipient is suppressed (ses-feedback)"}
        found = [dict(refused) if _gone(entry, outcome) else next(came, None) for entry in self._of(parameters)]
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


def _headers(message: Any, *names: str) -> list[str]:
    """Return the values of headers of a MIME message, unfolded."""
    if isinstance(message, str):
        message = message.encode("utf-8", "surrogateescape")
    if not isinstance(message, bytes | bytearray):
        return []
    head = bytes(message[:_LONGEST_HEADERS]).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    # Bytes that are no ASCII the parser would spoil, and with them addresses of non-ASCII domains.
    parsed = HeaderParser().parsestr(head.decode("utf-8", "replace") + "\n\n")
    return [" ".join(str(value).split()) for name in names for value in parsed.get_all(name, ())]
