"""How a destination is delivered to: as text or JSON, raw or wrapped, and how fast."""

import pytest

from ses_feedback.config.model import PROTOCOLS
from tests.unit.config.files import config, problems
from tests.unit.config.test_destinations import RIGHT, inline, notify, why


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_people_get_text_unless_they_ask_for_json_and_programs_the_other_way_round(protocol: str) -> None:
    """What is made for programs takes no text at all."""
    default = config(notify(inline(protocol, RIGHT[protocol]))).teams["x"].notify[0]
    assert default.format == ("text" if protocol == "email" else "json")
    json = config(notify(inline(protocol, RIGHT[protocol], ', format = "json"'))).teams["x"].notify[0]
    assert json.format == "json"
    as_text = inline(protocol, RIGHT[protocol], ', format = "text"')
    if protocol in ("email_json", "firehose"):
        assert why(as_text).startswith(f"format: {protocol} ")
    else:
        assert config(notify(as_text)).teams["x"].notify[0].format == "text"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_four_protocols_take_the_bare_message(protocol: str) -> None:
    """As in SNS; Firehose gets it unless told otherwise, and then gets what SNS wraps."""
    default = config(notify(inline(protocol, RIGHT[protocol]))).teams["x"].notify[0]
    assert default.raw == (protocol == "firehose")
    for raw in (True, False):
        one = inline(protocol, RIGHT[protocol], f", raw = {str(raw).lower()}")
        if protocol in ("http", "https", "sqs", "firehose"):
            assert config(notify(one)).teams["x"].notify[0].raw == raw
        else:
            assert why(one) == (
                f"raw: only http, https, sqs and firehose take the bare message, {protocol} does not; leave it out"
            )


def test_a_digest_may_be_raw() -> None:
    """Then a queue or a URL gets nothing but the text that people read."""
    one = config(notify(inline("sqs", RIGHT["sqs"], ', format = "text", raw = true'))).teams["x"].notify[0]
    assert (one.format, one.raw) == ("text", True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_urls_are_given_so_many_a_second(protocol: str) -> None:
    """For teams and for on-call alike."""
    one = inline(protocol, RIGHT[protocol], ", max_per_second = 7")
    text = f"[on_call]\npage = [{one}]\n" + notify(one)
    if protocol in ("http", "https"):
        loaded = config(text)
        assert loaded.teams["x"].notify[0].max_per_second == loaded.on_call.page[0].max_per_second == 7
    else:
        assert problems(text) == [
            f"{path}[0].max_per_second: SNS limits deliveries to http and https only; leave it out"
            for path in ("on_call.page", "teams.x.notify")
        ]


@pytest.mark.parametrize(("number", "right"), [(1, True), (1_000, True), (0, False), (1_001, False), (-1, False)])
def test_a_limit_is_from_one_to_a_thousand(number: int, right: bool) -> None:
    """None at all would be no subscription."""
    one = inline("https", RIGHT["https"], f", max_per_second = {number}")
    wrong = f"teams.x.notify[0].max_per_second: must be from 1 to 1000, not the integer {number}"
    assert problems(notify(one)) == ([] if right else [wrong])


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        (', format = "html"', 'format: "html" is not one of its values; known: json, text'),
        (', format = "JSON"', 'format: "JSON" is not one of its values; known: json, text; did you mean "json"?'),
        (", format = true", 'format: must be a string such as "text", not the boolean true'),
        (', raw = "yes"', 'raw: must be a boolean such as true, not the string "yes"'),
        (", max_per_second = 1.5", "max_per_second: must be an integer such as 10, not the number 1.5"),
        (", max_per_second = true", "max_per_second: must be an integer such as 10, not the boolean true"),
        (
            ', format = "text", max_per_second = 5',
            "max_per_second: text comes as a digest, at most one in five minutes; leave it out",
        ),
    ],
)
def test_wrong_ways_of_delivery(rest: str, line: str) -> None:
    """Types, words, and a limit that would limit nothing."""
    assert why(inline("https", RIGHT["https"], rest)) == line


@pytest.mark.parametrize(("key", "value"), [("on", '["bounce"]'), ("raw", "true")])
def test_on_call_gets_alarms_and_chooses_nothing_of_feedback(key: str, value: str) -> None:
    """Each key says why it is not for on-call."""
    one = inline("https", RIGHT["https"], f", {key} = {value}")
    (line,) = problems(f"[on_call]\npage = [{one}]")
    assert line.startswith(f"on_call.page[0].{key}: ")
    assert line.endswith("; leave it out")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_people_on_call_read_words_and_programs_json(protocol: str) -> None:
    """By itself mail and SMS are text, the rest JSON; the file may say otherwise, but for what is made for programs."""
    default = config(f"[on_call]\npage = [{inline(protocol, RIGHT[protocol])}]").on_call.page[0]
    assert default.format == ("text" if protocol in ("email", "sms") else "json")
    for format_ in ("text", "json"):
        one = inline(protocol, RIGHT[protocol], f', format = "{format_}"')
        text = f"[on_call]\npage = [{one}]"
        if format_ == "text" and protocol in ("email_json", "firehose"):
            (line,) = problems(text)
            assert line.startswith("on_call.page[0].format: ")
        else:
            assert config(text).on_call.page[0].format == format_


def test_runbooks_are_where_the_file_says() -> None:
    """An address that names of files are added to, in one way of writing it."""
    one = inline("email", RIGHT["email"])
    assert config(f"[on_call]\npage = [{one}]").on_call.runbooks == "docs/runbooks"
    wiki = "https://wiki.example.com/docs/runbooks"
    assert config(f'[on_call]\npage = [{one}]\nrunbooks = "{wiki}/"').on_call.runbooks == wiki


@pytest.mark.parametrize(
    "value",
    [
        '""',
        '"docs"',
        '"wiki.example.com"',
        '"ftp://example.com"',
        '"https://"',
        '"https://x y"',
        '"https://a/?q=1"',
        "7",
    ],
)
def test_a_bad_address_of_runbooks_is_one_line(value: str) -> None:
    (line,) = problems(f"[on_call]\npage = [{inline('email', RIGHT['email'])}]\nrunbooks = {value}")
    assert line.startswith("on_call.runbooks: ")
    assert "https://wiki.example.com/docs/runbooks" in line


def test_an_address_of_runbooks_leaves_room_for_the_alarm() -> None:
    one = inline("email", RIGHT["email"])
    long = "https://x.org/" + "a" * 120
    (line,) = problems(f'[on_call]\npage = [{one}]\nrunbooks = "{long}"')
    assert line == "on_call.runbooks: is 134 letters long; an alarm has room for 120"
