"""The functions as Lambda runs them: real event shapes, AWS in memory, and nothing personal in any line they write."""

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
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import covering
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import HOUR, MINUTE
from tests.unit.adapters.conftest import BUCKET, TABLE, Dynamo
from tests.unit.usecases import mail
from tests.unit.usecases.mail import failure_body, sns_body, sns_event, sqs_event

NOW = time.time_ns() // 1_000_000
SECRET = "a secret for tests"
ROOT = Path(__file__).resolve().parents[3]
JANE = ("production", "jane@example.net")
_numbers = itertools.count()


class Functions:
    """Three functions of one deployment, loaded as Lambda loads them."""

    def __init__(self, dynamo: Dynamo, aws: Callable[..., Any], load: Callable[[str], ModuleType], name: str) -> None:
        self.dynamo = dynamo
        self.s3 = aws("s3")
        self.sqs = aws("sqs")
        self.load = load
        self.name = name
        self.store = SuppressionTable(dynamo.client, TABLE, Keys(SECRET), DEFAULT_POLICY)
        self.postponed: list[tuple[str, int]] = []
        self.sqs.meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", self._note)

    def _note(self, params: dict[str, Any], **_: object) -> None:
        self.postponed.append((params["ReceiptHandle"], params["VisibilityTimeout"]))

    def run(self, function: str, event: dict[str, Any]) -> Any:
        own = json.loads(json.dumps(event).replace("ses-feedback_", f"{self.name}_"))  # by this deployment's topics
        return self.load(function).handler(own, object())

    def kept(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [json.loads(self.s3.get_object(Bucket=BUCKET, Key=o["Key"])["Body"].read())["raw"] for o in found]

    def suppressed(self, who: tuple[str, str] = JANE, stream: str = "default") -> str | None:
        stored, _ = self.store.get(*who)
        found = covering(stored.suppressions, stream, NOW) if stored else None
        return found.reason if found else None


@pytest.fixture
def functions(dynamo: Dynamo, aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Functions:
    """A deployment: claimed table, bucket, retry queue, and the configuration in the asset."""
    name = f"test-{next(_numbers)}"  # a logger of its own, bound to this test's standard output
    config = {
        "deployment": name,
        "region": "us-east-1",
        "regions": ["us-east-1"],
        "alarms": "identity",
        "identities": {place.identity: [place.environment, place.stream] for place in mail.PLACES},
        "policy": {c: [[t.count, t.within, t.suppress_for, t.scope] for t in ts] for c, ts in DEFAULT_POLICY.items()},
    }
    (tmp_path / naming.RUNTIME_CONFIG_FILE).write_text(json.dumps(config))
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    aws("s3").create_bucket(Bucket=BUCKET)
    url = aws("sqs").create_queue(QueueName=naming.retry_queue_name(name))["QueueUrl"]
    # The wire has tests of its own against a server; moto answers botocore's clients only.
    monkeypatch.setattr(composition, "DynamoDbWire", lambda _region: dynamo.client)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv(naming.ENV_ADDRESS_KEY, SECRET)
    monkeypatch.setenv(naming.ENV_TABLE, TABLE)
    monkeypatch.setenv(naming.ENV_QUARANTINE_BUCKET, BUCKET)
    monkeypatch.setenv(naming.ENV_RETRY_QUEUE_URL, url)
    loaded: dict[str, ModuleType] = {}

    def load(function: str) -> ModuleType:
        if function not in loaded:
            module = naming.handler_of(function).rpartition(".")[0]
            monkeypatch.delitem(sys.modules, module, raising=False)
            loaded[function] = importlib.import_module(module)
        return loaded[function]

    made = Functions(dynamo, aws, load, name)
    made.store.claim("owner-1")
    dynamo.forget()
    return made


def metrics(output: str) -> list[dict[str, Any]]:
    return [document for document in map(json.loads, output.splitlines()) if "_aws" in document]


def logs(output: str) -> list[dict[str, Any]]:
    return [document for document in map(json.loads, output.splitlines()) if "_aws" not in document]


# --- record_feedback --------------------------------------------------------------------------------------------


def test_sns_invokes_and_the_address_is_suppressed_with_one_call(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.run(naming.RECORD_FEEDBACK, sns_event(mail.bounce(at=NOW)))
    assert functions.dynamo.calls == ["GetItem", "PutItem"]  # the first of a container compares the secret
    assert functions.suppressed() == ev.HARD_BOUNCE
    (line,) = logs(capsys.readouterr().out)
    functions.dynamo.forget()
    functions.run(naming.RECORD_FEEDBACK, sns_event(mail.bounce("m2", ["john@example.net"], at=NOW)))
    assert functions.dynamo.calls == ["PutItem"]
    assert (line["level"], line["message"], line["written"], line["events"]) == ("INFO", "done", 1, 1)


@pytest.mark.parametrize(("payload", "reason"), [("subscription-all", ev.UNSUBSCRIBE), ("subscription-topic", None)])
def test_who_unsubscribes_from_everything_is_suppressed_in_that_stream(
    functions: Functions, payload: str, reason: str | None
) -> None:
    """SES's Subscription event comes through a topic of its own; leaving one list of several is no strike."""
    who = ("production", "jane@example.org")
    told = (ROOT / f"tests/events/kinds/{payload}.json").read_text()
    event = sns_event(told)
    event["Records"][0]["Sns"]["TopicArn"] = mail.TOPIC.replace("_bounce_", "_subscription_")
    functions.run(naming.RECORD_FEEDBACK, event)
    assert functions.kept() == []
    assert functions.suppressed(who) == reason
    assert functions.suppressed(who, "marketing") is None


def test_a_failing_table_is_raised_so_that_lambda_hands_the_event_on(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.dynamo.answers["PutItem"] = ["ThrottlingException"]
    with pytest.raises(RetryableError, match="writing a suppression: ThrottlingException"):
        functions.run(naming.RECORD_FEEDBACK, sns_event(mail.bounce(at=NOW)))
    (line,) = logs(capsys.readouterr().out)
    assert (line["level"], line["failed"]) == ("WARNING", 1)
    assert line["problems"] == {"RetryableError: writing a suppression: ThrottlingException": 1}
    # What Lambda then puts into the retry queue does the work.
    answer = functions.run(naming.RETRY_FEEDBACK, sqs_event(failure_body(sns_event(mail.bounce(at=NOW)))))
    assert answer == {"batchItemFailures": []}
    assert functions.suppressed() == ev.HARD_BOUNCE


def test_what_cannot_be_read_is_kept_and_measured_and_not_raised(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.run(naming.RECORD_FEEDBACK, sns_event("{ to jane@example.net"))
    functions.run(naming.TALLY_FEEDBACK, sqs_event(sns_body("{ to jane@example.net")))
    assert functions.kept() == ["{ to jane@example.net"]
    (document,) = metrics(capsys.readouterr().out)
    assert document[naming.METRIC_QUARANTINED] == 1
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[naming.DIMENSION_DEPLOYMENT]]


def test_a_setup_message_is_acknowledged(functions: Functions) -> None:
    functions.run(naming.RECORD_FEEDBACK, sns_event('{"notificationType":"AmazonSnsSubscriptionSucceeded"}'))
    assert functions.dynamo.calls == []
    assert functions.kept() == []


# --- retry_feedback ---------------------------------------------------------------------------------------------


def test_only_what_fails_again_comes_back_later_and_later(functions: Functions) -> None:
    good, bad = sns_body(mail.bounce("m1", ["john@example.net"], at=NOW)), sns_body(mail.bounce("m2", at=NOW))
    for receives, delay in ((1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (100, 3600)):
        functions.dynamo.answers["PutItem"] = [None, "ThrottlingException"]
        answer = functions.run(naming.RETRY_FEEDBACK, sqs_event(good, bad, receives=receives))
        assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-1"}]}
        assert functions.postponed.pop() == ("receipt-1", delay)
    assert functions.suppressed(("production", "john@example.net")) == ev.HARD_BOUNCE
    assert functions.suppressed() is None


def test_a_message_that_cannot_be_postponed_still_comes_back(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    functions.dynamo.answers["PutItem"] = ["ThrottlingException"]
    answer = functions.run(naming.RETRY_FEEDBACK, sqs_event(sns_body(mail.bounce(at=NOW))))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-0"}]}
    (line,) = logs(capsys.readouterr().out)
    assert any(problem.startswith("postponing a message: ") for problem in line["problems"])


# --- tally_feedback ---------------------------------------------------------------------------------------------


def test_feedback_becomes_metrics_in_its_own_time_and_deliveries_clear_strikes(
    functions: Functions, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = [mail.soft_bounce(f"m{n}", at=NOW - HOUR + n) for n in range(5)]
    functions.run(naming.RECORD_FEEDBACK, sns_event(*soft))
    assert functions.suppressed() == ev.SOFT_BOUNCE
    capsys.readouterr()
    functions.dynamo.forget()
    minute = (NOW - 5 * MINUTE) // MINUTE * MINUTE
    answer = functions.run(
        naming.TALLY_FEEDBACK,
        sqs_event(
            sns_body(mail.delivery("m9", at=minute + 1)),
            sns_body(mail.complaint("m8", ["john@example.net"], at=minute + 2)),
            *map(sns_body, soft),
        ),
    )
    assert answer == {"batchItemFailures": []}
    assert functions.dynamo.calls == ["GetItem", "BatchGetItem", "PutItem"]
    assert functions.suppressed() is None
    rates, tallied = metrics(capsys.readouterr().out)
    assert rates["_aws"]["Timestamp"] == minute
    assert {name: rates[name] for name in naming.RATE_METRICS} == {
        naming.METRIC_DELIVERED: 1,
        naming.METRIC_DELIVERED_REPORTING: 1,
        naming.METRIC_HARD_BOUNCED: 0,
        naming.METRIC_COMPLAINED: 1,
    }
    assert (rates[naming.DIMENSION_DEPLOYMENT], rates[naming.DIMENSION_IDENTITY]) == (functions.name, "example.com")
    assert tallied[naming.METRIC_TALLIED] == 7


def test_what_could_not_clear_comes_back_uncounted(functions: Functions, capsys: pytest.CaptureFixture[str]) -> None:
    functions.dynamo.answers["BatchGetItem"] = ["ThrottlingException"]
    answer = functions.run(
        naming.TALLY_FEEDBACK, sqs_event(sns_body(mail.delivery(at=NOW)), sns_body(mail.bounce("m2", at=NOW)))
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-0"}]}
    rates, tallied = metrics(capsys.readouterr().out)
    assert (rates[naming.METRIC_DELIVERED], rates[naming.METRIC_HARD_BOUNCED]) == (0, 1)
    assert tallied[naming.METRIC_TALLIED] == 1


# --- privacy ----------------------------------------------------------------------------------------------------


def test_no_address_subject_or_text_of_a_mail_reaches_any_line(
    functions: Functions, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever happens: done, throttled, refused for good, unreadable, or a bug whose error quotes its input."""

    def quoting(_: object) -> None:
        raise KeyError("jane@example.net")

    everything = [
        mail.bounce("m1", at=NOW, diagnostic="smtp; 550 <jane@example.net> mailbox-gone"),
        mail.complaint("m2", at=NOW),
        mail.delivery("m3", at=NOW),
        mail.bounce("m4", ["jane@example.net", "not an address @"], at=NOW),
        mail.bounce("m5", at=NOW, source="stranger@example.org"),
        mail.bounce("m6", at=NOW + 2 * HOUR),
        "confidential jane@example.net",
    ]
    for troubles in ([], ["ThrottlingException"] * 9, [quoting] * 9):
        for operation in ("PutItem", "BatchGetItem"):
            functions.dynamo.answers = {operation: list(troubles)}
            bodies = [sns_body(message) for message in everything]
            functions.run(naming.TALLY_FEEDBACK, sqs_event(*bodies))
            functions.run(naming.RETRY_FEEDBACK, sqs_event(*bodies))
            functions.run(naming.RETRY_FEEDBACK, sqs_event(failure_body(sns_event(*everything))))
            try:
                functions.run(naming.RECORD_FEEDBACK, sns_event(*everything))
            except RetryableError as error:
                print(error, file=sys.stderr)
    out, err = capfd.readouterr()
    assert len(out.splitlines()) > 24
    for secret in ("@", "jane", "stranger", "confidential", "mailbox-gone"):
        assert secret not in out + err, secret


def test_every_function_runs_with_the_clients_and_the_imports_of_a_lean_lambda(functions: Functions) -> None:
    """boto3, pydantic and botocore's clients cost a cold start tenths of a second: importing a handler imports none."""
    import subprocess

    heavy = {"boto3", "pydantic", "moto", "idna", "cryptography", "aws_cdk", "botocore.session", "botocore.loaders"}
    for function in (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK):
        code = (
            "import sys; from pathlib import Path; from ses_feedback.adapters import runtime; "
            f"runtime.ROOT = Path({str(composition.ROOT)!r}); import lambdas.{function}; "
            f"print(*({heavy!r} & set(sys.modules)))"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", ""), function
