"""Changes told to others: one topic, one publisher, whom the file names, and the look for ends."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.config import parse
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly, synthesise

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:ses-feedback-changes"
FOLLOWED = """
[changes]
notify = [
    { https = "https://crm.example.com/hooks", types = ["released"], streams = ["default"], max_per_second = 3 },
    { sqs = "arn:aws:sqs:us-east-1:111122223333:crm", environments = ["production"], raw = true },
    { lambda = "arn:aws:lambda:us-east-1:111122223333:function:crm" },
]
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    config = parse(tomllib.loads(configs.SMALL + FOLLOWED))
    return synthesise(config, tmp_path_factory.mktemp("followed"))


def subscriptions(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = [s.properties for s in assembly.find("AWS::SNS::Subscription")]
    return {s["Protocol"]: s for s in found if "ses-feedback-changes" in str(s["TopicArn"])}


def test_only_our_function_publishes(small: Assembly) -> None:
    """To a topic under the deployment's key, over TLS; in a default file nobody is subscribed, and all is there."""
    topic = small.one("AWS::SNS::Topic", TopicName="ses-feedback-changes").properties
    assert topic["KmsMasterKeyId"] == "alias/ses-feedback"
    (policy,) = [
        p.properties["PolicyDocument"]["Statement"]
        for p in small.find("AWS::SNS::TopicPolicy")
        if "OnlyAnnounceChangesPublishes" in str(p.properties)
    ]
    allow, deny = policy
    assert allow["Action"] == ["sns:Publish"] or allow["Action"] == "sns:Publish"
    assert "AnnounceChanges" in str(allow["Condition"]["ArnEquals"]["aws:PrincipalArn"])
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert subscriptions(small) == {}


def test_whom_the_file_names_hears_what_it_says(followed: Assembly) -> None:
    """What holds for every stream concerns whoever follows one; what is not taken waits in the teams' queue."""
    found = subscriptions(followed)
    assert found["https"]["FilterPolicy"] == {"type": ["released"], "stream": ["default", "*"]}
    assert found["https"]["DeliveryPolicy"]["throttlePolicy"] == {"maxReceivesPerSecond": 3}
    assert found["https"]["RawMessageDelivery"] is False
    assert found["sqs"]["FilterPolicy"] == {"environment": ["production"]}
    assert found["sqs"]["RawMessageDelivery"] is True
    assert "FilterPolicy" not in found["lambda"]
    for one in found.values():
        assert one["RedrivePolicy"]["deadLetterTargetArn"].endswith(":ses-feedback-team-dead-letters")


def test_the_teams_queue_takes_what_they_do_not(followed: Assembly) -> None:
    """Its policy names the topic."""
    policies = [p.properties for p in followed.find("AWS::SQS::QueuePolicy") if TOPIC in str(p.properties)]
    assert len(policies) == 1


def test_ends_are_looked_for(small: Assembly) -> None:
    """Each quarter of an hour, by a rule that may invoke that function only; the output names the topic."""
    rule = small.one("AWS::Events::Rule", Name=naming.function_name("ses-feedback", naming.ANNOUNCE_CHANGES))
    assert rule.properties["ScheduleExpression"] == "rate(15 minutes)"
    assert naming.OUTPUT_CHANGES_TOPIC in small.templates["ses-feedback-core"]["Outputs"]


def test_following_changes_no_function(small: Assembly, followed: Assembly) -> None:
    """A destination more deploys subscriptions, and nothing else."""
    names = {f.logical_id for f in followed.all()} - {f.logical_id for f in small.all()}
    assert len(names) == 3
