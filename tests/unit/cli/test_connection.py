"""The whole command line against moto's DynamoDB, Secrets Manager, S3, SQS and STS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from ses_feedback import naming
from ses_feedback.adapters import clients
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.cli.program import run
from ses_feedback.domain.events import Fault
from ses_feedback.domain.history import History
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY

from .conftest import Done
from .fakes import hard

REGION = "us-east-1"
SECRET = "a-secret-of-an-example"
TABLE = naming.table_name("ses-feedback")

Aws = Callable[..., Done]


@pytest.fixture
def aws(
    config_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """Run a command against an empty AWS account. The region is the configuration's, whatever the environment says."""
    config_file.write_text(config_file.read_text().replace(', "eu-west-1"', ""))
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "ap-southeast-2")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    forget_clients()
    with mock_aws():
        yield lambda *arguments: Done(run(arguments), *capfd.readouterr())
    forget_clients()


def forget_clients() -> None:
    """Make clients anew: they are kept for the life of a process."""
    clients.client.cache_clear()
    clients._session.cache_clear()


def deploy(*, table: bool = True, secret: str | None = SECRET, claim: bool = True) -> SuppressionTable:
    """Make what the data stack makes."""
    if secret is not None:
        secrets = clients.client("secretsmanager", REGION)
        secrets.create_secret(Name=naming.secret_name("ses-feedback"), SecretString=secret, ClientRequestToken="t" * 32)
    dynamodb = clients.client("dynamodb", REGION)
    if table:
        key = {"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}
        index = [
            {"AttributeName": naming.ATTRIBUTE_LISTING_KEY, "AttributeType": "S"},
            {"AttributeName": naming.ATTRIBUTE_LISTING_SINCE, "AttributeType": "S"},
        ]
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[key, *index],
            KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": naming.INDEX_LISTING,
                    "KeySchema": [
                        {"AttributeName": naming.ATTRIBUTE_LISTING_KEY, "KeyType": "HASH"},
                        {"AttributeName": naming.ATTRIBUTE_LISTING_SINCE, "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
    found = SuppressionTable(dynamodb, TABLE, Keys(SECRET), DEFAULT_POLICY)
    if table and claim:
        found.claim("0123456789abcdef")
    return found


def test_the_whole_life_of_an_address(aws: Aws) -> None:
    """Suppress, ask, list, show and ask again after a release, through the real table."""
    deploy().put_new("production", "jane@example.net", History({"k": hard()}))
    assert aws("check", "jane@example.net", "joe@example.net", "--stream", "marketing").code == 1
    assert aws("suppress", "joe@example.net", "--why", "asked", "--json").records[0]["reason"] == "operator"
    assert {r["address"] for r in aws("list", "--json").records} == {"jane@example.net", "joe@example.net"}
    assert aws("show", "joe@example.net", "--json").records[0]["rulings"][0]["why"] == "asked"
    assert aws("check", "joe@example.net", "--stream", "marketing", "--json").code == 1


def test_putting_back_what_was_put_aside(aws: Aws) -> None:
    """Without table and secret: neither quarantine nor redrive needs the address key."""
    s3, sqs = clients.client("s3", REGION), clients.client("sqs", REGION)
    bucket = naming.quarantine_bucket_name("ses-feedback", "123456789012", REGION)
    s3.create_bucket(Bucket=bucket)
    urls = {
        name: sqs.create_queue(QueueName=f"ses-feedback-{name}")["QueueUrl"]
        for name in ("retry", "tally", "dead-letters", "tally-dead-letters")
    }
    for number in range(12):
        assert QuarantineBucket(lambda: s3, bucket).keep(Fault(f"text {number}", "a former bug"), number)
        sqs.send_message(QueueUrl=urls["dead-letters"], MessageBody=f"letter {number}")
    listed = aws("quarantine", "list", "--json").records
    assert len(listed) == 12
    assert aws("quarantine", "show", listed[0]["id"][:12], "--json").records[0]["raw"].startswith("text ")
    (put_back,) = aws("quarantine", "retry", "--all", "--json").records
    assert (put_back["found"], put_back["put_back"], put_back["left"]) == (12, 12, 0)
    assert aws("quarantine", "list", "--json").out == ""
    (redriven,) = aws("redrive", "dead-letters", "--json").records
    assert (redriven["found"], redriven["moved"], redriven["left"]) == (12, 12, 0)
    for name, waiting in (("retry", 24), ("tally", 12), ("dead-letters", 0)):
        found = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["ApproximateNumberOfMessages"])
        assert int(found["Attributes"]["ApproximateNumberOfMessages"]) == waiting


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("quarantine", "list"), "quarantine"),
        (("quarantine", "show", "abcd"), "quarantine"),
        (("quarantine", "retry", "--all"), "quarantine"),
        (("redrive",), "queue"),
        (("redrive", "--dry-run"), "queue"),
    ],
)
def test_nothing_to_put_back_from(aws: Aws, command: tuple[str, ...], missing: str) -> None:
    """Nothing is deployed there: one line, which says so."""
    done = aws(*command)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert done.err.startswith(
        f'ses-feedback: there is no {missing} of deployment "ses-feedback" in us-east-1 of this account: deploy first'
    )


def test_not_deployed(aws: Aws) -> None:
    """Neither secret nor table: nothing is deployed there. The line names deployment, region and account."""
    done = aws("check", "jane@example.net", "--stream", "marketing")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        'ses-feedback: no deployment "ses-feedback" in us-east-1 of account 123456789012: deploy first (cdk deploy), '
        "or choose the account with AWS_PROFILE, the deployment with --config\n",
    )


def test_the_secret_alone_is_gone(aws: Aws) -> None:
    """With the table there, deploying anew would make another secret and every address unknown: say what to do."""
    deploy(secret=None)
    done = aws("show", "jane@example.net")
    assert (done.code, done.err) == (
        2,
        "ses-feedback: secret ses-feedback-address-key is gone from us-east-1 of account 123456789012, though the "
        "table is there: restore it with its former value, or every address looks unknown\n",
    )


def test_the_secret_is_marked_for_deletion(aws: Aws) -> None:
    """The line is the command that saves it."""
    deploy()
    clients.client("secretsmanager", REGION).delete_secret(SecretId=naming.secret_name("ses-feedback"))
    done = aws("show", "jane@example.net")
    assert (done.code, done.err) == (
        2,
        "ses-feedback: secret ses-feedback-address-key in us-east-1 is marked for deletion: restore it (aws "
        "secretsmanager restore-secret --region us-east-1 --secret-id ses-feedback-address-key) before it is gone\n",
    )


def test_the_table_alone_is_gone(aws: Aws) -> None:
    """The line names table and region."""
    deploy(table=False)
    done = aws("show", "jane@example.net")
    assert done.code == 2
    assert done.err.startswith("ses-feedback: there is no table ses-feedback-suppressions in us-east-1")


def test_another_secret(aws: Aws) -> None:
    """A wrong secret is an error, never "not suppressed"."""
    deploy(secret="another")
    for command in (
        ("check", "jane@example.net", "--stream", "marketing"),
        ("check", "jane@example.net", "joe@example.net", "--stream", "marketing"),
        ("list",),
        ("release", "jane@example.net", "--why", "x"),
    ):
        done = aws(*command)
        assert done.code == 2
        assert "was filled under another address key" in done.err


def test_an_unclaimed_table(aws: Aws) -> None:
    """A table whose deployment never finished is told."""
    deploy(claim=False)
    done = aws("show", "jane@example.net")
    assert (done.code, done.err) == (
        2,
        "ses-feedback: table ses-feedback-suppressions belongs to no deployment yet: deploy first\n",
    )


def test_no_credentials(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked; the line says how to log in."""
    with monkeypatch.context() as without:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
            without.delenv(name, raising=False)
        forget_clients()
        done = aws("show", "jane@example.net")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ses-feedback: there are no AWS credentials: ")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_PROFILE", "prd", "ses-feedback: The config profile (prd) could not be found: set AWS_PROFILE"),
        ("AWS_ENDPOINT_URL", "nonsense", "ses-feedback: Invalid endpoint: nonsense: AWS_ENDPOINT_URL must be a URL"),
    ],
)
def test_a_wrong_environment(aws: Aws, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str) -> None:
    """What the environment holds wrongly is one line."""
    monkeypatch.setenv(variable, value)
    forget_clients()
    done = aws("show", "jane@example.net")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert done.err.startswith(said)


def test_nothing_listens(config_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """An embedded AWS that is not running is told by its address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    forget_clients()
    code = run(["show", "jane@example.net"])
    forget_clients()
    assert (code, capfd.readouterr()) == (
        2,
        (
            "",
            "ses-feedback: nothing answers at http://127.0.0.1:9/: is the AWS that AWS_ENDPOINT_URL names running "
            "(make local)?\n",
        ),
    )
