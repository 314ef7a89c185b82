"""The function on schedule and the functions that feedback comes to, as Lambda loads them, over an AWS in memory."""

from __future__ import annotations

import importlib
import json
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters import clients
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.canary_mail import CanaryMail
from ses_feedback.adapters.canary_table import CanaryTable
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.config import parse
from ses_feedback.config.loop import asset_files
from ses_feedback.domain import canary
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.times import MINUTE
from ses_feedback.usecases.canaries import Refused
from ses_feedback.usecases.wiring_ports import WIRED
from tests.unit.adapters.conftest import TABLE, Dynamo
from tests.unit.canary.fakes import FakeClock, LambdaContext
from tests.unit.usecases import mail
from tests.unit.usecases.mail import sns_body, sns_event, sqs_event

NOW = time.time_ns() // 1_000_000
WIRING = naming.wiring_table_name("ses-feedback")
CONFIG = """
[on_call]
page = [{ email = "oncall@example.com" }]
[canary]
within = "5m"
[identities."example.com"]
[identities."dev@example.com"]
environment = "dev"
[identities."example.org"]
[identities."quiet.example.com"]
canary = false
"""


class Loop:
    """The functions; mail is taken or refused by a list, and its feedback is brought by ``answer``."""

    def __init__(self, load: Callable[[str], Any], client: Any) -> None:
        self.load = load
        self.client = client
        self.clock = FakeClock(NOW)
        self.mails: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.opened = False

    def send(self) -> dict[str, Any]:
        """Run the schedule's function once."""
        module = self.load(naming.SEND_CANARIES)
        if not self.opened:
            real = module.gateways()
            assert isinstance(real.rounds, CanaryTable)
            assert isinstance(real.mailer, CanaryMail)
            assert real.interval == 1_000
            given = real._replace(clock=self.clock, mailer=SimpleNamespace(send=self.mail))
            module.gateways = lambda: given
            self.opened = True
        answer: dict[str, Any] = module.handler({}, LambdaContext())
        return answer

    def mail(self, identity: str, recipient: str) -> None:
        if identity in self.refused:
            raise Refused(f"SES does not send for {identity}: SendingPausedException: paused")
        self.mails.append((identity, recipient))

    def answer(self) -> None:
        """Bring the feedback of what was mailed by both ways."""
        for number, (identity, recipient) in enumerate(self.mails):
            source = identity if "@" in identity else f"ses-feedback-canary@{identity}"
            kinds = {"bounce": mail.bounce, "complaint": mail.complaint, "success": mail.delivery}
            message = kinds[recipient.partition("+")[0]](f"c{number}", [recipient], at=NOW, source=source)
            topic = mail.topic_of(identity)
            self.load(naming.RECORD_FEEDBACK).handler(sns_event(message, topic=topic), None)
            tallied = self.load(naming.TALLY_FEEDBACK).handler(sqs_event(sns_body(message, topic=topic)), None)
            assert tallied == {"batchItemFailures": []}
        self.mails.clear()

    def items(self, table: str) -> dict[str, Any]:
        found = {item["pk"]["S"]: item for item in self.client.scan(TableName=table)["Items"]}
        return {key: item for key, item in found.items() if key != "meta"}


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Loop]:
    for name, text in asset_files(parse(tomllib.loads(CONFIG))).items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        naming.ENV_ADDRESS_KEY: "a secret for tests",
        naming.ENV_TABLE: TABLE,
        naming.ENV_WIRING_TABLE: WIRING,
        naming.ENV_QUARANTINE_BUCKET: "quarantine",
        naming.ENV_SES_INTERVAL: "1000",
    }.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    loaded: dict[str, Any] = {}

    def load(function: str) -> Any:
        if function not in loaded:
            module = naming.handler_of(function).rpartition(".")[0]
            monkeypatch.delitem(sys.modules, module, raising=False)
            loaded[function] = found = importlib.import_module(module)
            logger = found.logger if function == naming.SEND_CANARIES else found.runtime.logger
            # A logger of that name may be there since another test, bound to its output.
            monkeypatch.setattr(logger.handlers[0], "stream", sys.stdout)
        return loaded[function]

    with mock_aws():
        client = clients.client("dynamodb")
        Dynamo(client)
        SuppressionTable(client, TABLE, Keys("a secret for tests"), {}).claim("owner-1")
        client.create_table(
            TableName=WIRING,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
        )
        # The functions' own client makes its calls without botocore's; moto answers botocore's only.
        monkeypatch.setattr(composition, "DynamoDbWire", lambda _region: client)
        monkeypatch.setattr("ses_feedback.adapters.dynamodb_wire.DynamoDbWire", lambda _region: client)
        made = Loop(load, client)
        made_wiring = WiringTable(client, WIRING)
        for identity in ("example.com", "dev@example.com", "example.org", "quiet.example.com"):
            made_wiring.note(identity, WIRED)
        yield made
    clients.client.cache_clear()


def measured(out: str) -> list[tuple[str, int]]:
    found = []
    for line in out.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
            found += [(m["Name"], document[m["Name"]]) for m in directive["Metrics"]]
    return found


def logged(out: str, message: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, out.splitlines()) if line.get("message") == message]


def test_a_round_goes_out_comes_back_and_leaves_no_trace_in_counts_and_lists(
    loop: Loop, capfd: pytest.CaptureFixture[str]
) -> None:
    """Production identities by default, no other; both ways' marks are found; the round trip is measured once."""
    assert loop.send() == {"sent": 2, "refused": 0, "waiting": 0, "missing": 0}
    assert {identity for identity, _ in loop.mails} == {"example.com", "example.org"}
    capfd.readouterr()
    loop.answer()
    assert measured(capfd.readouterr().out) == []
    assert loop.items(TABLE) == {}
    for identity in ("example.com", "example.org"):
        assert set(canary.PIECES) < set(loop.items(WIRING)[f"canary#{identity}"])
    for _ in range(2):
        loop.clock.time += 15 * MINUTE
        assert loop.send()["sent"] == 0
    out = capfd.readouterr().out
    names = [name for name, _ in measured(out)]
    assert names.count(naming.METRIC_CANARY_ROUND_TRIP) == 2
    assert [value for name, value in measured(out) if name == naming.METRIC_CANARY_MISSING] == [0, 0]


def test_what_is_missing_is_named_in_the_log_and_counted(loop: Loop, capfd: pytest.CaptureFixture[str]) -> None:
    """Identity and way, so that whoever is called knows where to look; no recipient is in any line."""
    loop.send()
    loop.mails.clear()
    loop.refused = {"example.org"}
    loop.clock.time += 20 * MINUTE
    capfd.readouterr()
    assert loop.send()["missing"] == 2 * len(canary.PIECES)
    out = capfd.readouterr().out
    assert (naming.METRIC_CANARY_MISSING, 10) in measured(out)
    lines = logged(out, "canary feedback is missing or late")
    assert {(line["identity"], tuple(line["missing"])) for line in lines} == {
        ("example.com", canary.PIECES),
        ("example.org", canary.PIECES),
    }
    loop.clock.time += 60 * MINUTE
    loop.send()
    out = capfd.readouterr().out
    (line,) = logged(out, "a canary was refused: ses-feedback doctor says more")
    assert (line["identity"], "SendingPausedException" in line["why"]) == ("example.org", True)
    assert "simulator" not in out


def test_what_cannot_be_noted_makes_the_function_fail_after_its_report(
    loop: Loop, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its alarm on errors notices; the figure of what is missing was out before."""
    loop.send()
    module = loop.load(naming.SEND_CANARIES)
    given = module.gateways()

    def fail(*_: object) -> None:
        raise RetryableError("writing a canary: ThrottlingException")

    loop.clock.time += 25 * 60 * MINUTE
    rounds = SimpleNamespace(wired=given.rounds.wired, newest=given.rounds.newest, begin=fail)
    module.gateways = lambda: given._replace(rounds=rounds)
    capfd.readouterr()
    with pytest.raises(RetryableError, match="ThrottlingException"):
        module.handler({}, LambdaContext())
    assert naming.METRIC_CANARY_MISSING in dict(measured(capfd.readouterr().out))


def test_feedback_that_cannot_be_noted_comes_back(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any other: raised where Lambda tries again, named where the queue does."""
    loop.send()
    ((identity, recipient), *_) = loop.mails
    message = mail.bounce("c1", [recipient], at=NOW, source=f"info@{identity}")
    monkeypatch.setenv(naming.ENV_WIRING_TABLE, "not-there")
    with pytest.raises(RetryableError, match="writing a canary"):
        loop.load(naming.RECORD_FEEDBACK).handler(sns_event(message), None)
    tallied = loop.load(naming.TALLY_FEEDBACK).handler(sqs_event(sns_body(message)), None)
    assert tallied == {"batchItemFailures": [{"itemIdentifier": "sqs-0"}]}


def test_ordinary_feedback_loads_nothing_of_canaries(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three mails a day must not cost every cold start."""
    name = "ses_feedback.adapters.canary_table"
    monkeypatch.delitem(sys.modules, name)
    loop.load(naming.RECORD_FEEDBACK).handler(sns_event(mail.bounce(at=NOW)), None)
    assert name not in sys.modules
    assert len(loop.items(TABLE)) == 1
