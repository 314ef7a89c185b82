"""Questions to the archive on AWS, answered by Athena in the deployment's own workgroup."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.archive_places import S3, Bucket
from ses_feedback.adapters.troubles import Trouble, code_of, one_line
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.archive import Advance, Hours, Question, Size, Value, literal

_FIRST_LOOK_S: Final = 0.2
_SLOWEST_LOOK_S: Final = 2.0
_RUNNING: Final = ("QUEUED", "RUNNING")


class AthenaArchive:
    """The archive of a deployment. ``pause`` waits so many seconds between two looks at a running query.

    Needs ``athena:StartQueryExecution``, ``GetQueryExecution``, ``GetQueryResults`` and ``StopQueryExecution`` on the
    workgroup, ``glue:GetDatabase``, ``GetTable`` and ``GetTables``, ``s3:ListBucket``, ``GetBucketLocation``,
    ``GetObject`` and ``PutObject`` on the bucket, and ``kms:Decrypt`` and ``GenerateDataKey`` on its key.
    """

    priced = True

    def __init__(
        self, athena: Any, bucket: Bucket, deployment: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._athena = athena
        self._bucket = bucket
        self._database = naming.archive_database(deployment)
        self._workgroup = naming.archive_workgroup(deployment)
        self._pause = pause
        self.skipped: Counter[str] = Counter()  # Athena passes over what it cannot read, and counts nothing

    def measure(self, hours: Hours) -> Size:
        """Return what a query about these hours reads: compressed objects are read whole."""
        objects = size = 0
        for piece in self._bucket.pieces(hours):
            objects, size = objects + 1, size + piece.size
        return Size(objects, size)

    def refuse(self, size: int) -> None:
        """Raise ``PermanentError`` where the workgroup ends a query that reads so much."""
        if size > naming.ARCHIVE_SCAN_LIMIT:
            raise PermanentError(
                f"Athena would read {size / 10**9:.1f} GB, and ends a query at "
                f"{naming.ARCHIVE_SCAN_LIMIT / 10**9:.1f} GB: narrow --since and --until, or read it on this "
                f"computer with --from {S3}{self._bucket.name}"
            )

    def ask(self, question: Question, advance: Advance) -> Iterator[Sequence[Value]]:
        """Yield the rows of the answer. A query that is given up, by Ctrl-C too, is stopped on AWS."""
        source = f'"{self._database}"."{question.relation}"'
        query = self._start(question.sql(source, arrived(question.filter.hours)))
        done = False
        try:
            self._wait(query, advance)
            done = True
        finally:
            if not done:
                self._athena.stop_query_execution(QueryExecutionId=query)
        yield from self._rows(query)

    def _start(self, sql: str) -> str:
        try:
            answer = self._athena.start_query_execution(
                QueryString=sql, QueryExecutionContext={"Database": self._database}, WorkGroup=self._workgroup
            )
        except ClientError as error:
            if code_of(error) == "InvalidRequestException" and "not found" in str(error):
                raise Trouble(
                    f"Athena has no workgroup {self._workgroup} here: deploy again (cdk deploy), or is this the wrong "
                    "account (AWS_PROFILE)?"
                ) from error
            raise
        return str(answer["QueryExecutionId"])

    def _wait(self, query: str, advance: Advance) -> None:
        told, pause = 0, _FIRST_LOOK_S
        while True:
            execution = self._athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes") or 0)
            advance(scanned - told)
            told = scanned
            state = execution["Status"]["State"]
            if state == "SUCCEEDED":
                return
            if state not in _RUNNING:
                raise Trouble(_why(one_line(str(execution["Status"].get("StateChangeReason") or state))))
            self._pause(pause)
            pause = min(pause * 1.5, _SLOWEST_LOOK_S)

    def _rows(self, query: str) -> Iterator[Sequence[Value]]:
        request = {"QueryExecutionId": query, "MaxResults": 1_000}
        header = True
        while True:
            answer = self._athena.get_query_results(**request)
            for row in answer["ResultSet"]["Rows"]:
                if header:  # the first row of the first page holds the columns' names
                    header = False
                    continue
                yield [cell.get("VarCharValue") for cell in row["Data"]]
            token = answer.get("NextToken")
            if not token:
                return
            request["NextToken"] = token


def arrived(hours: Hours) -> str:
    """Return the condition on the partitions that hold these hours: Athena lists no folder of another day."""
    days = f"day BETWEEN {literal(hours.first[:10])} AND {literal(hours.last[:10])}"
    return f"{days} AND concat(day, concat('/', hour)) BETWEEN {literal(hours.first)} AND {literal(hours.last)}"


def _why(reason: str) -> str:
    if "Bytes scanned limit" in reason:
        return (
            "Athena ended the query at the workgroup's scan limit: narrow --since and --until, or read the bucket with "
            f"--from s3://… instead ({reason})"
        )
    if "GZIP" in reason.upper() or "ZLIB" in reason.upper() or "CURSOR_ERROR" in reason:
        return (
            "Athena cannot read an object of the archive and answers nothing then; --from s3://… reads the others "
            f"({reason})"
        )
    return f"Athena could not answer: {reason}"
