"""People get one readable message about many bounces, and no more within five minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from local.loop import Loop, until
from ses_feedback import naming
from tests.e2e import messages
from tests.e2e.conftest import Stage

DESK = "desk.example.com"
PATIENCE_S = 30


@contextmanager
def unscheduled(loop: Loop, function: str) -> Iterator[None]:
    """Keep the schedule of a function from running it meanwhile."""
    rules, name = loop.cloud.client("events"), naming.function_name(loop.name, function)
    rules.disable_rule(Name=name)
    try:
        yield
    finally:
        rules.enable_rule(Name=name)


def let_five_minutes_pass(loop: Loop, team: str) -> None:
    """Forget when a team was last told (a deployment's own messages take a turn): nobody waits that long here."""
    key = {naming.ATTRIBUTE_KEY: {"S": f"digest#{team}"}}
    loop.cloud.client("dynamodb").delete_item(TableName=naming.wiring_table_name(loop.name), Key=key)


def test_schedule_runs_the_function_by_itself(loop: Loop) -> None:
    """A minute after the deployment, the rule of the template has run the function, and nothing failed."""
    name = naming.function_name(loop.name, naming.TELL_TEAMS)
    until("the schedule", lambda: loop.invocations(naming.TELL_TEAMS), seconds=90)
    assert loop.metric("AWS/Lambda", "Errors", FunctionName=name) == 0


def test_bad_mailing_is_one_message_to_the_team(stage: Stage) -> None:
    """Three bounces and a complaint are one digest that says who, why, and what was done; what comes right after it
    waits for the next one."""
    loop = stage.loop
    queue = naming.digest_queue_name(loop.name, "desk")
    who = [messages.someone("desk") for _ in range(5)]
    with unscheduled(loop, naming.TELL_TEAMS):
        loop.publish("bounce", DESK, [messages.bounce(DESK, address) for address in who[:3]])
        loop.publish("complaint", DESK, [messages.complaint(DESK, who[3])])

        def suppressed(some: list[str]) -> bool:
            return all(verdict["suppressed"] for verdict in loop.check(some, "desk", "default").values())

        until("the suppressions", lambda: suppressed(who[:4]), seconds=PATIENCE_S)
        until("what waits for the digest", lambda: loop.waiting(queue) >= 4, seconds=PATIENCE_S)
        let_five_minutes_pass(loop, "desk")
        told: list[str] = []

        def digest() -> bool:
            loop.run(naming.TELL_TEAMS)
            told.extend(m["Message"] for m in stage.desk.take())
            return bool(told)

        until("the digest", digest, seconds=PATIENCE_S)
        (text,) = told
        assert not text.startswith("{")
        assert all(address in text for address in who[:4])
        assert "5.1.1" in text and "complain" in text.lower()
        assert loop.waiting(queue) == 0
        loop.publish("bounce", DESK, [messages.bounce(DESK, who[4])])
        until("the next to wait", lambda: loop.waiting(queue), seconds=PATIENCE_S)
        until("its suppression", lambda: suppressed(who[4:]), seconds=PATIENCE_S)
        loop.run(naming.TELL_TEAMS)
        assert stage.desk.take() == []
        assert loop.waiting(queue) == 1
