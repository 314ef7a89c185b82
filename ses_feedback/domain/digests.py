"""Notifications gathered for people: some of each class in detail, all of them in counts, within bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.envelopes import Notification, open_payload
from ses_feedback.domain.events import Event, Fault
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.notifications import read_notification
from ses_feedback.domain.texts import text_or_none

# What is told in detail: as much as a person reads.
DETAILED: Final = 50
# What is remembered to tell a repetition, and the receiving domains of a class that are counted one by one. A run takes
# 100,000 notifications at most, but each may name fifty recipients.
MOST_REMEMBERED: Final = 500_000
MOST_DOMAINS: Final = 2_000
OTHER_DOMAINS: Final = "other domains"

# What matters more is told first.
_KINDS_BY_WEIGHT: Final = (
    ev.COMPLAINT,
    ev.BOUNCE,
    ev.REJECT,
    ev.RENDERING_FAILURE,
    ev.DELAY,
    ev.SUBSCRIPTION,
    ev.DELIVERY,
    ev.SEND,
    ev.OPEN,
    ev.CLICK,
)
_CLASSES_BY_WEIGHT: Final = (
    ev.COMPLAINT,
    ev.HARD_BOUNCE,
    ev.BLOCKED,
    ev.SOFT_BOUNCE,
    ev.MESSAGE_FAULT,
    ev.UNSUBSCRIBE,
    ev.ALREADY_SUPPRESSED,
)
# Where a kind says more than an event holds: the fields, below the notification's own object, of SES's own words.
_NOTES: Final = {
    ev.REJECT: ("reject", "reason"),
    ev.RENDERING_FAILURE: ("failure", "errorMessage"),
    ev.CLICK: ("click", "link"),
}


class Item(NamedTuple):
    """One event as people are told of it.

    ``subject`` is the mail's, ``note`` what SES or the receiver says beyond the event (texts of strangers, both, of any
    length), and ``recipients`` how many the notification names.
    """

    event: Event
    subject: str | None
    note: str | None
    recipients: int


def read_items(payload: object, directory: Directory, now: int) -> tuple[list[Item], list[Fault]]:
    """Return what a payload tells people, and a fault for each of its notifications that could not be read whole."""
    opened = open_payload(payload)
    items: list[Item] = []
    for notification in opened.notifications:
        events: list[Event] = []
        read_notification(notification, directory, now, events, opened)
        if events:
            subject, note = _words_of(notification, events[0].kind)
            items += [Item(event, subject, note, len(events)) for event in events]
    return items, list({fault.raw: fault for fault in reversed(opened.faults)}.values())


def _words_of(notification: Notification, kind: str) -> tuple[str | None, str | None]:
    message = notification[0]
    field_, name = _NOTES.get(kind, ("", ""))
    return text_or_none(_inside(message, "mail", "commonHeaders", "subject")), text_or_none(
        _inside(message, field_, name)
    )


def _inside(value: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


@dataclass(slots=True)
class Group:
    """The events of one kind and class. ``items`` are the first of them, ``first`` and ``last`` times in ms."""

    kind: str
    class_: str
    first: int
    last: int
    count: int = 0
    items: list[Item] = field(default_factory=list)
    domains: Counter[str] = field(default_factory=Counter)
    places: set[Place] = field(default_factory=set)

    def add(self, item: Item) -> None:
        """Count an event, and keep it if there is room."""
        event = item.event
        self.count += 1
        self.first, self.last = min(self.first, event.occurred_at), max(self.last, event.occurred_at)
        self.places.add(Place(event.identity, event.environment, event.stream))
        domain = event.recipient.rpartition("@")[2]
        room = domain in self.domains or len(self.domains) < MOST_DOMAINS
        self.domains[domain if room else OTHER_DOMAINS] += 1
        if len(self.items) < DETAILED:
            self.items.append(item)


class Gathered:
    """What waits for a team. ``unreadable`` counts notifications that could not be read."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._groups: dict[tuple[str, str], Group] = {}
        self._seen: set[int] = set()

    def add(self, items: Iterable[Item]) -> None:
        """Take events; of one that was taken before (SES and SNS repeat themselves) nothing is counted."""
        for item in items:
            event = item.event
            once = hash((event.message_id or event.occurred_at, event.kind, event.recipient, event.class_))
            if once in self._seen:
                continue
            if len(self._seen) < MOST_REMEMBERED:
                self._seen.add(once)
            key = event.kind, event.class_
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = Group(*key, first=event.occurred_at, last=event.occurred_at)
            group.add(item)

    def of(self, kinds: Iterable[str]) -> list[Group]:
        """Return the groups of some kinds, what matters most first."""
        wanted = set(kinds)
        return sorted((g for g in self._groups.values() if g.kind in wanted), key=_weight)


def _weight(group: Group) -> tuple[int, int, str]:
    return _rank(_KINDS_BY_WEIGHT, group.kind), _rank(_CLASSES_BY_WEIGHT, group.class_), group.class_


def _rank(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)


def in_detail(groups: Iterable[Group]) -> list[Item]:
    """Return the events to tell one by one, at most ``DETAILED``: the weightiest classes first, each by time."""
    items: list[Item] = []
    for group in groups:
        items += sorted(group.items, key=lambda item: item.event.occurred_at)[: DETAILED - len(items)]
    return items
