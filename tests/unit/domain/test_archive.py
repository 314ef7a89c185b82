"""The archive's lines: whole, one for each message of SES, with what was read in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ses_feedback.domain import canary, probe
from ses_feedback.domain.archive import RELEASE, SUPPRESS, decision_line, line_of
from ses_feedback.domain.archive_columns import DECISION_COLUMNS, EVENT_NAMES, VERSION
from ses_feedback.domain.history import Ruling
from tests.events import DIRECTORY, NOW, catalogue, load

TOPIC = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6"


def envelope(message: str, topic: str = TOPIC) -> str:
    found = {"Type": "Notification", "MessageId": "sns-1", "TopicArn": topic, "Message": message}
    return json.dumps(found | {"Timestamp": "2026-01-27T15:00:00.123Z", "Signature": "x"})


def line(text: str) -> dict[str, Any]:
    written = line_of(text, directory=DIRECTORY, deployment="ses-feedback", now=NOW)
    assert "\n" not in written
    found: dict[str, Any] = json.loads(written)
    return found


def text(name: str) -> str:
    return load(name).decode()


def test_a_message_is_kept_whole_beside_its_events() -> None:
    """SES's text is verbatim, SNS's wrapping is not kept, and each recipient is one event in the columns' order."""
    said = text("bounces/mixed-recipients.json")
    found = line(envelope(said))
    assert (found["v"], found["topic"], found["sns_id"]) == (VERSION, TOPIC, "sns-1")
    assert found["sent_at"] == "2026-01-27T15:00:00.123Z"
    assert found["message"] == said
    assert "skipped" not in found
    assert len(found["events"]) == 2
    for event in found["events"]:
        assert tuple(event) == EVENT_NAMES
        assert event["receiver"] == event["recipient"].rpartition("@")[2]
        assert event["occurred_at"].endswith("Z")


def test_every_catalogued_payload_gives_a_line_that_can_be_read_again() -> None:
    """Nothing is dropped: what has no events says why, and the text is there to be read once more."""
    for entry in catalogue():
        said = load(entry.name).decode("utf-8", "surrogateescape")
        found = line(envelope(said))
        assert found["message"] or not said
        if not found["events"]:
            assert found["skipped"], entry.name


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Successfully validated SNS topic for Amazon SES event publishing.", "setup"),
        ('{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"ok"}', "setup"),
        ("not JSON at all", "not JSON"),
        ("", "an empty message"),
        ('{"neither": "this"}', "neither an SES notification"),
    ],
)
def test_what_has_no_events_says_why(said: str, why: str) -> None:
    """Setup messages and what cannot be read are lines too."""
    found = line(envelope(said))
    assert found["events"] == []
    assert found["skipped"].startswith(why)
    assert found["message"] == said


def test_no_reason_holds_an_address() -> None:
    """Reasons are counted and shown; the text beside them is what is guarded."""
    found = line(envelope(text("faults/unknown-identity.json")))
    assert "@" not in found["skipped"]


@pytest.mark.parametrize("said", ["plain text", "{", "[1, 2]", '"text"', "\ud800", "{}" * 3])
def test_a_record_without_an_envelope_is_kept_whole(said: str) -> None:
    """Somebody else may write to the stream: it costs nothing but a line."""
    found = line(said)
    assert found["topic"] is None
    assert found["events"] == []
    assert found["message"].startswith(said[:1].encode("utf-8", "backslashreplace").decode())


def test_a_notification_without_an_envelope_is_read() -> None:
    """As an archive of raw messages would hold it."""
    found = line(text("kinds/notification-bounce.json"))
    assert found["topic"] is None
    assert [event["kind"] for event in found["events"]] == ["bounce"]


def test_the_topic_says_whose_it_is_where_the_mail_does_not() -> None:
    """The envelope is opened with its topic, as live feedback is."""
    said = json.loads(text("oddities/identity-of-topic.json"))
    found = line(json.dumps(said))
    assert found["events"][0]["identity"] == "example.com"


@pytest.mark.parametrize(
    ("mail", "campaign"),
    [
        ({"tags": {"campaign": ["spring"]}}, "spring"),
        ({"tags": {"campaign": "spring"}}, "spring"),
        ({"tags": {"campaign": []}}, None),
        ({"tags": {"other": ["spring"]}}, None),
        ({"headers": [{"name": "X-SES-MESSAGE-TAGS", "value": "a=b, campaign=spring"}]}, "spring"),
        ({"headers": [{"name": "X-SES-MESSAGE-TAGS", "value": "mycampaign=spring"}]}, None),
        ({"headers": [None, {"name": 1}]}, None),
        (
            {"tags": {"campaign": ["winter"]}, "headers": [{"name": "x-ses-message-tags", "value": "campaign=x"}]},
            "winter",
        ),
        ({}, None),
    ],
)
@pytest.mark.parametrize("common", [{}, {"commonHeaders": {"subject": "hello"}}])
def test_the_campaign_is_the_tag_of_that_name(mail: dict[str, Any], campaign: str | None, common: object) -> None:
    """From event publishing's tags, or from the header the mail was sent with, also where the reader skips headers."""
    said = json.loads(text("kinds/notification-bounce.json"))
    for name in ("tags", "headers", "commonHeaders"):
        said["mail"].pop(name, None)
    said["mail"] |= mail | common
    compact = json.dumps(said, separators=(",", ":"))
    assert line(envelope(compact))["events"][0]["campaign"] == campaign


@pytest.mark.parametrize(
    "address",
    [
        canary.recipient("ses-feedback", "bounce", NOW),
        probe.recipient("ses-feedback", "bounce", "example.com"),
    ],
)
def test_own_canaries_and_probes_are_marked(address: str) -> None:
    """Questions leave them out; the archive keeps them."""
    said = json.loads(text("kinds/notification-bounce.json"))
    said["bounce"]["bouncedRecipients"][0]["emailAddress"] = address
    (event,) = line(envelope(json.dumps(said)))["events"]
    assert event["canary"] is True
    assert event["receiver"] == canary.SIMULATOR


def test_a_decision_passes_through_as_it_was_announced() -> None:
    """Its line is made where it is known, and the function of the stream leaves it alone."""
    written = decision_line(
        "production", "jane@example.net", "*", SUPPRESS, Ruling(NOW, NOW + 1, "operator", "asked \ud800")
    )
    found = line(written)
    assert found == json.loads(written)
    assert found["events"] == []
    assert found["sent_at"] == found["decision"]["at"] == "2026-01-28T15:00:00.000Z"
    assert {name for name, _ in DECISION_COLUMNS} <= found["decision"].keys()
    released = json.loads(decision_line("dev", "j@example.net", "default", RELEASE, Ruling(NOW, None, "operator", "")))
    assert released["decision"]["until"] is None


def test_nobody_smuggles_a_decision_into_a_message() -> None:
    """What SES passes on from a mail is text within a message, whatever it says."""
    said = decision_line("production", "jane@example.net", "*", RELEASE, Ruling(NOW, None, "operator", "please"))
    assert "decision" not in line(envelope(said))
