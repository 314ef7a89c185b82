"""Laws of reading: nothing raises, no envelope matters, every recipient is accounted for, addresses have one form."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ses_feedback.domain import texts
from ses_feedback.domain.addresses import normalise, normalise_all
from ses_feedback.domain.decide import decide, explain_event, explain_fault, explain_setup
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.reading import Reading, read
from tests import events

ANY_TEXT = st.text(st.characters())  # lone surrogates included
SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from([10**4000, "", "Bounce", " "])
)
ANY_JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4), max_leaves=12
)
ENTRIES = [
    entry for entry in events.catalogue() if entry.name.endswith(".json") and not entry.name.startswith("faults/")
]
PAYLOADS = [
    json.loads(data)
    for data in map(events.load, [e.name for e in ENTRIES])
    if data[:2] != b"\xff\xfe" and data[:1] in b"{[" and data.isascii()
]
NOTIFICATIONS = [payload for payload in PAYLOADS if isinstance(payload, dict) and "mail" in payload]
KNOWN_WORDS = st.sampled_from(
    [
        "notificationType",
        "eventType",
        "mail",
        "bounce",
        "Message",
        "TopicArn",
        "Type",
        "Records",
        "records",
        "Sns",
        "body",
        "detail",
        "data",
        "kinesis",
    ]
)


def reading(payload: object) -> Reading:
    """Return what a payload says, having checked what must hold for any."""
    said = read(payload, events.DIRECTORY, events.NOW)
    for event in said.events:
        assert normalise(event.recipient) == event.recipient
        json.dumps(explain_event(event, decide(event, DEFAULT_POLICY)), ensure_ascii=False).encode()
        for field in event:
            assert field is None or isinstance(field, str | int)
        assert event.diagnostic is None or len(event.diagnostic) <= 200
    for fault in said.faults:
        fault.raw.encode()
        json.dumps(explain_fault(fault), ensure_ascii=False).encode()
        assert fault.why
    for setup in said.setups:
        json.dumps(explain_setup(setup)).encode()
    return said


@given(st.binary() | ANY_TEXT)
@example(b"\xff\xfe\x00")
@example('{"notificationType":')
def test_no_bytes_and_no_text_raise(payload: bytes | str) -> None:
    """What is not blank is read, quarantined or acknowledged: nothing disappears but an empty list."""
    said = reading(payload)
    if isinstance(payload, str) and payload.replace("\ufeff", "").strip() and "[]" not in payload:
        assert any(said)


@given(ANY_JSON | st.dictionaries(KNOWN_WORDS, ANY_JSON))
def test_no_json_raises(payload: Any) -> None:
    """Decoded, or as text where it can be one."""
    reading(payload)
    try:
        text = json.dumps(payload)
    except ValueError:  # a number that Python does not write
        return
    reading(text)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a decoded JSON text."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, part in inner for deeper in paths(part, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A catalogued payload with one or two of its values replaced by anything."""
    payload = copy.deepcopy(draw(st.sampled_from(PAYLOADS)))
    for _ in range(draw(st.integers(1, 2))):
        places = [path for path in paths(payload) if path]
        if not places:  # the first mutation took all there was
            break
        *path, last = draw(st.sampled_from(places))
        target = payload
        for key in path:
            target = target[key]
        target[last] = draw(ANY_JSON)
        if draw(st.booleans()) and isinstance(target, dict):
            del target[last]
    return payload


@given(mutated())
def test_no_mutation_raises(payload: Any) -> None:
    """Anything may stand in any place of any payload."""
    reading(payload)


@given(mutated())
def test_compact_text_says_what_decoded_json_says(payload: Any) -> None:
    """Leaving out the headers of compact text changes nothing, whatever stands around them."""
    try:
        text = json.dumps(payload, separators=(",", ":"))
    except ValueError:
        return
    decoded, compact = reading(json.loads(text)), reading(text)
    assert compact.events == decoded.events
    assert compact.setups == decoded.setups
    assert [fault.why for fault in compact.faults] == [fault.why for fault in decoded.faults]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _sns(text: str) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:elsewhere", "Message": text}


ENVELOPES: dict[str, Callable[[str], Any]] = {
    "bytes": str.encode,
    "decoded": json.loads,
    "trailing newline": lambda text: text + "\n",
    "byte order mark": lambda text: "\ufeff" + text,
    "sns": _sns,
    "sns text": lambda text: json.dumps(_sns(text)),
    "lambda": lambda text: {"Records": [{"EventSource": "aws:sns", "Sns": _sns(text)}]},
    "sqs raw": lambda text: {"Records": [{"eventSource": "aws:sqs", "body": text}]},
    "sqs enveloped": lambda text: json.dumps({"Records": [{"body": json.dumps(_sns(text))}]}).encode(),
    "received": lambda text: {"Messages": [{"Body": text}]},
    "eventbridge": lambda text: {"detail-type": "Email Bounced", "source": "aws.ses", "detail": json.loads(text)},
    "firehose": lambda text: {"records": [{"recordId": "1", "data": _encoded(text + "\n")}]},
    "kinesis": lambda text: {"Records": [{"kinesis": {"data": _encoded(text)}}]},
    "on failure": lambda text: {"requestPayload": {"Records": [{"Sns": _sns(text)}]}, "responsePayload": None},
    "retry queue": lambda text: {
        "Records": [{"body": json.dumps({"requestPayload": {"Records": [{"Sns": _sns(text)}]}})}]
    },
    "http api": lambda text: {"body": _encoded(json.dumps(_sns(text))), "isBase64Encoded": True},
    "list": lambda text: [json.loads(text)],
    "indented": lambda text: json.dumps(json.loads(text), indent=2),
}


@pytest.mark.parametrize("name", ENVELOPES)
@given(notification=st.sampled_from(NOTIFICATIONS), compact=st.booleans())
def test_the_envelope_does_not_matter(name: str, notification: dict[str, Any], compact: bool) -> None:
    """The same notification says the same in any envelope; a fault in it differs at most in how its text is spelt."""
    text = json.dumps(notification, separators=(",", ":") if compact else None)
    bare, wrapped = reading(text), reading(ENVELOPES[name](text))
    assert wrapped.events == bare.events
    assert [
        (f.why.replace(", nor is one for its topic", ""), json.loads(f.raw.strip("\ufeff"))) for f in wrapped.faults
    ] == [(f.why, json.loads(f.raw)) for f in bare.faults]


@given(
    st.lists(st.sampled_from(NOTIFICATIONS), min_size=1, max_size=5), st.sampled_from(["\n", "", "\r\n", "\n\n", " "])
)
def test_a_stream_says_what_its_pieces_say(notifications: list[dict[str, Any]], between: str) -> None:
    """One after the other, whatever stands between."""
    said = reading(between.join(map(json.dumps, notifications)))
    each = [reading(notification) for notification in notifications]
    assert said.events == [event for one in each for event in one.events]
    assert len(said.faults) == sum(len(one.faults) for one in each)


JUNK = st.text('abc{}[]":,0 \\', min_size=1).map(lambda text: "!" + text)


@given(st.lists(JUNK | st.just(None), min_size=1, max_size=8))
def test_junk_costs_only_its_own_line(lines: list[str | None]) -> None:
    """Every good line of a stream counts, every broken one is quarantined, whatever it holds."""
    good = json.dumps(NOTIFICATIONS[0])
    said = reading("\n".join(good if line is None else line for line in lines))
    assert len(said.events) == lines.count(None) * len(reading(good).events)
    assert len(said.faults) >= len(lines) - lines.count(None)


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+_-", min_size=1, max_size=30)
DOMAIN = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10), min_size=1, max_size=4).map(
    ".".join
)
ADDRESS = st.builds("{}@{}".format, LOCAL, DOMAIN)
BAD = st.sampled_from(["", "nobody", "a b@example.org", None, 5, {}, [], "@", "a@b@c"])


@given(st.lists(ADDRESS | BAD, max_size=8), st.sampled_from(["Bounce", "Complaint", "Delivery", "Send"]))
def test_every_recipient_is_accounted_for(named: list[Any], kind: str) -> None:
    """One event for each different address, one fault for each that is none."""
    field, listed = {"Bounce": ("bounce", "bouncedRecipients"), "Complaint": ("complaint", "complainedRecipients")}.get(
        kind, (kind.lower(), "recipients")
    )
    entries = [{"emailAddress": name} for name in named] if kind in ("Bounce", "Complaint") else named
    mail = {
        "timestamp": "2026-01-27T00:00:00Z",
        "source": "a@example.com",
        "destination": named if kind == "Send" else ["x@y"] * 0,
    }
    said = reading({"eventType": kind, field: {listed: entries}, "mail": mail})
    good = {
        name
        for name in named
        if isinstance(name, str) and "@" in name and name not in ("a b@example.org", "@", "a@b@c")
    }
    assert {event.recipient for event in said.events} == good
    assert len(said.events) == len(good)
    assert len(said.faults) == (
        len(named) - sum(name in good for name in named if isinstance(name, str)) if named else 1
    )


@given(ADDRESS, st.data())
def test_an_address_has_one_form(address: str, data: st.DataObject) -> None:
    """Capitals, display names, brackets, spaces and comments make no difference."""
    shouted = "".join(c.upper() if data.draw(st.booleans()) else c for c in address)
    name = data.draw(st.text("abc ,<>@.ä") | st.just("=?utf-8?q?=C3=A4?="))
    dressed = data.draw(
        st.sampled_from(
            ["{a}", " {a}\n", "<{a}>", "{a}>", '"{n}" <{a}>', "<{a}> ", "{a} (x)", "=?utf-8?b?w6Q=?= <{a}>"]
        )
    ).format(a=shouted, n=name)
    assert normalise(dressed) == address


@given(
    ANY_TEXT
    | st.builds("{}@{}".format, ANY_TEXT, ANY_TEXT | DOMAIN)
    | st.text('aÄß\u017fKİΣςǅ\u0308\u0345@.<>"() ', max_size=20)
)
def test_the_form_is_final(text: str) -> None:
    """Normalising twice is normalising once, and nothing but InvalidAddress is raised."""
    try:
        once = normalise(text)
    except InvalidAddress:
        return
    assert normalise(once) == once
    assert once.encode()
    assert len(once.encode()) <= 254


@given(
    st.lists(
        ADDRESS | ANY_TEXT | st.sampled_from(["A <a@example.org>", "a@example.org\nb@example.org"]),
        min_size=1,
        max_size=6,
    )
)
def test_many_addresses_are_as_each_alone(listed: list[str]) -> None:
    """The fast way for a list gives what the slow way gives, errors included."""

    def attempt(function: Callable[[], list[str]]) -> list[str] | None:
        try:
            return function()
        except InvalidAddress:
            return None

    assert attempt(lambda: normalise_all(listed)) == attempt(lambda: [normalise(text) for text in listed])


@given(ANY_JSON)
def test_writing_without_recursion_is_writing(value: Any) -> None:
    """What quarantine keeps of a value too deep for json is the JSON that json would have written."""
    try:
        expected = json.dumps(value, ensure_ascii=False)
    except ValueError:
        return
    assert texts._dump_deep(value) == expected
