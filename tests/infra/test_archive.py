"""What keeps: the bucket, the stream into it, who may write to it, and the way of operators' decisions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.archive_bucket import ANSWERS_DAYS
from ses_feedback import naming
from ses_feedback.config.model import Archive
from ses_feedback.domain.times import DAY
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly, Found, synthesise

BUCKET = f"ses-feedback-archive-{ACCOUNT}-eu-west-1"
STREAM = f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/ses-feedback-archive"


def bucket(assembly: Assembly) -> Found:
    (found,) = [b for b in assembly.find("AWS::S3::Bucket") if "-archive-" in b.properties["BucketName"]]
    return found


def rules(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return {rule["Id"]: rule for rule in bucket(assembly).properties["LifecycleConfiguration"]["Rules"]}


def role(assembly: Assembly, of: str) -> dict[str, Any]:
    (found,) = [r for r in assembly.find("AWS::IAM::Role") if r.properties["Description"].split()[1] == of]
    return found.properties


def test_the_bucket_is_kept_encrypted_and_private(full: Assembly) -> None:
    """Retained under its fixed name, the deployment's key, TLS only, nothing public; nobody empties it."""
    found = bucket(full)
    assert found.properties["BucketName"] == BUCKET
    assert (found.raw["DeletionPolicy"], found.raw["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    (rule,) = found.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    assert rule["BucketKeyEnabled"] is True
    assert set(found.properties["PublicAccessBlockConfiguration"].values()) == {True}
    policy = full.one("AWS::S3::BucketPolicy", Bucket=BUCKET).properties["PolicyDocument"]["Statement"]
    others = [s for s in policy if s["Principal"] != {"Service": "ses.amazonaws.com"}]  # test_sync.py has those
    assert [s["Condition"] for s in others] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_by_default_lines_get_cheaper_and_stay(full: Assembly) -> None:
    """Read at once wherever they lie; answers of questions go within a week."""
    found = rules(full)
    assert found.keys() == {"feedback", "answers", "unfinished", "sync"}
    assert found["sync"]["ExpirationInDays"] == 14
    assert found["feedback"]["Transitions"] == [{"StorageClass": "GLACIER_IR", "TransitionInDays": 90}]
    assert found["feedback"]["Prefix"] == "feedback/"
    assert "ExpirationInDays" not in found["feedback"]
    assert (found["answers"]["Prefix"], found["answers"]["ExpirationInDays"]) == ("answers/", ANSWERS_DAYS)


def test_the_file_says_how_long(tmp_path: Path) -> None:
    """Both times, and either without the other."""
    config = configs.small()
    ending = synthesise(replace(config, archive=Archive(400 * DAY, 30 * DAY)), tmp_path / "a")
    assert rules(ending)["feedback"]["ExpirationInDays"] == 400
    assert rules(ending)["feedback"]["Transitions"][0]["TransitionInDays"] == 30
    assert rules(ending)["errors"]["ExpirationInDays"] == 400
    warm = synthesise(replace(config, archive=Archive(2 * DAY, None)), tmp_path / "b")
    assert "Transitions" not in rules(warm)["feedback"]
    assert rules(warm)["feedback"]["ExpirationInDays"] == 2
    ever = synthesise(replace(config, archive=Archive(None, None)), tmp_path / "c")
    assert rules(ever).keys() == {"answers", "unfinished"}


def test_the_stream_writes_lines_by_hour(full: Assembly) -> None:
    """Through the function, compressed, what fails apart and logged; encrypted while it waits."""
    found = full.one("AWS::KinesisFirehose::DeliveryStream").properties
    assert found["DeliveryStreamName"] == "ses-feedback-archive"
    assert found["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    target = found["ExtendedS3DestinationConfiguration"]
    assert target["BucketARN"] == f"arn:aws:s3:::{BUCKET}"
    assert target["Prefix"] == "feedback/!{timestamp:yyyy/MM/dd/HH}/"
    assert target["ErrorOutputPrefix"] == "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
    assert target["CompressionFormat"] == "GZIP"
    assert target["CloudWatchLoggingOptions"]["Enabled"] is True
    (processor,) = target["ProcessingConfiguration"]["Processors"]
    parameters = {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]}
    assert parameters["LambdaArn"].endswith(":function:ses-feedback-archive_feedback")
    assert parameters["BufferSizeInMBs"] == "0.2"


def test_every_topic_of_every_identity_is_kept(full: Assembly) -> None:
    """One subscription each, in SNS's envelope, under one role; what the stream does not take has a queue."""
    kept = {}
    for found in full.find("AWS::SNS::Subscription"):
        if found.properties["Endpoint"] == STREAM:
            assert found.properties["TopicArn"] not in kept
            kept[found.properties["TopicArn"]] = found.properties
    topics = {
        f"arn:aws:sns:eu-west-1:{ACCOUNT}:{naming.topic_name('ses-feedback', kind, identity.name)}"
        for identity in full.config.identities.values()
        for kind in identity.kinds
    }
    assert kept.keys() == topics
    for properties in kept.values():
        assert properties["Protocol"] == "firehose"
        assert properties["RawMessageDelivery"] is False
        assert properties["SubscriptionRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/ses-feedback-archive-eu-west-1"
        target = properties["RedrivePolicy"]["deadLetterTargetArn"]
        assert target == f"arn:aws:sqs:eu-west-1:{ACCOUNT}:ses-feedback-archive-dead-letters"


def test_sns_may_write_to_the_stream_and_nothing_else(full: Assembly) -> None:
    """One role for all topics, assumed for this account only."""
    found = role(full, "ses-feedback")
    assert found["RoleName"] == "ses-feedback-archive-eu-west-1"
    (assumed,) = found["AssumeRolePolicyDocument"]["Statement"]
    assert assumed["Principal"] == {"Service": "sns.amazonaws.com"}
    assert assumed["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}
    (statement,) = found["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Resource"] == STREAM
    assert {action.partition(":")[0] for action in statement["Action"]} == {"firehose"}


def test_firehose_may_deliver_and_nothing_else(full: Assembly) -> None:
    """Its own bucket, the key through S3 only, its function, its log."""
    statements = {s["Sid"]: s for s in role(full, "ses-feedback-archive")["Policies"][0]["PolicyDocument"]["Statement"]}
    assert statements["Objects"]["Resource"] == f"arn:aws:s3:::{BUCKET}/*"
    assert statements["Bucket"]["Resource"] == f"arn:aws:s3:::{BUCKET}"
    assert statements["KeyByS3"]["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:ses-feedback-archive_feedback"
    assert statements["Transform"]["Resource"] == [function, f"{function}:*"]
    log = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/kinesisfirehose/ses-feedback-archive:*"
    assert statements["Log"]["Resource"] == log
    assert len(statements) == 5
    actions = {action for s in statements.values() for action in s["Action"]}
    assert not {a for a in actions if "Delete" in a or "*" in a}


def test_changes_of_the_table_are_announced_until_they_are_taken(full: Assembly) -> None:
    """From the table's own stream, found through a parameter of the data stack; expiring items say nothing."""
    parameter = full.one("AWS::SSM::Parameter")
    assert parameter.stack == "ses-feedback-data"
    assert parameter.properties["Name"] == "/ses-feedback/suppression-changes"
    assert parameter.properties["Value"].endswith(".StreamArn>")
    (source,) = [
        s.properties
        for s in full.find("AWS::Lambda::EventSourceMapping")
        if s.properties["FunctionName"].endswith("announce_changes")
    ]
    assert source["EventSourceArn"] == "{{resolve:ssm:/ses-feedback/suppression-changes}}"
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BisectBatchOnFunctionError"] is True
    assert "MaximumRetryAttempts" not in source  # for as long as the stream has it
    (wanted,) = source["FilterCriteria"]["Filters"]
    assert json.loads(wanted["Pattern"]) == {"eventName": ["INSERT", "MODIFY"]}


def test_what_firehose_delivered_and_failed_on_may_be_listed_and_nothing_else(full: Assembly) -> None:
    """The hourly check counts objects of one folder."""
    (statement,) = [
        s
        for s in role(full, "ses-feedback-check_loop")["Policies"][0]["PolicyDocument"]["Statement"]
        if "s3:ListBucket" in s["Action"]
    ]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": ["errors/*", "feedback/*"]}}
