"""KEEP: Firehose hands over what topics sent, and takes it back as lines of the archive.

Contract: Data Firehose developer guide, `Transform source data`. Every record becomes a line, whatever it is. Only what
would not fit into one answer is given back as it came, and marked: Firehose keeps it in the bucket, in ``errors/``, and
``ses-feedback redrive archive`` sends it again.
"""

from __future__ import annotations

import base64
import time
from typing import Any, Final

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.config.runtime import load_runtime
from ses_feedback.domain.archive import line_of

# Lambda answers 6 MB at most, JSON and base64 included.
MOST: Final = 5_500_000

logger = Logger(service=naming.WRITE_ARCHIVE, location=None, xray_trace_id=None)
rules = load_runtime(ROOT)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return each record as a line, gzip apart as it stands in the archive."""
    now = time.time_ns() // 1_000_000
    answers: list[dict[str, str]] = []
    size, failed = sum(len(record["data"]) for record in event["records"]), 0
    for record in event["records"]:
        text = base64.b64decode(record["data"]).decode("utf-8", "surrogateescape")
        line = line_of(text, directory=rules.directory, deployment=rules.deployment, now=now)
        data, result = base64.b64encode(line.encode() + b"\n").decode(), "Ok"
        longer = len(data) - len(record["data"])
        if size + longer > MOST:
            data, result, failed = record["data"], "ProcessingFailed", failed + 1
        else:
            size += longer
        answers.append({"recordId": record["recordId"], "result": result, "data": data})
    if failed:
        logger.warning("more than one answer takes: redriven later", records=len(answers), failed=failed)
    else:
        logger.info("done", records=len(answers))
    return {"records": answers}
