"""What the lookup API answers, and what it does to the table."""

from __future__ import annotations

from typing import Any

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, Strike
from ses_feedback.domain.times import DAY, HOUR
from ses_feedback.usecases.lookup import OPERATIONS
from ses_feedback.usecases.lookup_requests import LARGEST
from tests.unit.lookup.gateway import CALLER, NOW, Answered, Gateway

JANE, JOE = "jane@example.net", "joe@example.org"
NOTHING = {"suppressed": False, "reason": None, "scope": None, "until": None, "since": None}


def strike(gateway: Gateway, address: str, class_: str, stream: str = "transactional") -> None:
    history = History({"k": Strike(class_, stream, NOW - HOUR, NOW - HOUR, "m1")})
    gateway.table.put_new("production", address, history)
    gateway.table.calls.clear()


def refused(found: Answered, status: int, detail: str) -> None:
    title = {400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}.get(status, "")
    assert found.status == status
    assert found.headers["content-type"] == "application/problem+json"
    assert found.values == {
        "type": "about:blank",
        "title": title or found.values["title"],
        "status": status,
        "detail": detail,
    }


def test_addresses_are_answered_in_their_order_in_one_call(gateway: Gateway) -> None:
    """Each as often as it was asked for, in the form in which addresses compare, with the command line's keys."""
    strike(gateway, JANE, ev.HARD_BOUNCE)
    found = gateway.ask("check", addresses=["Joe <JOE@example.org>", "Jane@Example.NET", JANE], stream="marketing")
    jane = {
        "address": JANE,
        "suppressed": True,
        "reason": "hard_bounce",
        "scope": "environment",
        "until": None,
        "since": "2026-09-21T13:13:20.000Z",
    }
    assert found == Answered(
        200,
        {"content-type": "application/json", "cache-control": "no-store"},
        {"environment": "production", "stream": "marketing", "answers": [{"address": JOE, **NOTHING}, jane, jane]},
    )
    assert gateway.table.calls == ["look_up"]
    assert gateway.logged == []


def test_what_is_no_address_is_an_answer_among_the_others(gateway: Gateway) -> None:
    """Not to be mailed, for somebody suppressed may be in it; asked about no more than what can be read."""
    strike(gateway, JANE, ev.HARD_BOUNCE)
    texts = ["", "jane", JOE, f"jane {JANE}", "a@b@c", JANE, "x" * 300 + "@example.net", "jane@\u2603\u200d\u2603.-"]
    found = gateway.ask("check", addresses=texts, stream="marketing")
    assert found.status == 200
    answers = found.values["answers"]
    assert [one["address"] for one in answers] == texts
    assert [one["suppressed"] for one in answers] == [True, True, False, True, True, True, True, True]
    problems = [one.get("problem") for one in answers]
    assert problems[:3] == ["not an e-mail address: it is empty", "not an e-mail address: it has no @", None]
    assert [bool(problem) for problem in problems] == [True, True, False, True, True, False, True, True]
    assert gateway.table.calls == ["look_up"]


@pytest.mark.parametrize(
    "spelled",
    ['"Jane"@example.net', r'"ja\ne"@Example.net.', "jane(work) @ example.net", "<@a.example:jane@example.net>"],
)
def test_one_mailbox_is_one_answer_however_it_is_spelled(gateway: Gateway, spelled: str) -> None:
    strike(gateway, JANE, ev.HARD_BOUNCE)
    (answer,) = gateway.ask("check", addresses=[spelled], stream="marketing").values["answers"]
    assert (answer["address"], answer["reason"]) == (JANE, "hard_bounce")


@pytest.mark.parametrize("spelled", ["\uff4aane@example.net", "ja\u200bne@example.net", f"{JANE} <joe@example.org>"])
def test_whom_some_mailer_may_reach_is_asked_about_too(gateway: Gateway, spelled: str) -> None:
    strike(gateway, JANE, ev.HARD_BOUNCE)
    (answer,) = gateway.ask("check", addresses=[spelled], stream="marketing").values["answers"]
    assert (answer["suppressed"], answer["reason"]) == (True, "hard_bounce")


def test_a_hundred_addresses_of_many_readings_are_asked_about_in_calls_of_a_hundred(gateway: Gateway) -> None:
    texts = [f'"jane{n}"@example.net' for n in range(100)]
    answers = gateway.ask("check", addresses=texts, stream="marketing").values["answers"]
    assert len(answers) == 100 and not any(one["suppressed"] for one in answers)
    assert gateway.table.calls == ["look_up", "look_up"]


def test_streams_are_told_apart(gateway: Gateway) -> None:
    """A complaint holds in its stream alone; where the stream has to be said, the answer says which there are."""
    strike(gateway, JANE, ev.COMPLAINT, "marketing")
    for stream, suppressed in (("marketing", True), ("transactional", False)):
        (answer,) = gateway.ask("check", addresses=[JANE], stream=stream).values["answers"]
        assert answer["suppressed"] is suppressed
    known = 'say which stream in environment "production"; known: marketing, transactional'
    refused(gateway.ask("check", addresses=[JANE]), 400, f"stream: {known}")
    assert gateway.ask("check", "dev", addresses=[JANE]).values["stream"] == "default"


def test_a_decision_says_what_holds_since_and_who_made_it(gateway: Gateway) -> None:
    """In every stream unless one is named; until it ends, and never before what rests on feedback."""
    found = gateway.ask("suppress", address="Jane@Example.net", why=" asked by phone ", **{"for": "30d"})
    assert (found.status, found.values) == (
        200,
        {
            "address": JANE,
            "environment": "production",
            "stream": "*",
            "decided_at": "2026-09-21T14:13:20.000Z",
            "suppressed": True,
            "reason": "operator",
            "scope": "environment",
            "until": "2026-10-21T14:13:20.000Z",
            "since": "2026-09-21T14:13:20.000Z",
        },
    )
    (ruling,) = gateway.table.history("production", JANE).rulings.values()
    assert (ruling.at, ruling.until, ruling.why, ruling.by) == (NOW, NOW + 30 * DAY, "asked by phone", CALLER)
    gateway.table.clock += 1
    assert gateway.ask("suppress", address=JANE, why="y", stream="marketing").values["stream"] == "marketing"
    assert gateway.logged == [("decided", {"operation": "suppress", "suppressed": True})] * 2


def test_a_release_clears_ses_own_lists_too(gateway: Gateway) -> None:
    """By both spellings; where a region refuses, the release holds all the same, and the answer says so."""
    strike(gateway, JANE, ev.HARD_BOUNCE)
    gateway.lists.refusals["eu-west-1"] = "no permission"
    found = gateway.ask("release", address="Jane@example.net", why="works again", stream="*")
    assert found.status == 200
    assert found.values["suppressed"] is False
    assert found.values["lists"] == {
        "us-east-1": {"cleared": True, "problem": None},
        "eu-west-1": {"cleared": False, "problem": "no permission"},
    }
    assert (gateway.lists.removed, gateway.spelled) == ([JANE], [["Jane@example.net"]])
    assert gateway.table.history("production", JANE).releases["*"].by == CALLER


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_environment_that_there_is_not(gateway: Gateway, operation: str) -> None:
    """The answer names those there are, and whatever was asked is shown in one line."""
    refused(gateway.ask(operation, "prod"), 404, 'no environment "prod"; known: dev, production')
    shown = '"' + "x" * 59 + '…"'
    refused(gateway.ask(operation, "x" * 500), 404, f"no environment {shown}; known: dev, production")
    refused(gateway.ask(operation, "a%0Ab"), 404, 'no environment "a\\nb"; known: dev, production')
    assert gateway.table.calls == []


GOOD: dict[str, dict[str, Any]] = {
    "check": {"addresses": [JANE], "stream": "marketing"},
    "suppress": {"address": JANE, "why": "x", "for": "30d", "stream": "marketing"},
    "release": {"address": JANE, "why": "x", "stream": "marketing"},
}
LIST = "addresses: must be an array of 1 to 100 e-mail addresses"
MISSING = "addresses: missing; must be an array of 1 to 100 e-mail addresses"
WHY = "must be a string: the reason, for whoever looks at this address later"


@pytest.mark.parametrize(
    ("operation", "changed", "detail"),
    [
        ("check", {"addresses": None}, LIST),
        ("check", {"addresses": JANE}, LIST),
        ("check", {"addresses": []}, f"{LIST}, not 0"),
        ("check", {"addresses": [JANE] * 101}, f"{LIST}, not 101"),
        ("check", {"addresses": [JANE, 7]}, "addresses[1]: not an e-mail address: there is none"),
        ("check", {"addresses": [None, "jane"]}, "addresses[0]: not an e-mail address: there is none"),
        ("check", {"address": JANE}, '"address": unknown key; known: addresses, stream'),
        ("check", {"stream": 7}, "stream: must be a string: leave it out where you mean its default"),
        ("check", {"stream": None}, "stream: must be a string: leave it out where you mean its default"),
        ("check", {"stream": "*"}, None),
        ("suppress", {"address": 7}, "address: must be a string: an e-mail address"),
        ("suppress", {"why": ""}, "why: empty; say why, for whoever looks at this address later"),
        ("suppress", {"why": " "}, "why: empty; say why, for whoever looks at this address later"),
        ("suppress", {"why": 7}, f"why: {WHY}"),
        ("suppress", {"why": "x" * 501}, "why: 501 letters are too long; at most 500"),
        ("suppress", {"why": "a\nb"}, "why: must be one line of readable text"),
        ("suppress", {"for": "30"}, 'for: "30" is not a duration such as 12h, 30d, 2w or forever'),
        ("suppress", {"for": "999999w"}, 'for: "999999w" is not a duration such as 12h, 30d, 2w or forever'),
        ("suppress", {"stream": "sales"}, None),
        ("release", {"for": "30d"}, '"for": unknown key; known: address, why, stream'),
        ("release", {"stream": "sales"}, None),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(
    gateway: Gateway, operation: str, changed: dict[str, Any], detail: str | None
) -> None:
    """What, where, and what would be right."""
    stream = changed.get("stream")
    known = f'stream: no stream "{stream}" in environment "production"; known: marketing, transactional'
    refused(gateway.ask(operation, **{**GOOD[operation], **changed}), 400, detail or known)
    assert gateway.table.calls == []
    assert gateway.lists.removed == []


@pytest.mark.parametrize(
    ("operation", "key", "detail"),
    [
        ("check", "addresses", MISSING),
        ("suppress", "address", "address: missing; must be a string: an e-mail address"),
        ("suppress", "why", f"why: missing; {WHY}"),
        ("release", "why", f"why: missing; {WHY}"),
    ],
)
def test_what_is_missing(gateway: Gateway, operation: str, key: str, detail: str) -> None:
    """Named, with what it should be."""
    body = {name: value for name, value in GOOD[operation].items() if name != key}
    refused(gateway.ask(operation, **body), 400, detail)
    assert gateway.table.calls == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", 'the body must be a JSON object such as {"addresses": ["jane@example.com"]}'),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"addresses":' + b"9" * 5_000 + b"}", "the body holds a number of too many digits"),
        (b"\xff\xfe", "the body is not UTF-8: byte 0xff at 0"),
    ],
)
def test_what_is_no_json_object(gateway: Gateway, body: bytes, detail: str) -> None:
    """Also where API Gateway hands the bytes over as base64."""
    path = "/v1/environments/production/check"
    found = gateway.call("POST", path, body, type_="application/octet-stream")
    assert (found.status, found.headers["content-type"]) == (400, "application/problem+json")
    assert found.values["detail"] == detail
    assert "\n" not in found.values["detail"]


@pytest.mark.parametrize("type_", ["application/json", "application/octet-stream"])
@pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST])
def test_a_huge_body_is_not_even_parsed(gateway: Gateway, type_: str, size: int) -> None:
    """A hundred of the longest addresses, escaped letter by letter, are a good deal less."""
    found = gateway.call("POST", "/v1/environments/production/check", b"[" * size, type_=type_)
    assert (found.status, found.values["detail"]) == (413, "the body has more than 256 kB")


def test_the_largest_question_fits(gateway: Gateway) -> None:
    """Each letter of a hundred addresses of 254 octets as an escape of JSON."""
    domain = ".".join(["d" * 61] * 3 + ["d" * 3])
    address = f"{'l' * 64}@{domain}"
    assert len(address) == 254
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in address)
    body = '{"stream":"marketing","addresses":[' + ",".join([f'"{escaped}"'] * 100) + "]}"
    found = gateway.call("POST", "/v1/environments/production/check", body.encode())
    assert (found.status, len(found.values["answers"])) == (200, 100)


def test_what_passes_is_told_to_be_tried_again(gateway: Gateway) -> None:
    """A lost race: 503 with the time to wait; the log has the reason and nobody's address."""
    gateway.table.troubles = [RetryableError("lost the race three times")]
    found = gateway.ask("suppress", address=JANE, why="x")
    refused(found, 503, "lost the race three times; try again")
    assert found.headers["retry-after"] == "1"
    assert gateway.logged == [("not answered", {"operation": "suppress", "why": "lost the race three times"})]


def test_what_only_a_deployment_can_mend_is_raised(gateway: Gateway) -> None:
    """So that the function's errors count, and on-call hears of it: the caller gets API Gateway's 500."""
    gateway.table.troubles = [PermanentError("the table was filled under another key")]
    assert gateway.ask("suppress", address=JANE, why="x").status == 500


def test_nobody_is_named_where_nobody_is_known(gateway: Gateway) -> None:
    """Without a caller in the event a decision still stands."""
    body = b'{"address": "jane@example.net", "why": "x"}'
    assert gateway.call("POST", "/v1/environments/production/suppress", body, caller="").status == 200
    (ruling,) = gateway.table.history("production", JANE).rulings.values()
    assert ruling.by == ""
