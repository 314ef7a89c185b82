"""SES notifications in the envelopes in which the functions meet them, and a small configuration they belong to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ses_feedback import naming
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy
from ses_feedback.domain.times import format_time

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
KEYS = Keys("a secret for tests")


def topic_of(identity: str, deployment: str = "ses-feedback") -> str:
    """Return the topic by which an identity's bounces come."""
    return f"arn:aws:sns:us-east-1:111122223333:{naming.topic_name(deployment, 'bounce', identity)}"


TOPIC = topic_of("example.com")
PLACES = (
    Place("example.com", "production", "default"),
    Place("news@example.com", "production", "marketing"),
    Place("dev@example.com", "dev", "default"),
)


def rules(policy: Policy = DEFAULT_POLICY, alarms: str = "identity") -> RuntimeConfig:
    """Return a configuration of two environments, one with two streams."""
    return RuntimeConfig(
        deployment="ses-feedback",
        region="us-east-1",
        regions=("us-east-1",),
        alarms=alarms,
        places=PLACES,
        directory=Directory(PLACES, {TOPIC.rpartition(":")[2]: "example.com"}),
        policy=policy,
    )


def mail(message_id: str, source: str, to: Sequence[str], sent: int) -> dict[str, Any]:
    """Return the ``mail`` object of a notification."""
    return {
        "timestamp": format_time(sent),
        "source": source,
        "sourceArn": f"arn:aws:ses:us-east-1:111122223333:identity/{source}",
        "messageId": message_id,
        "destination": list(to),
        "commonHeaders": {"subject": "confidential"},
    }


def bounce(
    message_id: str = "m1",
    to: Sequence[str] = ("jane@example.net",),
    *,
    at: int = NOW,
    sent: int | None = None,
    source: str = "info@example.com",
    kind: str = "Permanent",
    sub: str = "General",
    status: str | None = "5.1.1",
    diagnostic: str | None = "smtp; 550 5.1.1 no such user",
) -> dict[str, Any]:
    """Return a bounce of each recipient, by default a hard one."""
    detail = {"status": status, "diagnosticCode": diagnostic}
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": sub,
            "timestamp": format_time(at),
            "bouncedRecipients": [
                {"emailAddress": address, **{k: v for k, v in detail.items() if v is not None}} for address in to
            ],
        },
        "mail": mail(message_id, source, to, at if sent is None else sent),
    }


def soft_bounce(message_id: str, to: Sequence[str] = ("jane@example.net",), **more: Any) -> dict[str, Any]:
    """Return a soft bounce."""
    return bounce(message_id, to, kind="Transient", sub="MailboxFull", status="4.2.2", **more)


def complaint(
    message_id: str = "m1",
    to: Sequence[str] = ("jane@example.net",),
    *,
    at: int = NOW,
    source: str = "info@example.com",
) -> dict[str, Any]:
    """Return a complaint that may come from each recipient."""
    return {
        "notificationType": "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": address} for address in to],
            "timestamp": format_time(at),
            "complaintFeedbackType": "abuse",
        },
        "mail": mail(message_id, source, to, at),
    }


def delivery(
    message_id: str = "m1",
    to: Sequence[str] = ("jane@example.net",),
    *,
    at: int = NOW,
    source: str = "info@example.com",
    response: str = "250 2.0.0 OK",
) -> dict[str, Any]:
    """Return a delivery to each recipient."""
    return {
        "notificationType": "Delivery",
        "delivery": {"timestamp": format_time(at), "recipients": list(to), "smtpResponse": response},
        "mail": mail(message_id, source, to, at),
    }


def sns_event(*messages: dict[str, Any] | str, topic: str = TOPIC) -> dict[str, Any]:
    """Return what Lambda is invoked with by SNS."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{topic}:00000000-0000-0000-0000-000000000000",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": f"sns-{number}",
                    "TopicArn": topic,
                    "Message": text(message),
                    "Timestamp": format_time(NOW),
                },
            }
            for number, message in enumerate(messages)
        ]
    }


def sns_body(message: dict[str, Any] | str, topic: str = TOPIC) -> str:
    """Return what SNS puts into a queue."""
    body = {"Type": "Notification", "MessageId": "sns-1", "TopicArn": topic, "Message": text(message)}
    return json.dumps(body)


def failure_body(event: dict[str, Any]) -> str:
    """Return what Lambda puts into the failure destination of an asynchronous invocation."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": format_time(NOW),
            "requestContext": {"requestId": "r-1", "condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "writing a suppression: ThrottlingException"},
        }
    )


def sqs_event(*bodies: str, receives: int = 1) -> dict[str, Any]:
    """Return what Lambda is invoked with by SQS."""
    return {
        "Records": [
            {
                "messageId": f"sqs-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(NOW)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:ses-feedback-retry",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def text(message: dict[str, Any] | str) -> str:
    """Return a message as SNS carries it."""
    return message if isinstance(message, str) else json.dumps(message)
