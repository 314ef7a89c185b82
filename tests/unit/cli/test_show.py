from __future__ import annotations

from tests.unit.breaker.fakes import JO

from .conftest import Run
from .fakes import NOW, FakeDeployment, MemoryStore, complaint, hard, refused_by_ses


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
            "by": JO,
            "why": "asked by phone",
            "known": {
                "reason": "hard_bounce",
                "stream": "*",
                "since": "2026-11-23T05:00:00.000Z",
                "until": None,
                "strikes": 3,
                "delivered_at": None,
                "mail": None,
            },
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
    assert "In order of time (3)" in done.out
    assert "ticket 4711" in done.out


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


def test_the_trail_tells_in_order_of_time_who_decided_why_and_what_was_known(
    cli: Run, store: MemoryStore, deployment: FakeDeployment
) -> None:
    """A decision that a newer one replaced is there as well, and what a release forgot is told by the release."""
    store.learn("jane@example.net", hard())
    deployment.signature = "arn:aws:iam::111122223333:user/jo"
    cli("release", "jane@example.net", "--why", "ticket 4711", "--by", "Jo Doe")
    store.learn("jane@example.net", complaint(at=NOW + 1_000))
    deployment.signature = "arn:aws:iam::111122223333:user/sam"
    cli("suppress", "jane@example.net", "--for", "1d", "--why", "asked by phone")
    cli("suppress", "jane@example.net", "--for", "2d", "--why", "asked again")
    (record,) = cli("show", "jane@example.net", "--json").records
    trail = record["trail"]
    assert [(e["what"], e["reason"], e["why"]) for e in trail] == [
        ("release", "operator", "ticket 4711"),
        ("strike", "complaint", "abuse"),
        ("suppressed", "complaint", None),
        ("suppress", "operator", "asked by phone"),
        ("suppress", "operator", "asked again"),
    ]
    assert [e["at"] for e in trail] == sorted(e["at"] for e in trail)
    assert trail[0]["by"] == "Jo Doe (arn:aws:iam::111122223333:user/jo)"
    assert trail[3]["by"] == "arn:aws:iam::111122223333:user/sam"
    assert (trail[0]["known"]["reason"], trail[0]["known"]["strikes"]) == ("hard_bounce", 1)
    assert (trail[4]["known"]["reason"], trail[4]["known"]["strikes"]) == ("complaint", 1)
    out = " ".join(cli("show", "jane@example.net").out.split())
    for text in ("In order of time (5)", "Jo Doe", "ticket 4711", "known: hard_bounce", "1 strike"):
        assert text in out
    cli("erase", "jane@example.net")
    (record,) = cli("show", "jane@example.net", "--json").records
    assert {(e["by"], e["why"]) for e in record["trail"] if e["what"] in ("release", "suppress")} == {(None, "")}
    assert "Jo" not in str(record)
    assert "4711" not in str(record)
