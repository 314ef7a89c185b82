"""Whoever follows the changes hears of each: a suppression, a release, an end; a filter keeps the rest away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.loop import Inbox, Loop, until
from ses_feedback import naming
from tests.e2e.conftest import Stage
from tests.unit.docs.test_changes import validate

Hear = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def hear(loop: Loop) -> Hear:
    """Return what waits for the event of a type about an address."""
    topic = loop.outputs[naming.OUTPUT_CHANGES_TOPIC]
    inbox = Inbox(loop.cloud, topic, "changes-inbox")
    heard: list[dict[str, Any]] = []

    def wait(type_: str, address: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            for envelope in inbox.take():
                event = json.loads(envelope["Message"])
                validate(event)
                assert envelope["MessageAttributes"]["type"]["Value"] == event["type"]
                heard.append(event)
            return next((e for e in heard if (e["type"], e["address"]) == (type_, address)), None)

        event: dict[str, Any] = until(f"the event {type_} of {address}", found, seconds=60)
        return event

    return wait


def test_a_suppression_its_release_and_an_end_are_heard(loop: Loop, stage: Stage, hear: Hear) -> None:
    """What is told is what the command line says; the release comes after, and an end without anybody writing.

    Whom the file names hears only of what it says there.
    """
    who, brief = "followed@example.net", "brief@example.net"
    loop.ask("suppress", who, "--environment", "production", "--stream", "marketing", "--why", "asked")
    told = hear("suppressed", who)
    (asked,) = loop.ask("check", who, "--environment", "production", "--stream", "marketing")
    assert {name: told[name] for name in ("reason", "since", "until")} == {
        name: asked[name] for name in ("reason", "since", "until")
    }
    assert (told["environment"], told["stream"]) == ("production", "marketing")
    loop.ask("release", who, "--environment", "production", "--stream", "marketing", "--why", "asked again")
    lifted = hear("released", who)
    assert lifted["order"] > told["order"]
    assert lifted["id"] != told["id"]
    crm: list[dict[str, Any]] = []

    def follower_heard() -> bool:
        crm.extend(json.loads(envelope["Message"]) for envelope in stage.crm.take())
        return lifted in crm

    until("the release at the follower that the file names", follower_heard, seconds=60)
    assert {event["type"] for event in crm} == {"released"}

    loop.ask("suppress", brief, "--environment", "production", "--for", "5s", "--why", "for a moment")
    begun = hear("suppressed", brief)
    until("the end", lambda: loop.run(naming.ANNOUNCE_CHANGES)["expired"] > 0, seconds=60)
    ended = hear("expired", brief)
    assert ended["at"] == ended["until"] == begun["until"]
    assert (ended["stream"], ended["reason"]) == ("*", "operator")
    assert ended["order"] > begun["order"]
