"""The stack of what must never be lost: tables, key, secret, archive, quarantine: it all stays when the stack goes.

Only what a first creation made that failed goes again, so that it does not stand in the way of the next (`KEPT`). A
table that is protected from deletion cannot go, so tables are made last, one after another: when one cannot be made,
that is most likely the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.archive_bucket import archive_bucket
from infra.buckets import KEPT, private_bucket
from infra.nag import acknowledge
from ses_feedback import naming
from ses_feedback.config.model import Archive

SECRET_LENGTH: Final = 64
QUARANTINE_DAYS: Final = 90


class DataStack(cdk.Stack):
    """Suppressions and their ends, wiring, the key over it all, the secret of addresses, archive and quarantine."""

    def __init__(
        self, scope: Construct, *, deployment: str, region: str, archive: Archive, sync: bool, **kwargs: Any
    ) -> None:
        super().__init__(scope, naming.data_stack(deployment), **kwargs)
        key = _key(self, deployment)
        secret = _secret(self, deployment, key)
        quarantine = _quarantine(self, deployment, region, key)
        kept = archive_bucket(self, deployment=deployment, region=region, key=key, archive=archive, sync=sync)
        suppressions = _table(self, "Suppressions", naming.table_name(deployment), key, ends=True, stream=True)
        suppressions.add_global_secondary_index(
            index_name=naming.INDEX_LISTING,
            partition_key=_text(naming.ATTRIBUTE_LISTING_KEY),
            sort_key=_text(naming.ATTRIBUTE_LISTING_SINCE),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=list(naming.LISTING_ATTRIBUTES),
        )
        wiring = _table(self, "WiringTable", naming.wiring_table_name(deployment), key)
        ends = _ends(self, deployment, key)
        _one_after_another((secret, quarantine, kept), suppressions, wiring, ends)
        # A stream's ARN ends in the time it was made: the core stack finds it here, and a table that was restored too.
        ssm.CfnParameter(
            self,
            "Changes",
            name=naming.changes_parameter(deployment),
            type="String",
            value=str(suppressions.table_stream_arn),
            description=f"{deployment}: the stream of the suppression table",
        )
        cdk.CfnOutput(
            self,
            naming.OUTPUT_TABLE,
            value=suppressions.table_name,
            description="The table of suppressions; `ses-feedback check` asks it",
        )


def _key(scope: Construct, deployment: str) -> kms.Key:
    key = kms.Key(
        scope,
        "Key",
        alias=naming.key_alias(deployment),
        description=f"{deployment}: topics, tables, secret, archive and quarantine",
        enable_key_rotation=True,
        removal_policy=KEPT,
    )
    # Publishers to an encrypted topic must be able to use its key. IfExists: no source says whether SES hands the
    # account on to KMS; where a service does, it must be this one.
    for service in ("ses", "cloudwatch"):
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{service.capitalize()}PublishesToTopics",
                principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                actions=["kms:GenerateDataKey*", "kms:Decrypt"],
                resources=["*"],
                conditions={"StringEqualsIfExists": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
    return key


def _one_after_another(first: Sequence[cdk.Resource], *then: cdk.Resource) -> None:
    """Let each of ``then`` wait for the one before it, the first of them for all of ``first``.

    Resources alone, without what hangs on them: an import names those, and may depend on nothing else.
    """
    before = [_own(resource) for resource in first]
    for resource in then:
        for earlier in before:
            _own(resource).add_resource_dependency(earlier)
        before = [_own(resource)]


def _own(resource: cdk.Resource) -> cdk.CfnResource:
    made = resource.node.default_child
    assert isinstance(made, cdk.CfnResource)
    return made


def _ends(scope: Construct, deployment: str, key: kms.Key) -> dynamodb.Table:
    """Make the table of ends that come: what has to be told when nothing is written."""
    name = naming.ends_table_name(deployment)
    return _table(scope, "Ends", name, key, keys=(naming.ATTRIBUTE_SHARD, naming.ATTRIBUTE_DUE), ends=True)


def _table(
    scope: Construct,
    construct_id: str,
    name: str,
    key: kms.Key,
    *,
    keys: tuple[str, str | None] = (naming.ATTRIBUTE_KEY, None),
    ends: bool = False,
    stream: bool = False,
) -> dynamodb.Table:
    """Make a table with partition key and sort key (``None``: without); of one that ``ends``, items expire."""
    partition, sort = keys
    return dynamodb.Table(
        scope,
        construct_id,
        table_name=name,
        partition_key=_text(partition),
        sort_key=_text(sort) if sort is not None else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=True,
        removal_policy=KEPT,
        time_to_live_attribute=naming.ATTRIBUTE_TTL if ends else None,
        stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
    )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _secret(scope: Construct, deployment: str, key: kms.Key) -> secretsmanager.Secret:
    secret = secretsmanager.Secret(
        scope,
        "AddressKey",
        secret_name=naming.secret_name(deployment),
        description=f"{deployment}: addresses are stored under an HMAC with this secret; a new one would lose them all",
        encryption_key=key,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            password_length=SECRET_LENGTH, exclude_punctuation=True
        ),
        removal_policy=KEPT,
    )
    acknowledge(
        secret, "SMG4", "Rotation would orphan every stored suppression: their keys are HMACs under this secret."
    )
    return secret


def _quarantine(scope: Construct, deployment: str, region: str, key: kms.Key) -> s3.Bucket:
    return private_bucket(
        scope,
        "Quarantine",
        name=naming.quarantine_bucket_name(deployment, cdk.Aws.ACCOUNT_ID, region),
        key=key,
        rules=[s3.LifecycleRule(id="expire", expiration=cdk.Duration.days(QUARANTINE_DAYS))],
        writer="the functions write",
    )
