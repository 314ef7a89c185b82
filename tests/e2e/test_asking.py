"""The archive answers: the same through Athena, from the bucket and from a folder, and every saved query runs."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.archive_queries import saved_queries
from local.cloud import ACCOUNT
from local.loop import Loop, until
from ses_feedback import naming
from ses_feedback.cli.session import wall_clock
from ses_feedback.domain.times import DAY, HOUR
from tests.unit.asking.lines import event, line, store

NOW = wall_clock()
WHO = "asked@asking.example.net"
SAID = "smtp; 550 'no' \u00fcber \u2713"


@pytest.fixture(scope="module")
def folder(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of some days in the deployment's bucket, and the same in a folder: duplicates, damage, a canary."""
    root = tmp_path_factory.mktemp("archive")
    for day in range(5):
        at = NOW - day * DAY - HOUR
        events = [event(f"d{n}@asking.example.net", kind="delivery", at=at - n) for n in range(20)]
        events += [event(f"b{n}@asking.example.org", at=at - n, campaign="spring") for n in range(day)]
        events += [event(f"x{n}@refusing.example", at=at, class_="blocked", status="5.7.1") for n in range(3)]
        events += [
            event(WHO, at=at, diagnostic="smtp; 550 'no' \u00fcber \u2713"),
            event("canary@asking.example.net", at=at, canary=True),
        ]
        lines: list[Any] = [
            line(*events, sent_at=at),
            line(*events[:7], sent_at=at, sns_id="again"),
            line(skipped="setup"),
        ]
        store(root, [*lines, "not JSON", {"foreign": True}], at=at, name="asking.gz")
        later = at + HOUR
        store(root, lines[:1], at=later if later // DAY == at // DAY else at, name="late.gz")  # duplicates go by day
    complaint = event(WHO, kind="complaint", at=NOW - HOUR, campaign="spring", message_id=None)
    decision = {
        "environment": "production",
        "address": WHO,
        "stream": "*",
        "action": "suppress",
        "at": complaint["occurred_at"],
        "until": None,
        "why": "asked",
    }
    store(root, [line(complaint), line(decision=decision)], at=NOW - HOUR, name="complaint.gz")
    s3, bucket = loop.cloud.client("s3"), naming.archive_bucket_name(loop.name, ACCOUNT, loop.cloud.region)
    with contextlib.suppress(ClientError):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": loop.cloud.region})
    for path in root.rglob("*.gz"):
        s3.put_object(Bucket=bucket, Key=path.relative_to(root).as_posix(), Body=path.read_bytes())
    return root


def bucket(loop: Loop) -> str:
    return f"s3://{naming.archive_bucket_name(loop.name, ACCOUNT, loop.cloud.region)}"


@pytest.mark.parametrize(
    "question",
    [
        ("events", "--receiver", "asking.example.net", "--limit", "1000", "--since", "30d"),
        ("events", "--recipient", WHO, "--since", "3d"),
        ("events", "--receiver", "asking.example.net", "--canaries", "--kind", "bounce"),
        ("events", "--class", "blocked", "--receiver", "refusing.example", "--since", "4d", "--until", "2d"),
        ("events", "--recipient", "never@asking.example.net"),
        ("report", "--receiver", "asking.example.org", "--since", "30d"),
        ("report", "--campaign", "spring", "--top", "1"),
        ("report", "--receiver", "nowhere.example"),
    ],
)
def test_athena_the_bucket_and_a_folder_answer_alike(loop: Loop, folder: Path, question: tuple[str, ...]) -> None:
    """To the last line: the same events, each once, in the same order, with the same rates."""
    through_athena = loop.ask(*question)
    assert loop.ask(*question, "--from", bucket(loop)) == through_athena
    assert loop.ask(*question, "--from", str(folder)) == through_athena
    assert bool(through_athena) is not ("never" in question[2])


def test_the_answers_are_right(loop: Loop, folder: Path) -> None:
    """Not only alike: duplicates count once, canaries not at all, damage costs nothing but itself."""
    assert len(loop.ask("events", "--recipient", WHO, "--since", "30d")) == 6
    delivered = (
        "events",
        "--receiver",
        "asking.example.net",
        "--kind",
        "delivery",
        "--since",
        "30d",
        "--limit",
        "1000",
    )
    assert len(loop.ask(*delivered)) == 100
    total = loop.ask("report", "--receiver", "asking.example.org", "--since", "30d")[0]
    assert (total["by"], total["bounced"], total["bounce_rate"]) == ("total", 10, 1.0)
    (first, *_) = loop.ask("events", "--recipient", WHO, "--kind", "bounce")
    assert first["diagnostic"] == SAID


def test_what_was_passed_over_is_told(loop: Loop, folder: Path) -> None:
    """From a bucket as from a folder."""
    told = loop.cli("events", "--from", str(folder), "--since", "30d", "--limit", "1000").stderr
    assert told == "passed over: 10 lines that are not the archive's\n"


def test_a_page_is_written(loop: Loop, folder: Path, tmp_path: Path) -> None:
    """The report of the deployed archive, with its plots."""
    done = loop.cli("report", "--since", "30d", "--html", str(tmp_path / "report.html"))
    assert (done.returncode, done.stderr.strip()) == (0, f"written: {tmp_path / 'report.html'}")
    assert (tmp_path / "report.html").read_text().count("<svg") == 3
    assert "asking.example.org" in done.stdout


def query(loop: Loop, text: str) -> list[dict[str, str]]:
    """Run SQL in the deployment's workgroup, as its console would."""
    athena = loop.cloud.client("athena")
    started = athena.start_query_execution(
        QueryString=text,
        QueryExecutionContext={"Database": naming.archive_database(loop.name)},
        WorkGroup=naming.archive_workgroup(loop.name),
    )["QueryExecutionId"]

    def ended() -> dict[str, Any] | None:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED") else None

    status = until("the answer", ended, seconds=30)
    assert status["State"] == "SUCCEEDED", status
    head, *rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    names = [cell["VarCharValue"] for cell in head["Data"]]
    return [dict(zip(names, (cell.get("VarCharValue", "") for cell in row["Data"]), strict=True)) for row in rows]


def saved(loop: Loop) -> dict[str, str]:
    """The deployment's saved queries, by name."""
    athena = loop.cloud.client("athena")
    ids = athena.list_named_queries(WorkGroup=naming.archive_workgroup(loop.name))["NamedQueryIds"]
    found = [athena.get_named_query(NamedQueryId=one)["NamedQuery"] for one in ids]
    return {one["Name"]: one["QueryString"].replace("jane@example.com", WHO) for one in found}


def test_every_saved_query_runs(loop: Loop, folder: Path) -> None:
    """As it is saved, against the views, with an address that there is."""
    queries = saved(loop)
    assert set(queries) == set(saved_queries(loop.config))
    answers = {name: query(loop, text) for name, text in queries.items()}
    assert all(answers.values()), {name: len(rows) for name, rows in answers.items()}
    why = answers["why-did-this-address-bounce"]
    assert len(why) == 6 and why[-1]["diagnostic"] == SAID
    refused = {row["receiver"]: row for row in answers["which-domains-refuse-us"]}["refusing.example"]
    assert (refused["refused"], refused["addresses"], refused["a_status"]) == ("15", "3", "5.7.1")
    campaign = {row["campaign"]: row for row in answers["complaints-per-campaign"]}["spring"]
    assert (campaign["bounced"], campaign["complained"]) == ("10", "1")
    assert {row["why"] for row in answers["decisions"] if row["address"] == WHO} == {"asked"}


def test_who_was_told_is_what_the_file_says(loop: Loop, folder: Path) -> None:
    """A bounce of an identity with a team, and each destination of that team that wants bounces."""
    rows = [row for row in query(loop, saved(loop)["who-was-told"]) if row["kind"] == "bounce"]
    identity = loop.config.identities.get("example.com")
    wanted = {
        destination.endpoint
        for destination in (loop.config.teams[identity.team].notify if identity and identity.team else ())
        if "bounce" in destination.on
    }
    assert {row["endpoint"] for row in rows if row["endpoint"]} == wanted


def test_the_view_has_each_recipient_of_a_notification_once(loop: Loop, folder: Path) -> None:
    """Duplicates are in `arrivals` and not in `events`; a day that is not asked about is not read."""
    mine = "recipient LIKE '%@refusing.example'"
    arrived, once = (
        int(query(loop, f"SELECT count(*) AS n FROM {relation} WHERE {mine}")[0]["n"])
        for relation in (naming.ARCHIVE_ARRIVALS, naming.ARCHIVE_EVENTS)
    )
    assert arrived > once >= 15
    nothing = query(loop, f"SELECT count(*) AS n FROM {naming.ARCHIVE_EVENTS} WHERE day = '2026/01/01' AND {mine}")
    assert nothing == [{"n": "0"}]


def test_json_is_nothing_but_json(loop: Loop, folder: Path) -> None:
    """One object a line on standard output."""
    done = loop.cli("events", "--from", str(folder), "--json")
    assert os.linesep.join(json.dumps(json.loads(text)) for text in done.stdout.splitlines()) == done.stdout.strip()
