"""Cold start of ``record_feedback``, from the first import to the first write, against a handler as commonly written.

Each run is a fresh interpreter with what Lambda's own bootstrap has already imported; the two take turns. CPU time,
because Lambda gives a small function a fraction of a core and CPU is what it waits for. The clock stops when a local
stand-in for DynamoDB has answered PutItem and the handler has returned.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from benchmarks.assets import ROOT, built
from benchmarks.figure import Figure, NotMeasured

TARGET: Final = 0.45
RUNS: Final = 11

# What runs before the clock: the modules that Lambda's Python bootstrap has imported by then.
_PRELUDE: Final = """
import sys, os, time, json, logging, traceback, decimal, http.client, importlib, datetime, types, functools
sys.path[:0] = json.loads(os.environ["BENCH_PATH"])
event = json.loads(os.environ["BENCH_EVENT"])
cpu, wall = time.process_time(), time.perf_counter()
"""
_CODA: Final = """
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
os.write(2, json.dumps([cpu, wall]).encode())
os._exit(0)
"""
_OURS: Final = "from lambdas.record_feedback import handler\nhandler(event, None)"
_PEER: Final = "from peer_handler import handler\nhandler(event, None)"


class _DynamoDb(ThreadingHTTPServer):
    """Answers every PutItem with success, and counts them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.daemon_threads = True
        self.puts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _DynamoDb

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        put = self.headers["X-Amz-Target"].endswith(".PutItem")
        self.server.puts += put
        body = b"{}"
        self.send_response(200 if put else 400)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def notification() -> str:
    """Return a hard bounce for an identity of the example configuration, as SES writes it, of just now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    recipient = {
        "emailAddress": "jane@example.net",
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "550 5.1.1",
    }
    mail = {
        "timestamp": now,
        "messageId": "0100018f-bench",
        "source": "shop@example.com",
        "sourceArn": "arn:aws:ses:us-east-1:111122223333:identity/example.com",
        "destination": ["jane@example.net"],
    }
    bounce = {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [recipient],
        "timestamp": now,
        "feedbackId": "0100018f-feedback",
    }
    return json.dumps({"notificationType": "Bounce", "mail": mail, "bounce": bounce})


def events() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same notification as SNS hands it to our function, and as SQS hands it to the peer's."""
    topic = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6"
    envelope = {"Type": "Notification", "MessageId": "bench", "TopicArn": topic, "Message": notification()}
    ours = {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": envelope}]}
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1780000000000"}
    message = {
        "messageId": "bench",
        "receiptHandle": "bench",
        "body": json.dumps(envelope),
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:feedback",
        "awsRegion": "us-east-1",
    }
    return ours, {"Records": [message]}


def run(
    code: str, path: list[str], event: Mapping[str, Any], server: _DynamoDb, *flags: str
) -> tuple[float, float, str]:
    """Run one cold start; return its CPU and wall seconds, and what else it wrote to standard error."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "BENCH_PATH": json.dumps(path),
        "BENCH_EVENT": json.dumps(event),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_DYNAMODB": server.url,
        "SES_FEEDBACK_TABLE": "bench-suppressions",
        "SES_FEEDBACK_ADDRESS_KEY": "0123456789abcdef0123456789abcdef",
        "SES_FEEDBACK_QUARANTINE_BUCKET": "bench-quarantine",
        "SES_FEEDBACK_DEPLOYMENT": "bench",
    }
    before = server.puts
    # -S: no site-packages by themselves, so that the asset alone decides what comes first, as in Lambda.
    command = [sys.executable, "-S", "-s", *flags, "-c", _PRELUDE + code + _CODA]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    said, bracket, seconds = done.stderr.rpartition("[")
    if done.returncode or not bracket:
        raise NotMeasured(f"a cold start failed: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}")
    if server.puts != before + 1:
        raise NotMeasured(f"a cold start made {server.puts - before} writes instead of one")
    cpu, wall = json.loads(bracket + seconds)
    return cpu, wall, said


def measure() -> list[Figure]:
    """Take turns between ours and the peer; return CPU time to the first write, ours in units of the peer's."""
    ours, theirs = events()
    site = next(path for path in sys.path if path.endswith("site-packages"))
    server = _DynamoDb()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    spent: dict[str, list[float]] = {"ours": [], "peer": []}
    try:
        with built(local=True) as asset:
            for repeat in range(RUNS + 1):
                mine, *_ = run(_OURS, [str(asset), site], ours, server)
                peers, *_ = run(_PEER, [str(ROOT / "benchmarks"), site], theirs, server)
                if repeat:  # the first round fills caches of files and byte code
                    spent["ours"].append(mine)
                    spent["peer"].append(peers)
    finally:
        server.shutdown()
        server.server_close()
    ratio = statistics.median(a / b for a, b in zip(spent["ours"], spent["peer"], strict=True))
    medians = {name: statistics.median(values) * 1_000 for name, values in spent.items()}
    return [
        Figure(
            "cold start of record_feedback, import to first write",
            f"{medians['ours']:.0f} ms CPU",
            f"{medians['peer']:.0f} ms: boto3 resource, Powertools Logger, Metrics, Batch, Idempotency",
            ratio,
            TARGET,
        )
    ]


def import_times() -> str:
    """Return what ``-X importtime`` says of one cold start of ours, for who looks for savings."""
    ours, _ = events()
    site = next(path for path in sys.path if path.endswith("site-packages"))
    server = _DynamoDb()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with built(local=True) as asset:
            run(_OURS, [str(asset), site], ours, server)
            return run(_OURS, [str(asset), site], ours, server, "-X", "importtime")[2]
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    if "--import-times" in sys.argv[1:]:
        print(import_times())
    else:
        for figure in measure():
            print(f"{figure.name}: {figure.measured} against {figure.reference}")
            print(f"ratio {figure.ratio:.2f}, target {figure.bound}")
