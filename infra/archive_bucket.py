"""The archive's bucket: everything SES ever said, by hour; it moves to cheaper storage, and ends when the file says."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.buckets import private_bucket
from ses_feedback import naming
from ses_feedback.config.model import Archive
from ses_feedback.domain.times import DAY

# Athena's answers are read at once, and hold addresses.
ANSWERS_DAYS: Final = 7
_UNFINISHED_DAYS: Final = 7


def archive_bucket(scope: Construct, *, deployment: str, region: str, key: kms.IKey, archive: Archive) -> s3.Bucket:
    """Make the bucket, with the lifecycle that the file asks for."""
    keep = None if archive.keep is None else cdk.Duration.days(archive.keep // DAY)
    return private_bucket(
        scope,
        "Archive",
        name=naming.archive_bucket_name(deployment, cdk.Aws.ACCOUNT_ID, region),
        key=key,
        rules=[
            *_feedback(archive.cold_after, keep),
            *_ending("errors", naming.ARCHIVE_ERRORS, keep),
            *_ending("answers", naming.ARCHIVE_ANSWERS, cdk.Duration.days(ANSWERS_DAYS)),
            s3.LifecycleRule(
                id="unfinished", abort_incomplete_multipart_upload_after=cdk.Duration.days(_UNFINISHED_DAYS)
            ),
        ],
        writer="Firehose writes",
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
