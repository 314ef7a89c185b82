"""The inventory of CloudFormation, SNS, SQS and CloudWatch, against moto, and where moto cannot, against the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters.aws_inventory import AwsInventory, SnsTopics
from ses_feedback.adapters.rotation import TableRotation
from ses_feedback.adapters.troubles import Place, Trouble
from ses_feedback.usecases.checks.live import Alarm, Subscription
from tests.unit.wiring.test_ses_adapter import make

PLACE = Place("ses-feedback", "us-east-1")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsInventory]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield AwsInventory(PLACE, lambda service, region: make(service))


def test_home(aws: AwsInventory) -> None:
    """Who the credentials belong to."""
    home = aws.home()
    assert (home.partition, home.region) == ("aws", "us-east-1")
    assert home.arn("sns", "x") == f"arn:aws:sns:us-east-1:{home.account}:x"


def test_stacks_are_those_of_this_deployment() -> None:
    """Data, core, cells and overviews, over all pages, with status, outputs and resources; no other deployment's."""
    mine = (
        "ses-feedback-data",
        "ses-feedback-cell-0001",
        "ses-feedback-cell-10000",
        "ses-feedback-overview",
        "ses-feedback-overview-12",
    )
    others = (
        "ses-feedback-overview-old",
        "ses-feedback-cell-1",
        "ses-feedback-other",
        "ses-feedback2-core",
        "my-ses-feedback-core",
    )
    client = make("cloudformation")
    with Stubber(client) as stub:

        def resources(stack: str, *found: tuple[str, str, str]) -> None:
            for number, (type_, physical, status) in enumerate(found or [("AWS::SNS::Topic", "t", "CREATE_COMPLETE")]):
                more = {"NextToken": str(number + 1)} if number + 1 < len(found) else {}
                summary = {
                    "LogicalResourceId": "x",
                    "ResourceType": type_,
                    "PhysicalResourceId": physical,
                    "ResourceStatus": status,
                    "LastUpdatedTimestamp": "2026-11-24T05:00:00Z",
                }
                asked = {"StackName": stack, **({"NextToken": str(number)} if number else {})}
                stub.add_response("list_stack_resources", {"StackResourceSummaries": [summary], **more}, asked)

        def stack(name: str, status: str = "CREATE_COMPLETE", **more: Any) -> dict[str, Any]:
            return {"StackName": name, "StackStatus": status, "CreationTime": "2026-11-24T05:00:00Z", **more}

        first = [stack(name) for name in (*others, *mine)]
        stub.add_response("describe_stacks", {"Stacks": first, "NextToken": "2"}, {})
        for name in mine:
            resources(name)
        outputs = [{"OutputKey": naming.OUTPUT_CONFIGURATION, "OutputValue": "0123456789abcdef"}]
        second = [
            stack("ses-feedback-core", "UPDATE_COMPLETE", Outputs=outputs),
            stack("ses-feedback-cell-0002", "DELETE_COMPLETE"),
        ]
        stub.add_response("describe_stacks", {"Stacks": second}, {"NextToken": "2"})
        resources(
            "ses-feedback-core",
            ("Custom::SesIdentityWiring", "example.com", "CREATE_COMPLETE"),
            ("Custom::SesIdentityWiring", "b.example.com", "UPDATE_COMPLETE"),
            ("AWS::CloudWatch::Alarm", "ses-feedback old", "DELETE_COMPLETE"),
        )
        stacks = AwsInventory(PLACE, lambda service, region: client).stacks()
    assert set(stacks) == {*mine, "ses-feedback-core"}
    core = stacks["ses-feedback-core"]
    assert core.status == "UPDATE_COMPLETE"
    assert core.outputs[naming.OUTPUT_CONFIGURATION] == "0123456789abcdef"
    assert core.resources == {"Custom::SesIdentityWiring": {"example.com", "b.example.com"}}


def test_subscriptions(aws: AwsInventory) -> None:
    """Confirmed, waiting, over several pages, and of a topic that is not there."""
    sns = make("sns")
    topic = sns.create_topic(Name="ses-feedback_bounce")["TopicArn"]
    for n in range(120):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:123456789012:q{n}")
    found = aws.subscriptions(topic)
    assert found is not None
    assert len(found) == 120
    assert Subscription("sqs", "arn:aws:sqs:us-east-1:123456789012:q7", True) in found
    assert aws.subscriptions(topic + "x") is None


def test_subscriptions_that_are_not_confirmed_or_deleted() -> None:
    """SNS says so in place of an ARN."""
    client = make("sns")
    topic = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce"

    def one(arn: str, endpoint: str) -> dict[str, Any]:
        return {"SubscriptionArn": arn, "Protocol": "email", "Endpoint": endpoint, "TopicArn": topic, "Owner": "1"}

    answer = {
        "Subscriptions": [
            one("PendingConfirmation", "new@example.com"),
            one("Deleted", "gone@example.com"),
            one(f"{topic}:0", "there@example.com"),
        ]
    }
    with Stubber(client) as stub:
        stub.add_response("list_subscriptions_by_topic", answer, {"TopicArn": topic})
        found = SnsTopics(PLACE, client).subscriptions(topic)
    assert found == (Subscription("email", "new@example.com", False), Subscription("email", "there@example.com", True))


def test_depth(aws: AwsInventory) -> None:
    """What waits and what is at work; a queue that is not there has none."""
    sqs = make("sqs")
    url = sqs.create_queue(QueueName="ses-feedback-dead-letters")["QueueUrl"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    assert aws.depth("ses-feedback-dead-letters") == 3
    assert aws.depth("ses-feedback-retry") is None


def test_the_actions_of_alarms_are_switched_on(aws: AwsInventory) -> None:
    """Those of this deployment are read, and one that is silent is switched on."""
    for name, acts in (("ses-feedback drift", True), ("ses-feedback quiet", False), ("ses-feedback2 drift", False)):
        make("cloudwatch").put_metric_alarm(
            AlarmName=name,
            ActionsEnabled=acts,
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    assert {name: alarm.acts for name, alarm in aws.alarms().items()} == {
        "ses-feedback drift": True,
        "ses-feedback quiet": False,
    }
    aws.enable_alarms(["ses-feedback quiet"])
    assert aws.alarms()["ses-feedback quiet"].acts


def test_alarms_of_both_kinds_over_all_pages() -> None:
    """CloudWatch lists metric alarms and composites apart, in the same pages."""
    client = make("cloudwatch")
    asked = {"AlarmNamePrefix": "ses-feedback ", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    metric = {"AlarmName": "ses-feedback drift", "ActionsEnabled": False, "StateValue": "OK"}
    composite = {"AlarmName": "ses-feedback x page", "ActionsEnabled": True, "StateValue": "ALARM"}
    with Stubber(client) as stub:
        stub.add_response("describe_alarms", {"MetricAlarms": [metric], "NextToken": "2"}, asked)
        stub.add_response("describe_alarms", {"CompositeAlarms": [composite]}, {**asked, "NextToken": "2"})
        found = AwsInventory(PLACE, lambda service, region: client).alarms()
    assert found == {"ses-feedback drift": Alarm(False, "OK"), "ses-feedback x page": Alarm(True, "ALARM")}


def test_a_denial_names_the_permission() -> None:
    """One line that says which action to allow."""
    client = make("cloudformation")
    with Stubber(client) as stub:
        stub.add_client_error("describe_stacks", "AccessDenied", "not allowed", 403)
        with pytest.raises(Trouble, match="cloudformation:DescribeStacks"):
            AwsInventory(PLACE, lambda service, region: client).stacks()


def test_how_far_the_check_got_is_kept(aws: AwsInventory) -> None:
    """Each round by itself, in one item that is not there at first."""
    dynamodb = make("dynamodb")
    dynamodb.create_table(
        TableName="wiring",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
    )
    rotation = TableRotation(dynamodb, "wiring")
    assert rotation.last() == {}
    rotation.keep("mending", None)
    rotation.keep("mending", "a.example.com")
    rotation.keep("looking", "b.example.com")
    rotation.keep("mending", "c.example.com")
    assert rotation.last() == {"mending": "c.example.com", "looking": "b.example.com"}
    rotation.keep("mending", None)
    assert rotation.last() == {"looking": "b.example.com"}
