"""What SES says about a mail: the notifications of its mailbox simulator, word for word where AWS documents them. Pure.

Shapes: *Amazon SNS notification contents for Amazon SES* and *Contents of event data that Amazon SES publishes*; what
each simulator address does: *Using the mailbox simulator*. A label (``bounce+label@…``) changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

Notification = dict[str, Any]

SIMULATOR_DOMAIN: Final = "simulator.amazonses.com"
KINDS: Final = ("Bounce", "Complaint", "Delivery")
# Where the object of an event is not named as its type, beginning small.
_OBJECTS: Final = {"Rendering Failure": "failure"}
_REMOTE: Final = "198.51.100.49"
_MTA: Final = "a8-50.smtp-out.amazonses.com"
_SUPPRESSED: Final = (
    "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid "
    "address. For more information about how to remove an address from the suppression list, see the Amazon SES "
    "Developer Guide: "
    "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/remove-from-suppressionlist.html "
)


def is_simulated(address: str) -> bool:
    """Say whether an address is one of the simulator's, whose mail counts towards no rate."""
    return address.lower().endswith("@" + SIMULATOR_DOMAIN)


def feedback(recipient: str, at: datetime) -> list[tuple[str, Notification]]:
    """Return what SES reports about one accepted mail, in order: each kind with its object.

    Besides the simulator: a domain under ``.invalid`` cannot exist (RFC 2606), so its mail bounces; all other is
    delivered.
    """
    delivered = ("Delivery", _delivery(recipient, at))
    if not is_simulated(recipient):
        lost = recipient.lower().rstrip(".").endswith(".invalid")
        return [("Bounce", _no_such_domain(recipient, at))] if lost else [delivered]
    match recipient.lower().rpartition("@")[0].split("+")[0]:
        case "bounce":
            return [("Bounce", _bounce(recipient, at))]
        case "suppressionlist":
            return [("Bounce", _suppressed(recipient, at))]
        case "complaint":
            return [delivered, ("Complaint", _complaint(recipient, at))]
        case "ooto":
            return [delivered, ("Bounce", _auto_reply(recipient, at))]
    return [delivered]


def already_suppressed(recipient: str, at: datetime) -> Notification:
    """Return the bounce of a mail to an address on the account's own suppression list."""
    text = (
        "Amazon SES did not send the message to this address because it is on the suppression list for your account. "
        "For more information about removing addresses from the suppression list, see the Amazon SES Developer Guide "
        "at https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html"
    )
    who = {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": text}
    return _bounced("Permanent", "OnAccountSuppressionList", who, at, reportingMTA="dns; amazonses.com")


def mail(
    *,
    message_id: str,
    source: str,
    identity_arn: str,
    account: str,
    destination: Sequence[str],
    at: datetime,
    headers: Sequence[tuple[str, str]] | None,
) -> Notification:
    """Return the ``mail`` object; ``headers`` only where the identity asks for them."""
    result: Notification = {
        "timestamp": timestamp(at),
        "source": source,
        "sourceArn": identity_arn,
        "sourceIp": "127.0.0.1",
        "callerIdentity": "embedded-aws",
        "sendingAccountId": account,
        "messageId": message_id,
        "destination": list(destination),
    }
    if headers is not None:
        named = {name.lower(): value for name, value in headers}
        result["headersTruncated"] = False
        result["headers"] = [{"name": name, "value": value} for name, value in headers]
        common: Notification = {"from": [named.get("from", source)]}
        if "date" in named:
            common["date"] = named["date"]
        common["to"] = [a.strip() for a in named["to"].split(",")] if "to" in named else list(destination)
        common["messageId"] = message_id
        common["subject"] = named.get("subject", "")
        result["commonHeaders"] = common
    return result


def identity_notification(kind: str, body: Notification, of: Notification) -> Notification:
    """Return the notification of an identity's topic."""
    return {"notificationType": kind, kind.lower(): body, "mail": of}


def published_event(kind: str, body: Notification, of: Notification, tags: Mapping[str, Sequence[str]]) -> Notification:
    """Return what a configuration set publishes about any kind: ``eventType``, and the mail's tags."""
    about = _OBJECTS.get(kind, kind[0].lower() + kind[1:])
    return {"eventType": kind, "mail": {**of, "tags": {k: list(v) for k, v in tags.items()}}, about: body}


def setup_message(topic_arn: str, kind: str, identity: str) -> Notification:
    """Return what SES publishes once to a topic that an identity has just been pointed at."""
    text = (
        f"You have successfully subscribed your Amazon SNS topic '{topic_arn}' to receive '{kind}' notifications from "
        f"Amazon SES for identity '{identity}'."
    )
    return {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": text}


# What SES publishes once to the topic of a new event destination.
EVENT_SETUP_MESSAGE: Final = "Successfully validated SNS topic for Amazon SES event publishing."


def timestamp(at: datetime) -> str:
    """Return a time as SES writes it: UTC, milliseconds, ``Z``."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def feedback_id() -> str:
    """Return an id in the form of SES's: hexadecimal groups and a suffix."""
    return f"0100{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000"


def _bounced(kind: str, subtype: str, recipients: Any, at: datetime, **more: str) -> Notification:
    listed: Iterable[Any] = recipients if isinstance(recipients, list) else [recipients]
    return {
        "feedbackId": feedback_id(),
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": list(listed),
        "timestamp": timestamp(at),
        **more,
    }


def _bounce(recipient: str, at: datetime) -> Notification:
    code = "smtp; 550 5.1.1 user unknown"
    who = {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": code}
    return _bounced("Permanent", "General", who, at, remoteMtaIp=_REMOTE, reportingMTA=f"dns; {_MTA}")


def _suppressed(recipient: str, at: datetime) -> Notification:
    who = {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": _SUPPRESSED}
    return _bounced("Permanent", "Suppressed", who, at, reportingMTA="dns; amazonses.com")


def _no_such_domain(recipient: str, at: datetime) -> Notification:
    code = "smtp; 550 5.4.4 Invalid domain"
    who = {"emailAddress": recipient, "action": "failed", "status": "5.4.4", "diagnosticCode": code}
    return _bounced("Permanent", "General", who, at, reportingMTA=f"dns; {_MTA}")


def _auto_reply(recipient: str, at: datetime) -> Notification:
    return _bounced("Transient", "General", {"emailAddress": recipient}, at)


def _complaint(recipient: str, at: datetime) -> Notification:
    return {
        "feedbackId": feedback_id(),
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": timestamp(at),
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": timestamp(at),
    }


def _delivery(recipient: str, at: datetime) -> Notification:
    return {
        "timestamp": timestamp(at),
        "processingTimeMillis": 412,
        "recipients": [recipient],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": _REMOTE,
        "reportingMTA": _MTA,
    }
