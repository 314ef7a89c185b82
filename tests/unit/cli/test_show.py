from __future__ import annotations

from .conftest import Run
from .fakes import MemoryStore, complaint, hard, refused_by_ses


def test_nothing_known_is_an_answer(cli: Run) -> None:
    """An unknown address exits 0 and says so, in words and as JSON."""
    done = cli("show", "Joe@example.org")
    assert (done.code, done.out) == (
        0,
        "Nothing is known of joe@example.org in production: nothing stands against mailing it.\n",
    )
    record = cli("show", "joe@example.org", "--json").records[0]
    assert record["known"] is False
    assert [(s["stream"], s["suppressed"]) for s in record["streams"]] == [
        ("marketing", False),
        ("transactional", False),
    ]
    assert record["strikes"] == record["deliveries"] == record["releases"] == record["rulings"] == []


def test_json_holds_evidence_and_history(cli: Run, store: MemoryStore) -> None:
    """One object: what holds in each stream, every suppression, strikes newest first with their evidence, decisions."""
    store.learn("jane@example.net", hard(), complaint(), refused_by_ses())
    cli("suppress", "jane@example.net", "--stream", "marketing", "--for", "7d", "--why", "asked by phone")
    done = cli("show", "jane@example.net", "--json")
    assert done.code == 0
    (record,) = done.records
    assert {s["stream"]: s["reason"] for s in record["streams"]} == {
        "marketing": "hard_bounce",
        "transactional": "hard_bounce",
    }
    assert [(s["reason"], s["stream"], s["scope"], s["over"]) for s in record["suppressions"]] == [
        ("hard_bounce", "*", "environment", False),
        ("complaint", "marketing", "stream", False),
        ("already_suppressed", "*", "environment", False),
        ("operator", "marketing", "stream", False),
    ]
    assert next(s["class"] for s in record["strikes"]) == "complaint"
    assert next(s for s in record["strikes"] if s["class"] == "hard_bounce") == {
        "class": "hard_bounce",
        "stream": "transactional",
        "identity": "example.com",
        "occurred_at": "2026-11-23T05:00:00.000Z",
        "sent_at": None,
        "message_id": "0100-1",
        "status": "5.1.1",
        "diagnostic": "smtp; 550 5.1.1 user \x1b[31munknown",
        "detail": "Permanent/General",
    }
    assert next(s for s in record["strikes"] if s["class"] == "already_suppressed")["sent_at"] == (
        "2026-11-23T04:00:00.000Z"
    )
    assert record["rulings"] == [
        {
            "stream": "marketing",
            "decided_at": "2026-11-24T05:00:00.000Z",
            "until": "2026-12-01T05:00:00.000Z",
            "reason": "operator",
            "why": "asked by phone",
        }
    ]


def test_people_see_what_holds_and_why(cli: Run, store: MemoryStore) -> None:
    """The page names each stream's state, the evidence and the decisions; a receiver's escape codes stay harmless."""
    store.learn("jane@example.net", complaint(), hard(stream="retired"))
    cli("release", "jane@example.net", "--why", "ticket 4711")
    store.learn("jane@example.net", complaint(at=complaint().at + 10**7))
    done = cli("show", "jane@example.net")
    assert "jane@example.net in production" in done.out
    assert "stream transactional: not suppressed" in done.out
    assert "stream marketing: suppressed by complaint" in done.out
    assert "Strikes (1)" in done.out
    assert "Releases (1)" in done.out
    assert "ticket 4711" in done.out
    assert "Decisions to suppress: none" in done.out


def test_control_characters_are_shown_as_escapes(cli: Run, store: MemoryStore) -> None:
    """What a remote mail server wrote must not steer the operator's terminal."""
    store.learn("jane@example.net", hard())
    done = cli("show", "jane@example.net")
    assert "\x1b" not in done.out
    assert "user \\x1b[31munknown" in done.out


def test_a_stream_that_only_the_evidence_remembers_is_shown(cli: Run, store: MemoryStore) -> None:
    """A stream taken out of the configuration does not hide its evidence."""
    store.learn("jane@example.net", complaint(stream="retired"))
    (record,) = cli("show", "jane@example.net", "--json").records
    assert {s["stream"]: s["suppressed"] for s in record["streams"]} == {
        "marketing": False,
        "retired": True,
        "transactional": False,
    }


def test_stream_narrows_what_holds(cli: Run, store: MemoryStore) -> None:
    """--stream shows one stream, and must be one there is."""
    store.learn("jane@example.net", complaint())
    (record,) = cli("show", "jane@example.net", "--stream", "marketing", "--json").records
    assert [s["stream"] for s in record["streams"]] == ["marketing"]
    assert cli("show", "jane@example.net", "--stream", "x").code == 2
