from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, Ruling
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, format_time, parse_time
from ses_feedback.usecases.lists.importing import DATELESS, News
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.ports import Stored

from .conftest import Run
from .fakes import NOW, MemoryStore, hard

SPAM = "ip,email,created\n"
CREATED = 1_714_979_289


def suppressed(store: MemoryStore) -> dict[str, list[tuple[str, str, int | None]]]:
    return {
        address: [(found.stream or "*", found.reason, found.until) for found in stored.suppressions]
        for (_, address), stored in store.items.items()
    }


def test_what_a_person_chose_holds_in_the_stream_that_is_named(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """A complaint about marketing leaves password resets alone; the row's own date counts, and its origin is kept."""
    (tmp_path / "spam.csv").write_text(SPAM + f"192.0.2.1,Jane@Example.NET,{CREATED}\n")
    done = cli("import", "spam.csv", "--stream", "marketing", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.records == [
        {
            "file": "spam.csv",
            "format": "SendGrid spam reports",
            "environment": "production",
            "stream": "marketing",
            "dry_run": False,
            "finished": True,
            "rows": 1,
            "taken": 1,
            "known": 0,
            "passed": {},
            "bad": {},
        }
    ]
    assert suppressed(store) == {"jane@example.net": [("marketing", "import", None)]}
    (ruling,) = store.items["production", "jane@example.net"].history.rulings.values()
    assert ruling == Ruling(CREATED * 1000, None, "import", 'SendGrid spam reports list "spam.csv": spam report')
    assert not list(tmp_path.glob("*progress*"))


def test_a_stream_must_be_named_where_it_matters_and_only_there(cli: Run, tmp_path: Path) -> None:
    """Bounces hold everywhere; whose complaint it is about only the operator knows."""
    (tmp_path / "spam.csv").write_text(SPAM + f"192.0.2.1,jane@example.net,{CREATED}\n")
    done = cli("import", "spam.csv")
    line = 'ses-feedback: --stream: say which stream in environment "production"; known: marketing, transactional\n'
    assert (done.code, done.out, done.err) == (2, "", line)
    (tmp_path / "bounces.csv").write_text(f"status,reason,email,created\n5.1.1,no,jane@example.net,{CREATED}\n")
    assert cli("import", "bounces.csv").code == 0
    assert cli("import", "spam.csv", "--stream", "*").code == 0


def test_again_changes_nothing_and_a_release_stays(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """A list from before a release brings nobody back; what is known is not written."""
    (tmp_path / "l.csv").write_text(
        "address,stream,since,until\na@x.net,,2024-05-06,\nb@x.net,,2024-05-06,\nb@x.net,,2024-05-06,\n"
        "c@x.net,,,2024-06-01\nd@x.net,,,\n"
    )
    merge(
        store,
        "production",
        "a@x.net",
        History(releases={"*": Ruling(NOW - DAY, None, "operator", "x")}),
        DEFAULT_POLICY,
    )
    (first,) = cli("import", "l.csv", "--json").records
    assert (first["rows"], first["taken"], first["known"]) == (5, 2, 1)
    assert first["passed"] == {"it was released since": 1, "it is over by now": 1}
    assert suppressed(store) == {"a@x.net": [], "b@x.net": [("*", "import", None)], "d@x.net": [("*", "import", None)]}
    writes = store.writes
    (again,) = cli("import", "l.csv", "--json").records
    assert (again["taken"], again["known"], store.writes) == (0, 3, writes)


def test_a_list_without_dates_again_undoes_no_release(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """Nobody can say whether such a row is newer; a person said that the address works, and what stands is known."""
    (tmp_path / "l.csv").write_text("address\na@x.net\nb@x.net\n")
    assert cli("import", "l.csv").code == 0
    assert cli("release", "a@x.net", "--why", "works again").code == 0
    writes = store.writes
    (again,) = cli("import", "l.csv", "--json").records
    assert (again["taken"], again["known"], again["passed"]) == (0, 1, {DATELESS: 1})
    assert suppressed(store) == {"a@x.net": [], "b@x.net": [("*", "import", None)]}
    assert store.writes == writes


def test_a_dated_row_counts_before_one_without(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """So that an address that is named twice holds since when it is known to, whichever row comes first."""
    (tmp_path / "l.csv").write_text("address,since\na@x.net,\na@x.net,2024-05-06\na@x.net,\n")
    (done,) = cli("import", "l.csv", "--json").records
    assert (done["taken"], done["known"]) == (1, 2)
    (ruling,) = store.items["production", "a@x.net"].history.rulings.values()
    assert ruling.at == parse_time("2024-05-06T00:00:00Z")


def test_ones_own_export_is_known(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """Another file name is no news."""
    (tmp_path / "l.csv").write_text("address,since\na@x.net,2024-05-06\n")
    cli("import", "l.csv")
    (tmp_path / "l.csv").rename(tmp_path / "m.csv")
    (again,) = cli("import", "m.csv", "--json").records
    assert (again["taken"], again["known"]) == (0, 1)


def test_what_is_known_of_an_address_stays(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """An import adds to the evidence."""
    store.learn("jane@example.net", hard())
    (tmp_path / "l.csv").write_text("address\njane@example.net\n")
    assert cli("import", "l.csv").code == 0
    assert {reason for _, reason, _ in suppressed(store)["jane@example.net"]} == {"hard_bounce", "import"}


def test_bad_rows_are_told_and_good_ones_taken(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """By reason, with the first lines of each; the numbers add up; no address is quoted; the exit code is 2."""
    bad = "nobody,,\n" * 7
    later = format_time(NOW + DAY)
    text = f"address,stream,since\n{bad}a@x.net,nowhere,\nb@x.net,,soon\nc@x.net,,{later}\nd@x.net,,\n"
    (tmp_path / "l.csv").write_bytes(text.encode() + b"j\xf6rg@x.net,,\n")
    done = cli("import", "l.csv", "--json")
    assert (done.code, done.err) == (2, "ses-feedback: 11 rows could not be read and are left out\n")
    (record,) = done.records
    assert record["bad"] == {
        "its address is none: it has no @": {"rows": 7, "lines": [2, 3, 4, 5, 6]},
        "its stream is not one of production; known: marketing, transactional": {"rows": 1, "lines": [9]},
        "its date is none that is known here": {"rows": 1, "lines": [10]},
        "its date is in the future": {"rows": 1, "lines": [11]},
        "its address is none: it is not in UTF-8": {"rows": 1, "lines": [13]},
    }
    assert record["rows"] == 12 == record["taken"] + 11
    assert list(suppressed(store)) == ["d@x.net"]
    out = cli("import", "l.csv").out
    assert "unreadable     7       its address is none: it has no @ (lines 2, 3, 4, 5, 6, …)" in out
    assert "together       12" in out


def test_dry_run_writes_nothing(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """It reads the file, and needs no AWS."""
    (tmp_path / "l.csv").write_text("address\na@x.net\nb\n")
    done = cli("import", "l.csv", "--dry-run", "--json")
    assert (done.code, done.records[0]["taken"], done.records[0]["dry_run"], store.items) == (2, 1, True, {})
    assert [path.name for path in tmp_path.iterdir() if "progress" in path.name] == []
    assert "would be taken  1" in cli("import", "l.csv", "--dry-run").out


@pytest.mark.parametrize(
    ("name", "said"),
    [("nope.csv", "nope.csv cannot be read: No such file or directory"), (".", ". is no file")],
)
def test_a_file_that_cannot_be_read_is_one_line(cli: Run, name: str, said: str) -> None:
    """What, where, why."""
    assert cli("import", name) == (2, "", f"ses-feedback: {said}\n")


def test_rows_of_another_environment_are_passed_over(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """A list of ours names the environment of each row."""
    (tmp_path / "l.csv").write_text("address,environment\na@x.net,staging\nb@x.net,production\n")
    (record,) = cli("import", "l.csv", "--json").records
    assert record["passed"] == {"it is of another environment": 1}
    assert list(suppressed(store)) == ["b@x.net"]


class Failing(MemoryStore):
    """Takes some thousands of rows, and then AWS is gone."""

    takes = 2

    def put_new_many(self, news: Sequence[News]) -> Sequence[Stored | None]:
        if not self.takes:
            raise RetryableError("writing suppressions: ThrottlingException")
        self.takes -= 1
        return super().put_new_many(news)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Five thousand rows without a date, some of them bad."""
    path = tmp_path / "l.csv"
    path.write_text("address\n" + "".join(f"{n}@x.net\n" if n % 1000 else "bad\n" for n in range(5_000)))
    return path


class TestInterrupted:
    """A run that AWS, a person or a power cut ended goes on where it was, with the first run's clock and counts."""

    @pytest.fixture
    def store(self) -> Failing:
        return Failing()

    def test_goes_on(self, cli: Run, store: Failing, rows: Path) -> None:
        done = cli("import", "l.csv", "--rate", "10000", "--json")
        assert done.code == 2
        assert done.err.splitlines() == [
            "ses-feedback: not all rows were read; run the same command again, and it goes on from there",
            "ses-feedback: writing suppressions: ThrottlingException",
        ]
        assert (done.records[0]["rows"], done.records[0]["finished"]) == (2_000, False)
        kept = rows.with_name("l.csv.import-progress")
        assert "x.net" not in kept.read_text()
        assert json.loads(kept.read_text())["began"] == NOW
        store.takes = 9
        before = store.writes
        done = cli("import", "l.csv", "--rate", "10000", "--json")
        assert done.err.splitlines()[0] == "going on after row 2000, where the former run ended"
        (record,) = done.records
        assert (record["rows"], record["taken"], record["finished"]) == (5_000, 4_995, True)
        assert record["bad"] == {"its address is none: it has no @": {"rows": 5, "lines": [2, 1002, 2002, 3002, 4002]}}
        assert store.writes - before == 2_997
        assert not kept.exists()
        assert {stored.history.newest_evidence() for stored in store.items.values()} == {NOW}

    def test_ctrl_c_ends_it_between_two_thousands(
        self, cli: Run, store: Failing, rows: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the count so far and exit code 130; the next run has the rest."""
        taking = store.put_new_many

        def interrupted(news: Sequence[News]) -> Sequence[Stored | None]:
            os.kill(os.getpid(), signal.SIGINT)
            return taking(news)

        store.takes = 99
        monkeypatch.setattr(store, "put_new_many", interrupted)
        done = cli("import", "l.csv", "--rate", "10000", "--json")
        assert (done.code, done.records[0]["rows"], done.records[0]["finished"]) == (130, 1_000, False)
        monkeypatch.undo()
        monkeypatch.chdir(rows.parent)
        assert cli("import", "l.csv", "--rate", "10000", "--json").records[0]["rows"] == 5_000

    def test_a_changed_file_or_another_stream_begins_anew(self, cli: Run, store: Failing, rows: Path) -> None:
        cli("import", "l.csv", "--rate", "10000")
        store.takes = 99
        rows.write_text("address\nnew@x.net\n")
        done = cli("import", "l.csv", "--json")
        assert (done.err, done.records[0]["taken"]) == ("", 1)

    def test_a_mark_that_is_none_begins_anew(self, cli: Run, store: Failing, rows: Path) -> None:
        store.takes = 99
        rows.with_name("l.csv.import-progress").write_text("[]")
        assert cli("import", "l.csv", "--rate", "10000", "--json").records[0]["rows"] == 5_000

    def test_a_folder_that_takes_no_mark(
        self, cli: Run, store: Failing, rows: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path, *_: object, **__: object) -> int:
            raise PermissionError

        store.takes = 99
        monkeypatch.setattr(Path, "write_text", refuse)
        done = cli("import", "l.csv", "--rate", "10000", "--json")
        assert "l.csv.import-progress cannot be written: if it is interrupted, it begins anew" in done.err
        assert done.records[0]["rows"] == 5_000


def test_a_long_what_is_cut_and_holds_no_control_letter(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """The reason of a foreign list must not steer a terminal, nor fill an item."""
    (tmp_path / "l.csv").write_text(f"address,reason\na@x.net,\x1b[31m{'x' * 500}\n")
    assert cli("import", "l.csv").code == 0
    (ruling,) = store.items["production", "a@x.net"].history.rulings.values()
    assert ruling.why.isprintable()
    assert len(ruling.why) < 140
    assert ruling.at == parse_time("2026-11-24T05:00:00.000Z")


def test_a_hundred_thousand_bad_rows_are_one_short_report(cli: Run, store: MemoryStore, tmp_path: Path) -> None:
    """However many rows are bad, the report has a line for each reason, and the good row behind them is taken."""
    (tmp_path / "l.csv").write_text("address,since\n" + "nobody,\na@x.net,soon\n" * 50_000 + "good@x.net,\n")
    done = cli("import", "l.csv", "--dry-run")
    assert (done.code, len(done.out.splitlines()), len(done.err.splitlines())) == (2, 6, 1)
    assert "would be taken  1" in done.out
    assert "together        100,001" in done.out
