"""Condition keys: each is one that AWS documents for the call, or may be absent; and the documents list them all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.sources import ROOT
from tests.infra.synthesis import ACCOUNT, Assembly, Found
from tests.infra.test_changes import followed
from tests.infra.test_security import statements

__all__ = ["followed"]
PAGE = ROOT / "docs" / "conditions.md"
UNDOCUMENTED = "not documented for this call"
POLICIES = {
    "AWS::SNS::TopicPolicy": "topic",
    "AWS::SQS::QueuePolicy": "queue",
    "AWS::S3::BucketPolicy": "bucket",
    "AWS::KMS::Key": "key",
    "AWS::IAM::Role": "role",
}
Row = tuple[str, str, str]


def listed() -> dict[Row, str]:
    """Return the table of the page: policy, who and condition to where it is documented."""
    rows = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] != "policy":
            rows[cells[0], cells[1].strip("`"), cells[2].strip("`")] = cells[3]
    return rows


def who(statement: dict[str, Any]) -> str:
    principal = statement.get("Principal")
    if principal is None:
        return "a function, Firehose or Step Functions"
    if "Service" in principal:
        return str(principal["Service"])
    if principal == {"AWS": "*"}:
        assert statement["Effect"] == "Deny"
        return "everybody (refused)"
    assert principal == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, principal
    return "the account"


def conditions(statement: dict[str, Any]) -> list[str]:
    found = statement.get("Condition", {})
    # What follows a slash is the name of a tag.
    return [f"{operator} {key.split('/')[0]}" for operator, keys in found.items() for key in keys] or ["none"]


def used(found: Found) -> Iterator[Row]:
    """Yield what the policies in a resource ask for. A role's own grants count only with a condition."""
    if found.type == "AWS::Lambda::Permission":
        narrowed = found.properties.keys() & {"SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken"}
        for key in narrowed or {"none"}:
            yield "function", found.properties["Principal"], key
        return
    for statement in statements(found.properties):
        trust = statement["Action"] == "sts:AssumeRole"
        for condition in conditions(statement):
            if condition != "none" or "Principal" in statement:
                yield "trust" if trust else POLICIES[found.type], who(statement), condition


@pytest.fixture(scope="module")
def everything(
    full: Assembly,
    small: Assembly,
    per_environment: Assembly,
    followed: Assembly,
) -> list[Found]:
    return [found for assembly in (full, small, per_environment, followed) for found in assembly.all()]


def test_every_condition_is_listed_with_its_source(everything: list[Found]) -> None:
    """No more and no less than the templates have; and each names a page, or may be absent, or is not needed."""
    rows = listed()
    assert {row for found in everything for row in used(found)} == set(rows)
    for (_, _, condition), source in rows.items():
        optional = condition.split(" ")[0].endswith("IfExists") or "beside the one above" in source
        assert optional == source.startswith(UNDOCUMENTED), (condition, source)
        assert optional or re.match(r"[A-Z][\w ]+, \*[^*]+\*|the same", source), source


def test_what_is_not_documented_stands_beside_what_is(everything: list[Found]) -> None:
    """A statement on a key that is not documented, and may not be absent, allows what another one allows already."""
    needed, beside = set(), set()
    for found in everything:
        for statement in statements(found.properties):
            for condition in conditions(statement):
                row = (POLICIES.get(found.type, ""), who(statement), condition)
                what = (found.logical_id, who(statement), str(statement["Action"]), str(statement.get("Resource")))
                if "beside the one above" in listed().get(row, ""):
                    beside.add(what)
                elif not listed().get(row, UNDOCUMENTED).startswith(UNDOCUMENTED):
                    needed.add(what)
    assert beside
    assert beside <= needed


def test_the_page_is_read_as_it_is_written() -> None:
    """The table has no row that the test would overlook."""
    assert len(listed()) == len(re.findall(r"^\| (?!policy)", Path(PAGE).read_text(encoding="utf-8"), re.MULTILINE))
