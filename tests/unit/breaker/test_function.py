"""The function that a page invokes: which identity an alarm means, and what it makes of anything else."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters import clients
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.on_call_topics import OnCallTopics
from ses_feedback.adapters.pause_table import PauseTable
from ses_feedback.adapters.sending_switch import SesSwitch
from ses_feedback.config import parse
from ses_feedback.config.loop import asset_files
from ses_feedback.domain.errors import PermanentError, RetryableError
from tests.fakes import THROTTLE

from .fakes import World

CONFIG = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
configuration_set = true
[identities."news@example.com"]
configuration_set = true
breaker = true
"""
# As the CloudWatch user guide shows it, `Invoke a Lambda function from an alarm`, for a composite alarm.
EVENT: dict[str, Any] = {
    "source": "aws.cloudwatch",
    "alarmArn": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:ses-feedback news@example.com page",
    "accountId": "111122223333",
    "time": "2023-08-04T12:56:46.138+0000",
    "region": "us-east-1",
    "alarmData": {
        "alarmName": "ses-feedback news@example.com page",
        "state": {
            "value": "ALARM",
            "reason": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:ses-feedback news@example.com bounce page fast "
            "transitioned to ALARM at Friday 04 August, 2023 12:54:46 UTC",
            "reasonData": '{"triggeringAlarms": []}',
            "timestamp": "2023-08-04T12:56:46.138+0000",
        },
        "previousState": {"value": "OK", "timestamp": "2023-08-04T12:54:46.138+0000"},
        "configuration": {"alarmRule": "…", "actionsSuppressor": "ses-feedback rates held"},
    },
}


class Stage:
    """The function over a world in memory."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.real = module.gateways()
        self.world = World()
        self.world.is_on = lambda _: self.world.sending  # type: ignore[method-assign]
        self.turned: list[tuple[str, bool]] = []
        self.world.turn = self._turn  # type: ignore[method-assign]
        given = self.real._replace(desk=self.world.desk)
        module.gateways = lambda: given

    def _turn(self, configuration_set: str, *, on: bool) -> None:
        self.turned.append((configuration_set, on))
        self.world.sending = on

    def run(self, event: object = EVENT) -> dict[str, str]:
        self.module.logger.handlers[0].stream = sys.stdout  # as the test captures it
        answer: dict[str, str] = self.module.handler(event, None)
        return answer


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    for name, text in asset_files(parse(tomllib.loads(CONFIG))).items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        naming.ENV_WIRING_TABLE: naming.wiring_table_name("ses-feedback"),
        naming.ENV_TOPICS: "arn:aws:sns:us-east-1:111122223333:",
    }.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    module = naming.handler_of(naming.BREAK_CIRCUIT).rpartition(".")[0]
    monkeypatch.delitem(sys.modules, module, raising=False)
    with mock_aws():
        loaded = importlib.import_module(module)
        monkeypatch.setattr(loaded.logger.handlers[0], "stream", sys.stdout)
        yield Stage(loaded)
    clients.client.cache_clear()


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    event = deepcopy(EVENT)
    change(event)
    return event


def test_it_is_made_of_the_real_things(stage: Stage) -> None:
    """Only identities with a breaker, by the name of the alarm that their templates give them."""
    assert {name: sender.identity for name, sender in stage.real.breakers.items()} == {
        "ses-feedback news@example.com page": "news@example.com"
    }
    book, switch, on_call, _ = stage.real.desk
    assert isinstance(book, PauseTable)
    assert isinstance(switch, SesSwitch)
    assert isinstance(on_call, OnCallTopics)


def test_the_page_of_an_identity_pauses_its_own_set(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """And leaves a line in the log, with names and no address of a recipient."""
    assert stage.run() == {"identity": "news@example.com", "outcome": "paused"}
    assert stage.turned == [(naming.configuration_set_name("ses-feedback", "news@example.com"), False)]
    (line,) = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (line["message"], line["identity"]) == ("paused", "news@example.com")
    assert "transitioned to ALARM" in stage.world.histories_["news@example.com"][0][0].why


def test_the_same_event_again_changes_nothing(stage: Stage) -> None:
    """Asynchronous invocations happen more than once."""
    stage.run()
    assert stage.run()["outcome"] == "repeated"
    assert len(stage.turned) == 1
    assert len(stage.world.told) == 1


@pytest.mark.parametrize(
    "name",
    [
        "ses-feedback example.com page",
        "ses-feedback news@example.com warn",
        "ses-feedback news@example.com bounce page fast",
        "ses-feedback-2 news@example.com page",
        "news@example.com",
        "",
    ],
)
def test_an_alarm_of_nobody_with_a_breaker_is_an_error(
    stage: Stage, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """Exact names only: an identity must not be paused because its name looks like another's."""
    with pytest.raises(PermanentError, match="nothing was paused"):
        stage.run(changed(lambda event: event["alarmData"].update(alarmName=name)))
    assert stage.turned == []
    (line,) = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (line["level"], line["alarm"]) == ("ERROR", name)


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA", "alarm"])
def test_only_an_alarm_that_is_on_pauses(stage: Stage, state: str) -> None:
    answer = stage.run(changed(lambda event: event["alarmData"]["state"].update(value=state)))
    assert answer == {"identity": "news@example.com", "outcome": "ignored"}
    assert stage.turned == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": [{"Sns": {"Message": "{}"}}]},
        {"alarmData": None},
        {"alarmData": "ALARM"},
        {"alarmData": {"alarmName": "ses-feedback news@example.com page"}},
        {"alarmData": {"alarmName": "ses-feedback news@example.com page", "state": "ALARM"}},
        {"alarmData": {"alarmName": "ses-feedback news@example.com page", "state": {"value": "ALARM"}}},
        {"alarmData": {"alarmName": 7, "state": {"value": "ALARM", "timestamp": "t"}}},
    ],
)
def test_what_is_no_alarms_event_is_an_error(stage: Stage, event: dict[str, Any]) -> None:
    """In one line that says what is missing; nothing is paused on a guess."""
    with pytest.raises(PermanentError, match="alarm"):
        stage.run(event)
    assert stage.turned == []


def test_what_fails_is_raised_so_that_lambda_repeats_it(stage: Stage) -> None:
    """The second time it goes on from where it was."""
    stage.world.troubles = [THROTTLE]
    with pytest.raises(RetryableError):
        stage.run()
    assert stage.run()["outcome"] == "paused"
