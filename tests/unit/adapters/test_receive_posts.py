"""The function behind the public endpoint as Lambda runs it, on moto, with posts that the test authority signs."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.authority import Authority, body, notification, pem, signed
from ses_feedback import naming
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.config.loop import asset_files
from ses_feedback.config.posts import posts_files
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import format_time
from ses_feedback.endpoint import certificates, fetching
from tests.unit.adapters.conftest import BUCKET, TABLE, Dynamo
from tests.unit.adapters.test_runtime_handlers import NOW, SECRET, logs, metrics
from tests.unit.config.files import config
from tests.unit.endpoint.test_http_api import event
from tests.unit.endpoint.world import CERTIFICATE_URL
from tests.unit.usecases import mail

TOPIC = "arn:aws:sns:us-east-1:444455556666:ses-bounces"
LISTED = f'{{ arn = "{TOPIC}", environment = "production" }}'
CONFIG = f"[endpoint]\ntopics = [{LISTED}]"
JANE = "jane@example.net"
_numbers = itertools.count()


@pytest.fixture
def posts(
    dynamo: Dynamo,
    aws: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[[], ModuleType]:
    """The function, as it is loaded from its asset, with the test authority in place of the public ones."""
    # A logger of its own, bound to this test's standard output, hence loaded only within the test.
    dev = '[identities."example.com"]\n[identities."dev@example.com"]\nenvironment = "dev"'
    named = f'[deployment]\nname = "posts-{next(_numbers)}"\n{CONFIG}\n{dev}'
    for name, text in posts_files(config(named)).items():
        (tmp_path / name).write_text(text)
    SuppressionTable(dynamo.client, TABLE, Keys(SECRET), DEFAULT_POLICY).claim("owner-1")
    aws("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    monkeypatch.setattr(composition, "DynamoDbWire", lambda _region: dynamo.client)
    authority = Authority(NOW)
    served = pem(authority.certificate("sns.amazonaws.com"), authority.intermediate)
    monkeypatch.setattr(fetching, "fetch", {CERTIFICATE_URL: served}.__getitem__)
    monkeypatch.setattr(certificates, "public_roots", lambda: [authority.root])
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv(naming.ENV_ADDRESS_KEY, SECRET)
    monkeypatch.setenv(naming.ENV_TABLE, TABLE)
    monkeypatch.setenv(naming.ENV_QUARANTINE_BUCKET, BUCKET)
    monkeypatch.delitem(sys.modules, "lambdas.receive_posts", raising=False)
    return cache(lambda: importlib.import_module("lambdas.receive_posts"))


def post(message: str | None = None, account: str = "444455556666", **changes: Any) -> dict[str, Any]:
    text = message or mail.text(mail.bounce(at=NOW)).replace("111122223333", account)
    return notification(text, format_time(NOW), topic=TOPIC, **changes)


def suppressed(dynamo: Dynamo) -> bool:
    stored, _ = SuppressionTable(dynamo.client, TABLE, Keys(SECRET), DEFAULT_POLICY).get("production", JANE)
    return stored is not None and bool(stored.suppressions)


def test_a_bounce_is_stored_before_it_is_answered(
    posts: Callable[[], ModuleType], dynamo: Dynamo, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logged as counts, like all feedback; a repetition changes nothing."""
    given = event(body(post()).decode())
    for _ in range(2):
        assert posts().handler(given, object())["statusCode"] == 200
        assert suppressed(dynamo)
    assert JANE not in capsys.readouterr().out


def test_what_is_unreadable_is_quarantined_and_measured(
    posts: Callable[[], ModuleType], aws: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """As by every other function, so that the alarm on quarantine sees it."""
    assert posts().handler(event(body(post("unreadable")).decode()), object())["statusCode"] == 200
    assert aws("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    (measured,) = metrics(capsys.readouterr().out)
    assert measured[naming.METRIC_QUARANTINED] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "111122223333"},
        {"message": mail.text(mail.bounce(at=NOW, source="dev@example.com")).replace("111122223333", "444455556666")},
        {"message": mail.sns_body(mail.text(mail.bounce(at=NOW, source="dev@example.com")))},
    ],
    ids=["of another account", "of another environment", "in another topic's envelope"],
)
def test_a_listed_topic_is_believed_only_about_what_it_is_trusted_with(
    posts: Callable[[], ModuleType], aws: Callable[..., Any], dynamo: Dynamo, changes: dict[str, Any]
) -> None:
    """Genuine and listed, and yet about somebody else: kept, alarmed, and nobody is suppressed."""
    assert posts().handler(event(body(post(**changes)).decode()), object())["statusCode"] == 200
    for environment in ("production", "dev"):
        stored, _ = SuppressionTable(dynamo.client, TABLE, Keys(SECRET), DEFAULT_POLICY).get(environment, JANE)
        assert stored is None
    (kept,) = aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    found = json.loads(aws("s3").get_object(Bucket=BUCKET, Key=kept["Key"])["Body"].read())
    assert f"topic {TOPIC} does not speak for " in found["why"]


def test_what_is_forged_is_answered_and_logged_in_one_line(
    posts: Callable[[], ModuleType], dynamo: Dynamo, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the form of all logs, with the topic and no address."""
    assert posts().handler(event(body(signed(post(), "stranger")).decode()), object())["statusCode"] == 403
    assert not suppressed(dynamo)
    output = capsys.readouterr().out
    (line,) = logs(output)
    assert line["message"] == f"refused: the signature is wrong; topic {TOPIC}"
    assert JANE not in output


def test_what_cannot_be_stored_is_raised(
    posts: Callable[[], ModuleType], dynamo: Dynamo, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of the function, for its alarm; API Gateway answers 500, and SNS comes again."""
    dynamo.client.delete_table(TableName=TABLE)
    with pytest.raises(RetryableError) as caught:
        posts().handler(event(body(post()).decode()), object())
    assert JANE not in str(caught.value) + capsys.readouterr().out


def test_invented_certificates_wake_nobody(
    posts: Callable[[], ModuleType], dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger who knows a topic can name certificates without end; that is answered, and is no error of ours."""
    monkeypatch.setattr(fetching, "fetch", lambda url: b"nothing")
    statuses = []
    for number in range(25):
        invented = post(SigningCertURL=CERTIFICATE_URL.replace(".pem", f"{number}.pem"))
        statuses.append(posts().handler(event(body(invented).decode()), object())["statusCode"])
    assert (set(statuses[:20]), set(statuses[20:])) == ({403}, {429})
    assert not suppressed(dynamo)


def test_its_configuration_is_sorted_and_in_no_other_asset() -> None:
    """A topic more on the list deploys that function alone, another order of them nothing."""
    other = LISTED.replace("bounces", "another")
    one, two = (config(f"[endpoint]\ntopics = [{', '.join(topics)}]") for topics in ([LISTED, other], [other, LISTED]))
    assert posts_files(one) == posts_files(two) != posts_files(config(CONFIG))
    assert asset_files(one) == asset_files(config(CONFIG)) == asset_files(config(""))
