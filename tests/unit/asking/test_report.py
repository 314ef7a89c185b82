"""``ses-feedback report``: AWS's own way to count, the worst first, in a terminal, as JSON and as a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ses_feedback.cli.plots import bar, percent
from ses_feedback.domain.times import DAY, HOUR

from .conftest import Run
from .lines import NOW, event, line, store


@pytest.fixture
def week(archive: Path) -> Path:
    """Two identities over two days: 190 deliveries (90 to Gmail), 10 hard bounces, 1 complaint, and other feedback."""
    events = [event(f"d{n}@example.net", kind="delivery") for n in range(100)]
    events += [event(f"g{n}@gmail.com", kind="delivery", at=NOW - DAY) for n in range(90)]
    events += [event(f"b{n}@example.org", identity="news.example.com", campaign="spring") for n in range(10)]
    events += [event("cross@example.net", kind="complaint", campaign="spring")]
    events += [event(f"f{n}@example.org", class_="soft_bounce") for n in range(3)]
    events += [event("r@gmail.com", class_="blocked", status="5.7.1")]
    events += [event("s@example.net", class_="already_suppressed")]
    store(archive, [line(*events), line(*events[:50], sns_id="again")])
    store(archive, [line(event("bounce@simulator.amazonses.com", canary=True))], name="canary.gz")
    return archive


def by(records: list[dict[str, object]], group: str) -> dict[object, dict[str, object]]:
    return {record["name"]: record for record in records if record["by"] == group}


def test_everything_is_counted_as_aws_does(cli: Run, week: Path) -> None:
    """Bounces of what was delivered or bounced; complaints of what was delivered where they are reported."""
    done = cli("report", "--from", str(week), "--json")
    assert (done.code, done.err) == (0, "")
    assert by(done.records, "total")[None] == {
        "by": "total",
        "name": None,
        "delivered": 190,
        "reporting": 100,
        "bounced": 10,
        "complained": 1,
        "soft_bounced": 3,
        "blocked": 1,
        "suppressed": 1,
        "events": 206,
        "bounce_rate": 0.05,
        "complaint_rate": 0.01,
    }


def test_groups_and_their_order(cli: Run, week: Path) -> None:
    """Days in order; identities, receivers and campaigns with the worst first; what came back by class and status."""
    records = cli("report", "--from", str(week), "--json").records
    assert list(by(records, "day")) == ["2026-11-23", "2026-11-24"]
    assert list(by(records, "identity")) == ["news.example.com", "example.com"]
    assert by(records, "identity")["news.example.com"]["bounce_rate"] == 1.0
    assert list(by(records, "receiver")) == ["example.org", "example.net", "gmail.com"]
    assert by(records, "receiver")["gmail.com"]["blocked"] == 1
    assert list(by(records, "campaign")) == ["spring"]
    assert by(records, "campaign")["spring"]["complained"] == 1
    assert by(records, "class")["hard_bounce 5.1.1"]["events"] == 10


def test_the_top_bounds_what_is_named_and_not_what_is_counted(cli: Run, archive: Path) -> None:
    """Of many receivers the worst and the largest are named; the total has all of them."""
    events = [event(f"x@r{n:03}.example", class_="blocked") for n in range(40)]
    events += [event(f"x{n}@large.example", kind="delivery") for n in range(5)]
    store(archive, [line(*events)])
    records = cli("report", "--from", str(archive), "--json", "--top", "2").records
    assert list(by(records, "receiver")) == ["r000.example", "r001.example", "large.example"] or set(
        by(records, "receiver")
    ) == {"r000.example", "r001.example", "large.example"}
    assert by(records, "total")[None]["blocked"] == 40


def test_an_empty_answer_is_one(cli: Run, archive: Path, tmp_path: Path) -> None:
    """Nothing found is said, in every form, and is no error."""
    done = cli("report", "--from", str(archive), "--html", str(tmp_path / "page.html"))
    assert done.code == 0
    assert "No feedback in the archive" in done.out
    assert "No feedback in the archive" in (tmp_path / "page.html").read_text()
    assert by(cli("report", "--from", str(archive), "--json").records, "total")[None]["bounce_rate"] is None


def test_a_terminal_gets_tables_with_bars(cli: Run, week: Path) -> None:
    """The whole in one line, then each group under its title."""
    out = cli("report", "--from", str(week), "--identity", "news.example.com").out
    assert "identity news.example.com" in out
    assert re.search(r"0 delivered, 10 bounced \(100%\), 0 complained", out)
    assert re.search(r"^news\.example\.com +0 +10 +100% +0 .* ▒+$", out, re.MULTILINE)


class Page(HTMLParser):
    """What a page loads, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_trusts_no_text(cli: Run, archive: Path, tmp_path: Path) -> None:
    """Plots without a script or anything from elsewhere; a campaign that is markup is shown as text."""
    store(archive, [line(event("a@example.net", kind="delivery"), event("b@example.net", campaign="<script>x"))])
    page = tmp_path / "report.html"
    done = cli("report", "--from", str(archive), "--html", str(page))
    assert (done.code, done.err) == (0, f"written: {page}\n")
    found = Page(page.read_text())
    assert "script" not in found.tags and not found.loads
    assert found.tags.count("svg") == 3
    assert "<script>x" in found.text
    assert "1 delivered, 1 bounced (50%)" in found.text


@pytest.mark.parametrize("path", ["no-such-folder/report.html", "."])
def test_a_page_that_cannot_be_written_is_told_before_reading(cli: Run, archive: Path, path: str) -> None:
    """One line that names the option."""
    done = cli("report", "--from", str(archive), "--html", path)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "--html" in done.err


def test_events_of_days_are_cut_by_their_own_time(cli: Run, archive: Path) -> None:
    """An event that arrived today but happened before --since does not count."""
    store(archive, [line(event("old@example.net", at=NOW - 9 * DAY), event("new@example.net", at=NOW - HOUR))])
    assert by(cli("report", "--from", str(archive), "--json").records, "total")[None]["bounced"] == 1


@pytest.mark.parametrize(
    ("good", "bad", "encoding", "drawn"),
    [
        (100, 0, "utf-8", "████"),
        (50, 0, "utf-8", "██"),
        (1, 0, "utf-8", "▏"),
        (0, 0, "utf-8", ""),
        (75, 25, "utf-8", "███▒"),
        (99, 1, "utf-8", "███▒"),
        (0, 1, "utf-8", "▒"),
        (75, 25, "ascii", "###x"),
    ],
)
def test_bars_show_whatever_is_not_nothing(good: int, bad: int, encoding: str, drawn: str) -> None:
    """Four letters for a hundred."""
    assert bar(good, bad, 100, 4, encoding) == drawn


def test_rates_keep_the_digits_that_matter() -> None:
    """A complaint rate is decided by its third digit, a bounce rate by its first."""
    assert [percent(rate) for rate in (None, 0.0, 0.00081, 0.042, 0.5)] == ["", "0%", "0.081%", "4.2%", "50%"]
