"""``quarantine list``, ``show`` and ``retry``, as an operator types them."""

from __future__ import annotations

import json
import os
import signal

import pytest

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.events import Fault
from ses_feedback.domain.times import DAY, HOUR

from .conftest import Run
from .fakes import NOW, FakeDeployment

TOPIC = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6"
MAIL = {"source": "a@example.com", "messageId": "0100-1", "timestamp": "2026-11-20T09:59:00.000Z"}
READABLE = json.dumps(
    {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bouncedRecipients": [{"emailAddress": "jane@example.net"}],
            "timestamp": "2026-11-20T10:00:00.000Z",
        },
        "mail": MAIL,
    }
)
GARBAGE = 'not \x1b[31mJSON\nfor "jane@example.net" \ud800'


@pytest.fixture(autouse=True)
def three(deployment: FakeDeployment) -> None:
    """A piece that can be read by now, one that cannot, and an old one without a topic."""
    deployment.quarantine.keep(Fault(READABLE, "unknown identity: example.com is not configured", TOPIC), NOW - HOUR)
    deployment.quarantine.keep(Fault(GARBAGE, "not JSON", TOPIC), NOW - 2 * HOUR)
    deployment.quarantine.keep(Fault("{", "not JSON"), NOW - 10 * DAY)


def ids(cli: Run) -> list[str]:
    return [record["id"] for record in cli("quarantine", "list", "--json").records]


def test_list_is_newest_first_and_without_the_text(cli: Run) -> None:
    """A JSON line for each: id, time, reason, topic, kind, size; never the text."""
    done = cli("quarantine", "list", "--json")
    assert done.code == 0
    assert done.records[0] == {
        "id": done.records[0]["id"],
        "quarantined_at": "2026-11-24T04:00:00.000Z",
        "why": "unknown identity: example.com is not configured",
        "topic": TOPIC,
        "kind": "bounce",
        "size": len(READABLE),
        "retrying": False,
    }
    assert [r["why"] for r in done.records[1:]] == ["not JSON", "not JSON"]
    assert done.records[2]["topic"] is done.records[2]["kind"] is None
    assert "jane" not in done.out


@pytest.mark.parametrize(
    ("options", "number"),
    [(("--since", "7d"), 2), (("--why", "JSON"), 2), (("--since", "7d", "--why", "json"), 1), (("--limit", "1"), 1)],
)
def test_list_filters(cli: Run, options: tuple[str, ...], number: int) -> None:
    assert len(cli("quarantine", "list", "--json", *options).records) == number


def test_list_for_people_has_short_ids_and_counts_by_reason(cli: Run) -> None:
    """Ids as short as tells them apart; where from; and how many of each reason."""
    lines = cli("quarantine", "list").out.splitlines()
    assert lines[0].split() == ["ID", "SINCE", "ORIGIN", "SIZE", "WHY"]
    assert len(lines[1].split()[0]) == 8
    assert "bounce example-com" in lines[1]
    assert lines[-3:] == [
        "3 of 3 pieces in quarantine, by reason:",
        "      2  not JSON",
        "      1  unknown identity: example.com is not configured",
    ]


def test_list_says_when_there_is_more_and_when_there_is_nothing(cli: Run, deployment: FakeDeployment) -> None:
    assert cli("quarantine", "list", "--limit", "2").err == "there are more: --limit 20 shows up to 20\n"
    assert cli("quarantine", "list", "--why", "spam").out == "Nothing is in quarantine, as far as was asked.\n"
    deployment.quarantine.stored.clear()
    assert cli("quarantine", "list").out == "Nothing is in quarantine.\n"


def test_show_tells_all_and_steers_no_terminal(cli: Run) -> None:
    """The whole text, line for line, with control characters spelt out; exact with --json."""
    id_ = ids(cli)[1]
    done = cli("quarantine", "show", id_[:8])
    assert done.code == 0
    assert "  why    not JSON\n" in done.out
    assert f"  topic  {TOPIC}\n" in done.out
    assert 'not \\x1b[31mJSON\nfor "jane@example.net" \\ud800\n' in done.out
    (record,) = cli("quarantine", "show", id_, "--json").records
    assert (record["id"], record["raw"], record["why"]) == (id_, GARBAGE, "not JSON")


def test_show_names_what_is_wrong_with_an_id(cli: Run) -> None:
    done = cli("quarantine", "show", "../..")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith('ses-feedback: "../.." is not an id: ')


def test_retry_puts_all_back_to_both_queues(cli: Run, deployment: FakeDeployment) -> None:
    """What still cannot be read is put back as well, and told: it will be quarantined anew."""
    done = cli("quarantine", "retry", "--all")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "3 pieces found, 3 put back, 0 left."
    assert "2 pieces not readable by this version and configuration either" in done.out
    for name in ("ses-feedback-retry", "ses-feedback-tally"):
        bodies = [json.loads(body) for body in deployment.queues[name].bodies]
        assert {"Type": "Notification", "TopicArn": TOPIC, "Message": READABLE} in bodies
        assert len(bodies) == 3
    assert deployment.quarantine.stored == {}


def test_retry_of_named_pieces(cli: Run, deployment: FakeDeployment) -> None:
    """Ids by their first digits, one named twice counts once; the rest stay."""
    first, second, third = ids(cli)
    (record,) = cli("quarantine", "retry", first[:8], second, first, "--json").records
    assert (record["found"], record["put_back"], record["left"], record["dry_run"]) == (2, 2, 0, False)
    assert deployment.quarantine.ids() == {third}


def test_retry_by_reason_and_dry(cli: Run, deployment: FakeDeployment) -> None:
    """A dry run counts by reason, and does nothing."""
    done = cli("quarantine", "retry", "--why", "unknown identity", "--dry-run")
    assert done.code == 0
    assert done.out.splitlines() == [
        "1 piece found, 1 would be put back, nothing was done.",
        "      1  unknown identity: example.com is not configured",
    ]
    assert len(deployment.quarantine.stored) == 3
    (record,) = cli("quarantine", "retry", "--why", "unknown identity", "--json").records
    assert (record["found"], record["put_back"], record["reasons"]) == (
        1,
        1,
        {"unknown identity: example.com is not configured": 1},
    )


def test_retry_of_nothing(cli: Run) -> None:
    assert cli("quarantine", "retry", "--why", "spam") == (0, "Nothing of that is in quarantine.\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "say what to put back: ids that quarantine list shows, --why TEXT, or --all"),
        (("abcd", "--all"), "name ids, or say --all or --why, not both"),
        (("--all", "--rate", "fast"), '--rate: "fast" is not a whole number from 1 to 10000'),
        (("--all", "--rate", "0/s"), '--rate: "0" is not a whole number from 1 to 10000'),
        (("abcdef",), 'nothing in quarantine has the id "abcdef": see what is there with quarantine list'),
    ],
)
def test_retry_refuses_what_is_unclear(cli: Run, arguments: tuple[str, ...], line: str) -> None:
    done = cli("quarantine", "retry", *arguments)
    assert (done.code, done.out, done.err) == (2, "", f"ses-feedback: {line}\n")


def test_pieces_above_the_limit_are_kept_and_told(cli: Run, deployment: FakeDeployment) -> None:
    """Exit 2: a script must not go on as if all were done."""
    deployment.queue("ses-feedback-tally").limit = 300
    done = cli("quarantine", "retry", "--all")
    assert (done.code, done.err) == (2, "ses-feedback: 1 piece stays in quarantine: too large for the queue\n")
    assert "3 pieces found, 2 put back, 1 left." in done.out
    assert len(deployment.quarantine.ids()) == 1


def test_an_error_on_the_way_tells_the_count_and_the_next_retry_finishes(cli: Run, deployment: FakeDeployment) -> None:
    """The count on standard output, the error on standard error; then all is put back."""

    def fail(number: int, name: str) -> None:
        if name == "send" and not deployment.queue("ses-feedback-tally").bodies:
            raise RetryableError("sending to the queue: Throttled")

    deployment.calls.before = fail
    done = cli("quarantine", "retry", "--all")
    assert (done.code, done.err) == (2, "ses-feedback: sending to the queue: Throttled\n")
    assert "3 pieces found, 0 put back, 3 left." in done.out
    assert [r["retrying"] for r in cli("quarantine", "list", "--json").records] == [True] * 3
    assert "(a retry of it is not finished)" in cli("quarantine", "show", ids(cli)[0]).out
    deployment.calls.mend()
    (record,) = cli("quarantine", "retry", "--all", "--json").records
    assert (record["put_back"], record["resumed"], record["left"]) == (3, 3, 0)


def test_ctrl_c_ends_after_the_step_with_the_count(cli: Run, deployment: FakeDeployment) -> None:
    """Exit 130; nothing is half-way."""

    def interrupt(number: int, name: str) -> None:
        if name == "let go":
            os.kill(os.getpid(), signal.SIGINT)

    deployment.calls.before = interrupt
    before = signal.getsignal(signal.SIGINT)
    (record,) = (done := cli("quarantine", "retry", "--all", "--rate", "1/s", "--json")).records
    assert done.code == 130
    assert (record["found"], record["put_back"], record["left"], record["interrupted"]) == (3, 1, 2, True)
    assert deployment.quarantine.ids(retrying=True) == set()
    assert signal.getsignal(signal.SIGINT) is before
