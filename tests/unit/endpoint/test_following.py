"""Who follows the changes gets every genuine event, and no other; what it cannot take comes again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local.authority import Authority, body, notification, pem, signed
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.domain.times import format_time
from ses_feedback.endpoint import Endpoint, following, open_changes

TOPIC = "arn:aws:sns:us-west-2:444455556666:ses-feedback-changes"
CERTIFICATE = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
EVENT = {"version": 1, "id": "a", "type": "released", "address": "jane@example.net"}


@pytest.fixture(autouse=True)
def authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the test authority."""
    made = Authority(SystemClock().now())
    served = pem(made.certificate("sns.amazonaws.com"), made.intermediate)
    monkeypatch.setattr(following, "fetch", {CERTIFICATE: served}.__getitem__)
    monkeypatch.setattr(following, "public_roots", lambda: [made.root])


def post(endpoint: Endpoint, *, forged: bool = False, topic: str = TOPIC) -> int:
    at = format_time(SystemClock().now())
    fields = notification(json.dumps(EVENT), at, topic=topic, version="2", SigningCertURL=CERTIFICATE)
    data = body(signed(fields, "stranger") if forged else fields)
    return endpoint.answer("POST", {"content-type": "text/plain; charset=UTF-8"}, data).status


def test_a_genuine_event_is_handed_over_and_a_forged_one_is_not() -> None:
    """Nor is that of another topic."""
    heard: list[Mapping[str, Any]] = []
    endpoint = open_changes([TOPIC], heard.append)
    assert post(endpoint) == 200
    assert heard == [EVENT]
    assert post(endpoint, forged=True) == 403
    assert post(endpoint, topic=f"{TOPIC}-2") == 403
    assert heard == [EVENT]


def test_what_the_follower_cannot_take_comes_again() -> None:
    """SNS tries again after a 500."""

    def busy(_: Mapping[str, Any]) -> None:
        raise OSError("the CRM is down")

    assert post(open_changes([TOPIC], busy)) == 500


@pytest.mark.parametrize(("topics", "why"), [([], "ChangesTopicArn"), (["x"], "is not the ARN of a standard topic")])
def test_a_topic_must_be_named(topics: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        open_changes(topics, print)
