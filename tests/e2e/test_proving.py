"""`ses-feedback prove` on the embedded AWS: every leg of a whole loop, and the right leg and log of a broken one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.loop import Loop, until
from local.state import ROOT
from ses_feedback import naming
from ses_feedback.config import load
from ses_feedback.domain import probe
from tests.e2e.conftest import CONFIG, Stage
from tests.e2e.test_checking import forbidden
from tests.e2e.test_digests import let_five_minutes_pass

SHOP, DESK, DEV = "example.com", "desk.example.com", "dev@example.com"
OF_SHOP = {"environment": "production", "stream": "transactional"}
PATIENCE_S = 60
# Enough for every leg here, where Firehose buffers for a second; what does not come is given up sooner.
SOON = "20s"
CLI = Path(sys.executable).parent / "ses-feedback"


def prove(loop: Loop, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and each leg."""
    done = loop.cli("prove", *arguments, "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def failed(loop: Loop, *arguments: str) -> dict[str, dict[str, Any]]:
    """The legs that a broken loop has not proved, by name."""
    code, legs = prove(loop, *arguments, "--timeout", SOON)
    found = {leg["leg"]: leg for leg in legs if leg["state"] == "failed"}
    assert code == 1 and found, legs
    assert all(leg["state"] == "proved" for leg in legs if leg["leg"] == "released"), legs
    return found


def is_clean(loop: Loop, *identities: str) -> None:
    """Nothing of a run is left: no queue, no subscription, no address that may not be mailed."""
    sqs, sns = loop.cloud.client("sqs"), loop.cloud.client("sns")
    assert not sqs.list_queues(QueueNamePrefix=naming.proving_queue_prefix(loop.name)).get("QueueUrls")
    for page in sns.get_paginator("list_subscriptions").paginate():
        assert not [s for s in page["Subscriptions"] if "-prove-until-" in s["Endpoint"]]
    for name in identities:
        identity = loop.config.identities[name]
        addresses = [probe.recipient(loop.name, kind, name) for kind in ("bounce", "complaint")]
        answers = loop.check(addresses, identity.environment, identity.stream)
        assert not any(answer["suppressed"] for answer in answers.values()), answers


def log_of(loop: Loop, function: str) -> str:
    return f"aws logs tail /aws/lambda/{naming.function_name(loop.name, function)} --region {loop.cloud.region} "


def test_every_leg_of_a_whole_loop_and_on_call(stage: Stage) -> None:
    """Each is measured, on-call reads that it is a drill, in JSON and in words, and no rate knows of it."""
    loop = stage.loop
    until("counting", loop.drained, seconds=PATIENCE_S)
    before = {name: loop.counted(name) for name in (SHOP, DESK, DEV)}
    pauses = loop.ask("pauses")
    stage.on_call.take(), stage.phone.take()
    let_five_minutes_pass(loop, "desk")
    code, legs = prove(loop, SHOP, DESK, DEV, "--drill")
    states = {(leg["identity"] or leg["severity"], leg["leg"]): leg["state"] for leg in legs}
    assert [(leg["identity"], leg["leg"], leg["what"]) for leg in legs if leg["state"] == "failed"] == []
    assert [where for where, state in states.items() if state == "none"] == [(SHOP, "digest"), (DEV, "digest")]
    assert states[DESK, "digest"] == states["page", "words"] == states["warn", "alarmed"] == "proved"
    assert all(leg["seconds"] is not None for leg in legs if leg["state"] == "proved" and leg["leg"] != "confirmed")
    assert code == 0
    (notice,) = [json.loads(m["Message"]) for m in stage.on_call.take()]
    assert notice["AlarmName"] == naming.drill_alarm_name(loop.name)
    assert notice["AlarmDescription"].startswith("WHAT: DRILL: nothing is wrong")
    assert "`ses-feedback prove --drill`" in notice["NewStateReason"]
    (told,) = stage.phone.take()
    assert told["Subject"] == f"PAGE: DRILL, nothing is wrong ({loop.name} drill)"
    ended = naming.drill_alarm_name(loop.name)
    until("the drill's end", lambda: ended in {a["AlarmName"] for a in loop.alarms("OK")}, seconds=PATIENCE_S)
    assert loop.ask("pauses") == pauses
    until("counting", loop.drained, seconds=PATIENCE_S)
    assert {name: loop.counted(name) for name in (SHOP, DESK, DEV)} == before
    is_clean(loop, SHOP, DESK, DEV)


def test_again_at_once_and_for_people(loop: Loop) -> None:
    """It may be repeated at any time; what nothing is wrong with is one table and one sentence."""
    for _ in range(2):
        done = loop.cli("prove", SHOP)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        head, row, *_, last = done.stdout.splitlines()
        assert head.split() == ["IDENTITY", "SENT", "SUPPRESS", "COUNT", "ARCHIVE", "CHANGE", "RELEASE"]
        assert row.startswith(SHOP) and row.count("✓") == 6 and "✗" not in row
        assert last.startswith("Proved.")
    is_clean(loop, SHOP)


def test_what_is_not_verified_is_pending_and_no_failure_of_others(loop: Loop) -> None:
    code, legs = prove(loop, "pending.invalid", SHOP)
    assert {leg["state"] for leg in legs if leg["identity"] == "pending.invalid"} == {"pending"}
    assert code == 0
    alone = loop.cli("prove", "pending.invalid")
    assert alone.returncode == 1
    assert "SES has verified none of the identities: nothing is proved" in alone.stderr


def test_a_topic_that_ses_drops(loop: Loop) -> None:
    """SES may not publish complaints, and drops the topic: said so, with what mends it."""
    with forbidden(loop, loop.topic("complaint", SHOP)):
        found = failed(loop, SHOP)
    assert {"suppressed", "counted"} <= found.keys()
    assert found["suppressed"]["what"].startswith(f"SES publishes no complaints of {SHOP}: the topic is not set")
    assert found["suppressed"]["mend"] == "ses-feedback doctor --fix"
    assert loop.cli("doctor", "--fix").returncode in (0, 1)
    assert prove(loop, SHOP)[0] == 0


def test_recording_that_fails(loop: Loop) -> None:
    """What came back and was counted, and not recorded: it waits to be tried again, and the log is that function's."""
    with uninvited(loop, naming.RECORD_FEEDBACK), paused(loop, naming.RETRY_FEEDBACK):
        found = failed(loop, SHOP)
    assert "came back and were counted, and not recorded; 2 notifications" in found["suppressed"]["what"]
    assert found["suppressed"]["read"].startswith(log_of(loop, naming.RECORD_FEEDBACK))
    assert found["change"]["what"] == "nothing was suppressed that could be announced"
    assert "counted" not in found and "archived" not in found


def test_counting_that_fails(loop: Loop) -> None:
    with paused(loop, naming.TALLY_FEEDBACK):
        found = failed(loop, SHOP)
    assert found.keys() == {"counted"}
    assert "came back, and no metric says" in found["counted"]["what"]
    assert "in the tally queue" in found["counted"]["what"]
    assert found["counted"]["read"].startswith(log_of(loop, naming.TALLY_FEEDBACK))


def test_an_archive_that_fails(loop: Loop) -> None:
    """Firehose puts aside what the function does not transform: how many objects, and how they come back."""
    with broken(loop, naming.WRITE_ARCHIVE):
        found = failed(loop, SHOP)
    assert found.keys() == {"archived"}
    assert "Firehose has put" in found["archived"]["what"]
    assert found["archived"]["read"].startswith(log_of(loop, naming.WRITE_ARCHIVE))
    assert found["archived"]["mend"] == "ses-feedback redrive archive"
    assert loop.cli("redrive", "archive").returncode == 0


def test_changes_that_nobody_is_told_of(loop: Loop) -> None:
    with paused(loop, naming.ANNOUNCE_CHANGES):
        found = failed(loop, SHOP)
    assert found.keys() == {"change"}
    assert found["change"]["read"].startswith(log_of(loop, naming.ANNOUNCE_CHANGES))


def test_on_call_that_cannot_be_reached(stage: Stage, tmp_path: Path) -> None:
    """Who has not confirmed is named; a topic that CloudWatch may not publish to is told in CloudWatch's words."""
    loop, absent = stage.loop, "https://pager.invalid/sns"
    file = tmp_path / "feedback.toml"
    page = 'page = [{ email = "oncall@example.com" }'
    file.write_text(CONFIG.read_text().replace(page, f'{page}, {{ https = "{absent}" }}'))
    topic = loop.outputs[naming.OUTPUT_PAGE_TOPIC]
    asked = Loop(loop.cloud, load(file), loop.outputs)
    loop.cloud.client("sns").subscribe(TopicArn=topic, Protocol="https", Endpoint=absent)
    found = failed(asked, SHOP)
    assert found.keys() == {"confirmed"}
    assert found["confirmed"]["what"].startswith(
        f"1 of 3 subscriptions of page: on-call (page): https {absent} has not confirmed"
    )
    assert found["confirmed"]["mend"].startswith("aws sns subscribe")
    with forbidden(loop, topic):
        found = failed(loop, SHOP, "--drill")
    assert found.keys() == {"alarmed", "words"}
    assert "not authorized to perform: SNS:Publish" in found["alarmed"]["what"]
    assert found["alarmed"]["read"].startswith("aws cloudwatch describe-alarm-history")


def test_ctrl_c_in_the_middle_leaves_nothing(loop: Loop) -> None:
    """It stops sending, waits for what is on its way, releases it, and stops listening."""
    command = [str(CLI), "prove", SHOP, "--config", str(loop.config.path)]
    running = subprocess.Popen(
        command, cwd=ROOT, env=loop.cloud.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    address = probe.recipient(loop.name, "bounce", SHOP)
    until(
        "the first suppression",
        lambda: running.poll() is not None or loop.check([address], **OF_SHOP)[address]["suppressed"],
        seconds=PATIENCE_S,
    )
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, out, said) == (130, "", "")
    is_clean(loop, SHOP)


# --- what is broken for a while


@contextmanager
def uninvited(loop: Loop, function: str) -> Iterator[None]:
    """Take SNS's permission to invoke a function away, as a bad deployment would."""
    functions, name = loop.cloud.client("lambda"), naming.function_name(loop.name, function)
    statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    for statement in statements:
        functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    try:
        yield
    finally:
        for statement in statements:
            functions.add_permission(
                FunctionName=name,
                StatementId=statement["Sid"],
                Action=statement["Action"],
                Principal=statement["Principal"]["Service"],
                SourceArn=next(iter(statement["Condition"].values()))["AWS:SourceArn"],
            )


@contextmanager
def paused(loop: Loop, function: str) -> Iterator[None]:
    """Switch off what feeds a function."""
    functions, name = loop.cloud.client("lambda"), naming.function_name(loop.name, function)
    (source,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)


@contextmanager
def broken(loop: Loop, function: str) -> Iterator[None]:
    """Have a function name a handler that its code does not have."""
    functions, name = loop.cloud.client("lambda"), naming.function_name(loop.name, function)
    before = functions.get_function_configuration(FunctionName=name)["Handler"]
    functions.update_function_configuration(FunctionName=name, Handler="lambdas.gone.handler")
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Handler=before)


@pytest.fixture(autouse=True)
def settled(loop: Loop) -> None:
    """What the test before has left is over: nothing waits to be counted or tried again."""
    until("counting and trying again", loop.drained, seconds=PATIENCE_S)
