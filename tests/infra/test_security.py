"""Least privilege and encryption, over all templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from infra import nag
from infra.deployment import new_app
from infra.grants import GRANTS
from ses_feedback import naming
from tests.infra.synthesis import ACCOUNT, Assembly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every policy statement anywhere in a resource."""
    if isinstance(value, dict):
        if value.get("Effect") in ("Allow", "Deny"):
            yield value
        for item in value.values():
            yield from statements(item)
    elif isinstance(value, list):
        for item in value:
            yield from statements(item)


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_no_action_is_a_wildcard(full: Assembly) -> None:
    """Nobody may do `*` or `service:*`, save the account over its own key, without which the key could be lost."""
    for found in full.all():
        for statement in statements(found.properties):
            if statement["Effect"] == "Deny":
                continue
            for action in actions(statement):
                over_own_key = found.type == "AWS::KMS::Key" and statement["Principal"] == {
                    "AWS": f"arn:aws:iam::{ACCOUNT}:root"
                }
                documented = action == "kms:GenerateDataKey*" and found.type == "AWS::KMS::Key"
                assert over_own_key or documented or "*" not in action, (found.logical_id, action)


def test_nobody_outside_is_let_in(full: Assembly) -> None:
    """No statement allows everybody, or another account."""
    for found in full.all():
        for statement in statements(found.properties):
            if statement["Effect"] == "Allow" and "Principal" in statement:
                principal = statement["Principal"]
                assert principal in ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"},) or "Service" in principal, principal


def test_roles_hold_exactly_their_grants(full: Assembly) -> None:
    """Each function may write its own log and do what `infra/grants.py` says, on the resources it says."""
    roles = {f.properties["Description"].split()[1]: f.properties for f in full.find("AWS::IAM::Role")}
    # Firehose's, SNS's and the state machine's have tests of their own: test_archive.py, test_replay.py.
    of_services = {"ses-feedback", "ses-feedback-archive", "ses-feedback-replay"}
    assert roles.keys() - of_services == {f"ses-feedback-{name}" for name in naming.FUNCTIONS}
    table = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/ses-feedback-"
    resources = {
        "table": table + "suppressions",
        "wiring table": table + "wiring",
        "canaries": table + "wiring",
        "turns": table + "wiring",
        "pauses": table + "wiring",
        "slots": table + "wiring",
        "put notes": table + "wiring",
        "listing": table + "suppressions/index/" + naming.INDEX_LISTING,
        "sync objects": f"arn:aws:s3:::ses-feedback-archive-{ACCOUNT}-eu-west-1/sync/*",
        "sync folder": f"arn:aws:s3:::ses-feedback-archive-{ACCOUNT}-eu-west-1",
        "page topic": f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback-on-call-page",
        "digest queues": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:ses-feedback_digest_*",
        "digest topics": f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback_digest_*",
        "key by SNS": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/*",
        "canary senders": f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/*",
        "canary sets": f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/*",
        "own sets": f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/ses-feedback-*",
        "feedback topics": f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback_*",
        "on-call topics": f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback-on-call-*",
        "changes": f"{table}suppressions/stream/*",
        "changed items": table + "suppressions",
        "ends": table + "ends",
        "changes topic": f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback-changes",
        "archive stream": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/ses-feedback-archive",
        "archive names": f"arn:aws:s3:::ses-feedback-archive-{ACCOUNT}-eu-west-1",
        "archived feedback": f"arn:aws:s3:::ses-feedback-archive-{ACCOUNT}-eu-west-1/feedback/*",
        "on-call texts": f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback-on-call-*-text",
        "CloudWatch": "*",
        "log of counting": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/ses-feedback-tally_feedback:*",
        "quarantine": f"arn:aws:s3:::ses-feedback-quarantine-{ACCOUNT}-eu-west-1/*",
        "retry queue": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:ses-feedback-retry",
        "tally queue": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:ses-feedback-tally",
        "key by DynamoDB": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/*",
        "claim": table + "suppressions",
        "secret": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{naming.secret_name('ses-feedback')}-??????",
        "key by SecretsManager": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/*",
        "key by S3": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/*",
        "SES": "*",
        "SES under our tag": "*",
        "SES identities of our tag": f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/*",
    }
    for function in naming.FUNCTIONS:
        role = roles[f"ses-feedback-{function}"]
        assert "ManagedPolicyArns" not in role
        (policy,) = role["Policies"]
        found = [(tuple(s["Action"]), s["Resource"]) for s in policy["PolicyDocument"]["Statement"]]
        log = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/ses-feedback-{function}:*"
        expected: list[tuple[tuple[str, ...], str]] = [(("logs:CreateLogStream", "logs:PutLogEvents"), log)]
        expected += [(grant.actions, resources[grant.resource]) for grant in GRANTS[function]]
        assert found == expected


def test_the_key_is_used_only_by_alias_and_service(full: Assembly) -> None:
    """A grant on `key/*` names the deployment's alias and the service on whose behalf the key is used."""
    for role in full.find("AWS::IAM::Role"):
        for statement in statements(role.properties["Policies"]):
            if any(action.startswith("kms:") for action in actions(statement)):
                condition = statement["Condition"]
                assert condition["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/ses-feedback"}
                assert re.fullmatch(
                    r"(dynamodb|s3|sns|secretsmanager)\.eu-west-1\.amazonaws\.com",
                    condition["StringEquals"]["kms:ViaService"],
                )


def test_no_other_inline_or_managed_policies(full: Assembly) -> None:
    """CDK adds no role or policy of its own behind our back."""
    assert not full.find("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


def test_everything_that_stores_is_encrypted(full: Assembly) -> None:
    """Tables, bucket, secret and topics under our key, queues under SQS's."""
    for found in full.all():
        properties = found.properties
        if found.type == "AWS::SNS::Topic":
            assert properties["KmsMasterKeyId"] == "alias/ses-feedback"
        elif found.type == "AWS::SQS::Queue":
            assert properties["SqsManagedSseEnabled"] is True
        elif found.type == "AWS::DynamoDB::Table":
            assert properties["SSESpecification"]["SSEEnabled"] is True
        elif found.type == "AWS::S3::Bucket":
            assert "BucketEncryption" in properties
        elif found.type == "AWS::SecretsManager::Secret":
            assert "KmsKeyId" in properties


def test_no_secret_in_a_template(full: Assembly) -> None:
    """The address key is resolved by CloudFormation, and appears nowhere else."""
    for name, template in full.templates.items():
        assert ("{{resolve:secretsmanager:" in str(template)) is name.endswith("-core")


def test_an_unacknowledged_finding_fails_synth(tmp_path: Path) -> None:
    """cdk-nag runs in every synth: a topic that takes messages without TLS is an error, with the rule's name."""
    app = new_app(outdir=str(tmp_path))
    nag.check(app)
    sns.CfnTopic(cdk.Stack(app, "Plain"), "Topic")
    with pytest.raises(RuntimeError, match=r"ValidationFailed[\s\S]*AwsSolutions-SNS3"):
        app.synth()


def test_an_acknowledged_finding_does_not(tmp_path: Path) -> None:
    """What is acknowledged on the construct, with a reason, passes."""
    app = new_app(outdir=str(tmp_path))
    nag.check(app)
    topic = sns.CfnTopic(cdk.Stack(app, "Plain"), "Topic")
    nag.acknowledge(topic, "SNS3", "a test")
    app.synth()
