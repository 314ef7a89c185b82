"""Whose list it is, by its first line, and what its rows say."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ses_feedback.adapters.list_files import GOES_ON, NO_OBJECT, NO_QUOTE_ENDS, TOO_LONG, TOO_MANY_COLUMNS, open_list
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import format_time
from ses_feedback.usecases.lists.entries import Bad, Passed, date
from ses_feedback.usecases.lists.formats import NOT_THE_ADDRESS, recognise
from ses_feedback.usecases.lists.importing import Line

# As each provider writes it: the export's first line and rows, then for each row (stream or why not, since, what).
EXPORTS = {
    "SES": (
        "EmailAddress,Reason,LastUpdateTime\na@x.net,BOUNCE,2024-05-06T07:08:09+00:00\nb@x.net,COMPLAINT,\nc@x.net,?,\n",
        [
            ("*", "2024-05-06T07:08:09.000Z", "bounce"),
            ("", None, "complaint"),
            "its reason is neither BOUNCE nor COMPLAINT",
        ],
    ),
    "SendGrid bounces": (
        "status,reason,email,created\n"
        '5.1.1,"550 5.1.1 no such user, ""sorry""\nsee the manual",a@x.net,1714979289\n'
        "5.7.1,blocked,b@x.net,1714979289\n4.2.2,full,c@x.net,1714979289\n,unknown host,d@x.net,1714979289\n",
        [
            ("*", "2024-05-06T07:08:09.000Z", "bounce"),
            NOT_THE_ADDRESS,
            NOT_THE_ADDRESS,
            ("*", "2024-05-06T07:08:09.000Z", "bounce"),
        ],
    ),
    "SendGrid invalid addresses": (
        "reason,email,created\nbad,a@x.net,1714979289\n",
        [("*", "2024-05-06T07:08:09.000Z", "invalid address")],
    ),
    "SendGrid spam reports": (
        "ip,email,created\n192.0.2.1,a@x.net,1714979289\n",
        [("", "2024-05-06T07:08:09.000Z", "spam report")],
    ),
    "SendGrid unsubscribes": (
        "email,created\na@x.net,1714979289\n",
        [("", "2024-05-06T07:08:09.000Z", "unsubscribe")],
    ),
    "Mailgun bounces": (
        'address,code,error,created_at\na@x.net,550,no,"Mon, 06 May 2024 07:08:09 UTC"\nb@x.net,452,full,\n',
        [("*", "2024-05-06T07:08:09.000Z", "bounce"), NOT_THE_ADDRESS],
    ),
    "Mailgun unsubscribes": (
        'address,tags,created_at\na@x.net,*,"Mon, 06 May 2024 07:08:09 +0200"\n',
        [("", "2024-05-06T05:08:09.000Z", "unsubscribe")],
    ),
    "Mailgun complaints": ("address,created_at\na@x.net,2024-05-06\n", [("", "2024-05-06T00:00:00.000Z", "complaint")]),
    "Postmark": (
        "EmailAddress,SuppressionReason,Origin,CreatedAt\na@x.net,HardBounce,Recipient,2024-05-06T07:08:09-05:00\n"
        "b@x.net,SpamComplaint,Recipient,\nc@x.net,ManualSuppression,Recipient,\nd@x.net,ManualSuppression,Customer,\n"
        "e@x.net,Whim,Customer,\n",
        [
            ("*", "2024-05-06T12:08:09.000Z", "hard bounce"),
            ("", None, "spam complaint"),
            ("", None, "unsubscribe"),
            ("", None, "manual suppression"),
            "its SuppressionReason is none of HardBounce, SpamComplaint and ManualSuppression",
        ],
    ),
    "SparkPost": (
        "recipient,type,source,description,created,updated\n"
        "a@x.net,non_transactional,Bounce Rule,550,2024-01-01T00:00:00+00:00,2024-05-06T07:08:09+00:00\n"
        "b@x.net,non_transactional,Spam Complaint,,2024-05-06T07:08:09+00:00,\n"
        "c@x.net,transactional,Manually Added,,,\nd@x.net,,List Unsubscribe,,,\n",
        [
            ("*", "2024-05-06T07:08:09.000Z", "bounce rule"),
            ("", "2024-05-06T07:08:09.000Z", "spam complaint"),
            ("*", None, "manually added"),
            "it is for no kind of mail",
        ],
    ),
    "SparkPost ": (
        "recipient,transactional,non_transactional,description,subaccount_id\na@x.net,true,true,x,0\nb@x.net,false,true,x,0\n",
        [("*", None, "transactional"), ("", None, "non_transactional")],
    ),
    "Mailchimp cleaned members": (
        '"Email Address","First Name",MEMBER_RATING,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID\n'
        'a@x.net,Ann,2,"2024-05-06 07:08:09",May,1\n',
        [("*", "2024-05-06T07:08:09.000Z", "cleaned")],
    ),
    "Mailchimp unsubscribed members": (
        '"Email Address",MEMBER_RATING,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,LEID\n'
        'a@x.net,2,"2024-05-06 07:08:09",May,"NORMAL (no longer interested)",1\n',
        [("", "2024-05-06T07:08:09.000Z", "unsubscribe")],
    ),
    "ses-feedback": (
        "address,environment,stream,reason,since,until\na@x.net,production,marketing,complaint,2024-05-06T07:08:09Z,\n"
        "b@x.net,,,,,\nc@x.net,,,,2024-05-06,2024-05-05\n",
        [
            ("marketing", "2024-05-06T07:08:09.000Z", "complaint"),
            ("*", None, ""),
            "it ends before it begins",
        ],
    ),
}


def read(tmp_path: Path, text: str | bytes) -> tuple[str, list[Line]]:
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with open_list(path) as found:
        return found.format.name, list(found.lines)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_each_export_is_known_and_read(tmp_path: Path, name: str, separator: str) -> None:
    """By its header alone, in any case of letters, with any of the separators that spreadsheets make of commas."""
    text, expected = EXPORTS[name]
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(csv.reader(io.StringIO(text)))
    path = tmp_path / "list.csv"
    path.write_text(out.getvalue(), encoding="utf-8-sig", newline="")
    with open_list(path) as found:
        assert found.format.name == name.strip()
        said: list[object] = []
        for line in found.lines:
            assert not isinstance(line.row, str)
            try:
                entry = found.format.read(line.row)
            except (Bad, Passed) as error:
                said.append(str(error))
                continue
            assert entry.address.endswith("@x.net")
            said.append((entry.stream, None if entry.since is None else format_time(entry.since), entry.what))
    assert said == expected


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.net,BOUNCE\njoe@example.net, COMPLAINT\n",
        '{"emailAddress": "jane@example.net", "reason": "BOUNCE"}\n'
        '{"emailAddress": "joe@example.net", "reason": "COMPLAINT"}\n',
        '{\n "SuppressedDestinationSummaries": [\n{"EmailAddress": "jane@example.net", "Reason": "BOUNCE", '
        '"LastUpdateTime": 1714979289.123},\n{"EmailAddress": "joe@example.net", "Reason": "COMPLAINT", '
        '"LastUpdateTime": "2024-05-06T07:08:09.123000+00:00"}]\n}\n',
    ],
    ids=["bulk CSV", "bulk JSON", "command line"],
)
def test_ses_lists_without_a_header(tmp_path: Path, text: str) -> None:
    """What SES's own bulk jobs take, and what the AWS command line prints."""
    path = tmp_path / "list"
    path.write_text(text)
    with open_list(path) as found:
        entries = [found.format.read(line.row) for line in found.lines if not isinstance(line.row, str)]
    assert [(e.address, e.stream) for e in entries] == [("jane@example.net", "*"), ("joe@example.net", "")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: its first line must name the columns"),
        (b"name,phone\nJane,1\n", "nobody known writes such a list; its first line is: name, phone;"),
        (b"\xff\x00\x01\n", "nobody known writes such a list"),
        (b"PK\x03\x04rest", "is a ZIP archive or a spreadsheet"),
        (b"\x1f\x8brest", "is compressed: unpack it first"),
        (b'{"a": 1', "is neither CSV nor JSON that can be read"),
        (b"[1", "is neither CSV nor JSON that can be read"),
        (b'{\n"a": 1\n}', "is JSON, but not what aws sesv2 list-suppressed-destinations prints"),
        (b"Email Address,MEMBER_RATING,LEID\n", "this is Mailchimp's list of subscribed members"),
    ],
)
def test_what_is_no_list_is_one_clear_line(tmp_path: Path, content: bytes, said: str) -> None:
    """It says what the file is, and what would be right."""
    with pytest.raises(PermanentError) as caught:
        list(read(tmp_path, content)[1])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_a_stray_quote_costs_one_row(tmp_path: Path) -> None:
    """Whatever stands behind it is read; so is what stands behind a line that never ends."""
    rows = "".join(f"{n}@x.net,1714979289\n" for n in range(3_000))
    name, lines = read(tmp_path, f'email,created\n"a@x.net,1\n{rows}{"z" * 300_000}\nlast@x.net,1714979289\n"b@x.net,')
    assert name == "SendGrid unsubscribes"
    bad = {line.number: line.row for line in lines if isinstance(line.row, str)}
    assert bad == {2: NO_QUOTE_ENDS, 3_003: TOO_LONG, 3_005: NO_QUOTE_ENDS}
    assert len(lines) == 3_004


def test_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    """Missing cells are empty, empty ones too many do not matter, others make the row bad; blank lines are none."""
    _, lines = read(tmp_path, "address,reason,since\r\na@x.net\r\n\r\nb@x.net,,,,\r\nc@x.net,,,,x\r\n")
    assert [line.row for line in lines] == [
        {"address": "a@x.net", "reason": "", "since": ""},
        {"address": "b@x.net", "reason": "", "since": ""},
        TOO_MANY_COLUMNS,
    ]
    assert [line.number for line in lines] == [2, 4, 5]


def test_encodings(tmp_path: Path) -> None:
    """UTF-16 with its mark is read; Latin-1 in a column that decides nothing does no harm."""
    assert read(tmp_path, "email,created\nä@x.net,1714979289\n".encode("utf-16"))[1][0].row == {
        "email": "ä@x.net",
        "created": "1714979289",
    }
    _, lines = read(tmp_path, "Email Address,Name,CLEAN_TIME\na@x.net,J\xf6rg,2024-05-06 07:08:09\n".encode("latin-1"))
    row = lines[0].row
    assert not isinstance(row, str)
    assert row["email address"] == "a@x.net"


@pytest.mark.parametrize("text", ["yesterday", "06/05/2024", "2024-13-01", "1" * 40, "-5", "Mon, 99 May 2024 07:08:09"])
def test_dates_that_are_none(text: str) -> None:
    """An unknown or ambiguous date is no date."""
    with pytest.raises(Bad):
        date(text)


def test_dates() -> None:
    """As the lists write them."""
    texts = [
        "2024-05-06T07:08:09Z",
        "1714979289",
        "1714979289000",
        "Mon, 06 May 2024 07:08:09 GMT",
        "2024-05-06 07:08:09",
    ]
    assert {date(text) for text in texts} == {1_714_979_289_000}
    assert date(" ") is None


def test_an_unknown_header_is_shown_in_letters_that_steer_no_terminal() -> None:
    """It may hold anything."""
    with pytest.raises(PermanentError) as caught:
        recognise(["\x1b[31mname", "x" * 1_000])
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_pages_of_the_list_of_ses_are_read_one_after_another_and_a_missing_one_is_told(tmp_path: Path) -> None:
    """The AWS CLI prints one page; a list that is cut short must not look whole. A page may be one long line."""
    rows = [{"EmailAddress": f"u{number}@x.net", "Reason": "BOUNCE"} for number in range(3_000)]
    page = {"SuppressedDestinationSummaries": rows, "NextToken": "t"}
    path = tmp_path / "ses.json"
    path.write_text(json.dumps(page))
    with open_list(path) as found:
        lines = list(found.lines)
    assert len(lines) == 3_001 and lines[-1].row == GOES_ON
    path.write_text(json.dumps(page, indent=2) + "\n" + json.dumps({"SuppressedDestinationSummaries": rows[:1]}))
    with open_list(path) as found:
        assert [isinstance(line.row, dict) for line in found.lines] == [True] * 3_001


def test_json_that_is_too_deep_is_a_bad_row_or_no_list(tmp_path: Path) -> None:
    path = tmp_path / "ses.json"
    path.write_text('{"EmailAddress": "a@x.net", "Reason": "BOUNCE"}\n' + "[" * 90_000 + "\n")
    with open_list(path) as found:
        assert [line.row for line in found.lines][1:] == [NO_OBJECT]
    path.write_text("[" * 90_000)
    with pytest.raises(PermanentError, match="neither CSV nor JSON"), open_list(path) as found:
        list(found.lines)


@pytest.mark.parametrize("before", ["\n\n", "sep=;\n", "\ufeffsep=;\r\n"])
def test_what_stands_before_the_first_line(tmp_path: Path, before: str) -> None:
    """Empty lines, and the one that Excel wants: whoever counts lines still finds the row."""
    (tmp_path / "l.csv").write_text(before + "address;since\na@x.net;2024-05-06\n", encoding="utf-8")
    with open_list(tmp_path / "l.csv") as opened:
        lines = list(opened.lines)
    assert [line.row for line in lines] == [{"address": "a@x.net", "since": "2024-05-06"}]
    assert lines[0].number == before.count("\n") + 2
