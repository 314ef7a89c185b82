"""A million notifications in small: what reaches a busy account's topics, as SNS posts it, in the order of arrival."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, Final, NamedTuple

from benchmarks import corpus
from ses_feedback.domain.decide import decide
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.reading import read
from ses_feedback.domain.times import SECOND, format_time

SIZE: Final = 20_000
# One in so many is actionable: a bounce or complaint that is written down.
ACTIONABLE: Final = 20
# Of those, one in so many is about an address with a history, and one in so many is a duplicate of the one before.
KNOWN: Final = 20
TWICE: Final = 100
PER_SECOND: Final = 50  # fills a batch of 1,000 within the tally's window of 20 s
_POOL: Final = 4_000
_RECIPIENTS: Final = {
    "bounce": "bouncedRecipients",
    "complaint": "complainedRecipients",
    "delivery": "recipients",
    "deliveryDelay": "delayedRecipients",
}


class Message(NamedTuple):
    """One notification in SNS's envelope, and whether it is a bounce or complaint, which goes to two functions."""

    envelope: str
    acted_on: bool


def draw(size: int = SIZE, *, others: bool) -> list[Message]:
    """Return ``size`` notifications of just now, each about one recipient.

    What is not actionable are deliveries as identities publish them: without the mail's headers, which we ask for with
    bounces and complaints alone. With ``others`` it is everything the corpus has: deliveries, sends, opens, clicks … as
    a configuration set publishes them, headers included.
    """
    pool = [json.loads(envelope) for envelope in corpus.envelopes(_POOL)]
    acted_on = cycle(_chosen(pool, _is_actionable))
    rest = cycle(_chosen(pool, _is_other if others else _is_plain_delivery))
    begun = time.time_ns() // 1_000_000 - size * SECOND // PER_SECOND
    found: list[Message] = []
    for number in range(size):
        at = begun + number * SECOND // PER_SECOND
        nth, other = divmod(number, ACTIONABLE)
        if other:
            found.append(Message(_made(next(rest), f"{number}", number, at, headers=others), False))
        elif nth % TWICE == TWICE - 1:
            found.append(found[-ACTIONABLE])
        else:
            # An address that had its first event twenty actionable ones ago, else a fresh one.
            who = nth - KNOWN + 1 if nth % KNOWN == KNOWN - 1 else nth
            found.append(Message(_made(next(acted_on), f"a{who}", number, at, headers=True), True))
    return found


def _chosen(pool: list[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
    return (envelope for envelope in pool if wanted(json.loads(envelope["Message"])))


def _kind(notification: dict[str, Any]) -> str:
    return str(notification.get("notificationType") or notification["eventType"])


def _is_other(notification: dict[str, Any]) -> bool:
    return _kind(notification) not in ("Bounce", "Complaint")


def _is_plain_delivery(notification: dict[str, Any]) -> bool:
    return notification.get("notificationType") == "Delivery"


def _is_actionable(notification: dict[str, Any]) -> bool:
    if _is_other(notification):
        return False
    directory = Directory([Place(name, *where) for name, where in corpus.IDENTITIES.items()], {})
    events = read(notification, directory, corpus.NOW).events
    # One environment, so that an address met again is the same one.
    return events[0].environment == "production" and decide(events[0], DEFAULT_POLICY).action in ("suppress", "strike")


def _made(envelope: dict[str, Any], who: str, number: int, at: int, *, headers: bool) -> str:
    """Return a notification of the corpus made anew: one recipient, ``who``, with an id and a time of its own."""
    notification = json.loads(envelope["Message"])
    mail = notification["mail"]
    first = mail["destination"][0]
    local, _, domain = first.rpartition("@")
    mail["timestamp"] = format_time(at - SECOND)
    mail["destination"] = [first]
    if headers:
        mail["commonHeaders"]["to"] = [first]
        for header in mail["headers"]:
            if header["name"] == "To":
                header["value"] = first
    else:
        for name in ("headers", "headersTruncated", "commonHeaders"):
            mail.pop(name, None)
    for name, own in notification.items():
        if isinstance(own, dict) and "timestamp" in own and name != "mail":
            own["timestamp"] = format_time(at)
        if name in _RECIPIENTS:
            own[_RECIPIENTS[name]] = own[_RECIPIENTS[name]][:1]
    text = json.dumps(notification, separators=(",", ":"), ensure_ascii=False)
    fresh = f"{local.partition('+')[0]}.{who}@{domain}" if not who.startswith("a") else f"jo.{who}@example.net"
    text = text.replace(first, fresh).replace(mail["messageId"], f"0100019{number:09x}{mail['messageId'][16:]}")
    made = envelope | {"Message": text, "Timestamp": format_time(at)}
    return json.dumps(made, separators=(",", ":"), ensure_ascii=False)
