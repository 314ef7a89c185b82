from __future__ import annotations

from pathlib import Path

import pytest

from ses_feedback.domain.policy import DEFAULT_POLICY
from tests.unit.breaker.fakes import JO

from .conftest import Run
from .fakes import NOW, FakeDeployment, MemoryStore, complaint, hard

NOTHING_KNOWN = {
    **{"reason": None, "stream": None, "since": None, "until": None},
    **{"strikes": 0, "delivered_at": None, "mail": None},
}


def test_suppress_holds_at_once_and_for_the_time_given(cli: Run) -> None:
    """The answer says what holds, since when and until when; check agrees."""
    done = cli("suppress", "Jane@example.net", "--for", "30d", "--why", "asked by phone", "--json")
    assert done.code == 0
    assert done.records == [
        {
            "address": "jane@example.net",
            "environment": "production",
            "stream": "*",
            "decided_at": "2026-11-24T05:00:00.000Z",
            "suppressed": True,
            "reason": "operator",
            "scope": "environment",
            "until": "2026-12-24T05:00:00.000Z",
            "since": "2026-11-24T05:00:00.000Z",
            "by": JO,
            "known": {**NOTHING_KNOWN},
        }
    ]
    assert cli("check", "jane@example.net", "--stream", "marketing").code == 1


def test_suppress_without_a_time_is_for_ever_and_of_one_stream_only_there(cli: Run) -> None:
    """--stream narrows a decision; no --for means no end."""
    done = cli("suppress", "jane@example.net", "--stream", "marketing", "--why", "asked")
    assert done.out == "jane@example.net is now suppressed in stream marketing of production, for ever.\n"
    assert cli("check", "jane@example.net", "--stream", "transactional").code == 0
    assert cli("check", "jane@example.net", "--stream", "marketing").code == 1


def test_suppress_never_shortens_and_says_so(cli: Run, store: MemoryStore) -> None:
    """Where strikes suppress longer than the operator asked, the answer tells."""
    store.learn("jane@example.net", hard())
    done = cli("suppress", "jane@example.net", "--for", "1d", "--why", "asked")
    assert done.out.splitlines() == [
        "jane@example.net is now suppressed in all streams of production, until 2026-11-25 05:00 UTC (1 day).",
        "A longer one holds as well: hard_bounce, all streams of production, for ever, since 2026-11-23 05:00 UTC.",
    ]


def test_release_lifts_and_clears_the_lists_of_ses(cli: Run, store: MemoryStore, deployment: FakeDeployment) -> None:
    """The address may be mailed again, and each region's list was asked for it as typed and as it compares."""
    store.learn("jane@example.net", hard(), complaint())
    done = cli("release", "Jane <Jane@Example.net>", "--why", "works again", "--json")
    assert done.code == 0
    assert done.records == [
        {
            "address": "jane@example.net",
            "environment": "production",
            "stream": "*",
            "decided_at": "2026-11-24T05:00:00.000Z",
            "suppressed": False,
            "reason": None,
            "scope": None,
            "until": None,
            "since": None,
            "by": JO,
            "known": {
                **NOTHING_KNOWN,
                "reason": "hard_bounce",
                "stream": "*",
                "since": "2026-11-23T05:00:00.000Z",
                "strikes": 2,
            },
            "verified": None,
            "lists": {
                "us-east-1": {"cleared": True, "problem": None},
                "eu-west-1": {"cleared": True, "problem": None},
            },
        }
    ]
    assert deployment.account_lists.asked == [("jane@example.net", "Jane@Example.net")]
    assert cli("check", "jane@example.net", "--stream", "marketing").code == 0


def test_a_region_that_refuses_is_shown_and_exits_2_though_the_release_holds(
    cli: Run, store: MemoryStore, deployment: FakeDeployment
) -> None:
    """Mail from that region would still be stopped by SES: a script must not think that all is done."""
    store.learn("jane@example.net", hard())
    deployment.account_lists.refusals = {"eu-west-1": "AWS denies ses:DeleteSuppressedDestination"}
    done = cli("release", "jane@example.net", "--why", "works again")
    assert done.code == 2
    assert done.out.splitlines() == [
        "jane@example.net is released in all streams of production.",
        "  SES's own list in us-east-1: cleared",
        "  SES's own list in eu-west-1: not cleared",
    ]
    assert done.err == (
        "ses-feedback: released here, but SES's own list in eu-west-1 still has to let go: "
        "AWS denies ses:DeleteSuppressedDestination; then run this command again\n"
    )
    assert cli("check", "jane@example.net", "--stream", "transactional").code == 0


def test_release_of_a_stream_says_what_still_holds_and_how_to_lift_it(cli: Run, store: MemoryStore) -> None:
    """A hard bounce holds in every stream: releasing one stream does not lift it."""
    store.learn("jane@example.net", hard(), complaint())
    done = cli("release", "jane@example.net", "--stream", "marketing", "--why", "asked")
    assert done.code == 0
    assert done.out.splitlines()[-2:] == [
        "Still suppressed: hard_bounce, all streams of production, for ever, since 2026-11-23 05:00 UTC.",
        "That holds in every stream: release it with --stream '*'.",
    ]


def test_a_decision_comes_after_the_evidence_it_was_shown(cli: Run, store: MemoryStore) -> None:
    """Evidence from a clock ahead of AWS's is released all the same."""
    store.learn("jane@example.net", hard(at=NOW + 1000))
    done = cli("release", "jane@example.net", "--why", "asked", "--json")
    assert done.records[0]["suppressed"] is False
    assert done.records[0]["decided_at"] == "2026-11-24T05:00:01.001Z"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("suppress", "jane@example.net"),
            "ses-feedback suppress: missing option '--why'; see 'ses-feedback suppress --help'",
        ),
        (
            ("suppress", "jane@example.net", "--why", " "),
            "ses-feedback: --why: say why, for whoever looks at this address later",
        ),
        (
            ("release", "jane@example.net", "--why", "a\nb"),
            'ses-feedback: --why: "a\\nb" must be one line of readable text',
        ),
        (
            ("release", "jane@example.net", "--why", "x" * 501),
            "ses-feedback: --why: 501 letters are too long; at most 500",
        ),
        (
            ("suppress", "jane@example.net", "--why", "x", "--for", "soon"),
            "ses-feedback: --for: 'soon' is not a duration such as 15m, 12h, 30d, 2w or forever",
        ),
        (
            ("suppress", "jane@example.net", "--why", "x", "--stream", "mrketing"),
            'ses-feedback: --stream: no stream "mrketing" in environment "production"; known: marketing, transactional',
        ),
        (
            ("release", "jane@example", "--why", "x", "--environment", "test"),
            'ses-feedback: --environment: no environment "test"; known: production',
        ),
        (
            ("release", "jane@example.net", "--why", "x", "--by", "a\tb"),
            'ses-feedback: --by: "a\\tb" must be one line of readable text',
        ),
        (
            ("suppress", "jane@example.net", "--why", "x", "--by", "x" * 201),
            "ses-feedback: --by: 201 letters are too long; at most 200",
        ),
        (
            ("release", "jane@example.net", "--why", "x", "--force"),
            "ses-feedback: --force: goes with --verify",
        ),
        (
            ("release", "jane@example.net", "--why", "x", "--archive", "aws"),
            "ses-feedback: --archive: goes with --verify",
        ),
        (("release", "jane", "--why", "x"), 'ses-feedback: "jane" is not an e-mail address: it has no @'),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    cli: Run, store: MemoryStore, deployment: FakeDeployment, arguments: tuple[str, ...], line: str
) -> None:
    """Each mistake is told in one line with exit 2, before anything is written or any list is asked."""
    done = cli(*arguments)
    assert (done.code, done.out, done.err) == (2, "", line + "\n")
    assert store.writes == 0
    assert deployment.account_lists.asked == []


def test_the_configuration_may_be_elsewhere(cli: Run, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config names the file, SES_FEEDBACK_CONFIG its default."""
    other = config_file.rename(config_file.with_name("other.toml"))
    assert cli("show", "jane@example.net").code == 2
    assert cli("show", "jane@example.net", "--config", str(other)).code == 0
    monkeypatch.setenv("SES_FEEDBACK_CONFIG", str(other))
    assert cli("show", "jane@example.net").code == 0


def test_days_are_written_out(cli: Run) -> None:
    """What an operator set is said with its length."""
    done = cli("suppress", "jane@example.net", "--for", "30d", "--why", "asked")
    assert done.out.endswith("until 2026-12-24 05:00 UTC (30 days).\n")


@pytest.mark.parametrize("command", ["suppress", "release"])
def test_a_file_that_nobody_deployed_drops_no_evidence(
    cli: Run, store: MemoryStore, deployment: FakeDeployment, config_file: Path, command: str
) -> None:
    """The deployed policy decides, whatever the file says; a line says so, and none where they are the same."""
    policy = "[policy]\nhard_bounce = []\ncomplaint = []\n"
    config_file.write_text(policy + config_file.read_text())
    store.learn("jane@example.net", hard(), complaint(stream="transactional"))
    deployment.policy = DEFAULT_POLICY
    done = cli(command, "jane@example.net", "--stream", "marketing", "--why", "x")
    assert done.code == 0
    assert "not deployed" in done.err
    assert len(store.items["production", "jane@example.net"].history.strikes) == 2
    deployment.policy = {**DEFAULT_POLICY, "hard_bounce": (), "complaint": ()}
    done = cli(command, "jane@example.net", "--stream", "marketing", "--why", "x")
    assert done.err == ""
    assert not store.items["production", "jane@example.net"].history.strikes
