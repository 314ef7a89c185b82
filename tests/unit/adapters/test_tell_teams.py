"""The function that tells teams, as Lambda runs it: queues and topics in memory, and nothing personal in the log."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters import dynamodb_wire, runtime
from ses_feedback.adapters.digest_press import SnsPress
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.config import parse
from ses_feedback.config.loop import asset_files
from ses_feedback.config.model import Config
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, copy_key, strike_of
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.reading import read
from ses_feedback.usecases.digests import GAP
from tests.unit.adapters.conftest import BUCKET, TABLE, Dynamo
from tests.unit.usecases import mail

SECRET = "a secret for tests"
NOW = time.time_ns() // 1_000_000
ACCOUNT = "123456789012"
WIRING = "tell-wiring"
_numbers = itertools.count()


def config(name: str) -> Config:
    return parse(
        {
            "deployment": {"name": name},
            "on_call": {"page": [{"email": "oncall@example.com"}]},
            "teams": {
                "support": {
                    "notify": [
                        {"email": "support@example.com"},
                        {"sms": "+12065550101", "on": ["complaint"], "format": "text"},
                        {"https": "https://crm.example.com/hooks/ses"},
                    ]
                },
                "machines": {"notify": [{"https": "https://crm.example.com/hooks/ses"}]},
            },
            "identities": {"example.com": {"team": "support"}},
        }
    )


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 280_000


class Telling:
    """A deployment with one team of people, and a queue behind each of its destinations in place of a person."""

    def __init__(self, dynamo: Dynamo, aws: Callable[..., Any], load: Callable[[], ModuleType], name: str) -> None:
        self.dynamo, self.load, self.name = dynamo, load, name
        self.sqs, self.sns = aws("sqs"), aws("sns")
        self.keys = Keys(SECRET)
        self.config = config(name)
        self.queue = self.sqs.create_queue(QueueName=naming.digest_queue_name(name, "support"))["QueueUrl"]
        topic = self.sns.create_topic(Name=naming.digest_topic_name(name, "support"))["TopicArn"]
        self.people: dict[str, str] = {}
        for destination in self.config.teams["support"].notify[:2]:
            inbox = self.sqs.create_queue(QueueName=f"{destination.protocol}-{name}")["QueueUrl"]
            key = naming.recipient_key(destination.protocol, destination.endpoint)
            self.people[destination.protocol] = inbox
            self.sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{inbox.rpartition('/')[2]}",
                Attributes={"FilterPolicy": json.dumps({naming.ATTRIBUTE_RECIPIENT: [key]})},
            )

    def put(self, *messages: dict[str, Any] | str) -> None:
        for message in messages:
            body = mail.sns_body(message, mail.topic_of("example.com", self.name))
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def run(self) -> Any:
        return self.load().handler({}, Context())

    def inbox(self, protocol: str) -> list[dict[str, Any]]:
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.people[protocol]).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        return found

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def telling(dynamo: Dynamo, aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Telling:
    name = f"tell-{next(_numbers)}"
    for file, text in asset_files(config(name)).items():
        (tmp_path / file).write_text(text)
    monkeypatch.setattr(runtime, "ROOT", tmp_path)
    # The wire has tests of its own against a server; moto answers botocore's clients only.
    monkeypatch.setattr(runtime, "DynamoDbWire", lambda _region: dynamo.client)
    monkeypatch.setattr(dynamodb_wire, "DynamoDbWire", lambda _region: dynamo.client)
    dynamo.client.create_table(
        TableName=WIRING,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
    )
    aws("s3").create_bucket(Bucket=BUCKET)
    SuppressionTable(dynamo.client, TABLE, Keys(SECRET), {}).claim("owner-1")
    for variable, value in {
        "AWS_REGION": "us-east-1",
        naming.ENV_ADDRESS_KEY: SECRET,
        naming.ENV_TABLE: TABLE,
        naming.ENV_WIRING_TABLE: WIRING,
        naming.ENV_QUARANTINE_BUCKET: BUCKET,
        naming.ENV_QUEUES: f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/",
        naming.ENV_TOPICS: f"arn:aws:sns:us-east-1:{ACCOUNT}:",
    }.items():
        monkeypatch.setenv(variable, value)
    loaded: list[ModuleType] = []

    def load() -> ModuleType:
        if not loaded:
            module = naming.handler_of(naming.TELL_TEAMS).rpartition(".")[0]
            monkeypatch.delitem(sys.modules, module, raising=False)
            loaded.append(importlib.import_module(module))
        return loaded[0]

    return Telling(dynamo, aws, load, name)


def record(telling: Telling, message: dict[str, Any]) -> None:
    module = telling.load()
    store = SuppressionTable(telling.dynamo.client, TABLE, telling.keys, telling.config.policy)
    body = mail.sns_body(message, mail.topic_of("example.com", telling.name))
    for event in read(body, module.runtime.rules.directory, NOW).events:
        strike = strike_of(event)
        key = copy_key(telling.keys.strike(event), strike)
        store.put_new(event.environment, event.recipient, History({key: strike}))


def test_each_destination_gets_its_message(telling: Telling, capsys: pytest.CaptureFixture[str]) -> None:
    """Through SNS, past the filters of the subscriptions: the e-mail whole, the telephone a line of its kind only."""
    for message in (bounce := mail.bounce("m1", at=NOW), spam := mail.complaint("m2", ["bob@example.net"], at=NOW)):
        record(telling, message)
    telling.put(bounce, spam)
    assert telling.run() == {"told": 1, "notifications": 2, "messages": 2}
    (letter,), (line,) = telling.inbox("email"), telling.inbox("sms")
    assert letter["Subject"] == "[production] Mail from example.com: 1 complaint, 1 bounce"
    assert "jane@example.net\n  What happened   The mailbox does not exist." in letter["Message"]
    assert letter["Message"].count("Suppressed for ever") == 2
    assert line["Message"] == "[production] Mail from example.com: 1 complaint"
    assert telling.left() == 0
    (logged,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (logged["message"], logged["told"], logged["notifications"]) == ("done", 1, 2)


def test_a_quiet_minute_says_nothing(telling: Telling, capsys: pytest.CaptureFixture[str]) -> None:
    telling.dynamo.forget()
    assert telling.run() == {}
    assert capsys.readouterr().out == ""
    assert telling.dynamo.calls == ["BatchGetItem"]


def test_the_next_message_has_to_wait(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    telling.put(mail.bounce("m1", at=NOW))
    telling.run()
    telling.put(mail.bounce("m2", at=NOW))
    assert telling.run() == {"too_soon": 1}
    assert telling.left() == 1
    later = time.time_ns() + GAP * 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    telling.run()
    assert len(telling.inbox("email")) == 2
    assert telling.left() == 0


def test_what_breaks_is_an_error_of_the_function(telling: Telling, capsys: pytest.CaptureFixture[str]) -> None:
    """So that its alarm goes off; what waits stays."""
    telling.put(mail.bounce("m1", at=NOW))
    telling.dynamo.answers = {"UpdateItem": ["AccessDeniedException"]}
    with pytest.raises(RetryableError, match="writing when teams were told: AccessDeniedException"):
        telling.run()
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line["level"] == "WARNING"
    assert telling.left() == 1


def test_nothing_personal_is_logged(telling: Telling, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither addresses, subjects nor what receivers say: not when it works, nor when anything fails."""
    message = mail.bounce("m1", ["zqx7@example.net"], at=NOW, diagnostic="smtp; 550 5.1.1 zqx7 unknown")
    message["mail"]["commonHeaders"]["subject"] = "zqx7"
    raised = []
    for trouble in (
        {},
        {"BatchGetItem": [None, "InternalServerError"] * 4},
        {"UpdateItem": ["ThrottlingException"] * 4},
    ):
        telling.dynamo.client.delete_item(TableName=WIRING, Key={naming.ATTRIBUTE_KEY: {"S": "digest#support"}})
        telling.put(message, "zqx7 is no notification")
        telling.dynamo.answers = trouble
        try:
            telling.run()
        except RetryableError as error:
            raised.append(str(error))
    said = capsys.readouterr()
    assert len(raised) == 2
    assert "zqx7" not in said.out + said.err + "".join(raised)


def test_what_only_people_hear_of_is_quarantined_and_counted(
    telling: Telling, capsys: pytest.CaptureFixture[str]
) -> None:
    click = {"eventType": "Click", "click": 7, "mail": mail.bounce("m1", at=NOW)["mail"]}
    telling.put(click)
    telling.run()
    documents = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [document[naming.METRIC_QUARANTINED] for document in documents if "_aws" in document] == [1]


def test_a_refusal_of_sns_is_an_error_with_its_reason(aws: Callable[..., Any]) -> None:
    press = SnsPress(aws("sns", attempts=1), deployment="no", topics=f"arn:aws:sns:us-east-1:{ACCOUNT}:")
    with pytest.raises(RetryableError, match="publishing a digest: NotFound"):
        press.publish("support", "key", "subject", "text")
