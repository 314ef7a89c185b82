"""Notifications as text, for a recipient of one's own: one test never sees another's addresses."""

from __future__ import annotations

import itertools
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from local import simulator

_numbers = itertools.count(1)


def someone(name: str) -> str:
    """An address nobody else has."""
    return f"{name}{next(_numbers)}@example.org"


def notification(kind: str, identity: str, recipient: str, *, ago: float = 60, **body: Any) -> str:
    """A notification of a kind (``Bounce``, ``Complaint``, ``Delivery``) that happened ``ago`` seconds ago."""
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - ago, UTC)
    mail = simulator.mail(
        message_id=f"0100{uuid.uuid4().hex[:12]}-000000",
        source=identity if "@" in identity else f"hello@{identity}",
        identity_arn=f"arn:aws:ses:eu-west-1:000000000000:identity/{identity}",
        account="000000000000",
        destination=[recipient],
        at=at,
        headers=None,
    )
    return json.dumps(simulator.identity_notification(kind, {**body, "timestamp": simulator.timestamp(at)}, mail))


def bounce(identity: str, recipient: str, *, soft: bool = False, ago: float = 60) -> str:
    """A hard bounce (5.1.1), or a soft one (4.2.2)."""
    status, text = ("4.2.2", "smtp; 452 4.2.2 full") if soft else ("5.1.1", "smtp; 550 5.1.1 unknown")
    who = {"emailAddress": recipient, "action": "failed", "status": status, "diagnosticCode": text}
    kind = ("Transient", "MailboxFull") if soft else ("Permanent", "General")
    return notification(
        "Bounce", identity, recipient, ago=ago, bounceType=kind[0], bounceSubType=kind[1], bouncedRecipients=[who]
    )


def complaint(identity: str, recipient: str) -> str:
    """A complaint."""
    who = [{"emailAddress": recipient}]
    return notification("Complaint", identity, recipient, complainedRecipients=who, complaintFeedbackType="abuse")


def delivery(identity: str, recipient: str, *, ago: float = 60) -> str:
    """A delivery to a receiver that reports complaints."""
    return notification("Delivery", identity, recipient, ago=ago, recipients=[recipient], smtpResponse="250 ok")


def posted(topic: str, notification: str) -> str:
    """A notification as SNS hands it on: in the envelope that names its topic, about an identity of the same region."""
    return json.dumps({"Type": "Notification", "TopicArn": topic, "Message": placed(topic, notification)})


def placed(topic: str, notification: str) -> str:
    """A notification as SES of the topic's region writes it."""
    return notification.replace("eu-west-1", topic.split(":")[3])
