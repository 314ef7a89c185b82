"""CloudFormation: what it drops, what it forgets to undo, what it replaces that is somebody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import REGION, create, delete, ended, resource


def test_table_keeps_time_to_live_and_recovery(cloud: Cloud) -> None:
    """CloudFormation sets what the template asks of a table."""
    table = cloud.client("dynamodb")
    ttl = table.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = table.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_table_names_its_key(cloud: Cloud) -> None:
    """A table says under which key it lies."""
    key = f"arn:aws:kms:{REGION}:000000000000:key/k"
    table = resource("DynamoDB::Table", **{**NAMED["DynamoDB::Table"], "TableName": "locked"})
    table["Properties"]["SSESpecification"] = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    assert create(cloud, "locked", {"Table": table}) == "CREATE_COMPLETE"
    described = cloud.client("dynamodb").describe_table(TableName="locked")["Table"]["SSEDescription"]
    assert described == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


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


NAMED = {
    "CloudWatch::Alarm": {
        "AlarmName": "twice",
        "Namespace": "T",
        "MetricName": "m",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1,
        "Statistic": "Sum",
    },
    "CloudWatch::CompositeAlarm": {"AlarmName": "twice-composite", "AlarmRule": "FALSE"},
    "CloudWatch::Dashboard": {"DashboardName": "twice", "DashboardBody": '{"widgets": []}'},
    "DynamoDB::Table": {
        "TableName": "twice",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    },
    "IAM::Role": {"RoleName": "twice", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    "Logs::LogGroup": {"LogGroupName": "twice"},
    "S3::Bucket": {"BucketName": "twice"},
    "SNS::Topic": {"TopicName": "twice"},
    "SQS::Queue": {"QueueName": "twice"},
    "SSM::Parameter": {"Name": "twice", "Type": "String", "Value": "v"},
    "SecretsManager::Secret": {"Name": "twice", "SecretString": "s"},
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_name_that_is_taken_fails_the_creation(cloud: Cloud, kind: str) -> None:
    """What is there already is neither replaced nor taken over, and the roll-back leaves it alone."""
    name = kind.replace("::", "-")
    thing = resource(kind, **NAMED[kind])
    assert create(cloud, f"first-{name}", {"Thing": thing}) == "CREATE_COMPLETE"
    assert create(cloud, f"second-{name}", {"Thing": thing}) == "ROLLBACK_COMPLETE"
    described = cloud.client("cloudformation").describe_stack_resources(StackName=f"first-{name}")
    assert [r["ResourceStatus"] for r in described["StackResources"]] == ["CREATE_COMPLETE"]


def test_a_roll_back_takes_back_what_only_stays_later(cloud: Cloud) -> None:
    """`RetainExceptOnCreate` goes with the creation that failed, `Retain` stays."""
    made = {
        f"{policy}Topic": {**resource("SNS::Topic", TopicName=f"by-{policy}"), "DeletionPolicy": policy}
        for policy in ("Retain", "RetainExceptOnCreate")
    }
    failing = {**resource("SQS::Queue", QueueName="inbox"), "DependsOn": list(made)}
    assert create(cloud, "half", {**made, "Failing": failing}) == "ROLLBACK_COMPLETE"
    topics = {t["TopicArn"].rpartition(":")[2] for t in cloud.client("sns").list_topics()["Topics"]}
    assert topics & {"by-Retain", "by-RetainExceptOnCreate"} == {"by-Retain"}


def test_what_is_protected_or_holds_something_cannot_go(cloud: Cloud) -> None:
    """A roll-back that cannot delete a protected table, or a bucket with an object in it, has failed."""
    table = resource("DynamoDB::Table", **{**NAMED["DynamoDB::Table"], "TableName": "safe"})
    table["Properties"]["DeletionProtectionEnabled"] = True
    failing = {**resource("SQS::Queue", QueueName="inbox"), "DependsOn": "Table"}
    assert create(cloud, "protected", {"Table": table, "Failing": failing}) == "ROLLBACK_FAILED"
    assert cloud.client("dynamodb").describe_table(TableName="safe")["Table"]["DeletionProtectionEnabled"] is True

    assert create(cloud, "full", {"Bucket": resource("S3::Bucket", BucketName="full")}) == "CREATE_COMPLETE"
    cloud.client("s3").put_object(Bucket="full", Key="k", Body=b"1")
    assert delete(cloud, "full") == "DELETE_FAILED"


def test_a_secret_is_taken_back_by_its_arn(cloud: Cloud) -> None:
    """An import change set takes a kept secret, which keeps its value; one that is being deleted it does not."""
    secrets, stacks = cloud.client("secretsmanager"), cloud.client("cloudformation")
    arn = secrets.create_secret(Name="kept", SecretString="precious")["ARN"]
    body = {"Secret": {**resource("SecretsManager::Secret", Name="kept"), "DeletionPolicy": "RetainExceptOnCreate"}}

    def take_back(stack: str) -> str:
        stacks.create_change_set(
            StackName=stack,
            ChangeSetName="c",
            ChangeSetType="IMPORT",
            TemplateBody=json.dumps({"Resources": body}),
            ResourcesToImport=[
                {
                    "ResourceType": "AWS::SecretsManager::Secret",
                    "LogicalResourceId": "Secret",
                    "ResourceIdentifier": {"Id": arn},
                }
            ],
        )
        made = until("the change set", lambda: _done(stacks, stack), seconds=20)
        if made == "CREATE_COMPLETE":
            stacks.execute_change_set(StackName=stack, ChangeSetName="c")
            return ended(cloud, stack)
        return made

    secrets.delete_secret(SecretId="kept", RecoveryWindowInDays=7)
    assert take_back("too-late") == "FAILED"
    secrets.restore_secret(SecretId="kept")
    assert take_back("again") == "IMPORT_COMPLETE"
    assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "precious"


def _done(stacks: Any, stack: str) -> str | None:
    status = str(stacks.describe_change_set(StackName=stack, ChangeSetName="c")["Status"])
    return None if status.endswith(("PENDING", "IN_PROGRESS")) else status
