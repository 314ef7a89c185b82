"""A deterministic corpus of SES notifications, as SNS posts them: what a busy account gets in a few minutes.

Shapes follow `Amazon SNS notification contents for Amazon SES` and `Examples of event data that Amazon SES publishes to
Amazon SNS`, headers included, because most of a notification's length is headers. The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ses_feedback import naming

SIZE: Final = 2_000
SEED: Final = 20_260_127
ACCOUNT: Final = "111122223333"
NOW: Final = 1_772_323_200_000  # 2026-03-01T00:00:00Z, in ms: after every notification of the corpus
IDENTITIES: Final = {
    "example.com": ("production", "transactional"),
    "news@example.com": ("production", "marketing"),
    "dev@example.org": ("dev", "default"),
}
# Kind and dialect (identity notification, event publishing): how many of every hundred.
MIX: Final = {
    ("Bounce", "notificationType"): 17,
    ("Bounce", "eventType"): 15,
    ("Complaint", "notificationType"): 7,
    ("Complaint", "eventType"): 5,
    ("Delivery", "notificationType"): 16,
    ("Delivery", "eventType"): 16,
    ("Send", "eventType"): 10,
    ("Open", "eventType"): 5,
    ("Click", "eventType"): 4,
    ("DeliveryDelay", "eventType"): 2,
    ("Reject", "eventType"): 1,
    ("Rendering Failure", "eventType"): 1,
    ("Subscription", "eventType"): 1,
}
# bounceType, bounceSubType, status, diagnostic, and how many of every hundred bounces.
_BOUNCES: Final = (
    ("Permanent", "General", "5.1.1", "smtp; 550-5.1.1 {} does not exist here. 550 5.1.1 Check for typos", 42),
    ("Permanent", "NoEmail", "5.1.2", "smtp; 550 5.1.2 <{}>: host not found", 6),
    ("Permanent", "OnAccountSuppressionList", "5.1.1", "Not sent to {}: on your account's suppression list", 6),
    ("Transient", "General", "4.4.7", "smtp; 451 4.4.7 <{}>: gave up after 840 minutes of retrying", 16),
    ("Transient", "MailboxFull", "5.2.2", "smtp; 552 5.2.2 <{}>: the mailbox is full", 14),
    (
        "Transient",
        "General",
        None,
        "smtp; 554 5.7.1 <{}>: refused by the receiver's policy, see https://example.net/why",
        8,
    ),
    ("Transient", "General", None, None, 4),
    ("Undetermined", "Undetermined", None, "smtp; delivery to {} failed for reasons of its own", 4),
)
_DOMAINS: Final = ("example.com", "example.net", "mail.example.org", "students.example.edu", "corp.example.co.uk")
_NAMES: Final = (
    "ada",
    "grace",
    "alan",
    "edsger",
    "barbara",
    "donald",
    "katherine",
    "linus",
    "margaret",
    "tim",
    "radia",
)
_SUBJECTS: Final = ("Your order has shipped", "Reset your password", "The weekly digest", "Your invoice for January")
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
)


def notifications(size: int = SIZE, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield ``size`` notifications, shuffled, no two alike."""
    chance = random.Random(seed)
    kinds = [kind for kind, share in MIX.items() for _ in range(max(1, share * size // 100))]
    kinds = [kinds[i % len(kinds)] for i in range(size)]
    chance.shuffle(kinds)
    for number, (kind, dialect) in enumerate(kinds):
        yield _Maker(chance, number).make(kind, dialect)


def envelopes(size: int = SIZE, seed: int = SEED) -> list[str]:
    """Return the SNS message of each notification, as the text that SNS posts or puts into a queue."""
    chance = random.Random(seed + 1)
    return [_envelope(chance, notification) for notification in notifications(size, seed)]


def _envelope(chance: random.Random, notification: dict[str, Any]) -> str:
    identity = notification["mail"]["sourceArn"].rpartition("/")[2]
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:{naming.topic_name('ses-feedback', 'bounce', identity)}"
    host = "https://sns.us-east-1.amazonaws.com"
    return _json(
        {
            "Type": "Notification",
            "MessageId": _uuid(chance),
            "TopicArn": topic,
            "Message": _json(notification),
            "Timestamp": _time(chance),
            "SignatureVersion": "1",
            "Signature": "".join(
                chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", k=342)
            )
            + "==",
            "SigningCertURL": f"{host}/SimpleNotificationService-{_hex(chance, 32)}.pem",
            "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={topic}:{_uuid(chance)}",
        }
    )


class _Maker:
    """Makes one notification; every letter of it comes from ``chance``."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        draw = chance.random()
        count = 1 if draw < 0.85 else chance.randint(2, 5) if draw < 0.95 else chance.randint(6, 50)
        self.recipients = [self._address(f"{number}.{i}") for i in range(count)]
        self.sent = _time(chance)
        self.time = _time(chance)

    def make(self, kind: str, dialect: str) -> dict[str, Any]:
        fields: dict[str, Callable[[], dict[str, Any]]] = {
            "Bounce": self._bounce,
            "Complaint": self._complaint,
            "Delivery": self._delivery,
            "Send": dict,
            "Open": lambda: {"ipAddress": self._ip(), "timestamp": self.time, "userAgent": self.chance.choice(_AGENTS)},
            "Click": self._click,
            "DeliveryDelay": self._delay,
            "Reject": lambda: {"reason": "Bad content"},
            "Rendering Failure": lambda: {"errorMessage": "Attribute 'name' is missing", "templateName": "Welcome"},
            "Subscription": self._subscription,
        }
        own = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(kind, kind.lower())
        return {dialect: kind, own: fields[kind](), "mail": self._mail(dialect)}

    def _address(self, number: str) -> str:
        return f"{self.chance.choice(_NAMES)}.{self.chance.choice(_NAMES)}+{number}@{self.chance.choice(_DOMAINS)}"

    def _ip(self) -> str:
        return f"198.51.100.{self.chance.randrange(256)}"

    def _mail(self, dialect: str) -> dict[str, Any]:
        identity = self.chance.choice(list(IDENTITIES))
        source = identity if "@" in identity else f"orders@{identity}"
        subject = self.chance.choice(_SUBJECTS)
        name = f"The Example Team <{source}>"
        headers = [
            (
                "Received",
                f"from app-{self.chance.randrange(99)}.internal "
                f"(ec2-{self._ip()}.compute-1.amazonaws.com [{self._ip()}]) "
                f"by email-smtp.amazonaws.com with SMTP (SimpleEmailService-d-{_hex(self.chance, 9)}) "
                f"id {_hex(self.chance, 20)}; {self.sent}",
            ),
            ("From", name),
            ("To", ", ".join(self.recipients)),
            ("Subject", subject),
            ("Date", "Tue, 27 Jan 2026 14:59:38 +0000"),
            ("Message-ID", f"<{_hex(self.chance, 32)}@example.com>"),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/alternative; boundary="----=_Part_{_hex(self.chance, 24)}"'),
            (
                "List-Unsubscribe",
                f"<https://example.com/u/{_hex(self.chance, 40)}>, <mailto:u-{_hex(self.chance, 12)}@example.com>",
            ),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("X-Campaign", _json({"campaign": self.chance.randrange(9_999), "user": self.chance.randrange(9_999_999)})),
        ]
        headers += [
            (f"X-Trace-{i}", _hex(self.chance, self.chance.randint(16, 96))) for i in range(self.chance.randrange(9))
        ]
        mail: dict[str, Any] = {
            "timestamp": self.sent,
            "source": name,
            "sourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{identity}",
            "sendingAccountId": ACCOUNT,
            "messageId": f"0100019{_hex(self.chance, 9)}-{_uuid(self.chance)}-000000",
            "destination": self.recipients,
            "headersTruncated": False,
            "headers": [{"name": key, "value": value} for key, value in headers],
            "commonHeaders": {
                "from": [name],
                "date": headers[4][1],
                "to": self.recipients,
                "messageId": headers[5][1],
                "subject": subject,
            },
        }
        if dialect == "eventType":
            mail["tags"] = {
                "ses:operation": ["SendRawEmail"],
                "ses:configuration-set": ["ses-feedback-example-com"],
                "ses:source-ip": [self._ip()],
                "ses:from-domain": ["example.com"],
                "ses:caller-identity": ["orders"],
                "campaign": [str(self.chance.randrange(9_999))],
            }
        else:
            mail |= {"sourceIp": self._ip(), "callerIdentity": "orders"}
        return mail

    def _bounce(self) -> dict[str, Any]:
        weights = [bounce[-1] for bounce in _BOUNCES]
        bounce_type, sub_type, status, diagnostic, _ = self.chance.choices(_BOUNCES, weights)[0]
        recipients = []
        for address in self.recipients:
            entry = {"emailAddress": address, "action": "failed"}
            entry |= {"status": status} if status else {}
            entry |= {"diagnosticCode": diagnostic.format(address)} if diagnostic else {}
            recipients.append(entry)
        return {
            "feedbackId": self._feedback_id(),
            "bounceType": bounce_type,
            "bounceSubType": sub_type,
            "bouncedRecipients": recipients,
            "timestamp": self.time,
            "remoteMtaIp": self._ip(),
            "reportingMTA": f"dns; a8-{self.chance.randrange(99)}.smtp-out.amazonses.com",
        }

    def _complaint(self) -> dict[str, Any]:
        return {
            "feedbackId": self._feedback_id(),
            "complaintSubType": None,
            "complainedRecipients": [{"emailAddress": address} for address in self.recipients],
            "timestamp": self.time,
            "userAgent": "ExampleMail Feedback Loop/2.1",
            "complaintFeedbackType": self.chance.choice(("abuse", "abuse", "abuse", "not-spam", "other")),
            "arrivalDate": self.sent,
        }

    def _delivery(self) -> dict[str, Any]:
        answer = self.chance.choice(
            (f"250 2.0.0 OK {self.chance.getrandbits(32)} {_hex(self.chance, 16)} - gsmtp", "250 ok")
        )
        return {
            "timestamp": self.time,
            "processingTimeMillis": self.chance.randrange(200, 9_000),
            "recipients": self.recipients,
            "smtpResponse": answer,
            "remoteMtaIp": self._ip(),
            "reportingMTA": f"a8-{self.chance.randrange(99)}.smtp-out.amazonses.com",
        }

    def _click(self) -> dict[str, Any]:
        return {
            "ipAddress": self._ip(),
            "timestamp": self.time,
            "userAgent": self.chance.choice(_AGENTS),
            "link": f"https://www.example.com/c/{_hex(self.chance, 40)}",
            "linkTags": {"position": ["footer"]},
        }

    def _delay(self) -> dict[str, Any]:
        recipients = [
            {"emailAddress": address, "status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 No answer from the host"}
            for address in self.recipients
        ]
        return {
            "timestamp": self.time,
            "delayType": "TransientCommunicationFailure",
            "expirationTime": _time(self.chance),
            "delayedRecipients": recipients,
        }

    def _subscription(self) -> dict[str, Any]:
        topics = [{"topicName": "Newsletter", "subscriptionStatus": "OptOut"}]
        return {
            "contactList": "Readers",
            "timestamp": self.time,
            "source": "UnsubscribeHeader",
            "newTopicPreferences": {"unsubscribeAll": self.chance.random() < 0.5, "topicSubscriptionStatus": topics},
            "oldTopicPreferences": {"unsubscribeAll": False, "topicSubscriptionStatus": topics},
        }

    def _feedback_id(self) -> str:
        return f"0100019{_hex(self.chance, 9)}-{_uuid(self.chance)}-000000"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _hex(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def _uuid(chance: random.Random) -> str:
    return "-".join(_hex(chance, digits) for digits in (8, 4, 4, 4, 12))


def _time(chance: random.Random) -> str:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=chance.randrange(30 * 86_400_000))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
