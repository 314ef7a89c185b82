from __future__ import annotations

from pathlib import Path

import pytest

from ses_feedback.domain.history import History, Ruling
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR
from ses_feedback.usecases.merging import merge

from .conftest import STAGING, Run
from .fakes import NOW, MemoryStore, complaint, hard, refused_by_ses


@pytest.fixture(autouse=True)
def some(store: MemoryStore) -> None:
    """One address suppressed in two scopes, one in a stream, one whose suppression is over."""
    store.learn("both@example.net", hard(NOW - 3 * DAY), complaint(NOW - DAY), refused_by_ses(NOW - DAY))
    store.learn("some@example.net", complaint(NOW - 2 * DAY))
    store.learn("over@example.net", refused_by_ses(NOW - 31 * DAY))


def test_csv_has_what_a_reader_needs(cli: Run) -> None:
    """One row for each scope of each address, the strongest there; what is over is left out."""
    done = cli("export")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "address,environment,stream,reason,since,until",
        "some@example.net,production,marketing,complaint,2026-11-22T05:00:00.000Z,",
        "both@example.net,production,*,hard_bounce,2026-11-21T05:00:00.000Z,",
        "both@example.net,production,marketing,complaint,2026-11-23T05:00:00.000Z,",
    ]


def test_what_was_exported_can_be_imported(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """Every question has the same answer there."""
    who = ("both@example.net", "some@example.net", "over@example.net")
    asked = [("check", "--stream", stream, "--json", *who) for stream in ("marketing", "transactional")]
    before = [[r["suppressed"] for r in cli(*question).records] for question in asked]
    (tmp_path / "ours.csv").write_text(cli("export").out)
    store.items.clear()
    assert cli("import", "ours.csv").code == 0
    assert [[r["suppressed"] for r in cli(*question).records] for question in asked] == before


def test_json_and_one_stream(cli: Run) -> None:
    """With a stream, one row an address: what stands against mailing it there."""
    assert [(r["address"], r["stream"], r["reason"]) for r in cli("export", "--json").records] == [
        ("some@example.net", "marketing", "complaint"),
        ("both@example.net", "*", "hard_bounce"),
        ("both@example.net", "marketing", "complaint"),
    ]
    only = cli("export", "--stream", "transactional", "--json").records
    assert [(r["address"], r["until"]) for r in only] == [("both@example.net", None)]


def test_postfix_reads_the_map_of_one_stream(cli: Run, store: MemoryStore) -> None:
    """What cannot stand in a map is told, and not silently mailed."""
    assert cli("export", "--format", "postfix").err.startswith("ses-feedback: --stream: say which stream")
    done = cli("export", "--format", "postfix", "--stream", "transactional")
    assert (done.code, done.out) == (0, "both@example.net REJECT 5.7.1 suppressed: hard_bounce\n")
    for odd in ('"a b"@example.net', "#a@example.net"):
        store.learn(odd, hard())
    done = cli("export", "--format", "postfix", "--stream", "transactional")
    assert (done.code, len(done.out.splitlines())) == (2, 1)
    assert done.err.startswith("ses-feedback: 2 addresses with quotes, or # at the beginning,")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--format", "xml"), '--format: no format "xml"; known: csv, postfix'),
        (("--format", "postfix", "--json"), "--format: postfix is lines of a map; with --json leave it out"),
    ],
)
def test_bad_options(cli: Run, options: tuple[str, ...], line: str) -> None:
    """Each names what would be right."""
    assert cli("export", *options) == (2, "", f"ses-feedback: {line}\n")


def test_erase_forgets_the_person_and_not_the_suppression(cli: Run, store: MemoryStore) -> None:
    """No text, message id or identity stays; every question has the same answer."""
    merge(store, "production", "both@example.net", ruled("they wrote from jane@home.example"), DEFAULT_POLICY)
    dry = cli("erase", "Both@Example.net", "--dry-run", "--json").records
    assert not store.items["production", "both@example.net"].history.erased
    done = cli("erase", "Both@Example.net", "--json")
    assert done.code == 0
    assert [{**r, "dry_run": False, "lists": done.records[0]["lists"]} for r in dry] == done.records
    (record,) = done.records
    assert (record["known"], record["was_erased"], record["strikes"], record["decisions"]) == (True, False, 3, 1)
    assert ("*", "hard_bounce") in [(s["stream"], s["reason"]) for s in record["suppressions"]]
    history = store.items["production", "both@example.net"].history
    assert history.erased == NOW
    for strike in history.strikes.values():
        assert strike[4:] == (None, None, None, None, None)
    assert {ruling.why for ruling in history.rulings.values()} == {""}
    assert cli("check", "both@example.net", "--stream", "transactional").code == 1
    assert "erased at 2026-11-24 05:00 UTC" in cli("show", "both@example.net").out
    assert cli("show", "both@example.net", "--json").records[0]["erased_at"] == "2026-11-24T05:00:00.000Z"


def ruled(why: str) -> History:
    return History(rulings={("*", "operator"): Ruling(NOW - HOUR, None, "operator", why)})


def test_an_erased_address_is_counted_in_an_export_and_has_no_name(cli: Run) -> None:
    """It is suppressed all the same."""
    cli("erase", "both@example.net")
    done = cli("export")
    assert "both@" not in done.out
    assert done.err == "1 suppression of erased addresses cannot be printed, and hold all the same\n"
    assert None in [r["address"] for r in cli("export", "--json").records]
    assert cli("export", "--format", "postfix", "--stream", "marketing").code == 0


def test_erase_again_and_of_nobody(cli: Run, store: MemoryStore) -> None:
    """Nothing is written; the answer says why."""
    cli("erase", "both@example.net")
    writes = store.writes
    assert cli("erase", "both@example.net").out.startswith("both@example.net was erased in production before.\n")
    assert cli("erase", "new@example.net").out.startswith("Nothing is known of new@example.net in production.\n")
    assert "\n  Nothing stands against mailing it.\n" in cli("erase", "over@example.net").out
    assert store.writes == writes + 1


def test_an_import_finds_whoever_was_erased_and_learns_no_name(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """A later list names them, and the table still does not."""
    cli("erase", "both@example.net")
    (tmp_path / "bounces.csv").write_text("status,reason,email,created\n5.1.1,no,both@example.net,1790000000\n")
    assert cli("import", "bounces.csv", "--json").records[0]["taken"] == 1
    history = store.items["production", "both@example.net"].history
    assert ("*", "import") in history.rulings
    assert {ruling.why for ruling in history.rulings.values()} == {""}


def test_every_environment_unless_told(cli: Run, store: MemoryStore, config_file: Path) -> None:
    """A person is forgotten everywhere; one environment can be named."""
    config_file.write_text(config_file.read_text() + STAGING)
    store.learn("both@example.net", hard(), environment="staging")
    assert [
        r["environment"] for r in cli("erase", "both@example.net", "--environment", "staging", "--json").records
    ] == ["staging"]
    assert not store.items["production", "both@example.net"].history.erased
    found = cli("erase", "both@example.net", "--json").records
    assert [(r["environment"], r["was_erased"]) for r in found] == [("production", False), ("staging", True)]
    done = cli("erase", "both@example.net", "--environment", "nowhere")
    assert (done.code, done.out) == (2, "")
