"""An endpoint that may be down is left out of the templates, and doctor's command subscribes it as they would."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from infra.weights import resources
from ses_feedback.config import Config, ConfigError, parse
from ses_feedback.config.loop import from_loop, to_loop
from ses_feedback.usecases.checks.expected import expected
from ses_feedback.usecases.checks.live import Home
from ses_feedback.usecases.checks.subscriptions import check_feed
from tests.infra.synthesis import ACCOUNT, Assembly, synthesise

# Every list that has destinations, and every way in which a subscription may differ.
FILE = """
[on_call]
page = [{ https = "https://pager.example.com/sns"%s }, { http = "http://wall.example.com/", format = "text"%s }]
[changes]
notify = [{ https = "https://crm.example.com/changes", types = ["released"], raw = true%s }]
[teams.x]
notify = [
    { https = "https://crm.example.com/ses", on = ["bounce", "delivery"], raw = true, max_per_second = 3%s },
    { https = "https://digest.example.com/", format = "text"%s },
    { http = "http://plain.example.com/"%s },
]
[identities."example.com"]
team = "x"
"""
BY_HAND = ", subscribe = false"
HOME = Home("aws", "us-east-1", ACCOUNT)


def config(by_hand: bool) -> Config:
    return parse(tomllib.loads(FILE.replace("%s", BY_HAND if by_hand else "")))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesise(config(by_hand=False), tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesise(config(by_hand=True), tmp_path_factory.mktemp("theirs"))


def over_http(assembly: Assembly) -> dict[tuple[str, str], dict[str, Any]]:
    found = (f.properties for f in assembly.find("AWS::SNS::Subscription"))
    return {(p["TopicArn"], p["Endpoint"]): p for p in found if p["Protocol"] in ("http", "https")}


def commands(given: Config, live: tuple[Any, ...] = ()) -> list[list[str]]:
    """Return the words of the commands by which doctor would have everybody over HTTP subscribed."""
    wanted = expected(given, HOME)
    found = [finding for feed in wanted.feeds() for finding in check_feed(wanted, "x", feed, live)]
    words = [shlex.split(finding.mend) for finding in found if finding.mend]
    return [line for line in words if line[line.index("--protocol") + 1].startswith("http")]


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_no_template_subscribes_them(ours: Assembly, theirs: Assembly) -> None:
    """Nothing else changes: a dead endpoint has no part in the deployment."""
    assert len(over_http(ours)) == 10
    assert over_http(theirs) == {}
    others = [f for f in ours.find("AWS::SNS::Subscription") if not f.properties["Protocol"].startswith("http")]
    assert len(theirs.find("AWS::SNS::Subscription")) == len(others)
    for assembly in (ours, theirs):  # a cell's room is counted without them
        (identity,) = assembly.config.identities.values()
        (cell,) = assembly.cells()
        shared = 2  # the alarm of its environment, and what holds its rates back
        assert resources(assembly.config, identity) + shared == len(assembly.templates[cell]["Resources"])


@pytest.mark.parametrize("by_hand", [True, False])
def test_doctors_command_makes_what_the_template_makes(ours: Assembly, by_hand: bool) -> None:
    """Retries, throttle, dead-letter queue, filter and raw delivery: so that SNS takes one for the other."""
    made = over_http(ours)
    lines = commands(config(by_hand))
    assert {(option(line, "--topic-arn"), option(line, "--notification-endpoint")) for line in lines} == set(made)
    for line in lines:
        template = made[option(line, "--topic-arn"), option(line, "--notification-endpoint")]
        attributes = json.loads(option(line, "--attributes"))
        assert option(line, "--protocol") == template["Protocol"]
        assert json.loads(attributes["DeliveryPolicy"]) == template["DeliveryPolicy"]
        assert json.loads(attributes["RedrivePolicy"]) == template["RedrivePolicy"]
        assert attributes.get("RawMessageDelivery", "false") == str(template["RawMessageDelivery"]).lower()
        assert json.loads(attributes.get("FilterPolicy", "null")) == template.get("FilterPolicy")


def test_doctor_says_whose_turn_it_is() -> None:
    """Where it is the person's, it does not say that somebody deleted anything; the log names no address."""
    for by_hand, private in ((True, False), (True, True), (False, False)):
        wanted = expected(config(by_hand), HOME)
        for feed in wanted.feeds():
            for finding in check_feed(wanted, "x", feed, (), private=private):
                if finding.mend and "--protocol http" in finding.mend:
                    assert ("leaves it to you" in finding.what) == by_hand
                    assert ("deleted" in finding.what) != by_hand
                    assert not (private and "example.com/" in finding.what)


def test_the_functions_know_it_too() -> None:
    """The hourly check reads the configuration that was shipped."""
    shipped = from_loop(to_loop(config(by_hand=True)))
    assert [d.subscribe for d in shipped.on_call.page] == [False, False]
    assert [d.subscribe for d in shipped.teams["x"].notify] == [False] * 3
    assert [f.destination.subscribe for f in shipped.changes.notify] == [False]


@pytest.mark.parametrize(
    "line", ['{ sqs = "arn:aws:sqs:us-east-1:111122223333:q"%s }', '{ email_json = "a@example.com"%s }']
)
def test_only_what_can_be_down_may_be_left_out(line: str, tmp_path: Path) -> None:
    """A queue or a mailbox answers no call when it is subscribed."""
    for head in ("[teams.x]\n", "[changes]\n"):
        text = head + f"notify = [{line % BY_HAND}]"
        with pytest.raises(ConfigError) as error:
            parse(
                {"on_call": {"page": [{"email": "a@example.com"}]}, "identities": {"example.com": {}}}
                | tomllib.loads(text)
            )
        (problem,) = error.value.problems
        assert problem.endswith("only http and https may be down when they are subscribed; leave it out")
