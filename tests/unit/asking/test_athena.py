"""Questions through Athena: pruned, priced before they are asked, stopped when given up, and told in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from ses_feedback.adapters.archive_athena import AthenaArchive, arrived
from ses_feedback.adapters.archive_places import Bucket
from ses_feedback.adapters.troubles import Trouble
from ses_feedback.domain.archive_columns import EVENT_NAMES
from ses_feedback.usecases.archive import Archive, Filter, Hours, event_of, newest

from .conftest import Run
from .lines import NOW, event

WHERE = Filter(NOW - 3_600_000, NOW)

_STATES = ("QUEUED", "RUNNING", "SUCCEEDED")


class FakeAthena:
    """Athena with an answer of text, in pages of two rows; ``states`` are what one look after another sees."""

    def __init__(self, rows: list[list[str | None]], states: tuple[str, ...] = _STATES) -> None:
        self.rows = [list(EVENT_NAMES), *rows]
        self.states = list(states)
        self.reason: str | None = None
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        return {"QueryExecutionId": "query-1"}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        state = self.states.pop(0)
        status = {"State": state, **({"StateChangeReason": self.reason} if self.reason else {})}
        scanned = 0 if state == "QUEUED" else 500 if state == "RUNNING" else 1_000
        return {"QueryExecution": {"Status": status, "Statistics": {"DataScannedInBytes": scanned}}}

    def get_query_results(self, **request: Any) -> dict[str, Any]:
        start = int(request.get("NextToken", 0))
        rows = [
            {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
            for row in self.rows[start : start + 2]
        ]
        more = {"NextToken": str(start + 2)} if start + 2 < len(self.rows) else {}
        return {"ResultSet": {"Rows": rows}, **more}

    def stop_query_execution(self, **request: str) -> None:
        self.stopped.append(request["QueryExecutionId"])


class FakeS3:
    """A bucket whose objects have sizes and no content."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        found = [{"Key": f"feedback/2026/11/24/04/{n}.gz", "Size": size} for n, size in enumerate(self.sizes)]
        return {"Contents": found, "KeyCount": len(found)}


def text(value: object) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def archive(athena: FakeAthena, *sizes: int) -> AthenaArchive:
    return AthenaArchive(athena, Bucket(FakeS3(*sizes), "bucket"), "ses-feedback", pause=lambda seconds: None)


def opener(found: AthenaArchive) -> Callable[..., AbstractContextManager[Archive]]:
    @contextmanager
    def open_archive(config: Any, source: str | None) -> Iterator[Archive]:
        assert source is None
        yield found

    return open_archive


def rows_of(*addresses: str) -> list[list[str | None]]:
    return [[text(event(address)[name]) for name in EVENT_NAMES] for address in addresses]


def test_rows_come_back_typed_and_the_bytes_are_told() -> None:
    """Flags are text in Athena; the first row names the columns; pages are followed."""
    athena = FakeAthena(rows_of("a@example.net", "b@example.net", "c@gmail.com"))
    told: list[int] = []
    rows = list(archive(athena).ask(newest(WHERE, 10), told.append))
    assert [event_of(row) for row in rows] == [event(a) for a in ("a@example.net", "b@example.net", "c@gmail.com")]
    assert sum(told) == 1_000
    assert athena.stopped == []


def test_a_query_reads_the_days_it_is_about() -> None:
    """In the deployment's database and workgroup, with its partitions bounded by day and by hour."""
    athena = FakeAthena([])
    list(archive(athena).ask(newest(WHERE, 10), lambda size: None))
    (request,) = athena.started
    assert request["WorkGroup"] == "ses-feedback-archive"
    assert request["QueryExecutionContext"] == {"Database": "ses_feedback"}
    assert (
        "FROM \"ses_feedback\".\"arrivals\" WHERE day BETWEEN '2026/11/24' AND '2026/11/25' "
        "AND concat(day, concat('/', hour)) BETWEEN '2026/11/24/03' AND '2026/11/25/05' AND "
    ) in request["QueryString"]
    assert arrived(Hours("2026/01/01/00", "2026/01/02/23")).startswith("day BETWEEN '2026/01/01' AND '2026/01/02'")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Query cancelled! : Bytes scanned limit was exceeded", "narrow --since"),
        ("HIVE_CURSOR_ERROR: Unexpected end of ZLIB input stream", "--from s3://"),
        ("TABLE_NOT_FOUND: line 1:15\n'x'", "Athena could not answer: TABLE_NOT_FOUND: line 1:15 'x'"),
    ],
)
def test_a_query_that_fails_is_one_line(reason: str, said: str) -> None:
    """It says what to do about what is known."""
    athena = FakeAthena([], ("RUNNING", "FAILED"))
    athena.reason = reason
    with pytest.raises(Trouble) as caught:
        list(archive(athena).ask(newest(WHERE, 10), lambda size: None))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_query_that_is_given_up_is_stopped() -> None:
    """Ctrl-C while it runs costs no more than what was read."""
    athena = FakeAthena([])

    def interrupted(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(archive(athena).ask(newest(WHERE, 10), interrupted))
    assert athena.stopped == ["query-1"]


def test_more_than_ten_gigabytes_are_read_only_when_agreed(cli: Run) -> None:
    """Where nobody can be asked, the size and the cost are told, nothing is started, and --yes goes on."""
    athena = FakeAthena(rows_of("a@example.net"))
    opened = opener(archive(athena, 9 * 10**9, 4 * 10**9))
    done = cli("events", archive=opened)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "13.0 GB, about $0.07" in done.err and "--yes" in done.err
    assert not athena.started
    done = cli("events", "--yes", "--json", archive=opened)
    assert (done.code, len(done.records)) == (0, 1)
    assert done.err == "Athena would read 13.0 GB, about $0.07\n"


def test_more_than_the_workgroup_allows_is_not_even_asked(cli: Run) -> None:
    """The query would end at the limit, and its bytes would be paid for nothing."""
    athena = FakeAthena([])
    done = cli("report", "--yes", archive=opener(archive(athena, 101 * 10**9)))
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "100.0 GB" in done.err and "--from s3://bucket" in done.err
    assert not athena.started


def test_ten_gigabytes_and_less_are_read_unasked(cli: Run) -> None:
    """Five cents are nobody's question."""
    athena = FakeAthena(rows_of("a@example.net"))
    done = cli("events", "--json", archive=opener(archive(athena, 10 * 10**9)))
    assert (done.code, done.err, len(done.records)) == (0, "", 1)
