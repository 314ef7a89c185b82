"""SES: feedback about every accepted mail, to the topics of its identity and of its configuration set.

The emulator publishes without headers, for v1 only, never for an out-of-office reply, and leaves no metric.
"""

from __future__ import annotations

import base64
import email
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.policy import default as mail_policy
from email.utils import format_datetime, parseaddr
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import cloudwatch, ses, ses_v2, sns

from local import simulator
from local.gaps import policies

suppressed = AccountRegionScopedDict()  # the account's own list: address as given → SuppressedDestination
_reputation = AccountRegionScopedDict()  # "sent", "bounced", "complained": mail that counts, so never the simulator's


def arn(identity: str) -> str:
    """Return the ARN of an identity."""
    return f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{identity}"


def publish(topic: str, identity: str, payload: Mapping[str, Any]) -> None:
    """Publish to a topic; after a failure SES drops it silently, which only a drift check will notice."""
    if policies.may_publish(topic, service="ses.amazonaws.com", source_arn=arn(identity)):
        sns.publish_internal(topic, json.dumps(payload), "Amazon SES Email Event Notification")
        return
    record = ses._identities.get(identity) or {"NotificationTopics": {}}
    for kind, configured in record["NotificationTopics"].items():
        if configured == topic:
            record["NotificationTopics"][kind] = ""
    record["FeedbackForwardingEnabled"] = True


def report_v2(message_id: str, data: Mapping[str, Any]) -> None:
    """Publish the feedback about a mail that SESv2's SendEmail accepted; ``data`` is its request."""
    raw = (data.get("Content") or {}).get("Raw", {}).get("Data")
    destination = data.get("Destination") or {}
    recipients = [a for key in ("ToAddresses", "CcAddresses", "BccAddresses") for a in destination.get(key) or []]
    source = data.get("FromEmailAddress", "")
    headers = _raw_headers(raw) if raw else None
    if headers:
        named = {name.lower(): value for name, value in headers}
        recipients = recipients or [
            a.strip() for key in ("to", "cc") for a in named.get(key, "").split(",") if a.strip()
        ]
        source = source or named.get("from", "")
    report(message_id, source, recipients, headers=headers)


def _raw_headers(data: str) -> list[tuple[str, str]]:
    message = email.message_from_bytes(base64.b64decode(data), policy=mail_policy)
    return [(name, str(value)) for name, value in message.items()]


def _record_of(message_id: str) -> dict[str, Any]:
    return next((r for r in reversed(ses._sent_emails_list()) if r["MessageId"] == message_id), {})


def _headers(record: Mapping[str, Any], message_id: str, source: str, at: datetime) -> list[tuple[str, str]]:
    subject = record.get("Subject") or record.get("RenderedSubject") or ""
    return [
        ("From", str(record.get("Source") or source)),
        ("To", ", ".join(record.get("To") or [])),
        ("Subject", str(subject)),
        ("Date", format_datetime(at)),
        ("Message-ID", f"<{message_id}>"),
        ("MIME-Version", "1.0"),
    ]


def report(
    message_id: str, source: str, recipients: list[str], *, headers: list[tuple[str, str]] | None = None
) -> None:
    """Publish the feedback about one accepted mail, as its identity and its configuration set ask for it."""
    found = ses._notification_identity(source)
    at = datetime.now(UTC)
    addresses = [a for a in (parseaddr(r)[1] for r in recipients) if a]
    record = _record_of(message_id)
    nobody: tuple[str, dict[str, Any]] = ("", {"NotificationTopics": {}})
    name, identity = found or nobody
    shown = headers or _headers(record, message_id, source, at)
    facts: dict[str, Any] = {
        "message_id": message_id,
        "source": parseaddr(source)[1],
        "identity_arn": arn(name),
        "account": get_account_id(),
        "destination": addresses,
        "at": at,
    }
    set_name = record.get("ConfigurationSetName") or identity.get("DefaultConfigurationSet") or ""
    for recipient in addresses:
        outcomes = simulator.feedback(recipient, at)
        if recipient in suppressed:
            outcomes = [("Bounce", simulator.already_suppressed(recipient, at))]
        _count(recipient, [kind for kind, _ in outcomes])
        for kind, body in outcomes:
            topic = identity["NotificationTopics"].get(kind)
            if topic:
                with_headers = identity.get("Headers", {}).get(kind)
                mail = simulator.mail(**facts, headers=shown if with_headers else None)
                publish(topic, name, simulator.identity_notification(kind, body, mail))
            _publish_event(set_name, kind, body, simulator.mail(**facts, headers=shown))


def _publish_event(set_name: str, kind: str, body: dict[str, Any], mail: dict[str, Any]) -> None:
    """Publish to the SNS destinations of a configuration set; its CloudWatch metrics are counted account-wide here."""
    for destination in (ses_v2._config_sets.get(set_name) or {}).get("EventDestinations", {}).values():
        topic = (destination.get("SnsDestination") or {}).get("TopicArn")
        if topic and destination.get("Enabled") and kind.upper() in destination["MatchingEventTypes"]:
            tags = {"ses:configuration-set": [set_name]}
            event = simulator.published_event(kind, body, mail, tags)
            sns.publish_internal(topic, json.dumps(event), "Amazon SES Email Event Notification")


def _count(recipient: str, kinds: list[str]) -> None:
    """Keep AWS/SES's account metrics: volumes, and the reputation that AWS judges an account by."""
    for kind in ("Send", *kinds):
        cloudwatch.record_metric("AWS/SES", kind, 1, "Count")
    if simulator.is_simulated(recipient):
        return
    for key, happened in (("sent", True), ("bounced", "Bounce" in kinds), ("complained", "Complaint" in kinds)):
        _reputation[key] = _reputation.get(key, 0) + happened
    for metric, key in (("Reputation.BounceRate", "bounced"), ("Reputation.ComplaintRate", "complained")):
        cloudwatch.record_metric("AWS/SES", metric, _reputation[key] / _reputation["sent"], "None")
