"""The guard against moto's DynamoDB, Secrets Manager and SES: the real table, the real calls, the errors of AWS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses import ses_backends

from ses_feedback import naming
from ses_feedback.adapters import clients
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain.history import History, Ruling
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.guard import Guard, NobodyLeft, TableUnreadable
from ses_feedback.usecases.lists.erasing import erase
from tests.unit.cli.test_connection import SECRET, deploy, forget_clients

from .fakes import DEAD, JO, NOW

REGION = "us-east-1"
MESSAGE = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    forget_clients()
    with mock_aws():
        yield
    forget_clients()


def guard(**given: Any) -> Guard:
    return Guard.of("ses-feedback", region=REGION, environment="production", stream="marketing", **given)


def suppress_dead() -> None:
    table = deploy()
    table.put_new("production", DEAD, History(rulings={("*", "operator"): Ruling(NOW, None, "operator", "asked")}))


def mailbox() -> Any:
    boto3.client("ses", region_name=REGION).verify_email_identity(EmailAddress="news@example.com")
    return ses_backends[DEFAULT_ACCOUNT_ID][REGION]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("service", ["ses", "sesv2"])
def test_the_mail_goes_to_whoever_is_left(service: str) -> None:
    """Through the real client and the real table, with the key from the secret."""
    suppress_dead()
    backend = mailbox()
    client = guard().attach(boto3.client(service, region_name=REGION))
    to = {"Destination": {"ToAddresses": [JO, DEAD]}}
    if service == "ses":
        answer = client.send_email(Source="news@example.com", Message=MESSAGE, **to)
    else:
        answer = client.send_email(FromEmailAddress="news@example.com", Content={"Simple": MESSAGE}, **to)
    assert answer["MessageId"]
    assert [(r["recipient"], r["reason"]) for r in answer["SesFeedback"]["removed"]] == [(DEAD, "operator")]
    assert backend.sent_messages[-1].destinations["ToAddresses"] == [JO]


@pytest.mark.usefixtures("aws")
def test_who_was_erased_is_still_not_mailed() -> None:
    """The suppression stays under its keyed hash: alone and among others."""
    suppress_dead()
    table = SuppressionTable(
        clients.client("dynamodb", REGION), naming.table_name("ses-feedback"), Keys(SECRET), DEFAULT_POLICY
    )
    assert erase(table, DEFAULT_POLICY, "production", DEAD).known
    assert guard().check([DEAD]).nobody_left
    assert guard().check([DEAD, JO]).keep([DEAD, JO]) == [JO]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kind", [boto3.Session, botocore.session.get_session, lambda: None])
def test_any_session_reads_the_table(kind: Any) -> None:
    suppress_dead()
    with pytest.raises(NobodyLeft):
        guard(session=kind()).screen([DEAD])


@pytest.mark.usefixtures("aws")
def test_after_the_first_send_one_call_asks_for_a_mail_and_none_for_one_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first also reads the secret and checks the key's fingerprint: two calls more in the life of a process."""
    suppress_dead()
    session = botocore.session.get_session()
    calls: list[str] = []
    session.get_component("event_emitter").register("before-send", lambda request, **_: calls.append(_target(request)))
    asking = guard(session=session)
    asking.check([JO])
    assert calls == ["secretsmanager.GetSecretValue", *["DynamoDB_20120810.GetItem"] * 2]
    calls.clear()
    asking.check([JO, DEAD, *(f"n{n}@example.net" for n in range(98))])
    assert calls == ["DynamoDB_20120810.BatchGetItem"]
    asking.check([JO, DEAD])
    assert len(calls) == 1


def _target(request: Any) -> str:
    found = request.headers["X-Amz-Target"]
    return found.decode() if isinstance(found, bytes) else str(found)


@pytest.mark.usefixtures("aws")
def test_what_is_wrong_with_the_deployment_is_said_in_one_line() -> None:
    """No secret, no table, another secret: the guard cannot know anybody, sends or refuses, and says why."""
    said = guard().check([JO]).trouble
    assert said is not None and said.startswith("no secret ses-feedback-address-key in us-east-1: is")
    secrets = clients.client("secretsmanager", REGION)
    name = naming.secret_name("ses-feedback")
    secrets.create_secret(Name=name, SecretString=SECRET, ClientRequestToken="t" * 32)
    assert "table ses-feedback-suppressions" in str(guard().check([JO]).trouble)
    deploy(secret=None)
    secrets.put_secret_value(SecretId=name, SecretString="another", ClientRequestToken="u" * 32)
    said = guard().check([JO]).trouble
    assert said is not None and "filled under another address key" in said and "\n" not in said
    with pytest.raises(TableUnreadable, match="filled under another address key"):
        guard(unreadable="refuse").screen([JO])
    secrets.put_secret_value(SecretId=name, SecretBinary=b"x", ClientRequestToken="v" * 32)
    assert "holds no text" in str(guard().check([JO]).trouble)


@pytest.mark.usefixtures("aws")
def test_an_endpoint_that_does_not_answer_costs_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    trouble = guard(timeout_s=0.2).check([JO]).trouble
    assert trouble is not None and "127.0.0.1:9" in trouble
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    assert "AWS_ENDPOINT_URL must be a URL" in str(guard().check([JO]).trouble)


def test_an_application_needs_neither_the_command_line_nor_the_cdk_nor_django() -> None:
    """Importing the guard loads nothing but botocore and the core."""
    code = (
        "import sys\n"
        "for name in ('typer', 'rich', 'aws_cdk', 'jsii', 'aws_lambda_powertools', 'django', 'boto3', 'idna'):\n"
        "    sys.modules[name] = None\n"
        "from ses_feedback.guard import Guard\n"
        "import ses_feedback.guard.smtp\n"
        "guard = Guard.of('mail', region='us-east-1', environment='production')\n"
        "assert guard.attach\n"
        "from ses_feedback.domain.recipients import recipients\n"
        "assert recipients('jo@m\\u00fcnchen.example')[0].address is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
