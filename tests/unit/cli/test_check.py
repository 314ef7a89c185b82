from __future__ import annotations

from pathlib import Path

from ses_feedback.domain.times import DAY

from .conftest import STAGING, Run
from .fakes import NOW, MemoryStore, complaint, hard, refused_by_ses


def test_a_suppressed_address_exits_1_with_exactly_the_contracted_keys(cli: Run, store: MemoryStore) -> None:
    """The JSON is the contract of DESIGN section 9: reason, scope, since, and null for no end."""
    store.learn("jane@example.net", hard())
    done = cli("check", "Jane@Example.NET", "--stream", "marketing", "--json")
    assert done.code == 1
    assert done.records == [
        {
            "address": "jane@example.net",
            "suppressed": True,
            "reason": "hard_bounce",
            "scope": "environment",
            "until": None,
            "since": "2026-11-23T05:00:00.000Z",
        }
    ]
    assert done.err == ""


def test_a_free_address_exits_0_with_nulls(cli: Run) -> None:
    """Where nothing stands against mailing, every other key is null."""
    done = cli("check", "joe@example.org", "--stream", "marketing", "--json")
    assert (done.code, done.records) == (
        0,
        [
            {
                "address": "joe@example.org",
                "suppressed": False,
                "reason": None,
                "scope": None,
                "until": None,
                "since": None,
            }
        ],
    )


def test_several_addresses_are_answered_in_order(cli: Run, store: MemoryStore) -> None:
    """One JSON line for each argument, one suppressed is enough for exit 1, and the end of a suppression is told."""
    store.learn("b@example.net", refused_by_ses(at=NOW - DAY))
    done = cli("check", "a@example.net", "b@example.net", "a@example.net", "--stream", "marketing", "--json")
    assert done.code == 1
    assert [(r["address"], r["suppressed"], r["until"]) for r in done.records] == [
        ("a@example.net", False, None),
        ("b@example.net", True, "2026-12-23T05:00:00.000Z"),
        ("a@example.net", False, None),
    ]


def test_a_suppression_of_one_stream_leaves_the_others_free(cli: Run, store: MemoryStore) -> None:
    """A marketing complaint does not stop a password reset."""
    store.learn("jane@example.net", complaint())
    assert cli("check", "jane@example.net", "--stream", "marketing").code == 1
    assert cli("check", "jane@example.net", "--stream", "transactional").code == 0


def test_people_read_a_sentence(cli: Run, store: MemoryStore) -> None:
    """Without --json, a line for each address, with times and lengths in words."""
    store.learn("jane@example.net", refused_by_ses())
    done = cli("check", "jane@example.net", "joe@example.net", "--stream", "marketing")
    assert done.out == (
        "jane@example.net: suppressed by already_suppressed, all streams of production, "
        "until 2026-12-23 05:00 UTC (29 days), since 2026-11-23 05:00 UTC\n"
        "joe@example.net: not suppressed in stream marketing of production\n"
    )


def test_an_address_that_is_none_is_named(cli: Run) -> None:
    """One line names the argument and what is wrong with it; nothing is asked."""
    done = cli("check", "jane@example.net", "jane\n", "--stream", "marketing")
    assert (done.code, done.out) == (2, "")
    assert done.err == 'ses-feedback: "jane\\n" is not an e-mail address: it has no @\n'


def test_a_stream_must_be_named_where_there_are_several(cli: Run) -> None:
    """Neither of two streams is the default: the error names both."""
    done = cli("check", "jane@example.net")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        'ses-feedback: --stream: say which stream in environment "production"; known: marketing, transactional\n'
    )


def test_an_environment_must_be_named_where_there_are_several(cli: Run, config_file: Path) -> None:
    """The error names the environments; with one named, its only stream is meant."""
    config_file.write_text(config_file.read_text() + STAGING)
    done = cli("check", "jane@example.net")
    assert (done.code, done.err) == (
        2,
        "ses-feedback: --environment: say which environment; known: production, staging\n",
    )
    assert cli("check", "jane@example.net", "--environment", "staging").code == 0
    wrong = cli("check", "jane@example.net", "--environment", "prod")
    assert wrong.err == 'ses-feedback: --environment: no environment "prod"; known: production, staging\n'
