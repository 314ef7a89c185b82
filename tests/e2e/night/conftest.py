"""The file of the repository, deployed, on a bad night: what runbooks tell of is there to be found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from local.cloud import Cloud
from local.deployment import context, deploy
from local.loop import Loop, until
from local.state import ROOT, State
from ses_feedback import naming
from ses_feedback.config import load
from tests.e2e import messages
from tests.e2e.night.shell import Shell

NEWS, SHOP, JANE = "news.example.com", "example.com", "jane@example.com"
BOUNCES = 60  # above the floor of the page
PATIENCE_S = 60


class Night(NamedTuple):
    """The deployment, the shell beside it, and the id of a piece in quarantine."""

    loop: Loop
    shell: Shell
    piece: str


@pytest.fixture(scope="package")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A campaign has gone to bad addresses, Jane's among them; its page paused it. Some feedback was put aside."""
    config = load(ROOT / "feedback.toml")
    state = State(tmp_path_factory.mktemp("night"))
    with state.held(), Cloud(state.folder, region=config.deployment.region) as cloud:
        loop = Loop(cloud, config, deploy(cloud, config, state))
        loop.send(f"orders@{SHOP}", "success@simulator.amazonses.com")
        addresses = [JANE, *(messages.someone("gone") for _ in range(BOUNCES - 1))]
        for start in range(0, BOUNCES, 10):
            some = (messages.bounce(NEWS, who) for who in addresses[start : start + 10])
            loop.publish("bounce", NEWS, [messages.placed(loop.topic("bounce", NEWS), told) for told in some])
        shop = loop.topic("bounce", SHOP)
        undated = json.loads(messages.placed(shop, messages.bounce(SHOP, messages.someone("undated"))))
        del undated["bounce"]["timestamp"], undated["mail"]["timestamp"]
        loop.publish("bounce", SHOP, [json.dumps(undated)])
        sqs = cloud.client("sqs")
        for queue in (naming.dead_letter_queue_name(loop.name), naming.team_dead_letter_queue_name(loop.name)):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            dead = messages.posted(shop, messages.bounce(SHOP, messages.someone("dead")))
            sqs.send_message(QueueUrl=url, MessageBody=dead)
        page = naming.rates_alarm_name(loop.name, NEWS, "page")
        until(
            "the page", lambda: page in [str(alarm["AlarmName"]) for alarm in loop.alarms("ALARM")], seconds=PATIENCE_S
        )
        until("the pause", lambda: loop.ask("pauses", NEWS), seconds=PATIENCE_S)
        (piece,) = until("the quarantine", lambda: loop.ask("quarantine", "list"), seconds=PATIENCE_S)
        yield Night(loop, Shell(cloud, state.folder / "home", context(cloud, config, state)), str(piece["id"])[:8])
