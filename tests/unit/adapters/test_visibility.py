"""When a failed message is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback.adapters.visibility import delay, postpone


def test_the_delays_are_1_2_4_minutes_and_at_most_an_hour() -> None:
    assert [delay(n) // 60 for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert delay(100) == delay(10_000) == 3600


@pytest.fixture
def queue(aws: Callable[..., Any]) -> tuple[Any, str]:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="retry", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    return sqs, url


def received(sqs: Any, url: str) -> dict[str, Any]:
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    return {"receiptHandle": message["ReceiptHandle"], "attributes": message["Attributes"]}


def test_a_message_is_postponed_by_its_number_of_receives(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    asked: list[int] = []
    sqs.meta.events.register(
        "provide-client-params.sqs.ChangeMessageVisibility",
        lambda params, **_: asked.append(params["VisibilityTimeout"]),
    )
    sqs.send_message(QueueUrl=url, MessageBody="m")
    message = received(sqs, url)
    for receives in ("1", "3"):
        message["attributes"]["ApproximateReceiveCount"] = receives
        assert postpone(url, [message]) == []
    assert asked == [60, 240]


def test_a_message_that_cannot_be_postponed_keeps_the_queues_own_timeout_and_the_others_are(
    queue: tuple[Any, str],
) -> None:
    """The problem is told, not raised: the batch's answer must still reach Lambda."""
    sqs, url = queue
    asked: list[str] = []
    sqs.meta.events.register(
        "provide-client-params.sqs.ChangeMessageVisibility",
        lambda params, **_: asked.append(params["ReceiptHandle"]),
    )
    sqs.send_message(QueueUrl=url, MessageBody="m")
    good = received(sqs, url)
    bad = {"receiptHandle": "gone", "attributes": {"ApproximateReceiveCount": "1"}}
    problems = postpone(url, [bad, good])
    assert len(problems) == 1
    assert problems[0].startswith("postponing a message: ReceiptHandleIsInvalid")
    assert asked == ["gone", good["receiptHandle"]]


def test_after_its_delay_a_message_is_visible_again(queue: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    sqs, url = queue
    sqs.send_message(QueueUrl=url, MessageBody="m")
    postpone(url, [received(sqs, url)])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    later = time.time() + 61
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda *_: later * 1000)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
