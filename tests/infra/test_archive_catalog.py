"""The archive as tables: computed partitions, views as Athena writes them, a bounded workgroup."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

from infra.archive_queries import saved_queries
from ses_feedback import naming
from ses_feedback.config.model import Destination, Team
from ses_feedback.domain.archive_columns import DECISION_COLUMNS, EVENT_NAMES
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly

BUCKET = f"s3://ses-feedback-archive-{ACCOUNT}-us-east-1"


def table(assembly: Assembly, name: str) -> dict[str, Any]:
    found = [
        f.properties["TableInput"]
        for f in assembly.find("AWS::Glue::Table")
        if f.properties["TableInput"]["Name"] == name
    ]
    assert len(found) == 1
    return dict(found[0])


def view(assembly: Assembly, name: str) -> dict[str, Any]:
    text = re.fullmatch(r"/\* Presto View: (\S+) \*/", table(assembly, name)["ViewOriginalText"])
    assert text
    return dict(json.loads(base64.b64decode(text[1])))


def test_partitions_are_computed_from_where_firehose_writes(small: Assembly) -> None:
    """By day and hour of arrival: nothing has to be crawled or added, and a day costs what a day holds."""
    lines = table(small, naming.ARCHIVE_LINES)
    assert lines["Parameters"]["projection.enabled"] == "true"
    assert lines["Parameters"]["storage.location.template"] == f"{BUCKET}/feedback/${{day}}/${{hour}}/"
    assert lines["Parameters"]["projection.day.format"] == "yyyy/MM/dd"
    assert lines["Parameters"]["projection.day.range"].endswith(",NOW")
    assert lines["Parameters"]["projection.hour.values"].split(",") == [f"{n:02}" for n in range(24)]
    assert lines["StorageDescriptor"]["Location"] == f"{BUCKET}/feedback/"
    assert [key["Name"] for key in lines["PartitionKeys"]] == ["day", "hour"]
    assert not small.find("AWS::Glue::Crawler", "AWS::Glue::Partition")


def test_a_broken_line_does_not_end_a_query(small: Assembly) -> None:
    """The reader of JSON passes it over."""
    serde = table(small, naming.ARCHIVE_LINES)["StorageDescriptor"]["SerdeInfo"]
    assert serde["Parameters"]["ignore.malformed.json"] == "true"


def test_views_have_the_columns_they_select(small: Assembly) -> None:
    """In Trino's types in the view, in Hive's in the catalog, in the same order; the field of a struct is its place."""
    for name in (naming.ARCHIVE_ARRIVALS, naming.ARCHIVE_EVENTS, naming.ARCHIVE_DECISIONS):
        described, glue = view(small, name), table(small, name)
        assert glue["TableType"] == "VIRTUAL_VIEW"
        assert glue["Parameters"]["presto_view"] == "true"
        columns = [column["Name"] for column in glue["StorageDescriptor"]["Columns"]]
        assert [column["name"] for column in described["columns"]] == columns
        assert described["schema"] == naming.archive_database("ses-feedback")
        selected = re.match(r"SELECT (?:DISTINCT )?(.*?) FROM", described["originalSql"])
        assert selected
        assert re.findall(r'"(\w+)"(?:,|$)', selected[1]) == columns
    events = view(small, naming.ARCHIVE_ARRIVALS)["originalSql"]
    assert ", ".join(f'"{name}"' for name in EVENT_NAMES) in events
    struct = {c["Name"]: c["Type"] for c in table(small, naming.ARCHIVE_LINES)["StorageDescriptor"]["Columns"]}
    assert [f.split(":")[0] for f in struct["events"][len("array<struct<") : -2].split(",")] == list(EVENT_NAMES)
    assert [f.split(":")[0] for f in struct["decision"][len("struct<") : -1].split(",")] == [
        name for name, _ in DECISION_COLUMNS
    ]


def test_no_query_of_the_workgroup_reads_without_end(small: Assembly) -> None:
    """The limit and the place of answers hold whatever a client asks for."""
    (workgroup,) = small.find("AWS::Athena::WorkGroup")
    settings = workgroup.properties["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == naming.ARCHIVE_SCAN_LIMIT
    assert settings["ResultConfiguration"]["OutputLocation"] == f"{BUCKET}/answers/"


def test_saved_queries_are_in_the_workgroup_and_bounded_by_day(small: Assembly) -> None:
    """Each says what it answers, and none reads the whole archive."""
    found = small.find("AWS::Athena::NamedQuery")
    assert {f.properties["Name"] for f in found} == set(saved_queries(small.config))
    for saved in found:
        assert saved.properties["WorkGroup"] == naming.archive_workgroup("ses-feedback")
        assert saved.properties["Database"] == naming.archive_database("ses-feedback")
        assert saved.properties["QueryString"].startswith("-- ")
        assert "day >= date_format(" in saved.properties["QueryString"]
        assert saved.properties["Description"]
        assert len(saved.properties["QueryString"].encode()) < 262_144


def test_who_was_told_names_teams_and_destinations() -> None:
    """As the file has them, without what a URL may hide; with a quote in a name it is still SQL."""
    config = configs.small()
    some = next(iter(config.identities.values()))
    hook = Destination("https", "https://user:secret@crm.example.com/hooks?token=secret", ("complaint",))
    config = replace(
        config,
        teams={"sales": Team("sales", (hook, Destination("email_json", "o'hara@example.com")))},
        identities={some.name: replace(some, team="sales")},
    )
    _, query = saved_queries(config)["who-was-told"]
    assert f"('{some.name}', 'sales')" in query
    assert "('sales', 'complaint', 'https', 'https://crm.example.com/hooks')" in query
    assert "('sales', 'bounce', 'email-json', 'o''hara@example.com')" in query
    assert "secret" not in query


def test_who_was_told_fits_however_many_identities_there_are() -> None:
    """Athena takes a quarter of a megabyte: beyond it the query names the command that tells."""
    config = configs.small()
    some = next(iter(config.identities.values()))
    team = Team("sales", (Destination("email", "sales@example.com"),))
    many = {
        f"shop{n:05}.example.com": replace(some, name=f"shop{n:05}.example.com", team="sales") for n in range(9_000)
    }
    _, query = saved_queries(replace(config, teams={"sales": team}, identities=many))["who-was-told"]
    assert len(query.encode()) < 262_144
    assert "ses-feedback routes" in query


def test_nobody_is_told_without_teams() -> None:
    """SQL has no empty list of values: the query still runs, and joins nothing."""
    config = configs.small()
    _, query = saved_queries(replace(config, teams={}, identities={}))["who-was-told"]
    assert "('', '')" in query and "('', '', '', '')" in query
