"""The data stack: what must never be lost."""

from __future__ import annotations

import json

from ses_feedback import naming
from tests.infra.synthesis import Assembly

DATA = "ses-feedback-data"


def test_everything_in_it_is_kept(small: Assembly) -> None:
    """Deleting the stack keeps tables, key, secret and buckets, and only a failed creation takes them back."""
    kept = {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::S3::Bucket"}
    found = [f for f in small.all() if f.stack == DATA and f.type in kept]
    assert len(found) == 7
    for resource in found:
        assert resource.raw["DeletionPolicy"] == "RetainExceptOnCreate", resource.logical_id
        assert resource.raw["UpdateReplacePolicy"] == "Retain", resource.logical_id
    rest = {f.type for f in small.all() if f.stack == DATA} - kept
    assert rest == {"AWS::KMS::Alias", "AWS::S3::BucketPolicy", "AWS::SSM::Parameter"}


def test_what_is_protected_is_made_last(small: Assembly) -> None:
    """A protected table survives a roll-back: one after another, after all that may fail, and no import is in the way.

    `cdk import` takes the template's resources that are named and no others: none may wait for one that is not kept.
    """
    stack = {f.logical_id: f for f in small.all() if f.stack == DATA}
    kept = {name for name, f in stack.items() if "DeletionPolicy" in f.raw}
    tables = {name for name in kept if stack[name].type == "AWS::DynamoDB::Table"}

    def before(name: str) -> set[str]:
        """All that is made before a resource, because it refers to it or waits for it."""
        text = json.dumps(stack[name].raw["Properties"])
        direct = stack[name].after | {other for other in stack if f'"{other}"' in text}
        return direct.union(*(before(other) for other in direct))

    assert all(before(name) <= kept for name in kept)
    order = sorted(tables, key=lambda name: len(before(name)))
    assert stack[order[0]].properties["TableName"] == "ses-feedback-suppressions"
    for place, name in enumerate(order):
        assert before(name) == (kept - tables) | set(order[:place])


def test_no_other_stack_keeps_anything(
    small: Assembly, full: Assembly, thirty: Assembly, per_environment: Assembly
) -> None:
    """What stays of core, cells and overview has a name, and the next deployment fails on it."""
    for assembly in (small, full, thirty, per_environment):
        others = [f for f in assembly.all() if f.stack != naming.data_stack(assembly.config.deployment.name)]
        assert {naming.core_stack("ses-feedback"), naming.cell_stack("ses-feedback", 1)} <= {f.stack for f in others}
        for found in others:
            policies = {found.raw.get("DeletionPolicy", "Delete"), found.raw.get("UpdateReplacePolicy", "Delete")}
            assert policies == {"Delete"}, (found.stack, found.logical_id)


def test_the_suppression_table(small: Assembly) -> None:
    """On demand, fixed name, our key, point-in-time recovery, deletion protection, TTL, stream, listing index."""
    table = small.one("AWS::DynamoDB::Table", TableName="ses-feedback-suppressions").properties
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}]
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert "Key" in table["SSESpecification"]["KMSMasterKeyId"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["DeletionProtectionEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": naming.ATTRIBUTE_TTL, "Enabled": True}
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == naming.INDEX_LISTING
    assert index["KeySchema"] == [
        {"AttributeName": naming.ATTRIBUTE_LISTING_KEY, "KeyType": "HASH"},
        {"AttributeName": naming.ATTRIBUTE_LISTING_SINCE, "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(naming.LISTING_ATTRIBUTES)}
    assert {a["AttributeType"] for a in table["AttributeDefinitions"]} == {"S"}


def test_the_wiring_table_is_kept_as_well(small: Assembly) -> None:
    """It remembers what SES was set to before us: protected, recoverable, under our key, and nothing in it expires."""
    table = small.one("AWS::DynamoDB::Table", TableName="ses-feedback-wiring").properties
    assert table["KeySchema"] == [{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}]
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["DeletionProtectionEnabled"] is True
    assert "TimeToLiveSpecification" not in table


def test_the_table_of_ends_that_come(small: Assembly) -> None:
    """Sorted by end within a shard, our key, kept; what nobody looked at for months expires."""
    table = small.one("AWS::DynamoDB::Table", TableName="ses-feedback-ends").properties
    assert table["KeySchema"] == [
        {"AttributeName": naming.ATTRIBUTE_SHARD, "KeyType": "HASH"},
        {"AttributeName": naming.ATTRIBUTE_DUE, "KeyType": "RANGE"},
    ]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["DeletionProtectionEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": naming.ATTRIBUTE_TTL, "Enabled": True}


def test_the_secret_is_generated_once(small: Assembly) -> None:
    """64 letters and digits under a fixed name and our key; no value in the template, no rotation."""
    secret = small.one("AWS::SecretsManager::Secret").properties
    assert secret["Name"] == "ses-feedback-address-key"
    assert secret["GenerateSecretString"] == {"PasswordLength": 64, "ExcludePunctuation": True}
    assert "KmsKeyId" in secret
    assert not small.find("AWS::SecretsManager::RotationSchedule")


def test_the_key_lets_publishers_use_it(small: Assembly) -> None:
    """SES and CloudWatch may encrypt for topics, for this account where they say for whom; the key rotates."""
    key = small.one("AWS::KMS::Key").properties
    assert key["EnableKeyRotation"] is True
    statements = key["KeyPolicy"]["Statement"]
    services = [s for s in statements if "Service" in s["Principal"]]
    others = [s["Principal"] for s in statements if s not in services]
    assert all(principal == {"AWS": "arn:aws:iam::111122223333:root"} for principal in others)
    assert sorted(s["Principal"]["Service"] for s in services) == ["cloudwatch.amazonaws.com", "ses.amazonaws.com"]
    for statement in services:
        assert statement["Effect"] == "Allow"
        assert set(statement["Action"]) == {"kms:GenerateDataKey*", "kms:Decrypt"}
        assert statement["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}
    assert small.one("AWS::KMS::Alias").properties["AliasName"] == "alias/ses-feedback"


def test_the_quarantine_bucket(small: Assembly) -> None:
    """Whole notifications lie there: our key, nothing public, TLS only, gone after 90 days, never emptied."""
    name = "ses-feedback-quarantine-111122223333-us-east-1"
    bucket = small.one("AWS::S3::Bucket", BucketName=name).properties
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["LifecycleConfiguration"]["Rules"] == [{"Id": "expire", "ExpirationInDays": 90, "Status": "Enabled"}]
    (deny,) = small.one("AWS::S3::BucketPolicy", Bucket=name).properties["PolicyDocument"]["Statement"]
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert "AutoDelete" not in json.dumps(small.templates[DATA])


def test_no_stack_exports_anything(full: Assembly) -> None:
    """Stacks find each other by name: an export could not be changed while another stack imports it."""
    text = json.dumps(full.templates)
    assert "Fn::ImportValue" not in text
    assert '"Export"' not in text
