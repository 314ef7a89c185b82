"""What changed in the suppressions of an address, and the event that tells others. Pure.

Three words: ``suppressed`` (it holds from now on, or holds on other terms), ``released`` (it was lifted), ``expired``
(its end came). What is compared are answers, not evidence: one more strike that moves no end is no change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ses_feedback.domain.history import EVERY_STREAM, Suppression, strongest
from ses_feedback.domain.times import SECOND, format_time

SUPPRESSED: Final = "suppressed"
RELEASED: Final = "released"
EXPIRED: Final = "expired"
TYPES: Final = (SUPPRESSED, RELEASED, EXPIRED)
# Of the event's shape: a field may be added under the same number, none may change its meaning.
VERSION: Final = 1
# What of an event subscribers can choose by: each is a message attribute too.
ATTRIBUTES: Final = ("type", "environment", "stream", "reason")
_SEQUENCE_DIGITS: Final = 40  # DynamoDB Streams API, StreamRecord: the most of a SequenceNumber


class Change(NamedTuple):
    """What became of a scope (``*`` or a stream), and the suppression that holds now, or held until now."""

    type: str
    scope: str
    suppression: Suppression


def holding(found: Iterable[Suppression], at: int) -> dict[str, Suppression]:
    """Return the suppression that ends last of each scope (``*`` or a stream) in which one holds at a time (ms)."""
    by_scope: dict[str, list[Suppression]] = {}
    for suppression in found:
        if suppression.until is None or suppression.until > at:
            by_scope.setdefault(suppression.stream or EVERY_STREAM, []).append(suppression)
    return {scope: best for scope, some in by_scope.items() if (best := strongest(some)) is not None}


def changed(before: Mapping[str, Suppression], after: Mapping[str, Suppression]) -> Iterator[Change]:
    """Yield what ``holding`` says differently of two states at the same time, by scope."""
    for scope in sorted({*before, *after}):
        old, new = before.get(scope), after.get(scope)
        if new is None:
            if old is not None:
                yield Change(RELEASED, scope, old)
        elif old is None or (old.reason, old.until) != (new.reason, new.until):
            yield Change(SUPPRESSED, scope, new)


def event_id(*facts: str) -> str:
    """Return 32 hexadecimal digits that are the same whenever the same change is announced, and for no other."""
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:32]


def order(at: int, sequence: str = "") -> str:
    """Return what sorts the events of an address: by second, then as the table was written.

    An end has no ``sequence``: whatever is written in the second it comes is later than it.
    """
    return f"{at // SECOND:011d}-{sequence:0>{_SEQUENCE_DIGITS}}"


def change_event(change: Change, *, id_: str, environment: str, address: str, at: int, order_: str) -> dict[str, Any]:
    """Return the event as ``docs/changes.md`` describes it: no word of any message, no evidence."""
    _, _, reason, since, until = change.suppression
    return {
        "version": VERSION,
        "id": id_,
        "type": change.type,
        "address": address,
        "environment": environment,
        "stream": change.scope,
        "reason": reason,
        "since": format_time(since),
        "until": None if until is None else format_time(until),
        "at": format_time(at),
        "order": order_,
    }
