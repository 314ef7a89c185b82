"""Open whatever a notification arrives in, down to the notifications themselves.

Envelopes: an SNS message (HTTP body, dead letter, Lambda record), an SQS record or received message, an EventBridge
event, Firehose and Kinesis records, a Lambda on-failure record, a stream of JSON texts, lists of any of these, and
envelopes in envelopes. Shapes: `Using AWS Lambda with Amazon SNS`, `… SQS`, `… Kinesis`, `… Data Firehose`, `Amazon SNS
message formats`, `Capturing records of Lambda asynchronous invocations`, `EventBridge event structure`.
"""

from __future__ import annotations

import binascii
from typing import Any, Final

from ses_feedback.domain import streams
from ses_feedback.domain.events import Fault, Setup
from ses_feedback.domain.streams import HEADERS, decode, decode_without_headers
from ses_feedback.domain.texts import dump, encodable, token

# The deepest real one, an on-failure record of an SNS-invoked function in an SQS event, is opened in 9 steps.
MAX_DEPTH: Final = 16
MAX_ARN: Final = 512

_NOTHING: Final = "neither an SES notification nor an envelope of one"
_CONFIRMATIONS: Final = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_LISTS: Final = ("Records", "records", "Messages")  # Lambda, Firehose transformation, `aws sqs receive-message`
_OBJECTS: Final = ("Sns", "detail", "requestPayload", "kinesis")  # SNS record, EventBridge, on-failure, Kinesis record
_BODIES: Final = ("body", "Body")  # an SQS record or an HTTP event, a received SQS message
# How a text in UTF-16 begins.
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BYTES: Final = (bytes, bytearray, memoryview)
_ARRAY: Final = (list, tuple)
_OPENABLE: Final = (str, dict, list)


# A decoded notification, the text it came in where that text holds nothing else, and its topic's ARN.
Notification = tuple[dict[str, Any], str | None, str | None]


class Opened:
    """What a payload held, each in the order of arrival. Opening never raises: what cannot be read is a ``Fault``."""

    __slots__ = ("faults", "notifications", "setups")

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.faults: list[Fault] = []
        self.setups: list[Setup] = []

    def open_text(self, text: str, topic: str | None, depth: int) -> None:
        """Open one text: a JSON text, a stream of them, or SES's plain-text setup message."""
        whole = text.strip(" \t\r\n\ufeff")
        headers = whole.find(HEADERS)
        if headers > 0:
            value = decode_without_headers(whole, headers)
            if isinstance(value, dict) and ("notificationType" in value or "eventType" in value):
                self.notifications.append((value, text, topic))
                return
        try:
            value, end = decode(whole, 0)
        except (ValueError, RecursionError, StopIteration):
            end = -1
        if end == len(whole):
            self.open(value, text, topic, depth)
        elif streams.is_blank(whole):
            self._fault(text, topic, "an empty message")
        else:
            for piece in streams.cut(whole):
                if piece.trouble is not None:
                    self._fault(piece.text, topic, piece.trouble)
                elif piece.text.startswith(streams.SETUP_TEXT):
                    self._setup(topic, "SES has validated the topic for event publishing")
                else:
                    self.open(piece.value, piece.text, topic, depth)

    def open(self, value: Any, text: str | None, topic: str | None, depth: int) -> None:
        """Open one decoded value; ``text`` is what it was decoded from, if it is alone in there."""
        if isinstance(value, dict):
            if "notificationType" in value or "eventType" in value:
                self.notifications.append((value, text, topic))
                return
            if depth <= MAX_DEPTH:
                self._open_object(value, text, topic, depth + 1)
                return
        elif depth <= MAX_DEPTH:
            if isinstance(value, str):
                self.open_text(value, topic, depth + 1)
                return
            if isinstance(value, _ARRAY):
                self._open_each(value, text, topic, depth + 1)
                return
        why = _NOTHING if depth <= MAX_DEPTH else f"more than {MAX_DEPTH} envelopes inside each other"
        self._fault(dump(value) if text is None else text, topic, why)

    def _open_each(self, values: list[Any] | tuple[Any, ...], text: str | None, topic: str | None, depth: int) -> None:
        alone = text if len(values) == 1 else None
        for value in values:
            self.open(value, alone, topic, depth)

    def _open_object(self, value: dict[Any, Any], text: str | None, topic: str | None, depth: int) -> None:
        """Open an envelope, the usual ones first."""
        message = value.get("Message")
        if isinstance(message, _OPENABLE) and ("TopicArn" in value or "Type" in value):
            arn, kind = value.get("TopicArn"), value.get("Type")
            if isinstance(arn, str) and topic is None:
                topic = arn  # of the outermost envelope, which SNS wrote: one inside is a claim of whoever published
            if kind == "Notification" and isinstance(message, str):
                self.open_text(message, topic, depth)
            elif kind in _CONFIRMATIONS:
                self._setup(topic, f"SNS asks to confirm: {kind}")
            else:
                self.open(message, None, topic, depth)
            return
        record = value.get("Sns")
        if isinstance(record, dict) and not {"TopicArn", "Type"} & record.keys() and "Message" in record:
            self.open(record["Message"], None, topic, depth)  # a test event made by hand often has no more than this
            return
        for name in _LISTS:
            if isinstance(value.get(name), list):
                self._open_each(value[name], text, topic, depth)
                return
        for name in _OBJECTS:
            if isinstance(value.get(name), _OPENABLE):
                self.open(value[name], text, topic, depth)
                return
        if not self._open_body(value, topic, depth):
            self._fault(dump(value) if text is None else text, topic, _NOTHING)

    def _open_body(self, value: dict[Any, Any], topic: str | None, depth: int) -> bool:
        """Open what holds its message as text or in base64: SQS and HTTP bodies, Firehose and Kinesis data."""
        for name in _BODIES:
            body = value.get(name)
            if isinstance(body, str) and value.get("isBase64Encoded") is True:
                self._open_base64(body, topic, depth)
                return True
            if isinstance(body, _OPENABLE):
                self.open(body, None, topic, depth)
                return True
        if isinstance(value.get("data"), str):
            self._open_base64(value["data"], topic, depth)
            return True
        return False

    def _open_base64(self, data: str, topic: str | None, depth: int) -> None:
        try:
            decoded = binascii.a2b_base64(data, strict_mode=True)
        except ValueError:
            self._fault(data, topic, "the data of a record is not base64")
        else:
            self.open_bytes(decoded, topic, depth)

    def open_bytes(self, data: bytes, topic: str | None, depth: int) -> None:
        """Open a text in UTF-8 or UTF-16. Whoever looks for what became of it finds the latter in no other way."""
        text, before = _decode(data), self._opened
        self.open_text(text, topic, depth)
        if data[:2] in _UTF16 and self._opened == before:
            self._fault(text, topic, "an empty message")

    @property
    def _opened(self) -> int:
        return len(self.notifications) + len(self.faults) + len(self.setups)

    def _fault(self, raw: str, topic: str | None, why: str) -> None:
        self.faults.append(Fault(encodable(raw), why, token(topic, MAX_ARN)))

    def _setup(self, topic: str | None, why: str) -> None:
        self.setups.append(Setup(token(topic, MAX_ARN), why))


def open_payload(payload: object) -> Opened:
    """Return what is in a payload: bytes, text or decoded JSON. Never raises; a blank payload holds nothing."""
    opened = Opened()
    if isinstance(payload, _BYTES):
        data = bytes(payload)
        payload = _decode(data)
        if data[:2] in _UTF16 and not streams.is_blank(payload):
            opened.open_bytes(data, None, 0)
            return opened
    if not isinstance(payload, str):
        opened.open(payload, None, None, 0)
    elif not streams.is_blank(payload):
        opened.open_text(payload, None, 0)
    return opened


def _decode(data: bytes) -> str:
    """Return bytes as text. A broken byte stays, as a lone surrogate: it may sit in a subject that nobody reads."""
    if data[:2] in _UTF16:  # what PowerShell's `>` writes
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "surrogateescape")
