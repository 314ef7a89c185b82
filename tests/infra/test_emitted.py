"""Alarms and dashboards read what a function really writes, name, namespace and dimensions alike, and all of it."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from infra.alarms.together import rolled_up, whole_is_rolled_up
from infra.dashboards import dashboards
from infra.needed import needed
from ses_feedback import naming
from ses_feedback.adapters import runtime as composition
from ses_feedback.config import Config
from ses_feedback.config.loop import asset_files
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases.check_loop import Readers
from tests.fakes import FakeQuarantine, FakeStore
from tests.infra.synthesis import Assembly
from tests.unit.canary.fakes import LambdaContext, World
from tests.unit.checks.test_check_loop import FakeRotation
from tests.unit.checks.test_handler import CheckContext
from tests.unit.checks.world import World as Checked
from tests.unit.usecases import mail
from tests.unit.wiring.fakes import FakeSlots

Metric = tuple[str, str, frozenset[tuple[str, str]]]

# AWS's own: it emits them itself.
AWS_NAMESPACES = {"AWS/SES", "AWS/SQS", "AWS/Lambda", "AWS/SNS", "AWS/Firehose"}


def watched(assembly: Assembly) -> set[Metric]:
    found: set[Metric] = set()
    for alarm in assembly.find("AWS::CloudWatch::Alarm"):
        metrics = [m["MetricStat"]["Metric"] for m in alarm.properties.get("Metrics", ()) if "MetricStat" in m]
        for metric in metrics or [alarm.properties]:
            dimensions = frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", ()))
            found.add((metric["Namespace"], metric["MetricName"], dimensions))
    return found


def shown(config: Config) -> set[Metric]:
    """Return the metrics that graphs of the dashboards read."""
    found: set[Metric] = set()
    for dashboard in dashboards(config):
        for widget in dashboard.body["widgets"]:
            before: list[Any] = []
            for entry in widget["properties"].get("metrics", ()):
                if isinstance(entry[0], dict):
                    continue  # an expression over the others
                whole = [before[n] if part == "." else part for n, part in enumerate(entry)]
                namespace, name, *rest = [part for part in whole if not isinstance(part, dict)]
                found.add((namespace, name, frozenset(zip(rest[::2], rest[1::2], strict=True))))
                before = whole
    return found


def emitted(lines: str) -> set[Metric]:
    found: set[Metric] = set()
    for line in lines.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                found |= {(directive["Namespace"], metric["Name"], dimensions) for metric in directive["Metrics"]}
    return found


@pytest.mark.parametrize("name", ["small", "full", "per_environment"])
def test_what_alarms_watch_is_what_functions_emit(
    name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The functions of this very configuration are fed feedback of each identity, and something unreadable."""
    assembly: Assembly = request.getfixturevalue(name)
    for file, text in asset_files(assembly.config).items():
        (tmp_path / file).write_text(text)
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    for variable in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        naming.ENV_ADDRESS_KEY,
        naming.ENV_TABLE,
        naming.ENV_WIRING_TABLE,
    ):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_REGION", assembly.region)

    def function(name: str) -> Any:
        module = naming.handler_of(name).rpartition(".")[0]
        monkeypatch.delitem(sys.modules, module, raising=False)
        loaded = importlib.import_module(module)
        loaded.runtime.store = FakeStore(assembly.config.policy)
        loaded.runtime.quarantine = FakeQuarantine()
        return loaded.handler

    now = time.time_ns() // 1_000_000
    said: list[tuple[str, dict[str, Any] | str]] = [(mail.TOPIC, "what is this?")]
    for identity in assembly.config.identities:
        source = identity if "@" in identity else f"info@{identity}"
        topic = mail.topic_of(identity, assembly.config.deployment.name)
        for kind in (mail.bounce, mail.complaint, mail.delivery):
            said.append((topic, kind(f"{kind.__name__} of {identity}", at=now, source=source)))
        said.append((topic, mail.delivery(f"late {identity}", at=now - 30 * HOUR, source=source)))
        refused = mail.bounce(f"blocked {identity}", at=now, source=source, kind="Transient", status="5.7.1")
        said.append((topic, refused))
    records = [
        {"messageId": str(number), "body": mail.sns_body(message, topic)}
        for number, (topic, message) in enumerate(said)
    ]
    capfd.readouterr()
    for topic, message in said:
        function(naming.RECORD_FEEDBACK)(mail.sns_event(message, topic=topic), object())
    function(naming.TALLY_FEEDBACK)({"Records": records}, object())
    if naming.SEND_CANARIES in needed(assembly.config):
        monkeypatch.delitem(sys.modules, "lambdas.send_canaries", raising=False)
        sender = importlib.import_module("lambdas.send_canaries")
        world = World()
        given = sender.gateways.__wrapped__()._replace(rounds=world.rounds, mailer=world.mailer, clock=world.clock)
        monkeypatch.setattr(sender, "gateways", lambda: given)
        monkeypatch.setattr(sender.logger.handlers[0], "stream", sys.stdout)
        monkeypatch.setattr(world.mailer, "deployment", assembly.config.deployment.name)
        sender.handler({}, LambdaContext())
    checker = importlib.import_module("lambdas.check_loop")
    there = Checked(assembly.config)
    checked = checker.Gateways(
        config=assembly.config,
        readers=Readers(there, there, there),
        ses=there,
        memory=there.memory,
        slots=FakeSlots(),
        rotation=FakeRotation(),
        clock=there.clock,
        interval=0,
        archived=lambda now: 0,
        unarchived=lambda: 0,
        compare=lambda: None,
    )
    monkeypatch.setattr(checker, "gateways", lambda: checked)
    monkeypatch.setattr(checker.logger.handlers[0], "stream", sys.stdout)
    checker.handler({}, CheckContext(assembly.region))
    ours = {metric for metric in watched(assembly) if metric[0] not in AWS_NAMESPACES}
    written = emitted(capfd.readouterr().out)
    assert ours <= written
    # Loop-silent, quarantine, drift, archive, canaries, the rates of each identity or environment: four metrics each;
    # and what is blocked of each environment, and delivered where there are no rates of it.
    environments, roll_ups = len(assembly.config.environments()), len(rolled_up(assembly.config))
    subjects = roll_ups if name == "per_environment" else len(assembly.config.identities) + roll_ups
    blocked = 2 * environments - roll_ups
    assert len(ours) == 8 + 4 * (subjects + whole_is_rolled_up(assembly.config)) + blocked
    read = {metric for metric in ours | shown(assembly.config) if metric[0] not in AWS_NAMESPACES}
    # The round trip is measured when a round is whole, which the first run of canaries is not; and the mail of a single
    # environment is shown as all mail.
    whole = (naming.DIMENSION_DEPLOYMENT, assembly.config.deployment.name)
    assert read - written <= {(naming.METRIC_NAMESPACE, naming.METRIC_CANARY_ROUND_TRIP, frozenset({whole}))}
    names = assembly.config.environments()
    there = frozenset({whole, (naming.DIMENSION_ENVIRONMENT, names[0])})
    unseen = {(naming.METRIC_NAMESPACE, metric, there) for metric in naming.RATE_METRICS} if len(names) == 1 else set()
    assert written - read <= unseen
