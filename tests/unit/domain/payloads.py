"""Small notifications to vary, and the envelopes around them."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from ses_feedback.domain.reading import Reading, read
from tests.events import DIRECTORY, NOW

ARN: Final = "arn:aws:ses:us-east-1:111122223333:identity/example.com"
TOPIC: Final = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6"
SENT: Final = "2026-01-27T14:59:38.237Z"
OWN: Final = "2026-01-27T14:59:44.101Z"
SENT_MS: Final = 1_769_525_978_237
OWN_MS: Final = 1_769_525_984_101


def mail(*to: str, **changes: Any) -> dict[str, Any]:
    """Return the part about the mail; a change to ``...`` removes a field."""
    fields = {
        "timestamp": SENT,
        "messageId": "id-1",
        "source": "orders@example.com",
        "sourceArn": ARN,
        "destination": list(to or ("jane@example.org",)),
    }
    return {key: value for key, value in (fields | changes).items() if value is not ...}


def bounce(*recipients: Any, mail_: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a bounce; a recipient is an address, or an object as SES writes it."""
    listed = [
        r if isinstance(r, dict) else {"emailAddress": r, "status": "5.1.1"}
        for r in recipients or ("jane@example.org",)
    ]
    fields = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": listed, "timestamp": OWN}
    own = {key: value for key, value in (fields | changes).items() if value is not ...}
    return {"notificationType": "Bounce", "bounce": own, "mail": mail() if mail_ is None else mail_}


def complaint(*recipients: Any, mail_: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a complaint about the recipients, which may be none."""
    fields = {"complainedRecipients": [{"emailAddress": r} for r in recipients], "timestamp": OWN}
    own = {key: value for key, value in (fields | changes).items() if value is not ...}
    return {"notificationType": "Complaint", "complaint": own, "mail": mail() if mail_ is None else mail_}


def delivery(*recipients: str, **changes: Any) -> dict[str, Any]:
    """Return a delivery."""
    own = {
        "timestamp": OWN,
        "recipients": list(recipients or ("jane@example.org",)),
        "smtpResponse": "250 ok",
    } | changes
    return {"eventType": "Delivery", "delivery": own, "mail": mail(*recipients)}


def publish(kind: str, field: str, own: Any, **changes: Any) -> dict[str, Any]:
    """Return any notification of event publishing."""
    return {"eventType": kind, field: own, "mail": mail(**changes)}


def compact(value: Any) -> str:
    """Return JSON as SES writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def sns(message: Any, **changes: Any) -> dict[str, Any]:
    """Return an SNS message that carries a text, or a value as JSON."""
    text = message if isinstance(message, str) else compact(message)
    return {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": text} | changes


def lambda_sns(*messages: Any) -> dict[str, Any]:
    """Return the event with which SNS invokes a function."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": sns(message)} for message in messages]}


def sqs(*bodies: Any) -> dict[str, Any]:
    """Return the event with which SQS invokes a function."""
    texts = [body if isinstance(body, str) else compact(body) for body in bodies]
    return {"Records": [{"messageId": str(i), "eventSource": "aws:sqs", "body": text} for i, text in enumerate(texts)]}


def firehose(*datas: str) -> dict[str, Any]:
    """Return the event with which Firehose asks a function to transform."""
    return {
        "records": [{"recordId": str(i), "data": base64.b64encode(d.encode()).decode()} for i, d in enumerate(datas)]
    }


def reading(payload: object, now: int = NOW) -> Reading:
    """Return what a payload says, with the catalogue's identities."""
    return read(payload, DIRECTORY, now)
