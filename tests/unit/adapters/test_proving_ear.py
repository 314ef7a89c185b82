"""The queue of a run: made, listened by and removed, and removed for a run that could not do so itself."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters.proving_ear import QueueEar
from ses_feedback.adapters.troubles import Place
from ses_feedback.domain.errors import PermanentError

NOW = 1_800_000_000_000


class Time:
    """A clock that stands."""

    def __init__(self, now: int = NOW) -> None:
        self.at = now

    def now(self) -> int:
        return self.at

    def sleep(self, ms: int) -> None:
        self.at += ms


@pytest.fixture
def aws() -> Any:
    """SQS and SNS, with two topics."""
    with mock_aws():
        sqs, sns = (boto3.client(name, region_name="us-east-1") for name in ("sqs", "sns"))
        yield sqs, sns, [sns.create_topic(Name=name)["TopicArn"] for name in ("ses-feedback-changes", "other")]


def ear(aws: Any, clock: Time) -> QueueEar:
    sqs, sns, _ = aws
    return QueueEar(sqs, sns, Place("ses-feedback", "us-east-1"), clock)


def queues(aws: Any) -> list[str]:
    return [url.rpartition("/")[2] for url in aws[0].list_queues().get("QueueUrls", ())]


def subscribed(aws: Any) -> list[str]:
    return [found["Endpoint"].rpartition(":")[2] for found in aws[1].list_subscriptions()["Subscriptions"]]


def test_it_hears_its_topics_and_leaves_nothing(aws: Any) -> None:
    _, sns, topics = aws
    listening = ear(aws, Time())
    listening.open(topics, NOW + 1_000)
    assert queues(aws) == [naming.proving_queue_name("ses-feedback", NOW + 1_000)]
    url = aws[0].get_queue_url(QueueName=queues(aws)[0])["QueueUrl"]
    attributes = aws[0].get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": topics}}
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    sns.publish(TopicArn=topics[1], Message="told")
    assert [(h.topic, h.text) for h in listening.hear(0)] == [(topics[1], "told")]
    assert listening.hear(0) == []
    listening.close()
    assert queues(aws) == subscribed(aws) == []
    listening.close()


def test_what_a_killed_run_left_goes_once_its_time_is_over(aws: Any) -> None:
    """Another run that still goes on keeps its own, and so does a queue that only has a similar name."""
    _, _, topics = aws
    other = "ses-feedback-prove-until-mine"
    aws[0].create_queue(QueueName=other)
    ear(aws, Time()).open(topics, NOW + 1_000)
    ear(aws, Time()).open(topics, NOW + 60_000)
    killed, going = (naming.proving_queue_name("ses-feedback", NOW + after) for after in (1_000, 60_000))
    listening = ear(aws, Time(NOW + 5_000))
    listening.open(topics, NOW + 90_000)
    assert killed not in queues(aws) and killed not in subscribed(aws)
    assert going in queues(aws) and subscribed(aws).count(going) == 2
    listening.close()
    assert sorted(queues(aws)) == sorted([going, other])


def test_what_it_may_not_remove_is_named(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the rest is removed all the same."""
    sqs, _, topics = aws
    listening = ear(aws, Time())
    listening.open(topics, NOW + 1_000)

    def refuse(**_: object) -> None:
        raise sqs.exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "DeleteQueue")

    monkeypatch.setattr(sqs, "delete_queue", refuse)
    with pytest.raises(
        PermanentError, match=r"not removed: the queue ses-feedback-prove-until-\w+: AWS denies sqs:Del"
    ):
        listening.close()
    assert subscribed(aws) == []


def test_a_topic_that_is_not_there_is_one_line(aws: Any) -> None:
    """What was made by then is removed all the same."""
    _, _, topics = aws
    listening = ear(aws, Time())
    with pytest.raises(PermanentError):
        listening.open([*topics, topics[0].replace("changes", "gone")], NOW + 1_000)
    listening.close()
    assert queues(aws) == subscribed(aws) == []
