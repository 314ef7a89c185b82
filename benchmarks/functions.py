"""The real functions, loaded as Lambda loads them, against the stand-in for DynamoDB; what they print is counted."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import corpus, dynamodb
from ses_feedback import naming
from ses_feedback.domain.keys import Keys

TABLE: Final = "bench-suppressions"
_SECRET: Final = "0123456789abcdef0123456789abcdef"
_TRACE: Final = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"

_loads = itertools.count()
# The deployment that was loaded last: its functions believe its own topics alone.
_loaded = {"deployment": "ses-feedback"}

Handler = Callable[[dict[str, Any], object], Any]


class Sink(io.TextIOBase):
    """A log that goes nowhere. Counts lines, bytes, and documents of metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.bytes = 0
        self.documents = 0

    def write(self, text: str) -> int:
        """Count and discard."""
        self.lines += text.count("\n")
        self.bytes += len(text.encode())
        self.documents += text.startswith('{"_aws"')
        return len(text)


class Functions(NamedTuple):
    """The handlers by name, their log, and the URL of the table they write to."""

    handlers: dict[str, Handler]
    log: Sink
    url: str


@contextmanager
def loaded(*names: str) -> Iterator[Functions]:
    """Yield the named functions of a deployment of the corpus's identities, with an empty table."""
    from ses_feedback.adapters import runtime
    from ses_feedback.config import parse
    from ses_feedback.config.runtime import to_runtime

    # A name of its own each time, as long as the usual one: loggers are remembered by it, with their stream.
    _loaded["deployment"] = f"feedback{next(_loads):04d}"
    config = parse(
        {
            "deployment": {"name": _loaded["deployment"]},
            "on_call": {"page": [{"email": "oncall@example.com"}]},
            "identities": {
                name: {"environment": environment, "stream": stream}
                for name, (environment, stream) in corpus.IDENTITIES.items()
            },
        }
    )
    before, root = dict(os.environ), runtime.ROOT
    with dynamodb.served() as url, tempfile.TemporaryDirectory(prefix="ses-feedback-bench-") as folder:
        log = Sink()
        (Path(folder) / naming.RUNTIME_CONFIG_FILE).write_text(to_runtime(config), encoding="utf-8")
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_SESSION_TOKEN": "b" * 400,  # as long as a role's: it is signed and sent with each call
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_DYNAMODB": url,
            "_X_AMZN_TRACE_ID": _TRACE,
            naming.ENV_TABLE: TABLE,
            naming.ENV_ADDRESS_KEY: _SECRET,
            naming.ENV_QUARANTINE_BUCKET: "bench-quarantine",
            naming.ENV_DEPLOYMENT: "bench",
        }
        runtime.ROOT = Path(folder)
        _claim(url)
        modules = {name: naming.handler_of(name).rpartition(".")[0] for name in names}
        try:
            for module in modules.values():
                sys.modules.pop(module, None)
            with contextlib.redirect_stdout(log):
                handlers = {name: importlib.import_module(module).handler for name, module in modules.items()}
                yield Functions(handlers, log, url)
        finally:
            runtime.ROOT = root
            os.environ.clear()
            os.environ.update(before)
            for module in modules.values():
                sys.modules.pop(module, None)


def _claim(url: str) -> None:
    """Put what a deployment's claim leaves in the table, without which no function trusts its secret."""
    item = {"pk": {"S": "meta"}, "fingerprint": {"S": Keys(_SECRET).fingerprint()}, "owner": {"S": "bench"}}
    body = json.dumps({"TableName": TABLE, "Item": item}).encode()
    request = urllib.request.Request(url, body, {"X-Amz-Target": "DynamoDB_20120810.PutItem"})
    with urllib.request.urlopen(request):
        pass


def _by_its_topic(envelope: str) -> str:
    return envelope.replace("ses-feedback_", f"{_loaded['deployment']}_", 1)


def sns_event(envelope: str) -> dict[str, Any]:
    """Return the event that SNS invokes a loaded function with, for one message as it is posted."""
    subscription = f"arn:aws:sns:us-east-1:{corpus.ACCOUNT}:bench:00000000-0000-0000-0000-000000000000"
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription}
    return {"Records": [record | {"Sns": json.loads(_by_its_topic(envelope))}]}


def sqs_event(bodies: list[str]) -> dict[str, Any]:
    """Return the event that SQS invokes a loaded function with, for a batch of bodies."""
    arn = f"arn:aws:sqs:us-east-1:{corpus.ACCOUNT}:{naming.tally_queue_name('bench')}"
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1780000000000", "SenderId": "AIDAIT2UOQQY3AUEKVGXU"}
    return {
        "Records": [
            {
                "messageId": f"{number:08d}-0000-0000-0000-000000000000",
                "receiptHandle": "r" * 400,
                "body": _by_its_topic(body),
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": "0" * 32,
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }
