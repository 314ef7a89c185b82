"""Changes published to SNS: in tens, with their attributes; what is refused of a batch is tried again by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns import sns_backends

from ses_feedback.adapters.changes_topic import AT_ONCE, ChangesTopic
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.changes import Announcement


def some(number: int) -> list[Announcement]:
    return [Announcement(f"{n:032x}", {"type": "released", "stream": "*"}, f'{{"n":{n}}}') for n in range(number)]


def test_everything_arrives_with_its_attributes(aws: Callable[..., Any]) -> None:
    """Also more than a batch holds; nothing is no call."""
    sns = aws("sns")
    arn = sns.create_topic(Name="changes")["TopicArn"]
    ChangesTopic(sns, arn).publish([])
    ChangesTopic(sns, arn).publish(some(AT_ONCE * 2 + 1))
    sent = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics[arn].sent_notifications
    assert [message for _, message, *_ in sent] == [a.text for a in some(AT_ONCE * 2 + 1)]
    assert {str(attributes["stream"]["Value"]) for *_, attributes, _ in [m[:5] for m in sent]} == {"*"}


class Sns:
    """Refuses entries by their id, so many times each."""

    def __init__(self, refusals: dict[str, int]) -> None:
        self.refusals = refusals
        self.calls: list[list[str]] = []

    def publish_batch(self, **request: Any) -> dict[str, Any]:
        assert request["TopicArn"] == "arn"
        ids = [entry["Id"] for entry in request["PublishBatchRequestEntries"]]
        self.calls.append(ids)
        failed = [id_ for id_ in ids if self.refusals.get(id_, 0) > 0]
        for id_ in failed:
            self.refusals[id_] -= 1
        return {"Failed": [{"Id": id_, "Code": "InternalError", "SenderFault": False} for id_ in failed]}


def test_only_what_was_refused_is_tried_again() -> None:
    """And the others are not announced twice."""
    three = some(3)
    sns = Sns({three[1].id: 2})
    ChangesTopic(sns, "arn").publish(three)
    assert sns.calls == [[a.id for a in three], [three[1].id], [three[1].id]]


def test_what_is_refused_to_the_end_comes_back() -> None:
    """All the batches are tried first; the error names no address."""
    many = some(12)
    sns = Sns({many[0].id: 99, many[11].id: 99})
    with pytest.raises(RetryableError, match="publishing changes: 2 InternalError"):
        ChangesTopic(sns, "arn").publish(many)
    assert sns.calls[-1] == [many[11].id]
