"""The vocabulary: kinds of notification, classes of event, and the event itself.

DESIGN: a *notification* is one message from SES, in either dialect, in any envelope; an *event* is one recipient of it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# Kinds: which feedback SES sent.
BOUNCE: Final = "bounce"
COMPLAINT: Final = "complaint"
DELIVERY: Final = "delivery"
DELAY: Final = "delay"
REJECT: Final = "reject"
RENDERING_FAILURE: Final = "rendering_failure"
SEND: Final = "send"
OPEN: Final = "open"
CLICK: Final = "click"
SUBSCRIPTION: Final = "subscription"
SETUP: Final = "setup"
KINDS: Final = (
    BOUNCE,
    COMPLAINT,
    DELIVERY,
    DELAY,
    REJECT,
    RENDERING_FAILURE,
    SEND,
    OPEN,
    CLICK,
    SUBSCRIPTION,
    SETUP,
)

# Classes: what an event says about its recipient. A kind without a class of its own is its own class.
HARD_BOUNCE: Final = "hard_bounce"
SOFT_BOUNCE: Final = "soft_bounce"
BLOCKED: Final = "blocked"
ALREADY_SUPPRESSED: Final = "already_suppressed"
UNSUBSCRIBE: Final = "unsubscribe"
MESSAGE_FAULT: Final = "message_fault"
AUTO_REPLY: Final = "auto_reply"
NOT_SPAM: Final = "not_spam"
# The classes for which a policy may have tiers: the only ones that can count against an address.
STRIKABLE: Final = (
    HARD_BOUNCE,
    COMPLAINT,
    UNSUBSCRIBE,
    ALREADY_SUPPRESSED,
    SOFT_BOUNCE,
    BLOCKED,
    MESSAGE_FAULT,
    AUTO_REPLY,
)

# Reasons of a suppression that rests on a decision and not on strikes.
OPERATOR: Final = "operator"
IMPORT: Final = "import"
SES: Final = "ses"
DECISION_REASONS: Final = (OPERATOR, IMPORT, SES)
REASONS: Final = STRIKABLE + DECISION_REASONS

DEFAULT_ENVIRONMENT: Final = "production"
DEFAULT_STREAM: Final = "default"


class Event(NamedTuple):
    """One recipient of one notification, normalised.

    ``occurred_at`` is the feedback's own time, ``sent_at`` the mail's, both in ms since 1970. ``message_id`` is SES's
    ``mail.messageId``. ``reports_complaints`` is false only for a delivery to a receiver that sends no complaints
    (Gmail). ``detail`` is ``bounceType/bounceSubType``, or the complaint's feedback type. No field holds subject or
    body.
    """

    kind: str
    class_: str
    recipient: str
    identity: str
    environment: str
    stream: str
    message_id: str | None
    occurred_at: int
    sent_at: int | None
    counts_as_bounce: bool
    counts_as_complaint: bool
    reports_complaints: bool
    status: str | None
    diagnostic: str | None
    detail: str | None


class Fault(NamedTuple):
    """What could not be read: whole (``raw``), with the reason, and what was known by then (else ``None``)."""

    raw: str
    why: str
    topic: str | None = None
    kind: str | None = None
    recipient: str | None = None
    identity: str | None = None
    environment: str | None = None
    stream: str | None = None
    message_id: str | None = None
    occurred_at: int | None = None


class Setup(NamedTuple):
    """One of SES's own messages that a topic works: acknowledged, and nothing follows from it."""

    topic: str | None
    why: str
