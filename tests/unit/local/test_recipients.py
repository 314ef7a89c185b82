"""What readers under `.test` do is what the product reads as AWS's own events."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from local import recipients, simulator
from ses_feedback.domain import events as ev
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.reading import read

AT = datetime(2026, 1, 27, 14, 59, 38, 237_000, UTC)
DIRECTORY = Directory({"example.com": Place("example.com", "production", "default")}, {})


def classes(recipient: str) -> list[str | None]:
    """How the product classifies everything that a configuration set publishes about one mail."""
    mail = simulator.mail(
        message_id="0100-1",
        source="a@example.com",
        identity_arn="arn:aws:ses:us-east-1:111122223333:identity/example.com",
        account="111122223333",
        destination=[recipient],
        at=AT,
        headers=None,
    )
    found = []
    for kind, body in recipients.feedback(recipient, AT, "Readers"):
        reading = read(json.dumps(simulator.published_event(kind, body, mail, {})), DIRECTORY, 2**60)
        assert not reading.faults
        found += [event.class_ for event in reading.events]
    return found


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("anna@readers.test", [ev.DELIVERY]),
        ("anna+opens@readers.test", [ev.DELIVERY, ev.OPEN]),
        ("anna+clicks@Readers.TEST", [ev.DELIVERY, ev.OPEN, ev.CLICK]),
        ("anna+delayed@readers.test", [ev.DELAY, ev.DELIVERY]),
        ("anna+unsubscribes@readers.test", [ev.DELIVERY, ev.UNSUBSCRIBE]),
        ("opens@readers.test", [ev.DELIVERY]),
        ("anna+opens@example.org", [ev.DELIVERY]),
        ("bounce+opens@simulator.amazonses.com", [ev.HARD_BOUNCE]),
    ],
)
def test_reader_does_what_the_address_says(recipient: str, expected: list[str]) -> None:
    """Words after a plus, under `.test` and nowhere else."""
    assert classes(recipient) == expected


@pytest.mark.parametrize(
    ("kind", "body", "class_"),
    [
        ("Send", {}, ev.SEND),
        ("Reject", {"reason": "Bad content"}, ev.REJECT),
        ("Rendering Failure", {"errorMessage": "no", "templateName": "t"}, ev.RENDERING_FAILURE),
    ],
)
def test_events_of_the_whole_mail_are_read(kind: str, body: dict[str, str], class_: str) -> None:
    """What names no recipient is about every destination; each kind's object has the name that AWS gives it."""
    mail = {"sourceArn": "arn:aws:ses:us-east-1:1:identity/example.com", "destination": ["a@example.org"]}
    mail["timestamp"] = simulator.timestamp(AT)
    reading = read(json.dumps(simulator.published_event(kind, body, mail, {})), DIRECTORY, 2**60)
    assert [event.class_ for event in reading.events] == [class_] and not reading.faults
