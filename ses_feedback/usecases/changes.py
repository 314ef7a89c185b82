"""Others are told what changed: from the table's own stream at once, and when an end has come, from a list of ends.

Nothing is written when a suppression ends, so nothing would be announced: ends are noted when they are learned of, and
a schedule looks which have come. What it finds it compares with the table as it is by then. A crash at any point
announces again under the same id, and loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ses_feedback.domain.changes import (
    ATTRIBUTES,
    EXPIRED,
    Change,
    change_event,
    changed,
    event_id,
    holding,
    order,
)
from ses_feedback.domain.history import EVERY_STREAM, Suppression
from ses_feedback.domain.policy import ENVIRONMENT, STREAM
from ses_feedback.usecases.ports import Stored


class TableChange(NamedTuple):
    """A write to the item of an address: its ``key``, both states, when (ms), and where in the table's stream."""

    key: str
    before: Stored | None
    after: Stored
    at: int
    sequence: str


class Announcement(NamedTuple):
    """An event on its way: its id, what it is chosen by, and the event itself as JSON."""

    id: str
    attributes: Mapping[str, str]
    text: str


class End(NamedTuple):
    """An end that comes: of the suppression of an item's ``key`` in a scope, with its reason and times (ms)."""

    key: str
    scope: str
    until: int
    reason: str
    since: int


class Ends(Protocol):
    """The ends that come. Every call may raise ``RetryableError``."""

    def note(self, ends: Mapping[End, bool]) -> None:
        """Add the ends that are ``True``, and take away the others; doing it again changes nothing."""

    def due(self, now: int) -> Iterator[Sequence[End]]:
        """Yield ends that have come by ``now``, at most a hundred at a time."""


class Items(Protocol):
    """The suppression table, by the keys of its items."""

    def by_keys(self, keys: Collection[str]) -> Mapping[str, Stored]:
        """Return those there are of at most a hundred, as they are now. May raise ``RetryableError``."""


class ChangesPress(Protocol):
    """Where announcements go."""

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """Publish all. Raises ``RetryableError`` where some were not taken: all may be published again."""


def announce(changes: Sequence[TableChange], ends: Ends, press: ChangesPress) -> int:
    """Announce what changed, and note the ends that come; return how many announcements there were.

    Who has been erased has no address: nothing more is said of them, and their ends are forgotten.
    """
    found: list[Announcement] = []
    noted: dict[tuple[str, str, int], tuple[End, bool]] = {}
    for change in changes:
        old = holding(change.before.suppressions, change.at) if change.before is not None else {}
        new = holding(change.after.suppressions, change.at) if change.after.address else {}
        before, after = _ends(change.key, old), _ends(change.key, new)
        for end in (*(before - after), *(after - before)):
            noted[end.key, end.scope, end.until] = end, end in after  # the last word on an end counts
        if change.after.address and change.after.environment:
            found += (_of_write(change, one) for one in changed(old, new))
    ends.note(dict(noted.values()))
    press.publish(found)
    return len(found)


def expire(ends: Ends, items: Items, press: ChangesPress, *, now: int, enough: Callable[[], bool]) -> int:
    """Announce the ends that have come by ``now`` (ms), until there is ``enough``; return how many announcements.

    An end is no news where the scope is still suppressed, to a later end or without one, and where the person has been
    erased. What was lifted before its end is not on the list any more.
    """
    announced = 0
    for some in ends.due(now):
        stored = items.by_keys({end.key for end in some})
        found = [_of_end(end, stored[end.key]) for end in some if _is_over(stored.get(end.key), end.scope, now)]
        press.publish(found)
        ends.note(dict.fromkeys(some, False))
        announced += len(found)
        if enough():
            break
    return announced


def _ends(key: str, found: Mapping[str, Suppression]) -> set[End]:
    return {End(key, scope, s.until, s.reason, s.since) for scope, s in found.items() if s.until is not None}


def _is_over(stored: Stored | None, scope: str, now: int) -> bool:
    return stored is not None and bool(stored.address) and scope not in holding(stored.suppressions, now)


def _of_write(change: TableChange, what: Change) -> Announcement:
    # The version is another one at each write, and the same each time the stream hands that write over.
    id_ = event_id(what.type, change.key, change.after.version, what.scope)
    return _announcement(what, change.after, id_, change.at, order(change.at, change.sequence))


def _of_end(end: End, stored: Stored) -> Announcement:
    stream = None if end.scope == EVERY_STREAM else end.scope
    what = Change(EXPIRED, end.scope, Suppression(STREAM if stream else ENVIRONMENT, stream, *_terms(end)))
    return _announcement(
        what, stored, event_id(EXPIRED, end.key, end.scope, str(end.until)), end.until, order(end.until)
    )


def _terms(end: End) -> tuple[str, int, int]:
    return end.reason, end.since, end.until


def _announcement(what: Change, stored: Stored, id_: str, at: int, order_: str) -> Announcement:
    who = {"environment": stored.environment, "address": stored.address}
    event = change_event(what, id_=id_, at=at, order_=order_, **who)
    attributes = {name: str(event[name]) for name in ATTRIBUTES}
    return Announcement(id_, attributes, json.dumps(event, separators=(",", ":")))
