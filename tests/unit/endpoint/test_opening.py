"""``open_endpoint``: from the configuration file to a stored bounce, on moto."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.authority import TOPIC, body
from ses_feedback import naming
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.adapters.troubles import Trouble
from ses_feedback.config import ConfigError
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.endpoint import open_endpoint, opening
from tests.unit.adapters.conftest import Dynamo, aws, dynamo
from tests.unit.usecases import mail

from .world import AUTHORITY, NOW, Web, bounced

__all__ = ["aws", "dynamo"]
SMALLEST = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an allow-list."""
    file = tmp_path / "feedback.toml"
    listed = f'{{ arn = "{TOPIC}", environment = "production" }}'
    file.write_text(f"{SMALLEST}[endpoint]\ntopics = [{listed}]\n", encoding="utf-8")
    return file


def test_a_post_ends_in_the_table_and_what_is_unreadable_in_the_bucket(
    aws: Callable[..., Any], dynamo: Dynamo, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the deployment's own key, table and bucket."""
    aws("secretsmanager", "us-east-1").create_secret(Name=naming.secret_name("ses-feedback"), SecretString="s" * 32)
    store = SuppressionTable(aws("dynamodb"), naming.table_name("ses-feedback"), Keys("s" * 32), DEFAULT_POLICY)
    store.claim("owner")
    account = aws("sts").get_caller_identity()["Account"]
    bucket = naming.quarantine_bucket_name("ses-feedback", account, "us-east-1")
    aws("s3").create_bucket(Bucket=bucket)
    monkeypatch.setattr(opening, "fetch", Web().fetch)
    monkeypatch.setattr(opening, "public_roots", lambda: [AUTHORITY.root])
    endpoint = open_endpoint(str(path))
    endpoint._clock = lambda: NOW
    headers = {"content-type": "text/plain"}
    there = mail.text(mail.bounce()).replace("111122223333", "444455556666")  # the topic's own account
    assert endpoint.answer("POST", headers, body(bounced(message=there))).status == 200
    assert endpoint.answer("POST", headers, body(bounced(message="unreadable"))).status == 200
    stored, _ = store.get("production", "jane@example.net")
    assert stored is not None
    assert [suppression.reason for suppression in stored.suppressions] == ["hard_bounce"]
    assert len(aws("s3").list_objects_v2(Bucket=bucket)["Contents"]) == 1
    assert endpoint.answer("POST", headers, body(bounced())).status == 200  # of an identity in another account
    assert len(aws("s3").list_objects_v2(Bucket=bucket)["Contents"]) == 2


def test_nothing_is_deployed(aws: Callable[..., Any], path: Path) -> None:
    """One line that says so."""
    with pytest.raises(Trouble, match='no deployment "ses-feedback"'):
        open_endpoint(path)


def test_a_file_without_topics(tmp_path: Path) -> None:
    """Nobody would be heard: one line that says what is missing."""
    file = tmp_path / "feedback.toml"
    file.write_text(SMALLEST, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_endpoint(file)
    assert list(caught.value.problems) == [
        "endpoint.topics: missing; say from which topics posts are taken, such as "
        'topics = [{ arn = "arn:aws:sns:eu-west-1:444455556666:ses-*", environment = "production" }]'
    ]
