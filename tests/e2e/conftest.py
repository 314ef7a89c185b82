"""One embedded AWS with one real deployment for all end-to-end tests, on a free port and in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from local.cloud import ACCOUNT, Cloud
from local.deployment import deploy
from local.loop import Inbox, Loop
from local.state import State
from ses_feedback import naming
from ses_feedback.config import load

CONFIG = Path(__file__).parent / "feedback.toml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of faults last: their feedback is days old, and holds the deployed alarms for hours."""
    items.sort(key=lambda item: item.path.name == "test_faults.py")


class Stage(NamedTuple):
    """The deployed loop, where it keeps its files, and who listens from the start."""

    loop: Loop
    state: State
    on_call: Inbox
    warned: Inbox
    phone: Inbox
    customer_service: Inbox
    campaigns: Inbox
    desk: Inbox
    crm: Inbox


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deploy once; everything is gone at the end."""
    config = load(CONFIG)
    state = State(tmp_path_factory.mktemp("e2e"))
    with state.held(), Cloud(state.folder, region=config.deployment.region) as cloud:
        outputs = deploy(cloud, config, state)
        loop = Loop(cloud, config, outputs)
        on_call = Inbox(cloud, outputs[naming.OUTPUT_PAGE_TOPIC], "on-call-inbox")
        warned = Inbox(cloud, outputs[naming.OUTPUT_WARN_TOPIC], "on-call-warn-inbox")
        words = naming.on_call_text_topic_name(loop.name, "page")
        phone = Inbox(cloud, f"arn:aws:sns:{cloud.region}:{ACCOUNT}:{words}", "on-call-phone")
        teams = (
            Inbox.of_pattern(cloud, naming.topic_pattern(loop.name), f"{team}-inbox")
            for team in ("customer-service", "campaigns", "desk")
        )
        crm = Inbox.of_pattern(cloud, naming.changes_topic_name(loop.name), "crm-inbox")
        yield Stage(loop, state, on_call, warned, phone, *teams, crm)


@pytest.fixture(scope="session")
def loop(stage: Stage) -> Loop:
    """The deployed loop."""
    return stage.loop
