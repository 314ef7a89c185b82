"""One post of SNS, taken apart: what it says, and the exact bytes that its signature covers.

Nothing here is trusted yet. Form and order of what is signed: SNS developer guide, `Verifying the signatures of Amazon
SNS messages`. Only the message may hold line breaks: otherwise the lines that are signed could be parted in two ways.
"""

from __future__ import annotations

import binascii
import json
import re
from typing import Any, Final, NamedTuple

from ses_feedback.domain.errors import InvalidTime
from ses_feedback.domain.times import parse_time
from ses_feedback.endpoint.errors import Refused

NOTIFICATION: Final = "Notification"
SUBSCRIPTION: Final = "SubscriptionConfirmation"
UNSUBSCRIPTION: Final = "UnsubscribeConfirmation"
# SNS takes messages of 256 KiB (SNS API reference, `Publish`); JSON escapes may triple what is mostly quotes and text.
MAX_BODY: Final = 1_048_576

_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SIGNED[UNSUBSCRIPTION] = _SIGNED[SUBSCRIPTION]
_SHAPES: Final = {
    "MessageId": re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII),
    "Subject": re.compile(r"[^\r\n]{1,400}"),
    "SubscribeURL": re.compile(r"[!-~]{1,4096}", re.ASCII),
    "Timestamp": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", re.ASCII),
    "Token": re.compile(r"[0-9A-Za-z]{1,1024}", re.ASCII),
    "TopicArn": re.compile(r"arn:[!-~]{1,512}", re.ASCII),
    "SigningCertURL": re.compile(r"[!-~]{1,512}", re.ASCII),
    "Signature": re.compile(r"[A-Za-z0-9+/]{300,1400}={0,2}", re.ASCII),  # RSA of 2,048 to 8,192 bits
}
_VERSIONS: Final = ("1", "2")


class Post(NamedTuple):
    """A post whose form is right. ``sent_at`` is ms since 1970, ``token`` only a confirmation's."""

    type: str
    topic: str
    message_id: str
    message: str
    sent_at: int
    token: str | None
    version: str
    certificate_url: str
    signature: bytes
    signed: bytes

    @property
    def envelope(self) -> dict[str, str]:
        """What of the post is signed and says something, as SNS writes it: all that the use cases are shown."""
        return {
            "Type": self.type,
            "TopicArn": self.topic,
            "MessageId": self.message_id,
            "Message": self.message,
        }


def read_post(body: bytes) -> Post:
    """Return a post. Raises ``Refused`` (400, 413) for whatever SNS would not write."""
    if len(body) > MAX_BODY:
        raise Refused(f"more than {MAX_BODY:,} bytes", 413)
    try:
        values = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON in UTF-8", 400) from None
    if not isinstance(values, dict):
        raise Refused("the body is no JSON object", 400)
    kind = values.get("Type")
    names = _SIGNED.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or names is None:
        raise Refused(f"Type is none of {', '.join(_SIGNED)}", 400)
    version = values.get("SignatureVersion")
    if not isinstance(version, str) or version not in _VERSIONS:
        raise Refused("SignatureVersion is neither 1 nor 2 (a raw delivery has none: turn it off)", 400)
    lines = []
    for name in names:
        value = values.get(name)
        if value is None and name == "Subject":
            continue
        lines += [name, _checked(values, name)]
    lines.append("")
    try:
        signed = "\n".join(lines).encode("utf-8")
        sent_at = parse_time(values["Timestamp"])
        signature = binascii.a2b_base64(_checked(values, "Signature"), strict_mode=True)
    except UnicodeEncodeError:
        raise Refused("a text of the post cannot be written as UTF-8", 400) from None
    except InvalidTime:
        raise Refused("Timestamp is no point in time", 400) from None
    except binascii.Error:
        raise Refused("Signature is not base64", 400) from None
    return Post(
        kind,
        values["TopicArn"],
        values["MessageId"],
        values["Message"],
        sent_at,
        values.get("Token") if kind != NOTIFICATION else None,
        version,
        _checked(values, "SigningCertURL"),
        signature,
        signed,
    )


def _checked(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise Refused(f"{name} is missing or no text", 400)
    shape = _SHAPES.get(name)
    if shape is not None and not shape.fullmatch(value):
        raise Refused(f"{name} is not as SNS writes it", 400)
    return value
