"""One row of a list of suppressions, and what it says: who, where, since when, until when, and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.domain.times import SECOND, time_or_none

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SECONDS: Final = re.compile(r"\d{9,10}(\.\d*)?", re.ASCII)
_MILLISECONDS: Final = re.compile(r"\d{12,13}", re.ASCII)
# The stream of an entry that holds where the operator says that complaints and unsubscriptions hold.
ASKED_STREAM: Final = ""
UNREADABLE_DATE: Final = "its date is none that is known here"


class Bad(PermanentError):
    """A row that cannot be read; ``str(error)`` says why, without quoting it."""


class Passed(Exception):
    """A row that is read and suppresses nobody; ``str(error)`` says why."""


class Entry(NamedTuple):
    """What a row says. Times in ms; ``since`` is ``None`` where it has no date, ``until`` for "without end".

    ``stream`` is a stream, ``*``, or ``ASKED_STREAM``. ``what`` is the reason in the words of the list. ``environment``
    is empty where the list names none.
    """

    address: str
    stream: str
    since: int | None
    until: int | None
    what: str
    environment: str = ""


def everywhere(address: str, since: int | None, what: str) -> Entry:
    """Return what keeps every stream from an address: it does not exist, or nobody may write to it at all."""
    return Entry(address, EVERY_STREAM, since, None, what)


def by_choice(address: str, since: int | None, what: str) -> Entry:
    """Return what a person chose about one kind of mail."""
    return Entry(address, ASKED_STREAM, since, None, what)


def date(text: str) -> int | None:
    """Return a date as any of the known lists writes one, in ms; ``None`` for an empty text. Raises ``Bad``.

    ISO 8601 (UTC where it names no zone), a day, seconds or milliseconds since 1970, or RFC 5322 as in mail headers.
    """
    text = text.strip()
    if not text:
        return None
    if _DAY.fullmatch(text):
        text += "T00:00:00Z"
    found = time_or_none(text)
    if found is None and _SECONDS.fullmatch(text):
        found = int(float(text)) * SECOND
    if found is None and _MILLISECONDS.fullmatch(text):
        found = int(text)
    if found is None:
        found = _of_a_mail_header(text)
    if found is None:
        raise Bad(UNREADABLE_DATE)
    return found


def _of_a_mail_header(text: str) -> int | None:
    try:
        read: datetime = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    ms = int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()) * SECOND
    return ms if ms >= 0 else None
