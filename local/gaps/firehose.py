"""Firehose: records are buffered, transformed together, compressed, and put aside where that fails.

The emulator runs the transforming function on each record while whoever put it waits, writes an object a record,
compresses nothing, and passes a record on as it came where the function fails. AWS buffers for minutes, here a second
(Data Firehose developer guide, `Transform source data`, `Handle failure in data transformation`).
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope
from ministack.services import cloudwatch, firehose, lambda_svc

log = logging.getLogger("local.firehose")

BUFFER_S: Final = 1.0
_TRIES: Final = 4
_FAILED: Final = "processing-failed"
_AT_ONCE: Final = 500
Record = tuple[str, bytes]
Failure = tuple[bytes, str, str]  # the record as it came, a code, a message


def install() -> None:
    """Buffer what is delivered to S3, unless its prefix depends on each record."""
    deliver_now = firehose._deliver_records_to_s3

    def deliver(stream: dict[str, Any], destination: dict[str, Any], records: list[Record]) -> None:
        if (destination["config"].get("DynamicPartitioningConfiguration") or {}).get("Enabled"):
            deliver_now(stream, destination, records)
        else:
            _Buffer.of(stream).add(stream, destination, records)

    firehose._deliver_records_to_s3 = deliver


class _Buffer:
    """What waits in one stream."""

    _all: Final[dict[str, _Buffer]] = {}
    _lock: Final = threading.Lock()

    @classmethod
    def of(cls, stream: Mapping[str, Any]) -> _Buffer:
        with cls._lock:
            return cls._all.setdefault(str(stream["arn"]), cls())

    def __init__(self) -> None:
        self._waiting: list[Record] = []
        self._timer: threading.Timer | None = None

    def add(self, stream: dict[str, Any], destination: dict[str, Any], records: Sequence[Record]) -> None:
        with self._lock:
            self._waiting += records
            if self._timer is None:
                scope = get_account_id(), get_region()
                self._timer = threading.Timer(BUFFER_S, self._flush, (scope, stream, destination))
                self._timer.daemon = True
                self._timer.start()

    def _flush(self, scope: tuple[str, str], stream: dict[str, Any], destination: dict[str, Any]) -> None:
        with self._lock:
            records, self._waiting, self._timer = self._waiting, [], None
        with request_scope(*scope):
            for start in range(0, len(records), _AT_ONCE):
                _deliver(stream, destination["config"], records[start : start + _AT_ONCE])


def _deliver(stream: Mapping[str, Any], config: Mapping[str, Any], records: Sequence[Record]) -> None:
    delivered, failures = records, list[Failure]()
    function = _function(config)
    if function is not None:
        delivered, failures = _transform(stream, function, records)
    now = time.gmtime()
    stamp = firehose._java_time("yyyy-MM-dd-HH-mm-ss", now)
    name = f"{stream['name']}-{stream.get('version', 1)}-{stamp}-{new_uuid()}"
    bucket = firehose._s3_bucket_from_arn(config["BucketARN"])
    if delivered:
        body = b"".join(data for _, data in delivered)
        if config.get("CompressionFormat") == "GZIP":
            body = gzip.compress(body)
        prefix = firehose._evaluate_prefix(config.get("Prefix", ""), now)
        firehose._put_s3_object(bucket, f"{prefix}{name}{config.get('FileExtension', '')}", body)
        where = {"DeliveryStreamName": str(stream["name"])}
        cloudwatch.record_metric("AWS/Firehose", "DeliveryToS3.Records", len(delivered), "Count", where)
    if failures:
        log.warning("%s: %s records put aside: %s", stream["name"], len(failures), failures[0][2])
        at = int(time.time() * 1000)
        lines = [json.dumps(_put_aside(failure, function, at)) + "\n" for failure in failures]
        prefix = firehose._evaluate_prefix(config.get("ErrorOutputPrefix", ""), now, error_type=_FAILED)
        firehose._put_s3_object(bucket, prefix + name, "".join(lines).encode())


def _put_aside(failure: Failure, function: str | None, at: int) -> dict[str, Any]:
    raw, code, message = failure
    return {
        "attemptsMade": _TRIES,
        "arrivalTimestamp": at,
        "errorCode": code,
        "errorMessage": message,
        "attemptEndingTimestamp": at,
        "rawData": base64.b64encode(raw).decode(),
        "lambdaArn": function,
    }


def _function(config: Mapping[str, Any]) -> str | None:
    processing = config.get("ProcessingConfiguration") or {}
    for processor in (processing.get("Processors") or []) if processing.get("Enabled") else []:
        for parameter in processor.get("Parameters") or []:
            if processor.get("Type") == "Lambda" and parameter.get("ParameterName") == "LambdaArn":
                return str(parameter["ParameterValue"])
    return None


def _transform(stream: Mapping[str, Any], arn: str, records: Sequence[Record]) -> tuple[list[Record], list[Failure]]:
    """Return what the function made of records, and what it did not."""
    now = int(time.time() * 1000)
    event = {
        "invocationId": new_uuid(),
        "deliveryStreamArn": stream["arn"],
        "region": get_region(),
        "records": [
            {"recordId": id_, "approximateArrivalTimestamp": now, "data": base64.b64encode(raw).decode()}
            for id_, raw in records
        ],
    }
    code, why = "Lambda.InvokeAccessDenied", "the function does not exist"
    for _ in range(_TRIES):
        function, config, _name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            continue
        answer = lambda_svc._execute_function(lambda_svc._execution_record_for_config(function, config), event)
        body = answer.get("body")
        if isinstance(body, str | bytes):
            try:
                body = json.loads(body)
            except ValueError:
                body = None
        if not answer.get("error") and isinstance(body, dict) and isinstance(body.get("records"), list):
            return _sorted_out(records, {str(record.get("recordId")): record for record in body["records"]})
        code, why = "Lambda.FunctionError", "The Lambda function was successfully invoked but it returned an error."
    return [], [(raw, code, why) for _, raw in records]


def _sorted_out(
    records: Sequence[Record], answers: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Record], list[Failure]]:
    delivered: list[Record] = []
    failures: list[Failure] = []
    for id_, raw in records:
        answer = answers.get(id_)
        if answer is None:
            failures.append((raw, "Lambda.MissingRecordId", "the function did not answer for this record"))
        elif answer.get("result") == "Ok":
            delivered.append((id_, base64.b64decode(answer["data"])))
        elif answer.get("result") != "Dropped":
            failures.append((raw, "Lambda.ProcessingFailedStatus", "the function gave up this record"))
    return delivered, failures
