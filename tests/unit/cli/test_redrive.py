"""``redrive``, as an operator types it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import DAY

from .conftest import Run
from .fakes import NOW, FakeDeployment

DEAD, RETRY = "ses-feedback-dead-letters", "ses-feedback-retry"
TALLY_DEAD, TALLY = "ses-feedback-tally-dead-letters", "ses-feedback-tally"
ARCHIVE_DEAD, ARCHIVE = "ses-feedback-archive-dead-letters", "ses-feedback-archive"
ERRORS = "ses-feedback-archive-111122223333-us-east-1/errors"
BODY = json.dumps({"responsePayload": {"errorType": "RetryableError", "errorMessage": "writing: Throttled"}})


@pytest.fixture(autouse=True)
def letters(deployment: FakeDeployment) -> None:
    """25 dead letters to record, three to count."""
    for n in range(25):
        deployment.queue(DEAD).put(BODY if n == 0 else f"jane{n}@example.net", sent_at=NOW - 3 * DAY + n, receives=100)
    for n in range(3):
        deployment.queue(TALLY_DEAD).put(f"body {n}", sent_at=NOW - DAY, receives=10)


def test_all_go_where_they_belong(cli: Run, deployment: FakeDeployment) -> None:
    done = cli("redrive")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{DEAD}: 25 found, 25 moved to {RETRY}, 0 left",
        f"{TALLY_DEAD}: 3 found, 3 moved to {TALLY}, 0 left",
        f"{ARCHIVE_DEAD}: empty",
        f"{ERRORS}: empty",
    ]
    assert [len(deployment.queue(name).waiting) for name in (DEAD, RETRY, TALLY_DEAD, TALLY)] == [0, 25, 0, 3]
    assert cli("redrive").out.splitlines() == [f"{name}: empty" for name in (DEAD, TALLY_DEAD, ARCHIVE_DEAD, ERRORS)]


def test_the_archive_gets_what_it_lacks(cli: Run, deployment: FakeDeployment) -> None:
    """What SNS could not hand to Firehose is in a queue, what Firehose could not write, in the bucket: both go."""
    deployment.queue(ARCHIVE_DEAD).put("from SNS")
    for n in range(12):
        deployment.archive_errors.put(f"from the folder {n}")
    dry = cli("redrive", "archive", "--dry-run")
    assert [line.partition(";")[0] for line in dry.out.splitlines() if "found" in line] == [
        f"{ARCHIVE_DEAD}: 1 found",
        f"{ERRORS}: 12 found",
    ]
    assert not deployment.archive_stream.waiting
    done = cli("redrive", "archive", "--limit", "11")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            f"{ARCHIVE_DEAD}: 1 found, 1 moved to {ARCHIVE}, 0 left",
            f"{ERRORS}: 12 found, 11 moved to {ARCHIVE}, 1 left",
        ],
    )
    assert len(deployment.archive_stream.waiting) == 12
    (record,) = cli("redrive", ARCHIVE_DEAD, "--json").records
    assert (record["queue"], record["to"], record["moved"]) == (ARCHIVE_DEAD, ARCHIVE, 0)


@pytest.mark.parametrize(
    ("name", "moved"),
    [("dead-letters", (25, 0)), (DEAD, (25, 0)), ("tally", (0, 3)), (TALLY_DEAD, (0, 3)), ("all", (25, 3))],
)
def test_one_or_all(cli: Run, deployment: FakeDeployment, name: str, moved: tuple[int, int]) -> None:
    """By its short name or its own."""
    assert cli("redrive", name).code == 0
    assert (len(deployment.queue(RETRY).waiting), len(deployment.queue(TALLY).waiting)) == moved


def test_json_and_limit(cli: Run) -> None:
    (record,) = cli("redrive", "dead-letters", "--limit", "7", "--json").records
    assert record == {
        "queue": DEAD,
        "to": RETRY,
        "found": 25,
        "moved": 7,
        "left": 18,
        "repeated": 0,
        "interrupted": False,
        "problems": {},
    }


def test_a_dry_run_shows_counts_and_a_sample_without_addresses(cli: Run, deployment: FakeDeployment) -> None:
    """Nothing is moved or hidden; of foreign text nothing is shown."""
    done = cli("redrive", "dead-letters", "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[0] == f"{DEAD}: 25 found; they would go to {RETRY}."
    assert "3 days ago  100       RetryableError: writing: Throttled" in done.out
    assert "@" not in done.out
    (record,) = cli("redrive", "dead-letters", "--dry-run", "--json").records
    assert (record["found"], record["dry_run"], len(record["sample"])) == (25, True, 10)
    assert record["sample"][0] == {
        "sent_at": "2026-11-21T05:00:00.000Z",
        "receives": 100,
        "topic": None,
        "why": "RetryableError: writing: Throttled",
    }
    assert len(deployment.queue(DEAD).waiting) == 25
    assert not any(message.hidden for message in deployment.queue(DEAD).waiting)
    deployment.queue(DEAD).waiting.clear()
    assert cli("redrive", "dead-letters", "--dry-run").out == f"{DEAD}: empty\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("orders",), '"orders" is no dead-letter queue of ses-feedback; known: dead-letters, tally, archive, all'),
        (
            ("ses-feedback-team-dead-letters",),
            '"ses-feedback-team-dead-letters" cannot be redriven: SNS takes no message back for one subscription; '
            "docs/runbooks/team-dead-letters.md says how a team gets them",
        ),
        (("--rate", "1.5"), '--rate: "1.5" is not a whole number from 1 to 10000'),
        (("--limit", "0"), '--limit: "0" is not a whole number from 1 to 1000000000'),
    ],
)
def test_foreign_queues_and_bad_numbers(cli: Run, arguments: tuple[str, ...], line: str) -> None:
    """One line, and nothing is moved."""
    assert cli("redrive", *arguments) == (2, "", f"ses-feedback: {line}\n")


def test_what_is_refused_is_told(cli: Run, deployment: FakeDeployment) -> None:
    """Exit 2, with the reason and the count."""
    deployment.queue(RETRY).refuse = {BODY: "ses-feedback-retry takes no message (InternalError)"}
    done = cli("redrive", "dead-letters")
    assert done.code == 2
    assert done.out == f"{DEAD}: 25 found, 24 moved to {RETRY}, 1 left\n"
    assert done.err == (
        f"ses-feedback: 1 message left in {DEAD}: ses-feedback-retry takes no message (InternalError); "
        "run this command again\n"
    )


def test_what_others_hold_is_told(cli: Run, deployment: FakeDeployment) -> None:
    deployment.queue(TALLY_DEAD).waiting[0].hidden = True
    done = cli("redrive", "tally")
    assert (done.code, done.out) == (0, f"{TALLY_DEAD}: 3 found, 2 moved to {TALLY}, 1 left\n")
    assert done.err.startswith(
        f"{TALLY_DEAD} showed no more, though it told of 1 more: somebody else has received them"
    )


def test_an_error_on_the_way_tells_the_count(cli: Run, deployment: FakeDeployment) -> None:
    """What was sent and perhaps not deleted is told as such; the rest is seen again at once."""

    def fail(number: int, name: str) -> None:
        if name == "delete" and len(deployment.queue(DEAD).waiting) == 15:
            raise RetryableError("deleting from the queue: Throttled")

    deployment.calls.before = fail
    done = cli("redrive", "dead-letters")
    assert (done.code, done.err) == (2, "ses-feedback: deleting from the queue: Throttled\n")
    assert done.out.splitlines() == [
        f"{DEAD}: 25 found, 10 moved to {RETRY}, 15 left",
        "  10 messages of those left may have been sent as well: handled twice",
    ]
    assert not any(message.hidden for message in deployment.queue(DEAD).waiting)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_tells_the_count(cli: Run, deployment: FakeDeployment, times: int) -> None:
    """Once ends it after the step, twice at once; either way exit 130, the sum right, and the next queue untouched."""

    def interrupt(number: int, name: str) -> None:
        if name == "send":
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    deployment.calls.before = interrupt
    done = cli("redrive", "--json")
    assert done.code == 130
    (record,) = done.records
    moved = 10 if times == 1 else 0
    assert (record["found"], record["moved"], record["left"], record["interrupted"]) == (25, moved, 25 - moved, True)
    assert len(deployment.queue(DEAD).waiting) == 25 - moved
    assert len(deployment.queue(TALLY_DEAD).waiting) == 3
