"""Every alarm on a metric of ours watches what a function really writes, name, namespace and dimensions alike."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters import runtime as composition
from ses_feedback.config.runtime import to_runtime
from tests.fakes import FakeQuarantine, FakeStore
from tests.infra.synthesis import Assembly
from tests.unit.usecases import mail

Metric = tuple[str, str, frozenset[tuple[str, str]]]

# AWS's own: it emits them itself.
AWS_NAMESPACES = {"AWS/SES", "AWS/SQS", "AWS/Lambda", "AWS/SNS"}


def watched(assembly: Assembly) -> set[Metric]:
    found: set[Metric] = set()
    for alarm in assembly.find("AWS::CloudWatch::Alarm"):
        metrics = [m["MetricStat"]["Metric"] for m in alarm.properties.get("Metrics", ()) if "MetricStat" in m]
        for metric in metrics or [alarm.properties]:
            dimensions = frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", ()))
            found.add((metric["Namespace"], metric["MetricName"], dimensions))
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
    (tmp_path / naming.RUNTIME_CONFIG_FILE).write_text(to_runtime(assembly.config))
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", naming.ENV_ADDRESS_KEY, naming.ENV_TABLE):
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
    messages: list[dict[str, Any] | str] = ["what is this?"]
    for identity in assembly.config.identities:
        source = identity if "@" in identity else f"info@{identity}"
        for kind in (mail.bounce, mail.complaint, mail.delivery):
            messages.append(kind(f"{kind.__name__} of {identity}", at=now, source=source))
    records = [{"messageId": str(number), "body": mail.sns_body(message)} for number, message in enumerate(messages)]
    capfd.readouterr()
    function(naming.RECORD_FEEDBACK)(mail.sns_event(*messages), object())
    function(naming.TALLY_FEEDBACK)({"Records": records}, object())
    ours = {metric for metric in watched(assembly) if metric[0] not in AWS_NAMESPACES}
    # Loop-silent, quarantine, and the rates of each identity or environment: four metrics each.
    subjects = assembly.config.identities if name != "per_environment" else assembly.config.environments()
    assert len(ours) == 2 + 4 * len(subjects)
    assert ours == emitted(capfd.readouterr().out)
