"""The lines of the archive: what SES said, whole, and beside it what we read in it when it came.

A line is one SNS message of SES, or one decision of an operator. The names are those of ``archive_columns``: lines live
longer than any version of this software, so a field may be added and none may change its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ses_feedback.domain.archive_columns import EVENT_NAMES, VERSION
from ses_feedback.domain.canary import recognise
from ses_feedback.domain.envelopes import Notification, open_payload
from ses_feedback.domain.events import Event
from ses_feedback.domain.history import Known, Ruling
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.notifications import read_notification
from ses_feedback.domain.probe import is_probe
from ses_feedback.domain.reach import AHEAD, Name
from ses_feedback.domain.texts import encodable, token
from ses_feedback.domain.times import format_time, time_or_none

SUPPRESS: Final = "suppress"
RELEASE: Final = "release"
# The tag of a mail that says which campaign it belongs to, as `--message-tags` or the header names it.
CAMPAIGN: Final = "campaign"

# Of what was known: which facts are times.
KNOWN_TIMES: Final = ("since", "until", "delivered")

MAX_CAMPAIGN: Final = 256  # SES API, MessageTag: the most of a value
_MAX_SKIPPED: Final = 500
_TAGS_HEADER: Final = "x-ses-message-tags"
_write: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def line_of(text: str, *, directory: Directory, deployment: str, now: int) -> str:
    """Return the line, without its end, of a record: SNS's envelope, or what ``decision_line`` made.

    Never raises: what cannot be read is kept whole as ``message``, with ``skipped`` saying why nothing follows from it.
    ``now`` (ms) unmasks times from the future; ``deployment`` tells its own canaries and probes from mail.
    """
    envelope = _object(text)
    if _is_decision(envelope) and "\n" not in text.strip():
        return encodable(text.strip())
    message, topic = envelope.get("Message"), envelope.get("TopicArn")
    if not isinstance(message, str) or not isinstance(topic, str):
        message, envelope = text, {}
    opened = open_payload(envelope or text)
    events: list[dict[str, Any]] = []
    for notification in opened.notifications:
        read: list[Event] = []
        read_notification(notification, directory, now, read, opened)
        campaign = _campaign(notification) if read else None
        events += [_fields(event, campaign, deployment) for event in read]
    line = {
        "v": VERSION,
        "topic": token(envelope.get("TopicArn"), 512),
        "sns_id": token(envelope.get("MessageId"), 128),
        "sent_at": token(envelope.get("Timestamp"), 64),
        "message": encodable(message),
        "events": events,
    }
    skipped = [f"setup: {setup.why}" for setup in opened.setups] + [fault.why for fault in opened.faults]
    if skipped or not events:
        line["skipped"] = "; ".join(dict.fromkeys(skipped))[:_MAX_SKIPPED] or "an empty message"
    return _write(line)


def decision_line(environment: str, address: str, scope: str, action: str, ruling: Ruling, erased: int = 0) -> str:
    """Return the line of a decision: to ``SUPPRESS`` or to ``RELEASE`` an address in a scope (``*`` or a stream).

    Where the person was ``erased`` (ms) by then, ``address`` is what ``keys.keyed`` makes of the item's key.
    """
    at = format_time(ruling.at)
    decision: dict[str, Any] = {
        "environment": environment,
        "address": encodable(address),
        "stream": encodable(scope),
        "action": action,
        "at": at,
        "until": None if ruling.until is None else format_time(ruling.until),
        "why": encodable(ruling.why),
        "reason": ruling.reason,
        "by": encodable(ruling.by) or None,
        **_known(ruling.known),
    }
    if erased:
        decision["erased"] = format_time(erased)
    if ruling.made is not None:
        decision |= {"made": format_time(ruling.made), "lifts": {name: format_time(at) for name, at in ruling.lifts}}
    return _write({"v": VERSION, "sent_at": at, "decision": decision, "events": []})


def _known(known: Known | None) -> dict[str, int | str | None]:
    """Return what was known as columns: all of them null where nobody wrote it down."""
    facts: dict[str, int | str | None] = dict.fromkeys(Known._fields) if known is None else known._asdict()
    for name in KNOWN_TIMES:
        at = facts[name]
        facts[name] = format_time(at) if isinstance(at, int) else None
    return {f"known_{name}": value for name, value in facts.items()}


def known_of(decision: Mapping[str, Any]) -> Known | None:
    """Return what was known, from the columns of an archived decision; ``None`` where they do not say so."""
    said = {name: decision.get(f"known_{name}") for name in Known._fields}
    strikes = said.pop("strikes")
    if not isinstance(strikes, int) or isinstance(strikes, bool):
        return None
    facts: dict[str, Any] = {
        name: time_or_none(value) if name in KNOWN_TIMES else value if isinstance(value, str) else None
        for name, value in said.items()
    }
    return Known(strikes, **facts)


def reach_of(decision: Mapping[str, Any]) -> tuple[int | None, tuple[Name, ...]]:
    """Return when a release from before its own date was made, and what it names. Raises ``ValueError``.

    Names reach no further than evidence may be ahead: the law rests on it.
    """
    if decision.get("made") is None:
        return None, ()
    made, lifts = time_or_none(decision["made"]), decision.get("lifts")
    if made is None or not isinstance(lifts, dict):
        raise ValueError("made at no readable time, or without names")
    named = tuple(sorted((name, time_or_none(at) or 0) for name, at in lifts.items()))
    if any(not made <= at <= made + AHEAD for _, at in named):
        raise ValueError("names what is out of reach")
    return made, named


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_decision(line: dict[str, Any]) -> bool:
    return line.get("v") == VERSION and isinstance(line.get("decision"), dict) and line.get("events") == []


def _fields(event: Event, campaign: str | None, deployment: str) -> dict[str, Any]:
    values = (
        event.kind,
        event.class_,
        event.recipient,
        event.identity,
        event.environment,
        event.stream,
        event.message_id,
        format_time(event.occurred_at),
        event.counts_as_bounce,
        event.counts_as_complaint,
        event.reports_complaints,
        event.recipient.rpartition("@")[2],
        event.status,
        event.diagnostic,
        campaign,
        recognise(deployment, event.recipient) is not None or is_probe(deployment, event.recipient),
    )
    return dict(zip(EVENT_NAMES, values, strict=True))


def _campaign(notification: Notification) -> str | None:
    """Return the value of the mail's tag ``CAMPAIGN``.

    Event publishing has the tags in ``mail.tags``, each with a list of values (`Examples of event data that Amazon SES
    publishes to Amazon SNS`); an identity's notifications have them only as the header a mail was sent with.
    """
    message, text, _ = notification
    mail = message.get("mail")
    if not isinstance(mail, dict):
        return None
    tags = mail.get("tags")
    if isinstance(tags, dict):
        values = tags.get(CAMPAIGN)
        found = token(values[0] if isinstance(values, list) and values else values, MAX_CAMPAIGN)
        if found is not None:
            return found
    headers = mail.get("headers")
    if headers is None and text is not None and _TAGS_HEADER in text.lower():
        headers = (_object(text).get("mail") or {}).get("headers")  # reading leaves the headers out
    return _tagged(headers) if isinstance(headers, list) else None


def _tagged(headers: list[Any]) -> str | None:
    for header in headers:
        name, value = (header.get("name"), header.get("value")) if isinstance(header, dict) else (None, None)
        if isinstance(name, str) and isinstance(value, str) and name.strip().lower() == _TAGS_HEADER:
            for tag in value.split(","):
                key, _, said = tag.partition("=")
                if key.strip() == CAMPAIGN:
                    return token(said.strip().strip('"'), MAX_CAMPAIGN)
    return None
