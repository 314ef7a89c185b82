"""The newest release is updated by what is synthesised today: nothing it holds is replaced, removed or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.cells import read_lock
from infra.deployment import Settings
from ses_feedback.config import load
from tests import releases
from tests.infra.synthesis import Assembly, lock_of, synthesise
from tests.infra.updating import losses

Template = dict[str, Any]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> releases.Release:
    return releases.unpack(releases.newest(), tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def before(released: releases.Release) -> Assembly:
    return Assembly(load(released.edited), released.assembly)


def test_todays_code_replaces_nothing_of_the_last_release(
    released: releases.Release, before: Assembly, tmp_path: Path
) -> None:
    """With the same configuration and lock file. A line of the failure names the resource and what happens to it."""
    config = load(released.edited)
    lock = lock_of(config, read_lock(released.lock))
    after = synthesise(config, tmp_path, lock=lock, settings=Settings(ses_interval_ms=0, tally_window_s=1))
    found = losses(before, after)
    assert not found, "\n".join(["the update would lose:", *found])


def _table(template: Template) -> Template:
    return next(r for r in template["Resources"].values() if r["Type"] == "AWS::DynamoDB::Table")


def _first(template: Template, kind: str) -> tuple[str, Template]:
    return next((name, r) for name, r in template["Resources"].items() if r["Type"] == kind)


def _renamed(kind: str) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        name, _ = _first(template, kind)
        template["Resources"][f"{name}2"] = template["Resources"].pop(name)
        text = json.dumps(template["Resources"]).replace(f'"Ref": "{name}"', f'"Ref": "{name}2"')
        template["Resources"] = json.loads(text.replace(f'"Fn::GetAtt": ["{name}"', f'"Fn::GetAtt": ["{name}2"'))

    return change


def _with(kind: str, **properties: object) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        _first(template, kind)[1]["Properties"] |= properties

    return change


def _anew(kind: str, **properties: object) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        _renamed(kind)(template)
        list(template["Resources"].values())[-1]["Properties"] |= properties

    return change


def _without(kind: str) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        del template["Resources"][_first(template, kind)[0]]

    return change


def _unprotected(template: Template) -> None:
    del _table(template)["DeletionPolicy"]


def _two_indexes(template: Template) -> None:
    (index,) = _table(template)["Properties"]["GlobalSecondaryIndexes"]
    _table(template)["Properties"]["GlobalSecondaryIndexes"] = [index | {"IndexName": name} for name in ("one", "two")]


def _other_projection(template: Template) -> None:
    _table(template)["Properties"]["GlobalSecondaryIndexes"][0]["Projection"] = {"ProjectionType": "KEYS_ONLY"}


SPOILT: tuple[tuple[str, Callable[[Template], None], str], ...] = (
    ("data", _with("AWS::DynamoDB::Table", TableName="other"), "is replaced: TableName"),
    ("data", _with("AWS::DynamoDB::Table", KeySchema=[{"AttributeName": "x", "KeyType": "HASH"}]), "is replaced: Key"),
    ("data", _with("AWS::DynamoDB::Table", TimeToLiveSpecification={"AttributeName": "x"}), "must keep its TimeToLive"),
    (
        "data",
        _with("AWS::SecretsManager::Secret", GenerateSecretString={"PasswordLength": 65}),
        "must keep its Gen",
    ),
    ("data", _unprotected, "is no longer kept: DeletionPolicy was Retain, is None"),
    ("data", _two_indexes, "gets or loses several indexes"),
    ("data", _other_projection, "changes its index"),
    ("data", _renamed("AWS::S3::Bucket"), "has the name of shop-data/"),
    ("data", _anew("AWS::S3::Bucket", BucketName="other"), "is removed"),
    ("core", _renamed("AWS::SQS::QueuePolicy"), "has the name of shop-core/"),
    ("core", _renamed("AWS::SNS::Subscription"), "has the name of shop-core/"),
    ("core", _renamed("AWS::Lambda::Function"), "has the name of shop-core/"),
    ("core", _with("AWS::ApiGatewayV2::Api", ProtocolType="WEBSOCKET"), "is replaced: ProtocolType"),
    ("core", _anew("AWS::SQS::Queue", QueueName="other"), "is removed"),
    ("cell-0001", _with("AWS::SNS::Topic", TopicName="other"), "is replaced: TopicName"),
    ("cell-0001", _without("AWS::SNS::Subscription"), "is removed"),
    ("cell-0001", _with("AWS::CloudWatch::Alarm", AlarmName="other"), "is replaced: AlarmName"),
    ("cell-0001", _renamed("AWS::CloudWatch::CompositeAlarm"), "has the name of shop-cell-0001/"),
)


@pytest.mark.parametrize(("stack", "spoil", "told"), SPOILT)
def test_what_an_update_would_lose_is_told(
    before: Assembly, tmp_path: Path, stack: str, spoil: Callable[[Template], None], told: str
) -> None:
    """Each way to lose something, in the release's own templates; untouched, nothing is told."""
    shutil.copytree(before.folder, tmp_path / "assembly")
    path = tmp_path / "assembly" / f"shop-{stack}.template.json"
    template = json.loads(path.read_text())
    assert losses(before, Assembly(before.config, tmp_path / "assembly")) == []
    spoil(template)
    path.write_text(json.dumps(template))
    found = losses(before, Assembly(before.config, tmp_path / "assembly"))
    assert any(told in line for line in found), found
