"""What `docs/cost.md` says a million notifications cost is what the functions' calls come to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import cost, dynamodb
from tests.unit.adapters import dynamo_size

ROOT = Path(__file__).parents[2]


def told() -> list[float]:
    """Return the totals of the table in the documentation, in dollars, in its columns' order."""
    text = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| \*\*together\*\* \| \*\*\$(.+?)\*\* \| \*\*\$(.+?)\*\* \|$", text, re.MULTILINE)
    return [float(total) for total in row]


@pytest.mark.parametrize("column", range(len(cost.MIXES)))
def test_the_price_of_mail_is_as_documented(column: int) -> None:
    """A small sample through the real functions prices within two cents of the page, and above the floor."""
    _, lines = cost.measured(cost.MIXES[column], 2_000)
    total, least = cost.totals(lines)
    assert least == pytest.approx(1.01, abs=0.005)
    assert total == pytest.approx(told()[column], abs=0.02)
    by_name = {line.what: line for line in lines}
    assert by_name["SES publishes to SNS"].count == by_name["SNS sends to the tally queue"].count == cost.MILLION
    assert by_name["record_feedback is invoked"].count == 50_000
    assert by_name["tally_feedback is invoked"].count == 1_000


def test_the_stand_in_bills_like_dynamodb() -> None:
    """Units by the rules of the developer guide: kilobytes, the larger of two, an index where it changes."""
    table = dynamodb.Table()

    def put(version: str, text: str, **more: str) -> None:
        attributes = {"pk": "a", "version": version, "text": text, **more}
        item = {name: {"S": value} for name, value in attributes.items()}
        request = {
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk) OR version = :version",
            "ExpressionAttributeValues": {":version": {"S": f"v{int(version[1:]) - 1}"}},
        }
        table.call("PutItem", dynamodb.json.dumps(request).encode())

    listed = {"listing_key": "production#hard_bounce#2026-11#1", "listing_since": "2026-11-24T00:00:00.000Z"}
    put("v0", "")
    assert table.meter["write units, table"] == 1
    put("v1", "x" * 1_024)
    assert table.meter["write units, table"] == 3
    put("v2", "", **listed)
    assert (table.meter["write units, table"], table.meter["write units, index"]) == (5, 1)
    put("v3", "y", **listed)  # nothing that the index holds has changed
    assert (table.meter["write units, table"], table.meter["write units, index"]) == (6, 1)
    put("v4", "y", **listed | {"listing_since": "2026-11-25T00:00:00.000Z"})
    assert table.meter["write units, index"] == 3
    put("v9", "z")  # the condition fails
    assert table.meter["write units, refused"] == 1
    keys = [{"pk": {"S": name}} for name in ("a", "nobody")]
    table.call("BatchGetItem", dynamodb.json.dumps({"RequestItems": {"t": {"Keys": keys}}}).encode())
    assert table.meter["read half units"] == 2
    item = {"s": {"S": "äb"}, "n": {"N": "1234567"}, "m": {"M": {"l": {"L": [{"N": "1"}]}}}}
    assert dynamodb.size(item) == dynamo_size.size(item) - 100
