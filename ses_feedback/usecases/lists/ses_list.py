"""What an entry of SES's own list is to us, and which of our suppressions belong on it: rules, and nobody is called.

SES's list is one for the whole account and region, knows no streams and no ends, and compares letter by letter. So only
what holds in every stream and without end goes there, from one environment; and what we put there is no evidence when
it is read again.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.history import EVERY_STREAM, History, Ruling, Suppression, join
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import DAY, HOUR
from ses_feedback.usecases.ports import Stored

BOUNCE: Final = "BOUNCE"
COMPLAINT: Final = "COMPLAINT"
# An entry stands under the time at which SES wrote it down: of a bulk job, hours after we asked.
PUT_LAG: Final = DAY

# What becomes of an entry, or of a suppression: stable words, for programs.
SAME: Final = "same"
TAKE: Final = "take"  # SES has it, and we lack it
PUT: Final = "put"  # we have it, and SES lacks it
REMOVE: Final = "remove"  # SES has it, and it holds no more
BAD: Final = "unreadable"

RELEASED: Final = "it was released since"
OVER: Final = "it was put there by us, and does not hold in every stream and without end any more"
FORGOTTEN: Final = "the person was erased"
LACKING: Final = "SES's list has it, and the table does not"
MISSING: Final = "the table has it, and SES's list does not"
NO_ADDRESS: Final = "its address is none"
IN_THE_FUTURE: Final = "its date is in the future"
UNKNOWN_REASON: Final = "its reason is neither BOUNCE nor COMPLAINT"
UNREADABLE: Final = (NO_ADDRESS, IN_THE_FUTURE, UNKNOWN_REASON)


class Entry(NamedTuple):
    """An entry of SES's list: the address as SES spells it, ``BOUNCE`` or ``COMPLAINT``, and since when (ms)."""

    address: str
    reason: str
    at: int


class Terms(NamedTuple):
    """What is kept in step with what: an environment, and the stream that complaints on SES's list hold for."""

    environment: str
    complaints: str
    policy: Policy


class Judged(NamedTuple):
    """What becomes of an entry, and why; ``news`` is what is to be learned where it is taken."""

    what: str
    why: str = ""
    news: History | None = None


def address_of(entry: Entry) -> str | None:
    """Return an entry's address in the form in which it compares here; ``None`` where it is none."""
    try:
        return normalise(entry.address)
    except InvalidAddress:
        return None


def belongs(stored: Stored | None) -> Suppression | None:
    """Return the suppression for which an address belongs on SES's list: in every stream, without end, not erased."""
    if stored is None or stored.history.erased:
        return None
    return next((found for found in stored.suppressions if goes(found)), None)


def goes(found: Suppression) -> bool:
    """Return whether a suppression is one for SES's list."""
    return found.stream is None and found.until is None


def reason_for(found: Suppression) -> str:
    """Return SES's word for why we suppress: what it enforces depends on it, where it suppresses bounces alone."""
    return COMPLAINT if found.reason == ev.COMPLAINT else BOUNCE


def judge(entry: Entry, region: str, stored: Stored | None, put_at: int | None, terms: Terms, now: int) -> Judged:
    """Return what becomes of an entry whose address is one. ``put_at`` is when we put it there, if we did."""
    if put_at is not None and entry.at <= put_at + PUT_LAG:
        if belongs(stored) is not None:
            return Judged(SAME)
        return Judged(REMOVE, FORGOTTEN if stored is not None and stored.history.erased else OVER)
    if entry.reason not in (BOUNCE, COMPLAINT):
        return Judged(BAD, UNKNOWN_REASON)
    if entry.at > now + HOUR:
        return Judged(BAD, IN_THE_FUTURE)
    return _theirs(entry, region, stored, terms)


def _theirs(entry: Entry, region: str, stored: Stored | None, terms: Terms) -> Judged:
    scope = EVERY_STREAM if entry.reason == BOUNCE else terms.complaints
    if stored is not None and _covered(stored, scope):
        # Its name is gone here, and must not stay there.
        return Judged(REMOVE, FORGOTTEN) if entry.at <= stored.history.erased else Judged(SAME)
    ruling = Ruling(entry.at, None, ev.SES, f"SES's list in {region}: {entry.reason}")
    news = History(rulings={(scope, ev.SES): ruling})
    if stored is not None and (scope, ev.SES) not in join(stored.history, news, terms.policy).rulings:
        return Judged(REMOVE, RELEASED)
    return Judged(TAKE, LACKING, news)


def _covered(stored: Stored, scope: str) -> bool:
    """Return whether we hold without end whatever an entry could say about a scope."""
    return any(found.until is None and (found.stream is None or found.stream == scope) for found in stored.suppressions)


def mark_of(key: str) -> int:
    """Return eight bytes of an address's key: what is remembered of a long list, in bounded memory.

    That two of a million addresses share them is a chance of one in thirty million; the second would not be put.
    """
    return int.from_bytes(urlsafe_b64decode(key[:12])[:8], "big")
