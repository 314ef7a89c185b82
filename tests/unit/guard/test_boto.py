"""Every sending call of boto3's two SES clients passes the guard: what SES gets, and what the caller sees."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from ses_feedback.guard import Misconfigured, NobodyLeft, TableUnreadable
from ses_feedback.guard.calls import CALLS

from .fakes import COMPLAINED, DEAD, JO, JOE, Sent, Table, guard_over

MESSAGE = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}
MIME = (
    f"From: news@example.com\r\nTo: Jo <{JO}>,\r\n {DEAD}\r\nCc: {JOE}\r\nSubject: x\r\n\r\nTo: nobody@example.net\r\n"
)


def sending(service: str, table: Table | None = None, **options: Any) -> Sent:
    """A guarded client. ``statuses`` are SES's answer to a bulk call."""
    sent = Sent(service, statuses=options.pop("statuses", ()), error=options.pop("error", None))
    assert guard_over(table or Table(), **options).attach(sent.client) is sent.client
    return sent


def test_every_operation_that_names_recipients_and_a_message_is_guarded() -> None:
    """An operation that AWS adds must be looked at here. The custom verification mail asks for consent."""
    for service, guarded in CALLS.items():
        model = boto3.client(service, region_name="us-east-1").meta.service_model
        sends = {name for name in model.operation_names if name.startswith("Send")}
        assert sends - set(guarded) <= {"SendBounce", "SendCustomVerificationEmail"}


@pytest.mark.parametrize("operation", ["send_email", "send_templated_email"])
def test_v1_single(operation: str) -> None:
    sent = sending("ses")
    asked = {"ToAddresses": [DEAD], "CcAddresses": [JO, DEAD], "BccAddresses": [JOE]}
    content = {"Message": MESSAGE} if operation == "send_email" else {"Template": "t", "TemplateData": "{}"}
    answer = getattr(sent.client, operation)(Source="news@example.com", Destination=asked, **content)
    (request,) = sent.requests
    named = {name: value for name, value in request.items() if name.startswith("Destination")}
    assert named == {
        "Destination.CcAddresses.member.1": JO,
        "Destination.BccAddresses.member.1": JOE,
    }
    assert answer["MessageId"] == "m-1"
    assert [removed["recipient"] for removed in answer["SesFeedback"]["removed"]] == [DEAD]
    assert asked["CcAddresses"] == [JO, DEAD], "the caller's own lists stay as they are"


def test_v2_single_of_every_content() -> None:
    sent = sending("sesv2")
    for content in ({"Simple": MESSAGE}, {"Template": {"TemplateName": "t"}}, {"Raw": {"Data": MIME.encode()}}):
        answer = sent.client.send_email(
            FromEmailAddress="news@example.com", Destination={"ToAddresses": [DEAD, JO]}, Content=content
        )
        assert sent.requests[-1]["Destination"] == {"ToAddresses": [JO]}
        assert answer["SesFeedback"]["sent"] is True


@pytest.mark.parametrize("data", [MIME.encode(), io.BytesIO(MIME.encode()), MIME.replace("\r\n", "\n").encode()])
def test_raw_mail_by_its_headers_gets_an_envelope_without_the_suppressed(data: Any) -> None:
    """The message is not changed; without recipients in the call its headers name them, and its From the sender."""
    v2, v1 = sending("sesv2"), sending("ses")
    v2.client.send_email(Content={"Raw": {"Data": data}})
    assert v2.requests[0]["Destination"] == {"ToAddresses": [f"Jo <{JO}>", JOE]}
    if isinstance(data, io.BytesIO):
        data.seek(0)
    v1.client.send_raw_email(RawMessage={"Data": data})
    assert [v1.requests[0][f"Destinations.member.{n}"] for n in (1, 2)] == [f"Jo <{JO}>", JOE]
    assert "Destinations.member.3" not in v1.requests[0]
    v1.client.send_raw_email(RawMessage={"Data": MIME.encode()}, Destinations=[JOE, DEAD])
    assert v1.requests[1]["Destinations.member.1"] == JOE
    import base64

    assert base64.b64decode(v1.requests[1]["RawMessage.Data"]) == MIME.encode()


def test_raw_mail_whose_headers_are_utf_8_is_read_as_that() -> None:
    """Names and domains that no mail program encoded: the guard compares them, and the envelope keeps them."""
    domain, name = "b\u00fccher.example", "J\u00f6"
    sent = sending("sesv2")
    raw = f"From: news@example.com\nTo: {name} <jo@{domain}>, {DEAD}\n\nx".encode()
    sent.client.send_email(Content={"Raw": {"Data": raw}})
    assert sent.requests[0]["Destination"] == {"ToAddresses": [f"{name} <jo@{domain}>"]}


def test_a_raw_message_that_is_none_is_for_boto3_to_refuse() -> None:
    sent = sending("ses")
    with pytest.raises(ParamValidationError):
        sent.client.send_raw_email(RawMessage="From: news@example.com")
    assert sent.requests == []


def test_raw_mail_that_loses_nobody_goes_as_it_was_asked_for() -> None:
    sent = sending("sesv2", Table({}))
    sent.client.send_email(Content={"Raw": {"Data": MIME.encode()}})
    assert "Destination" not in sent.requests[0]


def test_bulk_v1_leaves_out_who_is_suppressed_and_keeps_the_order_of_statuses() -> None:
    """A caller that pairs its entries with the statuses sees which one was left out, and why."""
    sent = sending("ses", statuses=[{"Status": "Success", "MessageId": "1"}, {"Status": "Success", "MessageId": "2"}])
    entries = [{"Destination": {"ToAddresses": [who]}} for who in (JO, DEAD, JOE)]
    answer = sent.client.send_bulk_templated_email(
        Source="news@example.com", Template="t", DefaultTemplateData="{}", Destinations=entries
    )
    assert sent.requests[0]["Destinations.member.2.Destination.ToAddresses.member.1"] == JOE
    assert "Destinations.member.3.Destination.ToAddresses.member.1" not in sent.requests[0]
    assert [status.get("MessageId") for status in answer["Status"]] == ["1", None, "2"]
    assert answer["Status"][1] == {
        "Status": "MessageRejected",
        "Error": "not sent: every recipient is suppressed (ses-feedback)",
    }


def test_bulk_v2_asks_once_for_everybody() -> None:
    table = Table()
    sent = sending("sesv2", table, statuses=[{"Status": "SUCCESS", "MessageId": "1"}])
    entries = [
        {"Destination": {"ToAddresses": [DEAD]}, "ReplacementTags": [{"Name": "a", "Value": "b"}]},
        {"Destination": {"ToAddresses": [JO], "CcAddresses": [COMPLAINED]}},
    ]
    answer = sent.client.send_bulk_email(
        FromEmailAddress="news@example.com",
        DefaultContent={"Template": {"TemplateName": "t", "TemplateData": "{}"}},
        BulkEmailEntries=entries,
    )
    assert sent.requests[0]["BulkEmailEntries"] == [{"Destination": {"ToAddresses": [JO]}}]
    assert [status["Status"] for status in answer["BulkEmailEntryResults"]] == ["MESSAGE_REJECTED", "SUCCESS"]
    assert len(answer["SesFeedback"]["removed"]) == 2
    assert table.asked == [[DEAD, JO, COMPLAINED]]


def test_with_nobody_left_nothing_is_sent_and_the_call_raises_one_clear_error() -> None:
    sent = sending("sesv2")
    with pytest.raises(
        NobodyLeft, match="not sent: the only recipient is suppressed in stream marketing of production"
    ):
        sent.client.send_email(
            FromEmailAddress="n@example.com", Destination={"ToAddresses": [DEAD]}, Content={"Simple": MESSAGE}
        )
    assert sent.requests == []


def test_with_nobody_left_the_answer_says_so_where_that_is_asked_for() -> None:
    """No request is made; message id and status show that nothing went out."""
    v2, v1 = sending("sesv2", nobody_left="report"), sending("ses", nobody_left="report")
    answer = v2.client.send_email(
        FromEmailAddress="n@example.com", Destination={"ToAddresses": [DEAD]}, Content={"Simple": MESSAGE}
    )
    assert answer["MessageId"] == "" and answer["SesFeedback"]["sent"] is False
    bulk = v1.client.send_bulk_templated_email(
        Source="n@example.com",
        Template="t",
        DefaultTemplateData="{}",
        Destinations=[{"Destination": {"ToAddresses": [DEAD]}}, {"Destination": {"ToAddresses": [COMPLAINED]}}],
    )
    assert [status["Status"] for status in bulk["Status"]] == ["MessageRejected"] * 2
    assert v1.client.send_raw_email(RawMessage={"Data": f"To: {DEAD}\n\nx".encode()})["SesFeedback"]["sent"] is False
    assert v1.requests == v2.requests == []


def test_an_unreadable_table_refuses_the_call_or_lets_it_pass() -> None:
    mail: dict[str, Any] = {"FromEmailAddress": "n@example.com", "Destination": {"ToAddresses": [JO]}}
    table = Table()
    table.breaks()
    refusing, sent = sending("sesv2", table, unreadable="refuse"), sending("sesv2", table)
    with pytest.raises(TableUnreadable):
        refusing.client.send_email(**mail, Content={"Simple": MESSAGE})
    assert refusing.requests == []
    answer = sent.client.send_email(**mail, Content={"Simple": MESSAGE})
    assert answer["MessageId"] == "m-1"
    assert answer["SesFeedback"]["trouble"] == "reading suppressions: ProvisionedThroughputExceededException"


def test_ses_own_errors_and_mistakes_of_the_caller_stay_what_they_are() -> None:
    sent = sending("sesv2", error="no such template")
    mail: dict[str, Any] = {"FromEmailAddress": "n@example.com", "Content": {"Simple": MESSAGE}}
    with pytest.raises(ClientError, match="no such template"):
        sent.client.send_email(**mail, Destination={"ToAddresses": [JO, DEAD]})
    wrong: list[Any] = ["jo@example.net", {"ToAddresses": "jo@example.net"}, {"ToAddresses": [3, JO, DEAD]}, 7]
    for destination in wrong:
        with pytest.raises(ParamValidationError):
            sent.client.send_email(**mail, Destination=destination)
    with pytest.raises(ParamValidationError):
        sending("ses").client.send_bulk_templated_email(Source="a@example.com", Template="t", Destinations=["x"])


def test_other_calls_of_the_client_are_not_touched() -> None:
    sent = sending("sesv2")
    answer = sent.client.create_contact_list(ContactListName="readers", Description=DEAD)
    assert "SesFeedback" not in answer
    assert sent.requests == [{"ContactListName": "readers", "Description": DEAD}]


def test_a_client_takes_one_guard_and_must_be_one_of_ses() -> None:
    sent = sending("ses")
    with pytest.raises(Misconfigured, match="has a guard already"):
        guard_over(Table()).attach(sent.client)
    for other in (boto3.client("s3", region_name="us-east-1"), "ses"):
        with pytest.raises(Misconfigured, match="a guard needs a boto3 client of ses or sesv2, not s"):
            guard_over(Table()).attach(other)


def test_threads_do_not_mix_up_their_outcomes() -> None:
    sent = sending("sesv2", Table({f"n{n}@example.net": IN for n in range(0, 40, 2)}), nobody_left="report")

    def send(number: int) -> bool:
        answer = sent.client.send_email(
            FromEmailAddress="n@example.com",
            Destination={"ToAddresses": [f"n{number}@example.net"]},
            Content={"Simple": MESSAGE},
        )
        return bool(answer["SesFeedback"]["sent"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(40))) == [bool(number % 2) for number in range(40)]


IN = Table().held[DEAD]
