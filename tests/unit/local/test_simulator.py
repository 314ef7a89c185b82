"""What the embedded SES says is what the product reads as AWS's own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from local import simulator
from ses_feedback.domain import events as ev
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.reading import read

AT = datetime(2026, 1, 27, 14, 59, 38, 237_000, UTC)
ARN = "arn:aws:ses:us-east-1:111122223333:identity/example.com"
DIRECTORY = Directory({"example.com": Place("example.com", "production", "default")}, {})


def notifications(recipient: str, *, published: bool = False) -> list[str]:
    """The notifications about one mail, as text."""
    mail = simulator.mail(
        message_id="0100-1",
        source="a@example.com",
        identity_arn=ARN,
        account="111122223333",
        destination=[recipient],
        at=AT,
        headers=[("From", "a@example.com"), ("To", recipient), ("Subject", "Hi"), ("Date", "today")],
    )
    tags = {"ses:configuration-set": ["s"]}
    return [
        json.dumps(
            simulator.published_event(kind, body, mail, tags)
            if published
            else simulator.identity_notification(kind, body, mail)
        )
        for kind, body in simulator.feedback(recipient, AT)
    ]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize(
    ("recipient", "classes"),
    [
        ("success@simulator.amazonses.com", [ev.DELIVERY]),
        ("bounce@simulator.amazonses.com", [ev.HARD_BOUNCE]),
        ("Bounce+label@simulator.amazonses.com", [ev.HARD_BOUNCE]),
        ("complaint@simulator.amazonses.com", [ev.DELIVERY, ev.COMPLAINT]),
        ("ooto@simulator.amazonses.com", [ev.DELIVERY, ev.AUTO_REPLY]),
        ("suppressionlist@simulator.amazonses.com", [ev.HARD_BOUNCE]),
        ("nobody@nowhere.invalid", [ev.HARD_BOUNCE]),
        ("someone@example.org", [ev.DELIVERY]),
    ],
)
def test_each_address_gives_the_documented_feedback(recipient: str, classes: list[str], published: bool) -> None:
    """Every simulator address, with or without label, in both dialects, is read as what AWS documents for it."""
    readings = [
        read(text, DIRECTORY, int(AT.timestamp() * 1000)) for text in notifications(recipient, published=published)
    ]
    assert [event.class_ for reading in readings for event in reading.events] == classes
    assert not any(reading.faults for reading in readings)
    assert {event.recipient for reading in readings for event in reading.events} == {recipient.lower()}
    assert {event.occurred_at for reading in readings for event in reading.events} == {1_769_525_978_237}


def test_account_list_is_told_apart_from_a_fresh_bounce() -> None:
    """A mail to an address on the account's own list is `already_suppressed`."""
    body = simulator.already_suppressed("a@example.org", AT)
    reading = read({"notificationType": "Bounce", "bounce": body, "mail": {"sourceArn": ARN}}, DIRECTORY, 2**60)
    assert [event.class_ for event in reading.events] == [ev.ALREADY_SUPPRESSED]


def test_setup_message_is_recognised_as_one() -> None:
    """What SES publishes to a topic it is pointed at is setup, not feedback and not a fault."""
    message = simulator.setup_message("arn:aws:sns:us-east-1:111122223333:t", "Bounce", "example.com")
    reading = read(json.dumps(message), DIRECTORY, 0)
    assert (len(reading.setups), reading.events, reading.faults) == (1, [], [])


def test_headers_come_only_where_they_are_asked_for() -> None:
    """`headers` and `commonHeaders` are there with headers, and absent without."""
    (text,) = notifications("bounce@simulator.amazonses.com")
    mail = json.loads(text)["mail"]
    assert mail["commonHeaders"]["subject"] == "Hi" and mail["headersTruncated"] is False
    without = simulator.mail(
        message_id="1", source="a@example.com", identity_arn=ARN, account="1", destination=[], at=AT, headers=None
    )
    assert not {"headers", "commonHeaders", "headersTruncated"} & set(without)


def test_only_real_mail_counts_towards_reputation() -> None:
    """The simulator's mail is told apart, however it is spelled."""
    assert simulator.is_simulated("BOUNCE@Simulator.AmazonSES.com")
    assert not simulator.is_simulated("bounce@simulator.amazonses.com.example.org")
