"""EventBridge: a schedule's function runs when it is due, as an asynchronous invocation, if the rule may invoke it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import FUNCTION, REGION, create, function, invocations, resource, take


def test_hourly_function_runs_by_the_quickened_clock_and_its_failure_is_kept(tmp_path: Path) -> None:
    """With `LOCAL_SCHEDULE_SPEED_UP`, an hour passes in a second; a rule that may not invoke its function does not."""
    settings = {"LOCAL_SCHEDULE_SPEED_UP": "3600", "LOCAL_LAMBDA_RETRY_SECONDS": "0,0"}
    with Cloud(tmp_path, region=REGION, settings=settings) as cloud:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("work.py", FUNCTION)
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="code.zip", Body=archive.getvalue())

        def rule(name: str, text: str) -> dict[str, object]:
            target = {"Id": "function", "Arn": {"Fn::GetAtt": ["Work", "Arn"]}, "Input": json.dumps({"text": text})}
            return resource("Events::Rule", Name=name, ScheduleExpression="rate(1 hour)", Targets=[target])

        assert (
            create(
                cloud,
                "schedules",
                {
                    "Work": function("work"),
                    "Missed": resource("SQS::Queue", QueueName="missed"),
                    "Mine": rule("mine", "boom"),
                    "Stranger": rule("stranger", "unheard of"),
                    "May": resource(
                        "Lambda::Permission",
                        FunctionName={"Ref": "Work"},
                        Action="lambda:InvokeFunction",
                        Principal="events.amazonaws.com",
                        SourceArn={"Fn::GetAtt": ["Mine", "Arn"]},
                    ),
                    "OnFailure": resource(
                        "Lambda::EventInvokeConfig",
                        FunctionName={"Ref": "Work"},
                        Qualifier="$LATEST",
                        DestinationConfig={"OnFailure": {"Destination": {"Fn::GetAtt": ["Missed", "Arn"]}}},
                    ),
                },
            )
            == "CREATE_COMPLETE"
        )
        payloads = [record["requestPayload"]["text"] for record in take(cloud, "missed", 2)]
        assert set(payloads) == {"boom"}
        assert invocations(cloud) >= 6

        def refused() -> set[str]:
            found = cloud.client("cloudwatch").list_metrics(Namespace="AWS/Events", MetricName="FailedInvocations")
            return {metric["Dimensions"][0]["Value"] for metric in found["Metrics"]}

        assert until("the stranger's failure", refused, seconds=10) == {"stranger"}
