"""Every alarm that is deployed, as people read it: told with the notice that CloudWatch would send of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.alarms.kinds import KINDS
from local import notices
from ses_feedback.config.model import RUNBOOKS
from ses_feedback.domain.alarm_notice import Watch, read_watch
from ses_feedback.domain.alarm_text import MOST_SHORT, MOST_SUBJECT, WIDTH
from ses_feedback.domain.times import MINUTE
from tests.infra.synthesis import ACCOUNT, Assembly, Found
from tests.unit.explaining.fakes import NOW, World

TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
REASON = (
    "Threshold Crossed: 1 out of the last 1 datapoints [7.0 (15/01/27 07:50:00)] was greater than or equal to the "
    "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
)
ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
FIGURES = {
    "HardBounced": 312,
    "Delivered": 4_718,
    "Complained": 20,
    "DeliveredReporting": 20_000,
    "Blocked": 600,
    "ReputationBounceRate": 0.045,
    "ReputationComplaintRate": 0.0009,
}


def alarm(found: Found) -> dict[str, Any]:
    return {
        **found.properties,
        "AlarmArn": f"arn:aws:cloudwatch:{found.stack}:{ACCOUNT}:alarm:{found.properties['AlarmName']}",
    }


def watches(assembly: Assembly) -> Iterator[Watch]:
    for found in assembly.find(TYPES[0]):
        watch = read_watch({**found.properties, "StateValue": "ALARM", "StateReason": REASON})
        assert watch is not None, found.properties["AlarmName"]
        yield watch


def told(assembly: Assembly) -> Iterator[Found]:
    """Yield the alarms that act on an on-call topic."""
    for found in assembly.find(*TYPES):
        if any("on-call" in action for action in found.properties.get("AlarmActions", ())):
            yield found


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_every_alarm_is_told_in_words_that_name_it_and_its_runbook(name: str, request: pytest.FixtureRequest) -> None:
    """Figures where it is a rate; the subject, the value or the cause; a runbook; and no address of a recipient."""
    assembly: Assembly = request.getfixturevalue(name)
    world = World(*watches(assembly), config=assembly.config, **FIGURES)
    identities = set(assembly.config.identities)
    for identity in identities:
        place = {"Identity": identity, "Environment": assembly.config.identities[identity].environment}
        counts = {"HardBounced": 4, "Complained": 2, "ComplainedAt": {"yahoo.com": 2}}
        said = {"BouncedAt": {"gmail.com": 4}, "BouncedSaid": {"550 5.1.1 user unknown": 4}}
        world.journal.log(NOW - MINUTE, **place, **counts, **said)
    runbooks = {page for kind in KINDS for page in kind.runbooks()}
    seen = 0
    for found in told(assembly):
        severity = "page" if any(a.endswith("page") for a in found.properties["AlarmActions"]) else "warn"
        notice = notices.notice(
            alarm(found), "OK", "ALARM", REASON, account=ACCOUNT, region=assembly.region, at=datetime.now(UTC)
        )
        message = world.explain(json.dumps(notice), severity)
        text, named = " ".join(message.text.split()), found.properties["AlarmName"]
        assert message.short is not None
        assert message.subject.isascii() and len(message.subject) <= MOST_SUBJECT
        assert message.short.isascii() and len(message.short) <= MOST_SHORT
        assert message.subject.startswith(f"{severity.upper()}: ")
        assert f"Alarm {named}" in text
        assert runbooks & set(re.findall(rf"{RUNBOOKS}/[\w-]+\.md", message.text)), named
        for label in ("What happened", "Where to look", "What to do", "Runbook"):
            assert f"\n{label:<16}" in message.text, (named, label)
        assert "Not known" not in message.text
        assert "{" not in message.text
        assert set(ADDRESS.findall(message.text)) <= identities
        long = [line for line in message.text.splitlines() if len(line) > WIDTH and " " in line.strip()]
        assert not long, long
        if re.search(r" (page|warn|blocked)$", named) and "AlarmRule" in found.properties:
            assert re.search(r"\d+(\.\d+)?% ?\(|is \d", f"{message.subject} {text}"), named
        else:
            assert "Measured" in message.text, named
        seen += 1
    assert seen > 15


def test_a_page_of_each_identity_names_it_and_its_place(full: Assembly) -> None:
    """Environment, stream and team are the file's."""
    world = World(*watches(full), config=full.config, **FIGURES)
    for found in told(full):
        for identity in full.config.identities.values():
            if found.properties["AlarmName"] == f"ses-feedback {identity.name} page":
                notice = notices.notice(
                    alarm(found), "OK", "ALARM", REASON, account=ACCOUNT, region=full.region, at=datetime.now(UTC)
                )
                message = world.explain(json.dumps(notice))
                assert message.subject.startswith(
                    f"PAGE: {identity.name}: hard bounces 6.2% (312 of 5,030 in 90 minutes)"
                )
                place = f"environment {identity.environment}, stream {identity.stream}, "
                assert place + (f"team {identity.team}" if identity.team else "no team") in " ".join(
                    message.text.split()
                )
                assert ("circuit breaker" in message.text) is identity.breaker
