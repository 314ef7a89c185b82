"""The suppression list is lost, and the archive brings it back: by the command, and by the state machine on AWS."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.cloud import ACCOUNT
from local.loop import Loop, until
from ses_feedback import naming
from ses_feedback.cli.session import wall_clock
from ses_feedback.domain.archive import decision_line, line_of
from ses_feedback.domain.history import Ruling
from ses_feedback.domain.times import parse_time
from ses_feedback.usecases.archive import hour_of
from tests.e2e.conftest import Stage
from tests.e2e.rig import PATIENCE_S, Rig
from tests.e2e.storm import State, Storm, Who, undisturbed

RELEASED = ("production", "replayed-0@example.net")
RULED = ("dev", "replayed-ruled@example.net")


class Lost:
    """What live feedback made of a storm, with two decisions of an operator, and how to lose it."""

    def __init__(self, rig: Rig, storm: Storm) -> None:
        self.rig = rig
        self.storm = storm
        self.people: list[Who] = [*undisturbed(storm.notices, rig.rules, rig.keys), RULED]
        self.before: dict[Who, State] = {}

    def lose(self) -> None:
        """Delete every address of it from the table."""
        dynamodb = self.rig.loop.cloud.client("dynamodb")
        table = naming.table_name(self.rig.loop.name)
        for who in self.people:
            key = {naming.ATTRIBUTE_KEY: {"S": self.rig.keys.address(*who)}}
            dynamodb.delete_item(TableName=table, Key=key)
        assert not any(state.suppressions for state in self.rig.stored(self.people).values())


@pytest.fixture(scope="module")
def lost(stage: Stage) -> Lost:
    """A storm that was lived through, and archived."""
    loop = stage.loop
    rig = Rig(loop, None)  # type: ignore[arg-type]  # nothing goes through a proxy here
    until("quiet", loop.drained, seconds=PATIENCE_S)
    rig.begin()
    storm = Storm("replayed", 21, seed=11)
    rig.throw(storm.strikes)
    rig.settle()
    rig.throw(storm.deliveries)
    rig.settle()
    decisions = [
        decide(loop, "release", RELEASED, "--stream", "*"),
        decide(loop, "suppress", RULED, "--for", "30d", "--stream", "*"),
    ]
    found = Lost(rig, storm)
    found.before = rig.stored(found.people)
    archive(rig, storm, decisions)
    return found


def decide(loop: Loop, action: str, who: Who, *options: str) -> str:
    """Let an operator decide; return the archive's line of it."""
    environment, address = who
    (said,) = loop.ask(action, address, "--environment", environment, "--why", "asked by phone", *options)
    at = parse_time(said["decided_at"])
    until_ = parse_time(said["until"]) if action == "suppress" else None
    return decision_line(environment, address, "*", action, Ruling(at, until_, "operator", "asked by phone"))


def archive(rig: Rig, storm: Storm, decisions: list[str]) -> None:
    """Put what SNS would have handed on into the deployment's bucket: shuffled, some of it twice, with damage."""
    loop, now = rig.loop, wall_clock()
    lines = [*decisions, "damage", json.dumps({"foreign": True})]
    for notice in storm.everything():
        envelope = {
            "Type": "Notification",
            "TopicArn": loop.topic(notice.kind, notice.identity),
            "Message": notice.text,
        }
        lines.append(
            line_of(json.dumps(envelope), directory=rig.rules.directory, deployment=rig.rules.deployment, now=now)
        )
    random.Random(5).shuffle(lines)
    s3, bucket = loop.cloud.client("s3"), naming.archive_bucket_name(loop.name, ACCOUNT, loop.cloud.region)
    with contextlib.suppress(ClientError):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": loop.cloud.region})
    for number in range(6):
        content = gzip.compress("\n".join(lines[number::6]).encode())
        if number == 5:
            content += gzip.compress(b"half of an object that was cut off")[:-12]
        s3.put_object(Bucket=bucket, Key=f"feedback/{hour_of(now)}/replayed-{number}.gz", Body=content)


def test_the_command_brings_back_what_was_lost(lost: Lost, tmp_path: Path) -> None:
    """Every strike and suppression; then there is nothing more to do."""
    options = ("replay", "--state", str(tmp_path / "notes"))
    lost.lose()
    dry = lost.rig.loop.ask(*options, "--dry-run")
    assert {found["address"] for found in dry[:-1]} >= lost.storm.suppressed - {RELEASED[1]}
    assert not any(state.suppressions for state in lost.rig.stored(lost.people).values())
    counts = lost.rig.loop.ask(*options)[-1]
    assert lost.rig.stored(lost.people) == lost.before
    assert counts["decisions"] >= 2
    assert counts["skipped"]["gzip objects that break off, read up to there"] >= 1
    assert counts["written"] >= len(lost.storm.suppressed)
    again = lost.rig.loop.ask("replay", "--state", str(tmp_path / "others"))[-1]
    assert (again["written"], again["problems"]) == (0, {})


def test_the_state_machine_brings_back_the_same(lost: Lost) -> None:
    """Really run by Step Functions, with the deployed function."""
    lost.lose()
    (counts,) = lost.rig.loop.ask("replay", "--on-aws", "--rate", "2000")
    assert counts["failure"] is None
    assert lost.rig.stored(lost.people) == lost.before
    assert counts["evidence"]["written"] >= len(lost.storm.suppressed)
    (again,) = lost.rig.loop.ask("replay", "--on-aws", "--rate", "2000")
    assert again["evidence"].get("written", 0) == again["deliveries"].get("written", 0) == 0
