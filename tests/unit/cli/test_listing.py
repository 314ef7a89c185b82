from __future__ import annotations

import pytest

from ses_feedback.domain.times import DAY

from .conftest import Run
from .fakes import NOW, MemoryStore, complaint, hard, refused_by_ses


@pytest.fixture(autouse=True)
def three(store: MemoryStore) -> None:
    """Three suppressed addresses, and one whose suppression is over."""
    store.learn("hard@example.net", hard(at=NOW - 10 * DAY))
    store.learn("complained@example.net", complaint(at=NOW - 2 * DAY))
    store.learn("refused@example.net", refused_by_ses(at=NOW - 5 * DAY))
    store.learn("over@example.net", refused_by_ses(at=NOW - 31 * DAY))


def test_newest_first_without_what_is_over(cli: Run) -> None:
    """Each suppressed address is one JSON line, newest suppression first."""
    done = cli("list", "--json")
    assert done.code == 0
    assert done.records[1] == {
        "address": "refused@example.net",
        "environment": "production",
        "stream": None,
        "reason": "already_suppressed",
        "scope": "environment",
        "until": "2026-12-19T05:00:00.000Z",
        "since": "2026-11-19T05:00:00.000Z",
    }
    assert [r["address"] for r in done.records] == [
        "complained@example.net",
        "refused@example.net",
        "hard@example.net",
    ]


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        (("--reason", "hard_bounce"), ["hard@example.net"]),
        (("--since", "7d"), ["complained@example.net", "refused@example.net"]),
        (("--since", "2026-11-20"), ["complained@example.net"]),
        (("--since", "2026-11-19T05:00:00Z"), ["complained@example.net", "refused@example.net"]),
        (("--stream", "transactional"), ["refused@example.net", "hard@example.net"]),
        (("--limit", "1"), ["complained@example.net"]),
        (
            ("--environment", "production", "--limit", "3"),
            ["complained@example.net", "refused@example.net", "hard@example.net"],
        ),
    ],
)
def test_filters(cli: Run, options: tuple[str, ...], addresses: list[str]) -> None:
    """Each option narrows the list."""
    assert [r["address"] for r in cli("list", "--json", *options).records] == addresses


def test_says_when_there_is_more(cli: Run) -> None:
    """The limit hides nothing silently; standard output stays JSON lines."""
    done = cli("list", "--limit", "2", "--json")
    assert (done.code, len(done.records), done.err) == (0, 2, "there are more: --limit 20 shows up to 20\n")
    assert cli("list", "--limit", "3").err == ""


def test_people_see_aligned_columns(cli: Run) -> None:
    """Plain text in a pipe: a heading, and columns that line up."""
    lines = cli("list").out.splitlines()
    assert lines[0].split() == ["ADDRESS", "REASON", "STREAM", "SINCE", "UNTIL"]
    assert lines[1].split(maxsplit=3) == [
        "complained@example.net",
        "complaint",
        "marketing",
        "2026-11-22 05:00 UTC  for ever",
    ]
    assert lines[2].endswith("2026-12-19 05:00 UTC (25 days)")
    assert {line.index(" 05:00 UTC") for line in lines[1:]} == {lines[1].index(" 05:00 UTC")}


def test_nobody(cli: Run) -> None:
    """An empty list is said in words, and is no line at all in JSON."""
    assert cli("list", "--reason", "operator").out == "Nobody is suppressed in production, as far as was asked.\n"
    assert cli("list", "--reason", "operator", "--json").out == ""


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--since", "yesterday"),
            '--since: "yesterday" is neither a duration such as 7d nor a date such as 2026-11-01',
        ),
        (("--since", "forever"), '--since: "forever" is neither a duration such as 7d nor a date such as 2026-11-01'),
        (
            ("--since", "2026-13-01"),
            '--since: "2026-13-01" is neither a duration such as 7d nor a date such as 2026-11-01',
        ),
        (("--limit", "0"), '--limit: "0" is not a whole number from 1 to 1000000000'),
        (("--limit", "many"), '--limit: "many" is not a whole number from 1 to 1000000000'),
        (("--stream", "x"), '--stream: no stream "x" in environment "production"; known: marketing, transactional'),
    ],
)
def test_bad_options(cli: Run, options: tuple[str, ...], line: str) -> None:
    """Each names the option, what was given and what would be right."""
    done = cli("list", *options)
    assert (done.code, done.out, done.err) == (2, "", f"ses-feedback: {line}\n")


def test_an_unknown_reason_names_the_known_ones(cli: Run) -> None:
    """The reasons are the classes and the decisions."""
    done = cli("list", "--reason", "spam")
    assert done.code == 2
    assert done.err.startswith('ses-feedback: --reason: no reason "spam"; known: hard_bounce, complaint,')
