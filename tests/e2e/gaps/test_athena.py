"""Athena: saved queries of a stack, views, and tables of JSON whose partitions are computed from a template."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import create, resource


def view(name: str, sql: str) -> dict[str, Any]:
    """A view as Athena writes it into the catalog."""
    text = base64.b64encode(json.dumps({"originalSql": sql, "schema": "kept", "columns": []}).encode()).decode()
    return resource(
        "Glue::Table",
        CatalogId="000000000000",
        DatabaseName="kept",
        TableInput={
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": f"/* Presto View: {text} */",
            "StorageDescriptor": {"Columns": []},
        },
    )


TABLE = resource(
    "Glue::Table",
    CatalogId="000000000000",
    DatabaseName="kept",
    TableInput={
        "Name": "lines",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "day", "Type": "string"}, {"Name": "hour", "Type": "string"}],
        "Parameters": {
            "classification": "json",
            "projection.enabled": "true",
            "projection.day.type": "date",
            "projection.day.format": "yyyy/MM/dd",
            "projection.hour.type": "enum",
            "projection.hour.values": "00,01",
            "storage.location.template": "s3://kept/lines/${day}/${hour}/",
        },
        "StorageDescriptor": {
            "Location": "s3://kept/lines/",
            "Columns": [
                {"Name": "id", "Type": "int"},
                {"Name": "seen", "Type": "array<struct<who:string,fine:boolean>>"},
                {"Name": "tags", "Type": "map<string,string>"},
            ],
            "SerdeInfo": {
                "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                "Parameters": {"ignore.malformed.json": "true"},
            },
        },
    },
)
SEEN = 'SELECT l."id", s."who", s."fine", l."day" FROM "lines" l CROSS JOIN UNNEST(l."seen") AS s ("who", "fine")'


@pytest.fixture(scope="module")
def kept(cloud: Cloud) -> Cloud:
    """The stack, with nothing in its bucket yet."""
    resources = {
        "Bucket": resource("S3::Bucket", BucketName="kept"),
        "Database": resource("Glue::Database", CatalogId="000000000000", DatabaseInput={"Name": "kept"}),
        "Lines": {**TABLE, "DependsOn": "Database"},
        "Seen": {**view("seen", SEEN), "DependsOn": "Lines"},
        "Fine": {**view("fine", 'SELECT * FROM "seen" WHERE fine'), "DependsOn": "Seen"},
        "Group": resource(
            "Athena::WorkGroup",
            Name="asking",
            WorkGroupConfiguration={"ResultConfiguration": {"OutputLocation": "s3://kept/answers/"}},
        ),
        "Saved": {
            **resource("Athena::NamedQuery", Name="all", Database="kept", QueryString="SELECT 1", WorkGroup="asking"),
            "DependsOn": "Group",
        },
    }
    assert create(cloud, "asking", resources) == "CREATE_COMPLETE"
    return cloud


def ask(cloud: Cloud, sql: str) -> list[list[str | None]]:
    """The rows of an answer."""
    athena = cloud.client("athena")
    started = athena.start_query_execution(
        QueryString=sql, QueryExecutionContext={"Database": "kept"}, WorkGroup="asking"
    )["QueryExecutionId"]

    def ended() -> dict[str, Any] | None:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED") else None

    status = until("the answer", ended, seconds=30)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]


def test_views_over_computed_partitions(kept: Cloud) -> None:
    """Columns are the catalog's, not guessed; other folders are no partitions; a broken line is passed over."""
    assert ask(kept, "SELECT * FROM fine") == []
    one = {"id": 1, "seen": [{"who": "a", "fine": True}, {"who": "b", "fine": False}], "tags": {"x": "y"}}
    objects = {
        "lines/2026/11/24/00/one.json": [json.dumps(one), "broken", json.dumps({"id": 2, "seen": []})],
        "lines/2026/11/25/01/two.json": [json.dumps({"id": 3, "seen": [{"who": "c", "fine": True, "more": 1}]})],
        "lines/2026/11/25/07/hour.json": [json.dumps({"id": 4, "seen": [{"who": "d", "fine": True}]})],
        "lines/elsewhere.json": [json.dumps({"id": 5, "seen": [{"who": "e", "fine": True}]})],
    }
    for key, lines in objects.items():
        kept.client("s3").put_object(Bucket="kept", Key=key, Body="\n".join(lines).encode())
    assert ask(kept, "SELECT who, day FROM fine ORDER BY who") == [["a", "2026/11/24"], ["c", "2026/11/25"]]
    assert ask(kept, "SELECT who FROM kept.seen s WHERE day = '2026/11/24' ORDER BY who") == [["a"], ["b"]]
    assert ask(kept, "SELECT count(id), max(hour), max(tags['x']) FROM lines") == [["3", "01", "y"]]


def test_trino_formats_dates(kept: Cloud) -> None:
    """As in the conditions on days that saved queries have."""
    assert ask(kept, "SELECT date_format(date '2026-11-24' - interval '1' day, '%Y/%m/%d')") == [["2026/11/23"]]


def test_saved_queries_come_and_go_with_their_stack(kept: Cloud) -> None:
    """A changed one replaces the former."""
    athena = kept.client("athena")

    def saved() -> list[str]:
        ids = athena.list_named_queries(WorkGroup="asking")["NamedQueryIds"]
        return [athena.get_named_query(NamedQueryId=one)["NamedQuery"]["QueryString"] for one in ids]

    assert saved() == ["SELECT 1"]
    stacks = kept.client("cloudformation")
    body = json.loads(json.dumps(stacks.get_template(StackName="asking")["TemplateBody"]))
    body = json.loads(body) if isinstance(body, str) else body
    body["Resources"]["Saved"]["Properties"]["QueryString"] = "SELECT 2"
    stacks.update_stack(StackName="asking", TemplateBody=json.dumps(body))
    until("the update", lambda: saved() == ["SELECT 2"], seconds=20)
    del body["Resources"]["Saved"]
    stacks.update_stack(StackName="asking", TemplateBody=json.dumps(body))
    until("the deletion", lambda: saved() == [], seconds=20)
