"""Whatever a notification arrives in is opened, and one broken piece costs only itself."""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import Any

import pytest

from ses_feedback.domain.envelopes import MAX_DEPTH, open_payload
from tests.unit.domain.payloads import (
    TOPIC,
    bounce,
    compact,
    complaint,
    delivery,
    firehose,
    lambda_sns,
    mail,
    reading,
    sns,
    sqs,
)

GOOD = bounce()
LINE = compact(GOOD)


def recipients(payload: object) -> list[str]:
    return [event.recipient for event in reading(payload).events]


@pytest.mark.parametrize(
    "payload", ["", b"", " \r\n\t", b"\xef\xbb\xbf", "\ufeff\n", [], (), {"Records": []}, "[]", "\x1e"]
)
def test_nothing_says_nothing(payload: object) -> None:
    """An empty payload has neither events nor faults."""
    assert reading(payload) == ([], [], [])


@pytest.mark.parametrize("payload", [LINE, LINE.encode(), bytearray(LINE.encode()), memoryview(LINE.encode())])
def test_bytes_text_and_decoded_json_are_one(payload: object) -> None:
    """The same payload reads the same however it is held."""
    assert reading(payload).events == reading(GOOD).events
    assert len(reading(payload).events) == 1


def test_envelopes_in_envelopes() -> None:
    """The retry queue holds on-failure records of Lambda events of SNS messages; Firehose may carry SNS messages."""
    record = {"requestContext": {}, "requestPayload": lambda_sns(GOOD, delivery()), "responsePayload": {}}
    assert len(recipients(sqs(record, sns(GOOD)))) == 3
    assert len(recipients(firehose(compact(sns(GOOD)) + "\n" + LINE))) == 2
    assert len(recipients({"Messages": [{"Body": compact(sqs(sns(GOOD)))}]})) == 1
    assert len(recipients(json.dumps(json.dumps(GOOD)))) == 1
    assert len(recipients(sns(sns(sns(GOOD))))) == 1


def test_too_many_envelopes_are_quarantined() -> None:
    """As many as any real message has are opened, and no attacker makes the reader dig for ever."""
    payload: Any = GOOD
    for _ in range(MAX_DEPTH + 1):
        payload = {"detail": payload}
    assert len(recipients(payload)) == 1
    events, faults, _ = reading({"detail": {"detail": payload}})
    assert (events, len(faults)) == ([], 1)
    assert "envelopes" in faults[0].why
    assert "jane@example.org" in faults[0].raw


def test_several_at_once_and_mixed() -> None:
    """A list of different envelopes, with every piece accounted for."""
    payload = [GOOD, sns(complaint("b@example.org")), sqs(delivery(), "nonsense"), 5, None, {"x": 1}, [[LINE]]]
    events, faults, setups = reading(payload)
    assert [event.kind for event in events] == ["bounce", "complaint", "delivery", "bounce"]
    assert [fault.raw for fault in faults] == ["nonsense", "5", "null", '{"x": 1}']
    assert setups == []


def test_the_topic_is_kept() -> None:
    """For the identity it stands for, and with what cannot be read or follows from nothing."""
    event = reading(
        sns(
            complaint("a@example.org", mail_=mail(source=..., sourceArn=...)),
            TopicArn=TOPIC.replace("bounce", "complaint"),
        )
    )
    assert event.events[0].identity == "example.com"
    assert reading(sns("nonsense")).faults[0].topic == TOPIC
    assert reading(lambda_sns({"notificationType": "AmazonSnsSubscriptionSucceeded"})).setups[0].topic == TOPIC
    assert reading(sns(bounce(mail_=mail("a@example.net", sourceArn=..., source=...)))).faults[0].topic == TOPIC


@pytest.mark.parametrize(
    "payload",
    [
        {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed"},
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "Successfully validated SNS topic for Amazon SES event publishing.\n",
        sns("Successfully validated SNS topic for Amazon SES event publishing."),
        sqs("Successfully validated SNS topic for Amazon SES event publishing."),
        sns("You have chosen to subscribe", Type="SubscriptionConfirmation", Token="t"),
        sns("You have chosen to deactivate", Type="UnsubscribeConfirmation", Token="t"),
    ],
)
def test_setup_messages_are_recognised(payload: object) -> None:
    """They are neither events nor quarantined."""
    events, faults, setups = reading(payload)
    assert (events, faults, len(setups)) == ([], [], 1)
    assert setups[0].why


def test_a_stream_with_broken_pieces_between_good_ones() -> None:
    """Each broken line is one fault with its whole text; every good line counts."""
    lines = [
        LINE,
        "no JSON",
        LINE[:100],
        LINE,
        "",
        "42",
        "42 monkeys",
        '{"a":',
        "more",
        LINE,
        "{}",
        LINE + LINE,
        "null",
    ]
    events, faults, setups = reading("\r\n".join(lines))
    assert len(events) == 5
    assert [fault.raw for fault in faults] == ["no JSON", LINE[:100], "42", "42 monkeys", '{"a":', "more", "{}", "null"]
    assert setups == []


def test_what_is_no_json_says_where() -> None:
    """In words for people, without a letter of the content."""
    whys = [reading(text).faults[0].why for text in ('{"a": "secret', "secret", '{"a" 1}', "[" * 500_000, "9" * 5_000)]
    assert whys[:2] == ["not JSON: unterminated string starting at character 7", "not JSON"]
    assert whys[2].startswith("not JSON: expecting ':' delimiter at character 6")
    assert whys[3:] == ["not readable: nested too deeply", "not readable: a number of too many digits"]


def test_a_stream_without_newlines_recovers_between_objects() -> None:
    """After a broken object the next one is found where `}` meets `{`."""
    broken = LINE[:-1] + ",}"
    events, faults, _ = reading(LINE + broken + LINE)
    assert (len(events), [fault.raw for fault in faults]) == (2, [broken])


def test_indented_json_is_one_piece() -> None:
    """Alone, in a stream, and broken: then it is one fault, not one a line."""
    pretty = json.dumps(GOOD, indent=2)
    assert len(recipients(pretty)) == 1
    assert len(recipients(pretty + "\n" + pretty)) == 2
    broken = pretty[:-2] + ",\n}"
    events, faults, _ = reading(broken + "\n" + LINE)
    assert (len(events), [fault.raw for fault in faults]) == (1, [broken])


def test_headers_that_are_skipped_change_nothing() -> None:
    """Compact notifications are read without their headers, and as others are; the fault keeps them."""
    headers = [{"name": "X", "value": text} for text in ('"', "\\", '],"commonHeaders":{', "}],", "ä\n", "")]
    full = mail() | {
        "headersTruncated": False,
        "headers": headers,
        "commonHeaders": {"subject": '"headers":[{'},
        "tags": {},
    }
    for payload in (bounce(mail_=full), bounce("a@example.org", "nonsense", mail_=full)):
        text = compact(payload)
        short, long = reading(text), reading(json.dumps(payload))
        assert short.events == long.events == reading(payload).events
        assert [fault._replace(raw="") for fault in short.faults] == [fault._replace(raw="") for fault in long.faults]
        assert all(fault.raw == text for fault in short.faults)


@pytest.mark.parametrize(
    "own",
    [
        {"headers": [{"a": 1}], "commonHeaders": {}},
        {"headers": [{"a": [1], "commonHeaders": {"b": 1}}]},
        {"headers": [{"a": 1}]},
        {"headers": [{"commonHeaders": {}}, {}]},
    ],
)
def test_headers_in_other_places_change_nothing_either(own: dict[str, Any]) -> None:
    """Fields of these names in the bounce, before the mail's, do not make its fields disappear."""
    full = mail() | {"headers": [{"name": "X", "value": "y"}], "commonHeaders": {"subject": "s"}}
    payload = {"notificationType": "Bounce", "bounce": own | bounce()["bounce"], "mail": full}
    assert reading(compact(payload)).events == reading(payload).events
    assert len(reading(payload).events) == 1
    last = {"notificationType": "Bounce", "mail": full, "bounce": bounce()["bounce"] | own}
    assert len(reading(compact(last)).events) == 1


def test_a_list_keeps_the_headers_of_what_is_quarantined() -> None:
    """A piece of a larger text is kept whole, headers included."""
    full = mail() | {"headers": [{"name": "X-Mark", "value": "y"}], "commonHeaders": {}}
    payload = [bounce("nonsense", mail_=full), bounce("rubbish", mail_=full)]
    assert all("X-Mark" in fault.raw for fault in reading(compact(payload)).faults)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xfe\xfd",
        b"\x00" * 10,
        b'{"notificationType":"Bounce"',
        LINE.encode().replace(b"jane", b"j\xe4ne"),
        {"Records": [{"kinesis": {"data": "%"}}]},
        {"records": [{"data": "\u00e9"}]},
        {"Records": [{"Sns": {"Type": "Notification", "Message": None}}]},
        {"Records": [{"Sns": {"Type": "Notification", "Message": 5}}]},
        {"Records": [{"body": None}]},
        {"Records": [None]},
        {"detail": None},
        {"detail": 5},
        {"requestPayload": True},
        sns(""),
        sqs(" "),
        "9" * 5_000,
        '{"notificationType":"Bounce","mail":' + "9" * 5_000 + "}",
        {"notificationType": "Bounce", "mail": {"x": 10**6_000}},
        '{"notificationType":NaN}',
        "[" * 5_000 + "]" * 5_000,
        "[" * 500_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        5,
        None,
        True,
        1.5,
        object,
        {1: 2},
        {("a", 1): 2},
        {"a": {1, 2}},
    ],
)
def test_hostile_input_ends_as_one_fault(payload: object) -> None:
    """Never as an exception, always with a reason and a text that can be stored."""
    events, faults, setups = reading(payload)
    assert (events, len(faults), setups) == ([], 1, [])
    assert faults[0].why
    assert isinstance(faults[0].raw, str)
    faults[0].raw.encode()


def test_decoded_values_of_any_depth_are_kept_whole() -> None:
    """Deeper than json can write, with numbers longer than Python prints, and holding themselves."""
    deep: Any = {"last": 10**6_000, 1: (True, None, 1.5)}
    for _ in range(5_000):
        deep = {"a": "ä", "x": [deep]}
    raw = reading({"Records": [deep]}).faults[0].raw
    assert raw.count('"x": [') == 5_000
    assert '"last": "0x' in raw
    assert raw.count("[") == raw.count("]")
    assert raw.count("{") == raw.count("}")
    circle: list[Any] = []
    circle.append(circle)
    assert reading(circle).faults[0].raw


@pytest.mark.parametrize(
    "text",
    [
        "[\n" * 100_000,
        " [\n" * 100_000,
        '{"a":\n' * 50_000,
        "}{" * 50_000,
        '{"}{' * 300_000,
        "{" * 1_000_000,
        '"' * 1_000_001,
        "\n" * 1_000_000 + "x",
        "x\n" * 50_000,
        "}      " * 200_000,
        '"headers":[{' * 100_000,
        '{"headers":[{' + '],"' * 300_000,
        LINE.replace("jane@example.org", "a" * 1_000_000),
        LINE.replace("5.1.1", "5." * 500_000),
        compact(bounce({"emailAddress": "a@example.org", "diagnosticCode": "5.1." * 300_000})),
        compact(bounce(mail_=mail(source="<" * 500_000, sourceArn=...))),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_megabytes_are_read_in_linear_time(text: str) -> None:
    """Nothing makes the reader start over and over."""
    begun = time.process_time()
    reading(text)
    assert time.process_time() - begun < 6


def test_a_huge_bad_notification_is_not_multiplied() -> None:
    """The faults of many bad recipients share one text."""
    payload = bounce(*["nonsense"] * 1_000, mail_=mail(x="ä" * 100_000))
    faults = reading(payload).faults
    assert len(faults) == 1_000
    assert len({id(fault.raw) for fault in faults}) == 1
    assert sys.getsizeof(faults[0].raw) > 100_000


def test_a_lambda_record_made_by_hand_needs_no_more_than_its_message() -> None:
    """Test events often leave out what AWS always sends; the setup message is told from a notification all the same."""
    text = "Successfully validated SNS topic for Amazon SES event publishing."
    opened = open_payload(
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}, {"Sns": {"Message": LINE}}]}
    )
    assert (len(opened.setups), len(opened.notifications), opened.faults) == (1, 1, [])


@pytest.mark.parametrize("text", ['"[]"', "[]", '{"Records": []}', '[[], ["[]"]]'])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_text_in_utf_16_never_vanishes(text: str, encoding: str, wrapped: bool) -> None:
    """As bytes or in the data of a record: where it holds no message, that is a fault that keeps it."""
    data = ("\ufeff" + text).encode(encoding)
    payload = {"records": [{"data": base64.b64encode(data).decode()}]} if wrapped else data
    opened = open_payload(payload)
    assert [fault.why for fault in opened.faults] == ["an empty message"]
    assert text in opened.faults[0].raw
