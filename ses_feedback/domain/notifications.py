"""One decoded SES notification, of either dialect, as one event per recipient.

Fields: `Amazon SNS notification contents for Amazon SES` (``notificationType``) and `Examples of event data that Amazon
SES publishes to Amazon SNS` (``eventType``). Fields may be missing, of another type or new: what an event needs and
cannot be read is a ``Fault``, what it does not need is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.addresses import normalise, normalise_all
from ses_feedback.domain.classify import Verdict, bounce_verdict, code_in, complaint_class, delay_verdict
from ses_feedback.domain.envelopes import MAX_ARN, Notification, Opened
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.events import Event, Fault, Setup
from ses_feedback.domain.identities import Directory, Place, identity_in
from ses_feedback.domain.texts import dump, encodable, token
from ses_feedback.domain.times import HOUR, format_time, time_or_none

MAX_DIAGNOSTIC: Final = 200
MAX_MESSAGE_ID: Final = 256
MAX_TYPE: Final = 64
# More than this ahead of now is no clock that is a little wrong.
MAX_AHEAD: Final = HOUR

_SETUP_TYPE: Final = "AmazonSnsSubscriptionSucceeded"
_NO_COMPLAINTS_SUFFIX: Final = "gsmtp"  # Gmail ends its answers so, and reports no complaints


class _Kind(NamedTuple):
    """How a kind is read.

    Its own object is in ``field`` and ``needed`` or not; therein are its ``recipients``, ``listed`` as objects with an
    ``emailAddress`` or as plain addresses. ``types`` takes the object and returns the class that all recipients share,
    the detail, and the types that ``verdict`` starts with. ``verdict`` gives class, whether it counts as a bounce, and
    status of one recipient, from what is said about it in particular. Without either the kind is the class.
    """

    kind: str
    field: str
    recipients: str | None = None
    needed: bool = False
    listed: bool = False
    types: Callable[[dict[str, Any]], _Types] | None = None
    verdict: Callable[..., Verdict] | None = None


_Types = tuple[str, str | None, tuple[str | None, ...]]
# Event's own constructor takes twice as long, and there are as many events as recipients.
_event: Final = tuple.__new__


class _Unreadable(Exception):
    """The whole notification cannot be read; the text says why. Never leaves this module."""


def read_notification(
    notification: Notification, directory: Directory, now: int, events: list[Event], opened: Opened
) -> None:
    """Append the events of a notification to ``events``, what cannot be read of it to ``opened``. Never raises."""
    message, text, topic = notification
    name = message.get("notificationType") or message.get("eventType")
    how = _KINDS.get(name) if isinstance(name, str) else None
    mail = message.get("mail")
    if not isinstance(mail, dict):
        mail = {}
    own = message.get(how.field) if how is not None else None
    arn, source = mail.get("sourceArn"), mail.get("source")
    place, untrusted = directory.find(arn, source, topic)
    sent_at = time_or_none(mail.get("timestamp"))
    occurred_at = time_or_none(own.get("timestamp")) if isinstance(own, dict) else None
    if occurred_at is None:
        occurred_at = sent_at
    message_id = token(mail.get("messageId"), MAX_MESSAGE_ID)
    latest = now + MAX_AHEAD
    if sent_at is not None and sent_at > latest:
        sent_at = None
    try:
        if how is None:
            if name == _SETUP_TYPE:
                opened.setups.append(Setup(token(topic, MAX_ARN), "SES has been given the topic for an identity"))
                return
            raise _unknown_kind(name)
        if untrusted is not None:
            raise _Unreadable(untrusted)  # noqa: TRY301 - it belongs with the others
        if place is None:
            raise _unknown_identity(arn, source, topic)
        if occurred_at is None or occurred_at > latest:
            raise _untimely(how, occurred_at, now)
        whys = _read_recipients(how, own, mail, place, message_id, occurred_at, sent_at, events)
    except _Unreadable as error:
        whys = [str(error)]
    if whys:
        identity, environment, stream = place or (None, None, None)
        kind = how.kind if how is not None else None
        raw = encodable(dump(message) if text is None else text)
        known = (token(topic, MAX_ARN), kind, None, identity, environment, stream, message_id, occurred_at)
        opened.faults += [Fault(raw, why, *known) for why in whys]


def _read_recipients(
    how: _Kind,
    own: object,
    mail: dict[str, Any],
    place: Place,
    message_id: str | None,
    occurred_at: int,
    sent_at: int | None,
    events: list[Event],
) -> list[str]:
    """Append an event per recipient; return why for each that is none."""
    if not isinstance(own, dict):
        own = _no_object(own, how)
    kind, _, field, _, listed, types_of, verdict = how
    entries = own.get(field) if field is not None else mail.get("destination")
    if not isinstance(entries, list) or not entries:
        entries = _fallback(how, entries, mail)  # texts, so they are sorted out
    whys: list[str] = []
    try:  # nearly always all of them are addresses
        recipients = normalise_all([entry["emailAddress"] for entry in entries] if listed else entries)
    except (InvalidAddress, KeyError, TypeError):
        entries, recipients, whys = _sort_out(entries)
    class_, detail, types = types_of(own) if types_of is not None else (kind, None, ())
    identity, environment, stream = place
    first = len(events)
    # Spelt out, field by field: unpacking a tuple into these would cost a twentieth of the whole.
    # fmt: off
    if verdict is None:
        reports = kind != ev.DELIVERY or not _is_silent_receiver(own.get("smtpResponse"))
        events += [
            _event(Event, (kind, class_, recipient, identity, environment, stream, message_id, occurred_at, sent_at,
                           False, False, reports, None, None, detail))
            for recipient in recipients
        ]
    else:
        for recipient, entry in zip(recipients, entries, strict=True):
            class_, counts, status, diagnostic = _judge(verdict, types, entry)
            fields = (kind, class_, recipient, identity, environment, stream, message_id, occurred_at, sent_at,
                      counts, False, True, status, diagnostic, detail)
            events.append(_event(Event, fields))
    # fmt: on
    if class_ == ev.COMPLAINT and recipients:
        events[first] = events[first]._replace(counts_as_complaint=True)
    if len(recipients) > 1 and len(set(recipients)) < len(recipients):
        _merge_repeated(events, first)
    return whys


def _sort_out(entries: list[Any]) -> tuple[list[Any], list[str], list[str]]:
    """Return the entries that name an address, these addresses, and why for each of the other entries."""
    named, recipients, whys = [], [], []
    for number, entry in enumerate(entries, 1):
        try:
            recipients.append(normalise(entry.get("emailAddress") if isinstance(entry, dict) else entry))
            named.append(entry)
        except InvalidAddress as error:
            whys.append(f"recipient {number} of {len(entries)} is not an address: {error}")
    return named, recipients, whys


def _judge(verdict: Callable[..., Verdict], types: tuple[str | None, ...], entry: Any) -> tuple[Any, ...]:
    """Return class, whether it counts as a bounce, status and diagnostic (cut) of one recipient."""
    if not isinstance(entry, dict):
        return *verdict(*types, None, None, False), None
    status, action, diagnostic = entry.get("status"), entry.get("action"), entry.get("diagnosticCode")
    status = status.strip()[:MAX_TYPE] if isinstance(status, str) else None
    action = action.strip()[:MAX_TYPE] if isinstance(action, str) else None
    diagnostic = diagnostic.strip() if isinstance(diagnostic, str) else None
    if not diagnostic:
        return *verdict(*types, status, action, False), None
    class_, counts, code = verdict(*types, status, action, True)
    if code is None:
        class_, counts, code = verdict(*types, code_in(diagnostic), action, True)
    return class_, counts, code, encodable(diagnostic[:MAX_DIAGNOSTIC])[:MAX_DIAGNOSTIC]


def _merge_repeated(events: list[Event], first: int) -> None:
    """Leave one event of each recipient among those from ``first`` on: where it is named twice, the weightier."""
    kept: dict[str, Event] = {}
    for event in events[first:]:
        other = kept.setdefault(event.recipient, event)
        if _outranks(event.class_, other.class_):
            kept[event.recipient] = event
    events[first:] = kept.values()


def _no_object(own: object, how: _Kind) -> dict[str, Any]:
    if own is None and not how.needed:
        return {}
    raise _Unreadable(f"{how.field!r} is {'missing' if own is None else 'no JSON object'}")


def _fallback(how: _Kind, listed: object, mail: dict[str, Any]) -> list[Any]:
    """Return the mail's only destination, where a notification that should name recipients names none."""
    if listed is not None and listed != []:
        raise _Unreadable(f"{how.field + '.' + how.recipients if how.recipients else 'mail.destination'} is no list")
    destination = mail.get("destination")
    if not isinstance(destination, list) or not destination:
        raise _Unreadable("no recipient is named")
    if len({d.strip().lower() if isinstance(d, str) else "" for d in destination}) > 1:
        raise _Unreadable(f"it is not said which of the mail's {len(destination)} recipients this is about")
    return destination[:1]


def _bounce_types(own: dict[str, Any]) -> _Types:
    types = token(own.get("bounceType"), MAX_TYPE), token(own.get("bounceSubType"), MAX_TYPE)
    return ev.BOUNCE, f"{types[0] or 'unknown'}/{types[1] or 'unknown'}", types


def _complaint_types(own: dict[str, Any]) -> _Types:
    sub_type, feedback = token(own.get("complaintSubType"), MAX_TYPE), token(own.get("complaintFeedbackType"), MAX_TYPE)
    return complaint_class(sub_type, feedback), feedback or sub_type, ()


def _delay_types(own: dict[str, Any]) -> _Types:
    return ev.DELAY, token(own.get("delayType"), MAX_TYPE), ()


def _subscription_types(own: dict[str, Any]) -> _Types:
    wishes = own.get("newTopicPreferences")
    leaves = isinstance(wishes, dict) and wishes.get("unsubscribeAll") is True
    return ev.UNSUBSCRIBE if leaves else ev.SUBSCRIPTION, None, ()


def _is_silent_receiver(smtp_response: object) -> bool:
    return isinstance(smtp_response, str) and smtp_response.rstrip().lower().endswith(_NO_COMPLAINTS_SUFFIX)


def _outranks(class_: str, other: str) -> bool:
    """Whether a class weighs more than another: one recipient named twice is one event, the weightier."""
    return class_ in ev.STRIKABLE and (
        other not in ev.STRIKABLE or ev.STRIKABLE.index(class_) < ev.STRIKABLE.index(other)
    )


def _unknown_kind(name: object) -> _Unreadable:
    if not isinstance(name, str) or not name:
        return _Unreadable("no kind is named: neither notificationType nor eventType is a text")
    return _Unreadable(f"unknown kind {name[:MAX_TYPE]!a}; known: {', '.join(_KINDS)}")


def _unknown_identity(source_arn: object, source: object, topic: str | None) -> _Unreadable:
    """Say which identity is missing from the configuration, by its domain: no whole address may end in a log line."""
    named = identity_in(source_arn) if isinstance(source_arn, str) else None
    if named is None and isinstance(source, str):
        try:
            named = normalise(source)
        except InvalidAddress:
            named = None
    if named is None:
        found = "neither mail.sourceArn nor mail.source names one"
    else:
        address, _, domain = named.rpartition("@")
        found = f"{'an address of ' if address else ''}{domain} is not configured"
    return _Unreadable(f"unknown identity: {found}" + (", nor is one for its topic" if topic else ""))


def _untimely(how: _Kind, occurred_at: int | None, now: int) -> _Unreadable:
    if occurred_at is None:
        return _Unreadable(f"no readable time: neither {how.field}.timestamp nor mail.timestamp is one")
    at, clock = format_time(occurred_at), format_time(now)
    return _Unreadable(f"a time from the future: {at} is more than an hour ahead of now, {clock}")


_KINDS: Final = {
    "Bounce": _Kind(ev.BOUNCE, "bounce", "bouncedRecipients", True, True, _bounce_types, bounce_verdict),
    "Complaint": _Kind(ev.COMPLAINT, "complaint", "complainedRecipients", True, True, _complaint_types),
    "Delivery": _Kind(ev.DELIVERY, "delivery", "recipients", True),
    "DeliveryDelay": _Kind(ev.DELAY, "deliveryDelay", "delayedRecipients", True, True, _delay_types, delay_verdict),
    "Subscription": _Kind(ev.SUBSCRIPTION, "subscription", None, True, False, _subscription_types),
    "Send": _Kind(ev.SEND, "send"),
    "Reject": _Kind(ev.REJECT, "reject"),
    "Open": _Kind(ev.OPEN, "open"),
    "Click": _Kind(ev.CLICK, "click"),
    "Rendering Failure": _Kind(ev.RENDERING_FAILURE, "failure"),
}
