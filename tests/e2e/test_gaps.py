"""Each gap of the emulator that is filled, proven against it with a small template: see local/README.md."""

from __future__ import annotations

import io
import json
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

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


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A bare emulator with the template deployed."""
    folder: Path = tmp_path_factory.mktemp("gaps")
    with Cloud(folder, region=REGION) as running:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("work.py", FUNCTION)
            code.writestr("custom.py", CUSTOM)
        s3 = running.client("s3")
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="code.zip", Body=archive.getvalue())
        assert create(running, "gaps", template()) == "CREATE_COMPLETE"
        running.client("ses").verify_domain_identity(Domain="example.com")
        yield running


def create(cloud: Cloud, name: str, resources: dict[str, Any]) -> str:
    """Create a stack and return how it ended."""
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))

    def ended() -> str | None:
        status = str(stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        return None if status.endswith("IN_PROGRESS") else status

    return until(name, ended, seconds=60)


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


def test_table_keeps_time_to_live_and_recovery(cloud: Cloud) -> None:
    """CloudFormation sets what the template asks of a table."""
    table = cloud.client("dynamodb")
    ttl = table.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = table.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_put_object_honours_if_none_match(cloud: Cloud) -> None:
    """A second object of the same key is refused where the caller asks for that."""
    s3 = cloud.client("s3")
    s3.put_object(Bucket="code", Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="code", Key="once", Body=b"2", IfNoneMatch="*")


def test_failed_create_of_a_custom_resource_is_deleted(cloud: Cloud) -> None:
    """A rollback sends Delete with the physical id that the failed Create named."""
    custom = {
        "Type": "Custom::Thing",
        "Properties": {"ServiceToken": f"arn:aws:lambda:{REGION}:000000000000:function:custom"},
    }
    assert create(cloud, "failing", {"Thing": custom}) == "ROLLBACK_COMPLETE"
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/custom")["events"]
    assert [e["message"] for e in events if "custom" in e["message"]] == ["custom Create None", "custom Delete made-it"]


def test_failing_function_is_retried_and_its_event_reaches_the_destination(cloud: Cloud) -> None:
    """An SNS-invoked function that fails three times hands its event on in Lambda's envelope."""
    cloud.client("sns").publish(TopicArn=PREFIX + "t_feedback", Message="boom")
    (record,) = take(cloud, "retry")
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == "boom"
    assert record["responsePayload"]["errorMessage"] == "boom"


def test_message_that_an_endpoint_refuses_goes_to_the_dead_letters(cloud: Cloud) -> None:
    """A deleted queue, and one whose policy does not know SNS, lead to the subscription's dead letters."""
    cloud.client("sns").publish(TopicArn=PREFIX + "t_feedback", Message="refused")
    letters = [m for m in take(cloud, "dead", 2) if m["Message"] == "refused"]
    while len(letters) < 2:
        letters += [m for m in take(cloud, "dead") if m["Message"] == "refused"]
    assert len(letters) == 2


def test_functions_get_large_batches_after_the_window(cloud: Cloud) -> None:
    """Messages of one window come together, more than ten at once."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="batches")["QueueUrl"]
    for start in range(0, 40, 10):
        entries = [{"Id": str(n), "MessageBody": f"message {start + n}"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def emptied() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(value) for value in left.values())

    before = invocations(cloud)
    until("the batches", emptied, seconds=20)
    assert 1 <= invocations(cloud) - before <= 3


def test_message_that_a_function_did_not_take_comes_back_sixty_times_as_soon(cloud: Cloud) -> None:
    """What is left of the 30 s of its visibility timeout when the function fails is half a second."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="batches")["QueueUrl"]
    before = invocations(cloud)
    sqs.send_message(QueueUrl=url, MessageBody="boom")
    until("the third try", lambda: invocations(cloud) - before >= 3, seconds=15)
    sqs.purge_queue(QueueUrl=url)


def test_interpreter_outlives_an_exception(cloud: Cloud) -> None:
    """A function that raised goes on in the process it had."""

    def process() -> object:
        return json.load(cloud.client("lambda").invoke(FunctionName="work", Payload=b"{}")["Payload"])["process"]

    first = process()
    failed = cloud.client("lambda").invoke(FunctionName="work", Payload=b'{"go": "boom"}')
    assert failed["FunctionError"] == "Unhandled"
    assert process() == first


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


def test_log_lines_become_metrics_alarms_and_a_message(cloud: Cloud) -> None:
    """EMF, metric, metric-math alarm, composite, on-call: and where CloudWatch may not publish, its history says so."""
    cloud.client("lambda").invoke(FunctionName="work", Payload=b'{"with": "bounces"}')
    (message,) = take(cloud, "on-call")
    notice = json.loads(message["Message"])
    assert message["Subject"] == 'ALARM: "together" in US East (N. Virginia)'
    assert notice["TriggeringChildren"][0]["Arn"].endswith(":alarm:rate")
    watch = cloud.client("cloudwatch")
    (rate,) = watch.describe_alarms(AlarmNames=["rate"])["MetricAlarms"]
    assert (rate["StateValue"], rate["Metrics"][0]["Id"]) == ("ALARM", "e")
    assert "[0.6]" in rate["StateReason"]
    history = watch.describe_alarm_history(AlarmName="together", AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"]
    assert any("not authorized to perform: SNS:Publish" in item["HistoryData"] for item in history)
    now = datetime.now(UTC)
    queries = [{"Id": "e", "Expression": "b / (b + d)"}, math("b"), math("d")]
    answer = watch.get_metric_data(StartTime=now - timedelta(hours=1), EndTime=now, MetricDataQueries=queries)
    assert answer["MetricDataResults"][0]["Values"] == [0.6]


def test_unusable_identity_or_topic_is_refused_as_ses_does(cloud: Cloud) -> None:
    """Unknown and unverified identities, missing topics and topics that do not let SES publish are refused by name."""
    ses = cloud.client("ses")
    ses.verify_domain_identity(Domain="waiting.invalid")
    for identity, topic, said in (
        ("unknown.example", "t_feedback", "Must be a verified email address or domain"),
        ("waiting.invalid", "t_feedback", "Must be a verified email address or domain"),
        ("example.com", "t_nowhere", "Invalid SNS topic"),
        ("example.com", "t_closed", "not allowed to publish"),
    ):
        with pytest.raises(ClientError, match=f"InvalidParameterValue.*{said}"):
            ses.set_identity_notification_topic(Identity=identity, NotificationType="Bounce", SnsTopic=PREFIX + topic)
    with pytest.raises(ClientError, match="both Bounce and Complaint"):
        ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=False)
    verified = ses.get_identity_verification_attributes(
        Identities=["example.com", "waiting.invalid", "unknown.example"]
    )
    states = {name: found["VerificationStatus"] for name, found in verified["VerificationAttributes"].items()}
    assert states == {"example.com": "Success", "waiting.invalid": "Pending"}


def test_both_versions_of_sending_publish_feedback_with_headers(cloud: Cloud) -> None:
    """SES v1 and v2 publish what the simulator does, with headers where asked for, after the setup message."""
    ses, topic = cloud.client("ses"), PREFIX + "t_feedback"
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic=topic)
    ses.set_identity_headers_in_notifications_enabled(Identity="example.com", NotificationType="Bounce", Enabled=True)
    texts: list[dict[str, Any]] = []

    def read(wanted: str) -> dict[str, Any]:
        while True:
            for envelope in take(cloud, "inbox"):
                if envelope["Message"].startswith("{"):
                    texts.append(json.loads(envelope["Message"]))
            for text in texts:
                if wanted in json.dumps(text):
                    return text

    assert read("AmazonSnsSubscriptionSucceeded")["notificationType"] == "AmazonSnsSubscriptionSucceeded"
    body = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "text"}}}
    ses.send_email(
        Source="a@example.com", Destination={"ToAddresses": ["bounce+one@simulator.amazonses.com"]}, Message=body
    )
    assert read("bounce+one")["mail"]["commonHeaders"]["subject"] == "Hello"
    cloud.client("sesv2").send_email(
        FromEmailAddress="a@example.com",
        Destination={"ToAddresses": ["ooto+two@simulator.amazonses.com"]},
        Content={"Simple": body},
    )
    assert read("ooto+two")["bounce"]["bounceType"] == "Transient"


def test_account_suppression_list_and_default_set_are_kept(cloud: Cloud) -> None:
    """Put, get, list and delete on the account's list; a default configuration set and its absence."""
    v2 = cloud.client("sesv2")
    v2.put_suppressed_destination(EmailAddress="a@example.org", Reason="COMPLAINT")
    assert v2.get_suppressed_destination(EmailAddress="a@example.org")["SuppressedDestination"]["Reason"] == "COMPLAINT"
    assert len(v2.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]) == 1
    assert v2.list_suppressed_destinations(Reasons=["BOUNCE"])["SuppressedDestinationSummaries"] == []
    v2.delete_suppressed_destination(EmailAddress="a@example.org")
    with pytest.raises(ClientError, match="NotFoundException"):
        v2.get_suppressed_destination(EmailAddress="a@example.org")
    v2.create_configuration_set(ConfigurationSetName="own")
    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="own")
    assert v2.get_email_identity(EmailIdentity="example.com")["ConfigurationSetName"] == "own"
    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com")
    assert "ConfigurationSetName" not in v2.get_email_identity(EmailIdentity="example.com")


def test_queue_metrics_exist_for_queues_that_alarms_watch(cloud: Cloud) -> None:
    """The age of a waiting message alarms, and the alarm clears when the queue is empty again."""
    watch, sqs = cloud.client("cloudwatch"), cloud.client("sqs")
    watch.put_metric_alarm(
        AlarmName="waiting",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "private"}],
        Statistic="Maximum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    url = sqs.get_queue_url(QueueName="private")["QueueUrl"]

    def is_in(state: str) -> bool:
        return bool(watch.describe_alarms(AlarmNames=["waiting"])["MetricAlarms"][0]["StateValue"] == state)

    sqs.send_message(QueueUrl=url, MessageBody="here")
    until("the alarm", lambda: is_in("ALARM"), seconds=20)
    sqs.purge_queue(QueueUrl=url)
    until("the way back", lambda: is_in("OK"), seconds=40)


class _Pager(BaseHTTPRequestHandler):
    """An HTTPS pager as teams have them, but on this machine: confirms, and keeps what it is sent."""

    received: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        if message["Type"] == "SubscriptionConfirmation":
            threading.Thread(target=lambda: urllib.request.urlopen(message["SubscribeURL"]).close()).start()
        else:
            self.received.append(message)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_http_endpoint_confirms_receives_and_when_gone_its_message_is_kept(cloud: Cloud) -> None:
    """A pager of a template is asked to confirm and then paged; a dead one is retried, then dead-lettered."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pager)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}/sns"
        dead = f"arn:aws:sqs:{REGION}:000000000000:dead"
        redrive = {"deadLetterTargetArn": dead}
        to_pager = resource(
            "SNS::Subscription", TopicArn=PREFIX + "t_page", Protocol="http", Endpoint=endpoint, RedrivePolicy=redrive
        )
        assert create(cloud, "pager", {"ToPager": to_pager}) == "CREATE_COMPLETE"
        sns = cloud.client("sns")

        (pager,) = [
            s["SubscriptionArn"]
            for s in sns.list_subscriptions_by_topic(TopicArn=PREFIX + "t_page")["Subscriptions"]
            if s["Endpoint"] == endpoint
        ]

        def confirmed() -> bool:
            attributes = sns.get_subscription_attributes(SubscriptionArn=pager)["Attributes"]
            return bool(attributes.get("PendingConfirmation") == "false")

        until("the confirmation", confirmed, seconds=20)
        sns.publish(TopicArn=PREFIX + "t_page", Message="first")
        until("the page", lambda: [m for m in _Pager.received if m["Message"] == "first"], seconds=20)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    sns.publish(TopicArn=PREFIX + "t_page", Message="second")
    while not any(m["Message"] == "second" for m in take(cloud, "dead")):
        pass
