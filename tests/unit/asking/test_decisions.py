"""``ses-feedback events --decisions``: who decided what, why and on what evidence, from any archive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ses_feedback.adapters.archive_athena import AthenaArchive
from ses_feedback.adapters.archive_places import Bucket
from ses_feedback.domain.archive import RELEASE, SUPPRESS, decision_line
from ses_feedback.domain.archive_columns import DECISION_NAMES
from ses_feedback.domain.history import Known, Ruling
from ses_feedback.domain.times import DAY, HOUR

from .conftest import Run
from .lines import NOW, event, line, store
from .test_athena import FakeAthena

JANE = "jane@example.net"
KNOWN = Known(2, "hard_bounce", "*", NOW - 9 * DAY, None, NOW - 20 * DAY, "takes_mail")
LIFTED = Ruling(NOW - HOUR, None, "operator", "ticket 4711", "jo", KNOWN)
RULED = Ruling(NOW - 2 * HOUR, NOW + 30 * DAY, "operator", "asked", "sam", Known(0))


@pytest.fixture
def decided(archive: Path) -> Path:
    """An archive with decisions among feedback, one of them archived twice, and one from before anybody signed."""
    old = json.loads(decision_line("production", JANE, "*", SUPPRESS, RULED._replace(at=NOW - 3 * HOUR)))
    old["decision"] = {name: old["decision"][name] for name in DECISION_NAMES[:8]}
    lines: list[Any] = [
        decision_line("production", JANE, "*", SUPPRESS, RULED),
        decision_line("production", JANE, "*", RELEASE, LIFTED),
        decision_line("staging", "joe@example.org", "default", RELEASE, LIFTED._replace(why="it's fixed", by="")),
        old,
        line(event(JANE)),
    ]
    store(archive, lines)
    store(archive, lines[:2], name="again.gz")
    return archive


def test_decisions_come_back_as_they_were_archived_each_once_the_newest_first(cli: Run, decided: Path) -> None:
    done = cli("events", "--decisions", "--recipient", "Jane@example.net", "--from", str(decided), "--json")
    assert (done.code, done.err) == (0, "")
    assert [(d["action"], d["why"], d["by"]) for d in done.records] == [
        ("release", "ticket 4711", "jo"),
        ("suppress", "asked", "sam"),
        ("suppress", "asked", None),
    ]
    archived = json.loads(decision_line("production", JANE, "*", RELEASE, LIFTED))["decision"]
    assert done.records[0] == archived
    assert done.records[2]["known_strikes"] is None


def test_people_see_a_table(cli: Run, decided: Path) -> None:
    out = " ".join(cli("events", "--decisions", "--from", str(decided)).out.split())
    for text in ("released", "suppressed until 2026-12-24", "ticket 4711", "known: hard_bounce", "2 strikes", "jo"):
        assert text in out
    assert cli("events", "--decisions", "--stream", "none", "--from", str(decided)).out == (
        "No such decisions in the archive.\n"
    )


def test_decisions_are_narrowed_like_feedback(cli: Run, decided: Path) -> None:
    def found(*options: str) -> list[Any]:
        return [d["why"] for d in cli("events", "--decisions", *options, "--from", str(decided), "--json").records]

    assert found("--environment", "staging") == ["it's fixed"]
    assert found("--stream", "default") == ["it's fixed"]
    assert found("--since", "90m", "--environment", "production") == ["ticket 4711"]
    assert found("--until", "90m") == ["asked", "asked"]
    done = cli("events", "--decisions", "--limit", "1", "--from", str(decided))
    assert done.err == "there are more: --limit 10 shows up to 10\n"


@pytest.mark.parametrize("option", ["--identity", "--kind", "--class", "--receiver", "--campaign"])
def test_what_only_feedback_has_is_an_error(cli: Run, decided: Path, option: str) -> None:
    done = cli("events", "--decisions", option, "x", "--from", str(decided))
    assert (done.code, done.err) == (2, f"ses-feedback: {option}: a decision has none; leave it out with --decisions\n")


def test_athena_is_asked_the_same_of_its_view_and_answers_in_text(cli: Run) -> None:
    row = json.loads(decision_line("production", JANE, "*", RELEASE, LIFTED))["decision"]
    answer = [None if row[name] is None else str(row[name]) for name in DECISION_NAMES]
    athena = FakeAthena([answer])

    class Empty(Bucket):
        def pieces(self, hours: Any) -> Iterator[Any]:
            return iter(())

    @contextmanager
    def opened(config: Any, source: str | None) -> Iterator[AthenaArchive]:
        yield AthenaArchive(athena, Empty(None, "b"), "ses-feedback", lambda seconds: None)

    assert cli("events", "--decisions", "--json", archive=opened).records == [row]
    sql = athena.started[0]["QueryString"]
    assert '"ses_feedback"."decisions"' in sql
    assert "day BETWEEN" in sql
