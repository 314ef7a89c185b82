"""What the guard adds to a send: calls, read units, and CPU time against one bare ``get_item`` of boto3.

Sends go through boto3's client of SES v2 up to the socket and are answered there; the table is the stand-in for
DynamoDB in another process. Guarded and bare sends and the bare ``get_item`` take turns, in another order each time;
CPU time of this process alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from benchmarks import dynamodb
from benchmarks.figure import Figure
from benchmarks.turns import CALLS, cpu_s
from ses_feedback import naming
from ses_feedback.adapters.sending_reader import SendingReader
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.adapters.troubles import Place
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.guard import Guard
from ses_feedback.guard.core import Options, Where

TARGET: Final = 1.2
REMEMBERED_TARGET: Final = 0.25
_TABLE: Final = "bench-suppressions"
_KEYS: Final = Keys("a-secret-of-the-benchmark")
_OWN: Final = {"region_name": "us-east-1", "aws_access_key_id": "bench", "aws_secret_access_key": "bench"}


class _Accepted(AWSResponse):
    """SES's answer to a mail it took."""

    content = b'{"MessageId":"010001"}'


def measure() -> list[Figure]:
    """Return the figures of a send to a fresh address, and to one that is remembered."""
    with dynamodb.served() as url:
        return _measure(url)


def _measure(url: str) -> list[Figure]:
    # As the guard makes it: what boto3 validates is the application's own call, not ours.
    table = boto3.client("dynamodb", endpoint_url=url, config=Config(parameter_validation=False), **_OWN)
    peer = boto3.client("dynamodb", endpoint_url=url, **_OWN)
    reader = SendingReader(SuppressionTable(table, _TABLE, _KEYS, DEFAULT_POLICY), Place("bench", "us-east-1"))

    bare = _mailer(None)
    fresh = _mailer(Guard(lambda: reader, Where("production", "default"), Options(remember_s=0), deployment="bench"))
    known = _mailer(Guard(lambda: reader, Where("production", "default"), Options(remember_s=600), deployment="bench"))
    numbers = itertools.count()
    known("jane@example.net")
    ways: dict[str, Callable[[], Any]] = {
        "bare": lambda: bare(f"jane.{next(numbers)}@example.net"),
        "fresh": lambda: fresh(f"jane.{next(numbers)}@example.net"),
        "known": lambda: known("jane@example.net"),
        "get": lambda: peer.get_item(TableName=_TABLE, Key={naming.ATTRIBUTE_KEY: {"S": _key(next(numbers))}}),
    }
    before = dynamodb.meter(url)
    cpu = cpu_s(ways)
    calls = dynamodb.meter(url) - before
    fresh_s, known_s, get_s = cpu["fresh"] - cpu["bare"], cpu["known"] - cpu["bare"], cpu["get"]
    asked = (calls["GetItem"] - CALLS) / CALLS
    units = (calls["read half units"] - CALLS) / 2 / CALLS
    reference = f"{get_s * 1e6:,.0f} µs: one get_item of boto3"
    return [
        Figure("guard, reads a send", f"{asked:g} call, {units:g} unit", "1 call: one GetItem", asked, 1),
        Figure("guard, CPU added to a send", f"{fresh_s * 1e6:,.0f} µs", reference, fresh_s / get_s, TARGET),
        Figure("the same, remembered", f"{known_s * 1e6:,.0f} µs", reference, known_s / get_s, REMEMBERED_TARGET),
    ]


def _mailer(guard: Guard | None) -> Callable[[str], Any]:
    client = boto3.client("sesv2", **_OWN)
    client.meta.events.register("before-send.sesv2", lambda request, **_: _Accepted(request.url, 200, {}, None))
    if guard is not None:
        guard.attach(client)
    content = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}}

    def send(address: str) -> Any:
        return client.send_email(
            FromEmailAddress="news@example.com", Destination={"ToAddresses": [address]}, Content=content
        )

    return send


def _key(number: int) -> str:
    return _KEYS.address("production", f"jane.{number}@example.net")
