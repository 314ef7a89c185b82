"""How far a sync with SES's list came, and the lists SES reads in bulk: objects in the folder ``sync`` of the archive.

``sync/REGION/round`` is a line of JSON, and after it the marks of the addresses seen, eight bytes each.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.usecases.lists.sync_ports import Job, Round, Row

_VERSION: Final = 1
_WHAT: Final = "how far the sync with SES's list came"


class SyncRounds:
    """Implements ``RoundStore`` over a low-level S3 client.

    Needs ``s3:ListBucket``, and in the folder ``s3:GetObject``, ``s3:PutObject``, ``s3:DeleteObject``.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def load(self, region: str) -> Round:
        """See ``RoundStore``."""
        key = _round_key(region)
        with aws_errors(f"reading {_WHAT}"):
            # Not by asking for the object: who may not list is told "denied" of one that is not there.
            there = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
            if not there.get("Contents"):
                return Round()
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return _read(body)

    def save(self, region: str, found: Round) -> None:
        """See ``RoundStore``."""
        with aws_errors(f"keeping {_WHAT}"):
            self._client.put_object(Bucket=self._bucket, Key=_round_key(region), Body=_written(found))

    def upload(self, region: str, action: str, rows: Sequence[Row], at: int) -> tuple[str, str]:
        """See ``RoundStore``. One JSON object a line, as SES reads them: a quoted address may hold a comma."""
        key = f"{naming.ARCHIVE_SYNC}/{region}/{action.lower()}-{at}-{uuid4().hex[:8]}.json"
        lines = (
            json.dumps({"emailAddress": row.address, **({"reason": row.reason} if row.reason else {})}) for row in rows
        )
        with aws_errors("writing a list for SES"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body="".join(f"{line}\n" for line in lines).encode())
        return key, f"s3://{self._bucket}/{key}"

    def drop(self, key: str) -> None:
        """See ``RoundStore``."""
        with aws_errors("deleting a list for SES"):
            self._client.delete_object(Bucket=self._bucket, Key=key)


def _round_key(region: str) -> str:
    return f"{naming.ARCHIVE_SYNC}/{region}/round"


def _written(found: Round) -> bytes:
    head = {
        "version": _VERSION,
        "began": found.began,
        "ended": found.ended,
        "listed": found.listed,
        "token": found.token,
        "removals": found.removals,
        "counts": dict(found.counts),
        "passed": dict(found.passed),
        "jobs": [list(job) for job in found.jobs],
        "singly": found.singly,
    }
    return json.dumps(head).encode() + b"\n" + found.seen.tobytes()


def _read(body: bytes) -> Round:
    line, _, marks = body.partition(b"\n")
    head = json.loads(line)
    if head.pop("version") != _VERSION:
        return Round()  # of another version of this program: the lists are compared anew
    seen = array("Q")
    seen.frombytes(marks)
    return replace(
        Round(**head),
        seen=seen,
        counts=Counter(head["counts"]),
        passed=Counter(head["passed"]),
        jobs=[Job(*job) for job in head["jobs"]],
    )
