"""The archive's bucket: everything SES ever said, by hour; it moves to cheaper storage, and ends when the file says."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.buckets import private_bucket
from ses_feedback import naming
from ses_feedback.config.model import Archive
from ses_feedback.domain.times import DAY

# Athena's answers are read at once, and hold addresses.
ANSWERS_DAYS: Final = 7
# Lists for SES, which reads them within hours, and how far a sync came: it begins anew after as long.
SYNC_DAYS: Final = 14
_UNFINISHED_DAYS: Final = 7


def archive_bucket(
    scope: Construct, *, deployment: str, region: str, key: kms.IKey, archive: Archive, sync: bool
) -> s3.Bucket:
    """Make the bucket, with the lifecycle that the file asks for; ``sync``: SES may read the lists put there for it."""
    keep = None if archive.keep is None else cdk.Duration.days(archive.keep // DAY)
    bucket = private_bucket(
        scope,
        "Archive",
        name=naming.archive_bucket_name(deployment, cdk.Aws.ACCOUNT_ID, region),
        key=key,
        rules=[
            *_feedback(archive.cold_after, keep),
            *_ending("errors", naming.ARCHIVE_ERRORS, keep),
            *_ending("answers", naming.ARCHIVE_ANSWERS, cdk.Duration.days(ANSWERS_DAYS)),
            *(_ending("sync", naming.ARCHIVE_SYNC, cdk.Duration.days(SYNC_DAYS)) if sync else ()),
            s3.LifecycleRule(
                id="unfinished", abort_incomplete_multipart_upload_after=cdk.Duration.days(_UNFINISHED_DAYS)
            ),
        ],
        writer="Firehose writes",
    )
    if sync:
        _read_by_ses(bucket)
    return bucket


def _read_by_ses(bucket: s3.Bucket) -> None:
    """Let SES read bulk lists (SES developer guide, "Using the Amazon SES account-level suppression list").

    The guide's policy names the account in ``aws:Referer``; services came to use ``aws:SourceAccount``. Either is it:
    two statements, of which the documented one is enough.
    """
    for name in ("Referer", "SourceAccount"):
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"SesReadsListsBy{name}",
                principals=[iam.ServicePrincipal("ses.amazonaws.com")],
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects(f"{naming.ARCHIVE_SYNC}/*")],
                conditions={"StringEquals": {f"aws:{name}": cdk.Aws.ACCOUNT_ID}},
            )
        )


def _feedback(cold_after: int | None, keep: cdk.Duration | None) -> list[s3.LifecycleRule]:
    if cold_after is None:
        return _ending("feedback", naming.ARCHIVE_FEEDBACK, keep)
    # Glacier Instant Retrieval: a fifth of the price, and read like any object, by questions and replay alike.
    cold = s3.Transition(
        storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
        transition_after=cdk.Duration.days(cold_after // DAY),
    )
    prefix = f"{naming.ARCHIVE_FEEDBACK}/"
    return [s3.LifecycleRule(id="feedback", prefix=prefix, transitions=[cold], expiration=keep)]


def _ending(id_: str, prefix: str, after: cdk.Duration | None) -> list[s3.LifecycleRule]:
    return [] if after is None else [s3.LifecycleRule(id=id_, prefix=f"{prefix}/", expiration=after)]
