"""CloudFormation: what it drops and what it forgets to undo."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.e2e.gaps.template import REGION, create


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
