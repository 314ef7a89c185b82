"""Read anything that SES, or whatever carries its messages, may hand over."""

from __future__ import annotations

from typing import NamedTuple

from ses_feedback.domain.envelopes import open_payload
from ses_feedback.domain.events import Event, Fault, Setup
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.notifications import read_notification


class Reading(NamedTuple):
    """What a payload says: events, what could not be read, and SES's setup messages, each in the order of arrival."""

    events: list[Event]
    faults: list[Fault]
    setups: list[Setup]


def read(payload: object, directory: Directory, now: int) -> Reading:
    """Return what a payload says: bytes, text or decoded JSON, any notification in any envelope, several at once.

    ``now`` in ms since 1970 unmasks times from the future. Never raises: what cannot be read is a ``Fault`` that keeps
    the whole text. An empty payload says nothing.
    """
    opened = open_payload(payload)
    events: list[Event] = []
    for notification in opened.notifications:
        read_notification(notification, directory, now, events, opened)
    return Reading(events, opened.faults, opened.setups)
