"""Firehose: many records, one transformation, one compressed object; what fails lies in the error prefix."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable

import pytest

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import REGION

CODE = """
import base64
def answer(record):
    text = base64.b64decode(record["data"]).decode()
    if "boom" in text:
        raise RuntimeError(text)
    result = "ProcessingFailed" if "no" in text else "Dropped" if "drop" in text else "Ok"
    data = base64.b64encode((text.upper() + "\\\\n").encode()).decode()
    return {"recordId": record["recordId"], "result": result, "data": data}
def handler(event, context):
    return {"records": [answer(r) for r in event["records"] if base64.b64decode(r["data"]) != b"forgotten"]}
"""
Objects = Callable[[str], dict[str, bytes]]


@pytest.fixture(scope="module")
def objects(cloud: Cloud) -> Objects:
    """A stream that transforms; return what looks at its bucket."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as code:
        code.writestr("shout.py", CODE.replace("\\\\n", "\\n"))
    cloud.client("lambda").create_function(
        FunctionName="shout",
        Runtime="python3.13",
        Handler="shout.handler",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": packed.getvalue()},
    )
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="delivered")
    function = f"arn:aws:lambda:{REGION}:000000000000:function:shout"
    cloud.client("firehose").create_delivery_stream(
        DeliveryStreamName="loud",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/r",
            "BucketARN": "arn:aws:s3:::delivered",
            "Prefix": "lines/!{timestamp:yyyy/MM/dd/HH}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
            "CompressionFormat": "GZIP",
            "FileExtension": ".gz",
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [
                    {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": function}]}
                ],
            },
        },
    )

    def look(prefix: str) -> dict[str, bytes]:
        found = s3.list_objects_v2(Bucket="delivered", Prefix=prefix).get("Contents", [])
        return {o["Key"]: s3.get_object(Bucket="delivered", Key=o["Key"])["Body"].read() for o in found}

    return look


def put(cloud: Cloud, *texts: str) -> None:
    records = [{"Data": text.encode()} for text in texts]
    assert cloud.client("firehose").put_record_batch(DeliveryStreamName="loud", Records=records)["FailedPutCount"] == 0


def aside(objects: Objects) -> dict[str, str]:
    """What lies in the error prefix: record to code."""
    lines = [json.loads(line) for body in objects("errors/").values() for line in body.splitlines()]
    return {base64.b64decode(line["rawData"]).decode(): line["errorCode"] for line in lines}


def test_records_are_written_together_and_compressed(cloud: Cloud, objects: Objects) -> None:
    """One object under the hour of arrival, in order; dropped records nowhere, failed ones apart."""
    put(cloud, "one", "two", "drop this", "no", "forgotten", "three")
    (found,) = until("delivering", lambda: objects("lines/"), seconds=20).items()
    assert gzip.decompress(found[1]) == b"ONE\nTWO\nTHREE\n"
    assert found[0].endswith(".gz")
    assert len(found[0].split("/")) == 6
    until("putting aside", lambda: len(aside(objects)) == 2, seconds=20)
    assert aside(objects) == {"no": "Lambda.ProcessingFailedStatus", "forgotten": "Lambda.MissingRecordId"}
    assert all(key.startswith("errors/processing-failed/2") for key in objects("errors/"))


def test_a_function_that_fails_puts_all_of_them_aside(cloud: Cloud, objects: Objects) -> None:
    """As they came, once it has been tried again; the reason quotes no record."""
    put(cloud, "boom", "beside it")

    def both() -> bool:
        return {"boom", "beside it"} <= aside(objects).keys()

    until("putting aside", both, seconds=30)
    assert aside(objects)["beside it"] == "Lambda.FunctionError"
    assert all(b"RuntimeError" not in body for body in objects("errors/").values())
