"""SES: bulk jobs on the account's suppression list."""

from __future__ import annotations

import json
from typing import Any

from local.cloud import ACCOUNT, Cloud
from local.loop import until


def job(cloud: Cloud, key: str, body: str, *, action: str = "PUT", format_: str = "JSON") -> dict[str, Any]:
    """What became of a job, once it is through."""
    cloud.client("s3").put_object(Bucket="bulk", Key=key, Body=body.encode())
    ses = cloud.client("sesv2")
    id_ = ses.create_import_job(
        ImportDestination={"SuppressionListDestination": {"SuppressionListImportAction": action}},
        ImportDataSource={"S3Url": f"s3://bulk/{key}", "DataFormat": format_},
    )["JobId"]
    assert ses.get_import_job(JobId=id_)["JobStatus"] == "PROCESSING"

    def through() -> dict[str, Any] | None:
        found: dict[str, Any] = ses.get_import_job(JobId=id_)
        return None if found["JobStatus"] == "PROCESSING" else found

    return until("the bulk job", through, seconds=20)


def test_a_bulk_job_reads_what_the_buckets_policy_lets_ses_read(cloud: Cloud) -> None:
    """Put and removed, in either format; what is no address fails by itself, and a bucket that is closed as a whole."""
    s3, ses = cloud.client("s3"), cloud.client("sesv2")
    s3.create_bucket(Bucket="bulk")
    lines = [{"emailAddress": "A@bulk.example", "reason": "BOUNCE"}, {"emailAddress": "nobody", "reason": "BOUNCE"}]
    body = "\n".join(json.dumps(line) for line in lines)
    assert job(cloud, "lists/closed", body)["JobStatus"] == "FAILED"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bulk/lists/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    s3.put_bucket_policy(Bucket="bulk", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    done = job(cloud, "lists/open", body)
    assert (done["JobStatus"], done["ProcessedRecordsCount"], done["FailedRecordsCount"]) == ("COMPLETED", 2, 1)
    assert ses.get_suppressed_destination(EmailAddress="A@bulk.example")["SuppressedDestination"]["Reason"] == "BOUNCE"
    assert job(cloud, "lists/gone", "A@bulk.example\n", action="DELETE", format_="CSV")["JobStatus"] == "COMPLETED"
    listed = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert "A@bulk.example" not in [one["EmailAddress"] for one in listed]
    assert job(cloud, "elsewhere", body)["JobStatus"] == "FAILED"
