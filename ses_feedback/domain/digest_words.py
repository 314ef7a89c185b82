"""What each class of feedback means, for people who know nothing of SES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.digests import Item
from ses_feedback.domain.events import Event


class Noun(NamedTuple):
    """The name of a kind of feedback, for one and for many."""

    one: str
    many: str


NOUNS: Final[Mapping[str, Noun]] = {
    ev.BOUNCE: Noun("bounce", "bounces"),
    ev.COMPLAINT: Noun("complaint", "complaints"),
    ev.DELIVERY: Noun("delivery", "deliveries"),
    ev.DELAY: Noun("delay", "delays"),
    ev.REJECT: Noun("rejected mail", "rejected mails"),
    ev.RENDERING_FAILURE: Noun("unrendered mail", "unrendered mails"),
    ev.SEND: Noun("mail sent", "mails sent"),
    ev.OPEN: Noun("opening", "openings"),
    ev.CLICK: Noun("click", "clicks"),
    ev.SUBSCRIPTION: Noun("change of subscription", "changes of subscription"),
}

# Kind and class → what that says, as a heading over many of them.
HEADINGS: Final[Mapping[tuple[str, str], str]] = {
    (ev.COMPLAINT, ev.COMPLAINT): "reported as spam",
    (ev.COMPLAINT, ev.ALREADY_SUPPRESSED): "reported as spam, on SES's own suppression list before",
    (ev.COMPLAINT, ev.MESSAGE_FAULT): "reported by the receiver: the sender could not be authenticated",
    (ev.COMPLAINT, ev.NOT_SPAM): "reported as not being spam",
    (ev.BOUNCE, ev.HARD_BOUNCE): "refused for good: the address does not exist or takes no mail",
    (ev.BOUNCE, ev.BLOCKED): "blocked by the receiver, for its policy or the sender's reputation",
    (ev.BOUNCE, ev.SOFT_BOUNCE): "failed for now: mailbox full, receiver not reachable, and the like",
    (ev.BOUNCE, ev.MESSAGE_FAULT): "refused because of the message: its size, content or attachment",
    (ev.BOUNCE, ev.UNSUBSCRIBE): "not sent by SES: the recipient had unsubscribed",
    (ev.BOUNCE, ev.ALREADY_SUPPRESSED): "not sent by SES: on SES's own suppression list",
    (ev.BOUNCE, ev.AUTO_REPLY): "answered by a robot, such as an out-of-office reply",
    (ev.REJECT, ev.REJECT): "not sent by SES: refused, usually for a virus",
    (ev.RENDERING_FAILURE, ev.RENDERING_FAILURE): "not sent: the template could not be filled in",
    (ev.DELAY, ev.DELAY): "not delivered yet: SES keeps trying",
    (ev.SUBSCRIPTION, ev.UNSUBSCRIBE): "unsubscribed from everything",
    (ev.SUBSCRIPTION, ev.SUBSCRIPTION): "changed what they want to get",
    (ev.DELIVERY, ev.DELIVERY): "delivered",
    (ev.SEND, ev.SEND): "taken by SES, on their way",
    (ev.OPEN, ev.OPEN): "opened",
    (ev.CLICK, ev.CLICK): "a link followed",
}

# RFC 3463, section 3, as a status says it in particular.
_HARD: Final[Mapping[str, str]] = {
    "5.1.2": "The domain of the address does not exist or takes no mail.",
    "5.4.4": "The domain of the address does not exist or takes no mail.",
    "5.1.6": "The mailbox has moved and left no new address.",
    "5.2.1": "The mailbox is disabled and takes no mail.",
}
_NO_MAILBOX: Final = "The mailbox does not exist."
# `bounceSubType` and `delayType`, as `Amazon SNS notification contents for Amazon SES` and `Examples of event data that
# Amazon SES publishes to Amazon SNS` name them.
_FULL: Final = "The mailbox is full."
_DETAILS: Final[Mapping[tuple[str, str], str]] = {
    (ev.HARD_BOUNCE, "Suppressed"): "SES did not send it: the address bounced for somebody else not long ago.",
    (ev.SOFT_BOUNCE, "MailboxFull"): _FULL,
    (ev.SOFT_BOUNCE, "CustomTimeoutExceeded"): "It could not be delivered in the time that the sender allows.",
    (ev.MESSAGE_FAULT, "MessageTooLarge"): "The message is larger than the receiver takes.",
    (ev.MESSAGE_FAULT, "ContentRejected"): "The receiver does not take what is in the message.",
    (ev.MESSAGE_FAULT, "AttachmentRejected"): "The receiver does not take the attachment of the message.",
    (ev.ALREADY_SUPPRESSED, "EmailValidationSuppressed"): "SES did not send it: it takes the address for invalid.",
    (ev.COMPLAINT, "fraud"): "The recipient reported it as fraud.",
    (ev.COMPLAINT, "virus"): "The recipient reported it as carrying a virus.",
    (ev.DELAY, "MailboxFull"): "Not delivered yet: the mailbox is full. SES keeps trying.",
    (
        ev.DELAY,
        "SpamDetected",
    ): "Not delivered yet: the receiver has seen much unwanted mail of ours. SES keeps trying.",
    (ev.DELAY, "RecipientServerError"): "Not delivered yet: the receiver's server has trouble. SES keeps trying.",
    (ev.DELAY, "IPFailure"): "Not delivered yet: the receiver blocks or slows down SES's server. SES keeps trying.",
    (ev.DELAY, "TransientCommunicationFailure"): "Not delivered yet: the receiver hung up. SES keeps trying.",
}
_HAPPENED: Final[Mapping[tuple[str, str], str]] = {
    (ev.COMPLAINT, ev.COMPLAINT): "The recipient reported it as spam.",
    (ev.COMPLAINT, ev.ALREADY_SUPPRESSED): "The recipient reported it as spam, and is on SES's own suppression list.",
    (ev.COMPLAINT, ev.MESSAGE_FAULT): "The receiver reports that it could not authenticate the sender.",
    (ev.COMPLAINT, ev.NOT_SPAM): "The recipient says that it is not spam.",
    (ev.BOUNCE, ev.HARD_BOUNCE): "The receiver refused it for good; usually the mailbox does not exist.",
    (ev.BOUNCE, ev.BLOCKED): "The receiver blocked it, for its policy or our reputation, not for this address.",
    (ev.BOUNCE, ev.SOFT_BOUNCE): "It could not be delivered for now; the address may well exist.",
    (ev.BOUNCE, ev.MESSAGE_FAULT): "The receiver refused this message, not the address.",
    (ev.BOUNCE, ev.UNSUBSCRIBE): "SES did not send it: the recipient had unsubscribed.",
    (
        ev.BOUNCE,
        ev.ALREADY_SUPPRESSED,
    ): "SES did not send it: an earlier bounce or complaint put the address on its list.",
    (ev.BOUNCE, ev.AUTO_REPLY): "It arrived, and a robot answered, such as an out-of-office reply.",
    (ev.REJECT, ev.REJECT): "SES refused to send it, usually because it found a virus.",
    (ev.RENDERING_FAILURE, ev.RENDERING_FAILURE): "It was not sent: its template could not be filled in.",
    (ev.DELAY, ev.DELAY): "Not delivered yet. SES keeps trying.",
    (ev.SUBSCRIPTION, ev.UNSUBSCRIBE): "The recipient unsubscribed from everything.",
    (ev.SUBSCRIPTION, ev.SUBSCRIPTION): "The recipient changed what they want to get.",
    (ev.DELIVERY, ev.DELIVERY): "The receiver's server took it.",
    (ev.SEND, ev.SEND): "SES took it, and it is on its way.",
    (ev.OPEN, ev.OPEN): "Somebody opened it.",
    (ev.CLICK, ev.CLICK): "Somebody followed a link in it.",
}
# Why nothing follows from a class that the policy has no tier for.
NOTHING: Final[Mapping[str, str]] = {
    ev.MESSAGE_FAULT: "the fault is the message's",
    ev.AUTO_REPLY: "the mail arrived",
    ev.NOT_SPAM: "this is good news",
    ev.REJECT: "the address has no part in it",
    ev.RENDERING_FAILURE: "the address has no part in it",
    ev.DELAY: "if SES gives up, that comes as a bounce",
}
# Kinds of which a person need not be told that nothing was done.
NEWS: Final = frozenset({ev.DELIVERY, ev.SEND, ev.OPEN, ev.CLICK})


def heading(kind: str, class_: str) -> str:
    """Return what happened to many, as the end of ``12 …``."""
    return HEADINGS.get((kind, class_), class_.replace("_", " "))


def happened(item: Item) -> str:
    """Return what happened to one, as a sentence."""
    event = item.event
    found = _in_particular(event) or _HAPPENED.get((event.kind, event.class_)) or f"{event.class_.replace('_', ' ')}."
    if event.class_ == ev.COMPLAINT and item.recipients > 1:
        # "complainedRecipients: … may not be the recipient who complained" (notification contents).
        return f"{found[:-1]}, or one of the mail's {item.recipients - 1} others did: receivers do not say who."
    return found


def _in_particular(event: Event) -> str | None:
    detail = (event.detail or "").rpartition("/")[2]
    if (event.class_, detail) in _DETAILS:
        return _DETAILS[event.class_, detail]
    status = event.status or ""
    if event.class_ == ev.HARD_BOUNCE and (status.startswith("5.1.") or detail == "NoEmail"):
        return _HARD.get(status, _NO_MAILBOX)
    if event.class_ == ev.HARD_BOUNCE:
        return _HARD.get(status)
    if event.class_ == ev.SOFT_BOUNCE and status in ("4.2.2", "5.2.2"):
        return _FULL
    return None
