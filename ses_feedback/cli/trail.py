"""The audit trail of an address: what happened and what was decided, by whom and on what evidence, in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ses_feedback.cli.words import count, end, moment, scope, time_or_none
from ses_feedback.domain.events import DECISION_REASONS, DELIVERY
from ses_feedback.domain.history import EVERY_STREAM, History, Known, Ruling, every_decision
from ses_feedback.domain.mail_hosts import TAKES, TAKES_NONE
from ses_feedback.domain.times import format_time
from ses_feedback.usecases.ports import Stored

STRIKE: Final = "strike"
SUPPRESSED: Final = "suppressed"
SUPPRESS: Final = "suppress"
RELEASE: Final = "release"
_MAIL: Final = {TAKES: "its domain takes mail", TAKES_NONE: "its domain takes no mail"}


class Entry(NamedTuple):
    """One thing that happened, or that somebody decided. ``reason`` is a class, for a strike too; times in ms."""

    at: int
    what: str
    stream: str
    reason: str | None
    until: int | None = None
    ruling: Ruling | None = None
    text: str | None = None


def trail(stored: Stored | None) -> list[Entry]:
    """Return what is known of an address, the oldest first."""
    return [] if stored is None else sorted(_entries(stored), key=lambda entry: (entry.at, _ORDER[entry.what]))


# At one moment: what happened comes before what followed from it.
_ORDER: Final = {DELIVERY: 0, STRIKE: 1, SUPPRESSED: 2, RELEASE: 3, SUPPRESS: 4}


def _entries(stored: Stored) -> Iterator[Entry]:
    history = stored.history
    for stream, at in history.deliveries.items():
        yield Entry(at, DELIVERY, stream, None)
    for strike in history.strikes.values():
        said = " · ".join(text for text in (strike.status, strike.detail) if text)
        yield Entry(strike.at, STRIKE, strike.stream, strike.class_, text=said or None)
    for found in stored.suppressions:
        if found.reason not in DECISION_REASONS:
            yield Entry(found.since, SUPPRESSED, found.stream or EVERY_STREAM, found.reason, found.until)
    yield from _decisions(history)


def _decisions(history: History) -> Iterator[Entry]:
    for past in every_decision(history):
        ruling = past.ruling
        what = RELEASE if past.released else SUPPRESS
        yield Entry(ruling.at, what, past.scope, ruling.reason, ruling.until, ruling)


def record(entry: Entry) -> dict[str, Any]:
    """Return an entry for JSON."""
    ruling = entry.ruling
    return {
        "at": format_time(entry.at),
        "what": entry.what,
        "stream": entry.stream,
        "reason": entry.reason,
        "until": time_or_none(entry.until),
        **(signed_record(ruling) if ruling is not None else {"by": None, "why": entry.text, "known": None}),
    }


def signed_record(ruling: Ruling) -> dict[str, Any]:
    """Return who decided, why and what was known, for JSON."""
    return {"by": ruling.by or None, "why": ruling.why, "known": known_record(ruling.known)}


def known_record(known: Known | None) -> dict[str, Any] | None:
    """Return what was known, for JSON."""
    if known is None:
        return None
    return {
        "reason": known.reason,
        "stream": known.stream,
        "since": time_or_none(known.since),
        "until": time_or_none(known.until),
        "strikes": known.strikes,
        "delivered_at": time_or_none(known.delivered),
        "mail": known.mail,
    }


def row(entry: Entry, environment: str, now: int) -> list[str]:
    """Return an entry for people: when, what, where, by whom, and why."""
    what = {STRIKE: f"strike: {entry.reason}", RELEASE: "released", DELIVERY: "delivered"}.get(entry.what)
    if what is None:
        what = f"suppressed by {entry.reason}, {end(entry.until, now)}"
    ruling = entry.ruling
    why = entry.text or ""
    if ruling is not None:
        why = " · ".join(text for text in (ruling.why, known_words(ruling.known, environment)) if text)
    one = entry.what in (STRIKE, DELIVERY)
    where = entry.stream if one else scope(entry.stream, environment)
    return [moment(entry.at), what, where, ruling.by if ruling is not None else "", why]


def known_words(known: Known | None, environment: str) -> str:
    """Return what was known as one sentence's part; empty where nobody wrote it down."""
    if known is None:
        return ""
    parts = ["nothing stood against it"]
    if known.reason is not None and known.since is not None:
        parts = [f"known: {known.reason}, {scope(known.stream, environment)}, since {moment(known.since)}"]
    if known.strikes:
        parts.append(count(known.strikes, "strike"))
    if known.delivered is not None:
        parts.append(f"last delivery {moment(known.delivered)}")
    if known.mail is not None:
        parts.append(_MAIL.get(known.mail, "its domain could not be asked"))
    return ", ".join(parts)
