"""The small stack that the gaps are proven with, and how its parts are looked at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from local.cloud import Cloud
from local.loop import until

REGION = "us-east-1"
PREFIX = f"arn:aws:sns:{REGION}:000000000000:"
FUNCTION = """
import json, os, time
def handler(event, context):
    text = json.dumps(event)
    if "boom" in text:
        raise RuntimeError("boom")
    if "bounces" in text:
        directive = {"Namespace": "T", "Dimensions": [["Identity"]], "Metrics": [{"Name": "b"}, {"Name": "d"}]}
        aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        print(json.dumps({"_aws": aws, "Identity": "x", "b": 60, "d": 40}))
    return {"process": os.getpid()}
"""
CUSTOM = """
import json, urllib.request
def handler(event, context):
    print("custom", event["RequestType"], event.get("PhysicalResourceId"))
    answer = {k: event[k] for k in ("StackId", "RequestId", "LogicalResourceId")}
    failed = event["RequestType"] == "Create"
    answer |= {"Status": "FAILED" if failed else "SUCCESS", "Reason": "as told", "PhysicalResourceId": "made-it"}
    request = urllib.request.Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request)
"""


def arn(name: str) -> dict[str, Any]:
    """The ARN of a resource of the template."""
    return {"Fn::GetAtt": [name, "Arn"]}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of the template."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def allow(service: str, action: str, resources: Any, source: str) -> dict[str, Any]:
    """A policy that lets a service act for a source."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": action,
        "Resource": resources,
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def function(name: str) -> dict[str, Any]:
    """A function of the shared code."""
    code = {"S3Bucket": "code", "S3Key": "code.zip"}
    return resource(
        "Lambda::Function",
        FunctionName=name,
        Runtime="python3.13",
        Handler=f"{name}.handler",
        Role="arn:aws:iam::000000000000:role/r",
        Timeout=30,
        Code=code,
    )


def math(identifier: str) -> dict[str, Any]:
    """A metric of the template's alarm."""
    metric = {"Namespace": "T", "MetricName": identifier, "Dimensions": [{"Name": "Identity", "Value": "x"}]}
    return {"Id": identifier, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}


def template() -> dict[str, Any]:
    """What the gaps are about, in one stack."""
    sqs_source = PREFIX + "t_*"
    page = {"Ref": "Page"}
    return {
        "Work": function("work"),
        "Custom": function("custom"),
        "Feedback": resource("SNS::Topic", TopicName="t_feedback"),
        "FeedbackPolicy": resource(
            "SNS::TopicPolicy",
            Topics=[{"Ref": "Feedback"}],
            PolicyDocument=allow("ses", "sns:Publish", {"Ref": "Feedback"}, "arn:aws:ses:*:*:identity/example.com"),
        ),
        "Closed": resource("SNS::Topic", TopicName="t_closed"),
        "ClosedPolicy": resource(
            "SNS::TopicPolicy",
            Topics=[{"Ref": "Closed"}],
            PolicyDocument=allow("cloudwatch", "sns:Publish", {"Ref": "Closed"}, "arn:aws:cloudwatch:*:*:alarm:none"),
        ),
        "Page": resource("SNS::Topic", TopicName="t_page"),
        "PagePolicy": resource(
            "SNS::TopicPolicy",
            Topics=[page],
            PolicyDocument=allow("cloudwatch", "sns:Publish", page, "arn:aws:cloudwatch:*:*:alarm:*"),
        ),
        "Inbox": resource("SQS::Queue", QueueName="inbox"),
        "OnCall": resource("SQS::Queue", QueueName="on-call"),
        "Private": resource("SQS::Queue", QueueName="private"),
        "Retry": resource("SQS::Queue", QueueName="retry"),
        "Dead": resource("SQS::Queue", QueueName="dead"),
        "Batches": resource("SQS::Queue", QueueName="batches"),
        "QueuePolicy": resource(
            "SQS::QueuePolicy",
            Queues=[{"Ref": "Inbox"}, {"Ref": "OnCall"}],
            PolicyDocument=allow("sns", "sqs:SendMessage", "*", sqs_source),
        ),
        "Invoke": resource(
            "Lambda::Permission",
            FunctionName={"Ref": "Work"},
            Action="lambda:InvokeFunction",
            Principal="sns.amazonaws.com",
            SourceArn=sqs_source,
        ),
        "OnFailure": resource(
            "Lambda::EventInvokeConfig",
            FunctionName={"Ref": "Work"},
            Qualifier="$LATEST",
            DestinationConfig={"OnFailure": {"Destination": arn("Retry")}},
        ),
        "Mapping": resource(
            "Lambda::EventSourceMapping",
            FunctionName={"Ref": "Work"},
            EventSourceArn=arn("Batches"),
            BatchSize=100,
            MaximumBatchingWindowInSeconds=1,
        ),
        "ToWork": resource("SNS::Subscription", TopicArn={"Ref": "Feedback"}, Protocol="lambda", Endpoint=arn("Work")),
        "ToInbox": resource("SNS::Subscription", TopicArn={"Ref": "Feedback"}, Protocol="sqs", Endpoint=arn("Inbox")),
        "ToPrivate": resource(
            "SNS::Subscription",
            TopicArn={"Ref": "Feedback"},
            Protocol="sqs",
            Endpoint=arn("Private"),
            RedrivePolicy={"deadLetterTargetArn": arn("Dead")},
        ),
        "ToGone": resource(
            "SNS::Subscription",
            TopicArn={"Ref": "Feedback"},
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:000000000000:gone",
            RedrivePolicy={"deadLetterTargetArn": arn("Dead")},
        ),
        "ToOnCall": resource("SNS::Subscription", TopicArn=page, Protocol="sqs", Endpoint=arn("OnCall")),
        "Table": resource(
            "DynamoDB::Table",
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        ),
        "Rate": resource(
            "CloudWatch::Alarm",
            AlarmName="rate",
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Threshold=0.5,
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
            Metrics=[
                {"Id": "e", "Expression": "FILL(b,0) / (FILL(b,0) + FILL(d,1))", "ReturnData": True},
                math("b"),
                math("d"),
            ],
        ),
        "Together": resource(
            "CloudWatch::CompositeAlarm",
            AlarmName="together",
            AlarmRule={"Fn::Join": ["", ['ALARM("', arn("Rate"), '")']]},
            AlarmActions=[page, {"Ref": "Closed"}],
        ),
    }


def create(cloud: Cloud, name: str, resources: dict[str, Any]) -> str:
    """Create a stack and return how it ended."""
    cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    return ended(cloud, name)


def delete(cloud: Cloud, name: str) -> str:
    """Delete a stack that has something that cannot go, and return how that ended."""
    cloud.client("cloudformation").delete_stack(StackName=name)
    return ended(cloud, name)


def ended(cloud: Cloud, name: str) -> str:
    """Return how a stack ended, once it has."""
    stacks = cloud.client("cloudformation")

    def status() -> str | None:
        found = str(stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        return None if found.endswith("IN_PROGRESS") else found

    return until(name, status, seconds=60)


def take(cloud: Cloud, queue: str, wanted: int = 1, seconds: float = 20) -> list[dict[str, Any]]:
    """Messages of a queue, as JSON, once there are as many as wanted."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    taken: list[dict[str, Any]] = []

    def enough() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            taken.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(taken) >= wanted

    until(f"{wanted} messages in {queue}", enough, seconds=seconds)
    return taken


def invocations(cloud: Cloud) -> float:
    """How often the function ran."""
    now = datetime.now(UTC)
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": "work"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=7200,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))
