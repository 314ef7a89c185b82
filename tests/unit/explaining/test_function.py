"""The function that SNS invokes: which topic it speaks through, and that somebody is told whatever happens in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas import explain_alarm
from ses_feedback.domain.alarm_text import Message
from ses_feedback.domain.errors import RetryableError
from tests.unit.explaining.fakes import NEWS, World, bounces, composite

TOPIC = "arn:aws:sns:us-east-1:111122223333:ses-feedback-on-call-"


class FakeCrier:
    def __init__(self) -> None:
        self.cried: list[tuple[str, Message]] = []
        self.trouble: Exception | None = None

    def cry(self, severity: str, message: Message) -> None:
        if self.trouble:
            raise self.trouble
        self.cried.append((severity, message))


@pytest.fixture
def world() -> World:
    return World(bounces(), HardBounced=60, Delivered=60)


@pytest.fixture
def crier(world: World, monkeypatch: pytest.MonkeyPatch) -> FakeCrier:
    made = FakeCrier()
    gateways = explain_alarm.Gateways(world.config, world.sources, made)
    monkeypatch.setattr(explain_alarm, "gateways", lambda: gateways)
    return made


def event(text: str, topic: str = "page", subject: str | None = "a subject") -> dict[str, Any]:
    """What SNS invokes a function with (Lambda developer guide, `Using AWS Lambda with Amazon SNS`)."""
    return {
        "Records": [{"EventSource": "aws:sns", "Sns": {"TopicArn": TOPIC + topic, "Subject": subject, "Message": text}}]
    }


@pytest.mark.parametrize("severity", ["page", "warn"])
def test_a_notice_goes_to_those_who_read_its_severity(crier: FakeCrier, severity: str) -> None:
    notice = json.dumps(composite(f"{NEWS} {severity}", f"{NEWS} bounce page fast"))
    assert explain_alarm.handler(event(notice, severity), None) == {"told": 1}
    ((told, message),) = crier.cried
    assert told == severity
    assert message.subject.startswith(f"{severity.upper()}: {NEWS}: hard bounces 50%")


def test_what_is_no_alarm_keeps_subject_and_text(crier: FakeCrier) -> None:
    explain_alarm.handler(event("PAUSED: all of it\n", subject="PAUSED: x"), None)
    assert crier.cried == [("page", Message("PAUSED: x", "PAUSED: all of it\n", None))]


def test_a_bug_does_not_keep_the_alarm_from_people(crier: FakeCrier, world: World) -> None:
    """They get CloudWatch's own words, and the kind of error; the log has the rest."""
    world.alarms.trouble = KeyError("jane@example.net")
    notice = json.dumps(composite(f"{NEWS} page", f"{NEWS} bounce page fast"))
    explain_alarm.handler(event(notice), None)
    ((_, message),) = crier.cried
    assert message.subject == "a subject"
    assert notice in message.text
    assert "could not be put into words (KeyError)" in message.text
    assert "jane" not in message.text


def test_what_cannot_be_published_fails_so_that_lambda_repeats_it(crier: FakeCrier) -> None:
    crier.trouble = RetryableError("publishing to a topic: Throttling")
    with pytest.raises(RetryableError, match="publishing"):
        explain_alarm.handler(event("x"), None)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"Records": []},
        {"Records": [{}]},
        {"Records": [{"Sns": {}}]},
        {"Records": [{"Sns": {"TopicArn": TOPIC.replace("ses-feedback", "other") + "page", "Message": "x"}}]},
        {"Records": [{"Sns": {"TopicArn": TOPIC + "page", "Message": None}}]},
    ],
)
def test_anything_else_is_refused_in_one_line(crier: FakeCrier, bad: dict[str, Any]) -> None:
    with pytest.raises(explain_alarm.NotOurs) as caught:
        explain_alarm.handler(bad, None)
    assert "\n" not in str(caught.value)
    assert crier.cried == []
