"""The one way a bucket is made here: retained, under the deployment's key, TLS only, nothing public."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import acknowledge

# `RetainExceptOnCreate`: kept by updates and deletions, not by the roll-back of the very operation that made it.
KEPT: Final = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def private_bucket(
    scope: Construct, construct_id: str, *, name: str, key: kms.IKey, rules: Sequence[s3.LifecycleRule], writer: str
) -> s3.Bucket:
    """Make a bucket that ``writer`` (in words) writes to, with its lifecycle ``rules``."""
    bucket = s3.Bucket(
        scope,
        construct_id,
        bucket_name=name,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        lifecycle_rules=list(rules),
        removal_policy=KEPT,
    )
    acknowledge(
        bucket,
        "S1",
        f"Only {writer} here and only operators read; CloudTrail has both, and an access log would name objects in a "
        "second place that must be guarded.",
    )
    return bucket
