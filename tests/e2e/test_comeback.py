"""What was put aside comes back by one command, through the deployed loop: suppressed, counted, and nowhere else."""

from __future__ import annotations

import json

from local.cloud import ACCOUNT
from local.loop import Loop, until
from ses_feedback import naming
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.domain import events as ev
from ses_feedback.domain.events import Fault
from tests.e2e import messages

SHOP = "example.com"
PATIENCE_S = 30


def suppressed(loop: Loop, address: str) -> bool:
    """Whether an address may no longer be mailed."""
    return bool(loop.check([address], "production", "transactional")[address]["suppressed"])


def bounces(loop: Loop) -> int:
    """How many bounces of the shop were counted."""
    return loop.counted(SHOP)[naming.METRIC_HARD_BOUNCED]


def put(loop: Loop, queue: str, body: str) -> None:
    """Put a message on a queue."""
    sqs = loop.cloud.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)


def test_a_piece_that_can_be_read_by_now_is_suppressed_and_counted(loop: Loop) -> None:
    """Put aside by a former version, retried: its address is suppressed, its bounce counted, the piece gone."""
    until("counting", loop.drained, seconds=PATIENCE_S)
    before, address = bounces(loop), messages.someone("forgiven-by-mistake")
    text = messages.bounce(SHOP, address)
    topic = loop.topic("bounce", SHOP)
    bucket = naming.quarantine_bucket_name(loop.name, ACCOUNT, loop.cloud.region)
    at = 1_700_000_000_000
    assert QuarantineBucket(lambda: loop.cloud.client("s3"), bucket).keep(Fault(text, "a former bug", topic), at)
    (listed,) = loop.ask("quarantine", "list", "--why", "a former bug")
    assert (listed["topic"], listed["kind"]) == (topic, "bounce")
    (shown,) = loop.ask("quarantine", "show", listed["id"][:10])
    assert shown["raw"] == text
    (planned,) = loop.ask("quarantine", "retry", listed["id"], "--dry-run")
    assert (planned["found"], planned["put_back"], planned["unreadable"]) == (1, 0, 0)
    (done,) = loop.ask("quarantine", "retry", listed["id"])
    assert (done["found"], done["put_back"], done["left"]) == (1, 1, 0)
    until(f"suppressing {address}", lambda: suppressed(loop, address), seconds=PATIENCE_S)
    until("counting it", lambda: bounces(loop) == before + 1, seconds=PATIENCE_S)
    assert loop.ask("quarantine", "list", "--why", "a former bug") == []


def test_a_piece_that_still_cannot_be_read_is_put_aside_anew(loop: Loop) -> None:
    """Published garbage, retried: it is in quarantine again, with a new time, and nowhere else."""
    text = f'{{"notificationType":"Bounce","mail":{{"{messages.someone("cut")}'
    loop.publish("bounce", SHOP, [text])

    def found() -> dict[str, object] | None:
        return next((q for q in loop.ask("quarantine", "list") if q["size"] == len(text)), None)

    first = until("quarantine", found, seconds=PATIENCE_S)
    until("counting", loop.drained, seconds=PATIENCE_S)
    (done,) = loop.ask("quarantine", "retry", str(first["id"]))
    assert (done["put_back"], done["unreadable"]) == (1, 1)
    again = until("quarantine anew", found, seconds=PATIENCE_S)
    assert again["id"] == first["id"] and str(again["quarantined_at"]) > str(first["quarantined_at"])
    until("counting", loop.drained, seconds=PATIENCE_S)
    assert not again["retrying"]


def test_dead_letters_are_redriven_and_done(loop: Loop) -> None:
    """What was given up is recorded, what could not be counted is counted; both queues are empty, the count adds up."""
    until("counting", loop.drained, seconds=PATIENCE_S)
    before, address, other = bounces(loop), messages.someone("given-up"), messages.someone("uncounted")
    topic = loop.topic("bounce", SHOP)
    event = {"Sns": {"TopicArn": topic, "Type": "Notification", "Message": messages.bounce(SHOP, address)}}
    record = {
        "requestContext": {"condition": "RetriesExhausted"},
        "requestPayload": {"Records": [event]},
        "responsePayload": {"errorType": "KeyError", "errorMessage": address},
    }
    dead, uncounted = naming.dead_letter_queue_name(loop.name), naming.tally_dead_letter_queue_name(loop.name)
    put(loop, dead, json.dumps(record))
    envelope = {"Type": "Notification", "TopicArn": topic, "Message": messages.bounce(SHOP, other)}
    put(loop, uncounted, json.dumps(envelope))
    planned = loop.cli("redrive", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "KeyError" in planned.stdout and "bounce example-com" in planned.stdout and "@" not in planned.stdout
    first, second, *others = loop.ask("redrive")
    assert (first["queue"], first["found"], first["moved"], first["left"]) == (dead, 1, 1, 0)
    assert (second["queue"], second["found"], second["moved"], second["left"]) == (uncounted, 1, 1, 0)
    assert not any(other["found"] for other in others)
    verdict = until(
        f"suppressing {address}",
        lambda: suppressed(loop, address) and loop.check([address], "production", "transactional")[address],
        seconds=PATIENCE_S,
    )
    assert verdict["reason"] == ev.HARD_BOUNCE  # type: ignore[index]
    until("counting the other", lambda: bounces(loop) == before + 1, seconds=PATIENCE_S)
    assert not suppressed(loop, other)
    assert loop.waiting(dead) == loop.waiting(uncounted) == 0
