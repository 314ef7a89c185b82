"""CloudWatch: metrics out of logs, alarms, actions, and the metrics of queues."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import math, take


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


def test_an_alarm_invokes_its_function_where_that_lets_cloudwatch(cloud: Cloud) -> None:
    """As an asynchronous invocation, with the documented event; without permission the history says so."""
    watch, functions = cloud.client("cloudwatch"), cloud.client("lambda")
    function = functions.get_function_configuration(FunctionName="work")["FunctionArn"]

    def goes_off(name: str) -> None:
        watch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="boom",  # the function fails, so that its event lands in the queue of failures
            AlarmActions=[function],
            Namespace="T",
            MetricName="unmeasured",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="ignore",
        )
        watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="told to")

    functions.add_permission(
        FunctionName="work",
        StatementId="pages",
        Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
        SourceAccount="000000000000",
        SourceArn="arn:aws:cloudwatch:us-east-1:000000000000:alarm:its * page",
    )
    goes_off("stranger page")
    history = watch.describe_alarm_history(AlarmName="stranger page")["AlarmHistoryItems"]
    assert any("not authorized to perform: lambda:InvokeFunction" in item["HistoryData"] for item in history)
    goes_off("its own page")
    (failed,) = [
        record for record in take(cloud, "retry") if record["requestPayload"].get("source") == "aws.cloudwatch"
    ]
    data = failed["requestPayload"]["alarmData"]
    assert (data["alarmName"], data["state"]["value"], data["state"]["reason"]) == ("its own page", "ALARM", "told to")


def test_a_deleted_log_group_stays_deleted(cloud: Cloud) -> None:
    """A function that names its group writes there; who is gone is made anew only for a role that may make groups."""
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    roles = cloud.client("iam")
    for role, action in (("writes", "logs:PutLogEvents"), ("makes", "logs:*")):
        roles.create_role(RoleName=role, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        roles.put_role_policy(RoleName=role, PolicyName="grants", PolicyDocument=policy)
        logs.create_log_group(logGroupName=f"named-{role}")
        functions.create_function(
            FunctionName=role,
            Runtime="python3.13",
            Handler="work.handler",
            Role=f"arn:aws:iam::000000000000:role/{role}",
            Code={"S3Bucket": "code", "S3Key": "code.zip"},
            LoggingConfig={"LogGroup": f"named-{role}"},
        )
        functions.invoke(FunctionName=role, Payload=b"{}")
        assert logs.describe_log_streams(logGroupName=f"named-{role}")["logStreams"]
        logs.delete_log_group(logGroupName=f"named-{role}")
        functions.invoke(FunctionName=role, Payload=b"{}")
    groups = logs.describe_log_groups(logGroupNamePrefix="named-")["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["named-makes"]


def test_points_of_hours_ago_are_not_seen_yet(cloud: Cloud) -> None:
    """By PutMetricData, as AWS documents it: what is three hours old, or more, comes into no statistic for hours."""
    watch = cloud.client("cloudwatch")
    now = datetime.now(UTC)
    ages = (timedelta(hours=2, minutes=50), timedelta(hours=3, minutes=10), timedelta(hours=25))
    watch.put_metric_data(
        Namespace="T", MetricData=[{"MetricName": "late", "Value": 1.0, "Timestamp": now - age} for age in ages]
    )
    found = watch.get_metric_statistics(
        Namespace="T",
        MetricName="late",
        StartTime=now - timedelta(days=2),
        EndTime=now + timedelta(minutes=1),
        Period=86_400 * 3,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in found["Datapoints"]] == [1.0]
