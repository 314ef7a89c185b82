"""The archive fills: mail and decisions become lines; what fails waits in the folder of errors, and comes back."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.cloud import ACCOUNT
from local.loop import Loop, until
from ses_feedback import naming
from ses_feedback.domain import events as ev
from ses_feedback.domain.archive_columns import EVENT_NAMES
from tests.e2e import messages

PATIENCE_S = 60
SIMULATED = "bounce+archived@simulator.amazonses.com"


def bucket(loop: Loop) -> str:
    return naming.archive_bucket_name(loop.name, ACCOUNT, loop.cloud.region)


def objects(loop: Loop, folder: str) -> Iterator[tuple[str, bytes]]:
    s3 = loop.cloud.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket(loop), Prefix=f"{folder}/"):
        for found in page.get("Contents", []):
            yield found["Key"], s3.get_object(Bucket=bucket(loop), Key=found["Key"])["Body"].read()


def lines(loop: Loop) -> list[dict[str, Any]]:
    """Every line that the deployment itself has written."""
    texts = [gzip.decompress(body) for key, body in objects(loop, naming.ARCHIVE_FEEDBACK) if f"/{loop.name}-" in key]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def about(loop: Loop, address: str) -> list[dict[str, Any]]:
    return [line for line in lines(loop) if any(event["recipient"] == address for event in line["events"])]


def decided(loop: Loop, address: str) -> list[dict[str, Any]]:
    return [line["decision"] for line in lines(loop) if line.get("decision", {}).get("address") == address]


def test_mail_becomes_lines(loop: Loop) -> None:
    """A mail through SES: its bounce is a line with SES's text and the event read in it, in the folder of the hour."""
    message = loop.send("info@example.com", SIMULATED)
    (line,) = until("archiving a bounce", lambda: about(loop, SIMULATED), seconds=PATIENCE_S)
    (event,) = line["events"]
    assert tuple(event) == EVENT_NAMES
    assert (event["kind"], event["class"], event["message_id"]) == (ev.BOUNCE, ev.HARD_BOUNCE, message)
    assert (event["identity"], event["stream"], event["canary"]) == ("example.com", "transactional", False)
    assert json.loads(line["message"])["mail"]["messageId"] == message
    assert line["topic"] == loop.topic(ev.BOUNCE, "example.com")
    assert line["sent_at"].endswith("Z")
    hour = time.strftime("%Y/%m/%d", time.gmtime())
    own = [key for key, _ in objects(loop, naming.ARCHIVE_FEEDBACK) if f"/{loop.name}-" in key]
    assert all(key.startswith("feedback/2") and key.endswith(".gz") for key in own)
    assert any(key.startswith(f"feedback/{hour}/") for key in own)


def test_what_cannot_be_read_is_kept_too(loop: Loop) -> None:
    """With the reason, beside the setup messages that SES sent when it was given its topics."""
    loop.publish(ev.BOUNCE, "example.com", ["unreadable, and archived all the same"])

    def kept() -> list[dict[str, Any]]:
        return [line for line in lines(loop) if line.get("message") == "unreadable, and archived all the same"]

    (line,) = until("archiving what cannot be read", kept, seconds=PATIENCE_S)
    assert (line["events"], line["skipped"][:8]) == ([], "not JSON")
    assert any(line.get("skipped", "").startswith("setup: ") for line in lines(loop))


def test_decisions_of_operators_are_archived_from_the_table(loop: Loop) -> None:
    """Suppressed and released by the command line, which writes to nothing but the table."""
    who, where = "decided@archive.example.net", ("--environment", "production")
    loop.ask("suppress", who, "--for", "30d", "--why", "they asked", *where)
    until("archiving a suppression", lambda: decided(loop, who), seconds=PATIENCE_S)
    loop.ask("release", who, "--why", "they asked again", *where)
    until("archiving a release", lambda: len(decided(loop, who)) > 1, seconds=PATIENCE_S)
    first, second = sorted(decided(loop, who), key=lambda decision: str(decision["at"]))
    assert (first["action"], first["stream"], first["why"]) == ("suppress", "*", "they asked")
    assert first["until"] > first["at"]
    assert (second["action"], second["until"], second["why"]) == ("release", None, "they asked again")


@pytest.fixture
def broken(loop: Loop) -> Iterator[None]:
    """Let the function that makes lines fail, as a bad deployment would."""
    functions = loop.cloud.client("lambda")
    name = naming.function_name(loop.name, naming.WRITE_ARCHIVE)
    healthy = functions.get_function_configuration(FunctionName=name)["Handler"]
    functions.update_function_configuration(FunctionName=name, Handler="lambdas.archive_feedback.gone")
    yield
    functions.update_function_configuration(FunctionName=name, Handler=healthy)


def test_what_could_not_be_archived_waits_and_comes_back(loop: Loop, broken: None) -> None:
    """Firehose puts it into its folder; it is counted for the alarm, shown without addresses, and sent again."""
    who = "late@archive.example.net"
    loop.publish(ev.BOUNCE, "example.com", [messages.bounce("example.com", who)])
    until("putting aside", lambda: list(objects(loop, naming.ARCHIVE_ERRORS)), seconds=PATIENCE_S)
    assert about(loop, who) == []
    loop.run(naming.CHECK_LOOP)
    where = {naming.DIMENSION_DEPLOYMENT: loop.name}

    def waiting() -> float:
        return loop.metric(naming.METRIC_NAMESPACE, naming.METRIC_ARCHIVE_WAITING, statistic="Maximum", **where)

    until("counting what waits", waiting, seconds=PATIENCE_S)
    shown = loop.cli("redrive", "archive", "--dry-run")
    assert "Firehose could not deliver it: Lambda.FunctionError" in shown.stdout
    assert who not in shown.stdout
    name = naming.function_name(loop.name, naming.WRITE_ARCHIVE)
    healthy = naming.handler_of(naming.WRITE_ARCHIVE)
    loop.cloud.client("lambda").update_function_configuration(FunctionName=name, Handler=healthy)
    done = loop.cli("redrive", "archive")
    assert (done.returncode, done.stderr) == (0, "")
    until("archiving late", lambda: about(loop, who), seconds=PATIENCE_S)
    assert list(objects(loop, naming.ARCHIVE_ERRORS)) == []
