"""What a removal left, as `cdk import` wants it: all of it, and otherwise one line for each thing in the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra import kept
from tests.infra.synthesis import ACCOUNT, Assembly

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ses-feedback-address-key-AbCdEf"
TABLES = ("ses-feedback-suppressions", "ses-feedback-wiring", "ses-feedback-ends")
BUCKETS = tuple(f"ses-feedback-{of}-{ACCOUNT}-us-east-1" for of in ("archive", "quarantine"))


class Left:
    """An account as it is after a removal, but for what a test changes."""

    region, number = "us-east-1", ACCOUNT

    def __init__(self) -> None:
        self.there = {*TABLES, *BUCKETS}
        self.key_state: str | None = "Enabled"
        self.secret_there: dict[str, Any] | None = {"ARN": SECRET}
        self.status: str | None = None

    def stack(self, name: str) -> str | None:
        assert name == "ses-feedback-data"
        return self.status

    def table(self, name: str) -> Mapping[str, Any] | None:
        made = datetime(2026, 11, 24, 5, 25, tzinfo=UTC)
        found = {"SSEDescription": {"KMSMasterKeyArn": KEY}, "CreationDateTime": made, "ItemCount": 7}
        return found if name in self.there else None

    def secret(self, name: str) -> Mapping[str, Any] | None:
        assert name == "ses-feedback-address-key"
        return self.secret_there

    def key(self, arn: str) -> Mapping[str, Any] | None:
        assert arn == KEY
        return None if self.key_state is None else {"KeyId": KEY.rpartition("/")[2], "KeyState": self.key_state}

    def bucket(self, name: str) -> Mapping[str, Any] | None:
        return {} if name in self.there else None


@pytest.fixture
def left(small: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Left:
    """A synthesised project in the current folder, and the account."""
    account = Left()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kept, "Account", lambda region: account)
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out" / "ses-feedback-data.template.json").write_text(
        json.dumps(small.templates["ses-feedback-data"])
    )
    (tmp_path / "feedback.toml").write_text(
        '[on_call]\npage = [{ email = "oncall@example.com" }]\n[identities."example.com"]\n'
    )
    return account


def test_everything_is_there(left: Left, small: Assembly, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kept resource by the identifier that its resource schema calls primary; the next command is told."""
    assert kept.main(["kept.json"]) == 0
    written = json.loads(Path("kept.json").read_text())
    by_type: dict[str, list[dict[str, str]]] = {}
    for logical_id, identifier in written.items():
        by_type.setdefault(small.templates["ses-feedback-data"]["Resources"][logical_id]["Type"], []).append(identifier)
    assert {kind: {next(iter(i.items())) for i in found} for kind, found in by_type.items()} == {
        "AWS::DynamoDB::Table": {("TableName", name) for name in TABLES},
        "AWS::S3::Bucket": {("BucketName", name) for name in BUCKETS},
        "AWS::KMS::Key": {("KeyId", KEY.rpartition("/")[2])},
        "AWS::SecretsManager::Secret": {("Id", SECRET)},
    }
    assert "npx cdk import ses-feedback-data --resource-mapping kept.json" in capsys.readouterr().err


def test_the_identifiers_are_those_of_the_resource_schemas() -> None:
    """CloudFormation imports a resource by its primary identifier; cfn-lint ships AWS's schemas."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as SCHEMAS

    for kind, named in (
        ("AWS::DynamoDB::Table", "TableName"),
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::KMS::Key", "KeyId"),
        ("AWS::SecretsManager::Secret", "Id"),
    ):
        schema = SCHEMAS.get_resource_schema("us-east-1", kind).schema
        assert schema["primaryIdentifier"] == [f"/properties/{named}"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "ROLLBACK_FAILED"}, "npx cdk destroy ses-feedback-data"),
        ({"status": "UPDATE_COMPLETE"}, "there is nothing to import"),
        ({"there": set(), "secret_there": None}, "deploy it as a new one"),
        ({"there": {*TABLES}}, f"bucket {BUCKETS[0]} is gone"),
        ({"there": {*BUCKETS, TABLES[0]}}, f"table {TABLES[1]} is gone"),
        ({"secret_there": None}, "secret ses-feedback-address-key is gone"),
        ({"secret_there": {"ARN": SECRET, "DeletedDate": 1}}, "aws secretsmanager restore-secret --region us-east-1"),
        ({"key_state": None}, f"key {KEY} is gone"),
        ({"key_state": "PendingDeletion"}, "aws kms cancel-key-deletion --region us-east-1"),
        ({"key_state": "Disabled"}, "aws kms enable-key --region us-east-1"),
    ],
)
def test_what_is_in_the_way(left: Left, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str) -> None:
    """Nothing is written, and the line says what to do."""
    for name, value in change.items():
        setattr(left, name, value)
    assert kept.main(["kept.json"]) == 1
    assert said in capsys.readouterr().err
    assert not Path("kept.json").exists()


def test_what_a_failed_first_deployment_left(left: Left, capsys: pytest.CaptureFixture[str]) -> None:
    """A protected table and nothing else: how old and full it is, and how to be rid of it."""
    left.there, left.secret_there, left.key_state = {TABLES[0]}, None, "PendingDeletion"
    assert kept.main(["kept.json"]) == 1
    said = capsys.readouterr().err
    assert f"{TABLES[0]}, made 2026-11-24 05:25 with 7 items some hours ago" in said
    assert (
        f"aws dynamodb update-table --region us-east-1 --table-name {TABLES[0]} --no-deletion-protection-enabled"
        in said
    )
    assert f"aws dynamodb delete-table --region us-east-1 --table-name {TABLES[0]}\n" in said


def test_before_a_synth(left: Left, capsys: pytest.CaptureFixture[str]) -> None:
    """The logical ids are in the template: without it, the line says how to come by it."""
    (Path("cdk.out") / "ses-feedback-data.template.json").unlink()
    assert kept.main(["kept.json"]) == 1
    assert "npx cdk synth --quiet" in capsys.readouterr().err


def test_a_configuration_that_is_wrong(left: Left, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own problems, and no traceback."""
    Path("feedback.toml").write_text("[on_call]\n")
    assert kept.main(["kept.json"]) == 1
    assert "Traceback" not in capsys.readouterr().err
