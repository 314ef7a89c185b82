"""SES: bulk jobs on the account's suppression list, read from S3 as the bucket's policy lets SES.

Contract: SES API v2, ``CreateImportJob`` and ``GetImportJob``; developer guide, "Using the Amazon SES account-level
suppression list": newline-delimited JSON or CSV, 100,000 addresses to put or 10,000 to remove. A job takes a second
(AWS: minutes to hours).
"""

from __future__ import annotations

import csv
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import s3

from local.gaps import policies, ses_account
from local.gaps import ses_answers as say
from local.gaps.ses_answers import Answer

MOST: Final = {"PUT": 100_000, "DELETE": 10_000}
_SECONDS: Final = 1.0
_jobs = AccountRegionScopedDict()  # id → what GetImportJob answers, and "until": when it is through


def _create(data: Any, _query: Any) -> Answer:
    target = (data.get("ImportDestination") or {}).get("SuppressionListDestination") or {}
    source = data.get("ImportDataSource") or {}
    action, url = target.get("SuppressionListImportAction"), str(source.get("S3Url"))
    if action not in MOST or source.get("DataFormat") not in ("CSV", "JSON") or not url.startswith("s3://"):
        return say.json_error("BadRequestException", "an action, a format and an S3 URL are needed")
    id_ = str(uuid.uuid4())
    job: dict[str, Any] = {"JobId": id_, "until": time.monotonic() + _SECONDS, "ImportDataSource": source}
    job |= _work(action, url, source["DataFormat"])
    _jobs[id_] = job
    return say.json({"JobId": id_})


def _work(action: str, url: str, format_: str) -> dict[str, Any]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    body = s3._get_object_data(bucket, key)
    if body is None or not _may_read(bucket, key):
        return {"JobStatus": "FAILED", "FailureInfo": {"ErrorMessage": f"Access to {url} is denied."}}
    rows = list(_rows(body.decode(), format_))
    if len(rows) > MOST[action]:
        return {"JobStatus": "FAILED", "FailureInfo": {"ErrorMessage": f"more than {MOST[action]} records"}}
    failed = 0
    for address, reason in rows:
        if "@" not in address or (action == "PUT" and reason not in ses_account.REASONS):
            failed += 1
        elif action == "PUT":
            ses_account.suppress(address, reason)
        else:
            ses_account.let_go(address)
    return {"JobStatus": "COMPLETED", "ProcessedRecordsCount": len(rows), "FailedRecordsCount": failed}


def _rows(text: str, format_: str) -> Any:
    if format_ == "JSON":
        for line in text.splitlines():
            row = json.loads(line)
            yield str(row.get("emailAddress")), str(row.get("reason", ""))
    else:
        for row in csv.reader(text.splitlines()):
            yield row[0].strip(), row[1].strip() if len(row) > 1 else ""


def _may_read(bucket: str, key: str) -> bool:
    arn = f"arn:aws:s3:::{bucket}/{key}"
    found = s3.bucket_policy_for_arn(arn)
    return bool(found and found[0]) and policies.allows(
        json.loads(found[0]),
        service="ses.amazonaws.com",
        action="s3:GetObject",
        resource=arn,
        source_arn=f"arn:aws:ses:{get_region()}:{get_account_id()}:import-job/*",
    )


def _get(id_: str, _data: Any, _query: Mapping[str, Any]) -> Answer:
    if id_ not in _jobs:
        return say.missing(f"Import job {id_} does not exist.")
    shown = {name: value for name, value in _jobs[id_].items() if name != "until"}
    if time.monotonic() < _jobs[id_]["until"]:
        shown = {**shown, "JobStatus": "PROCESSING"}
    return say.json(shown)


ROUTES: Final[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
    (r"/import-jobs", "POST", _create),
    (r"/import-jobs/([^/]+)", "GET", _get),
)
