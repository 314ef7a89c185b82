"""Other hooks of the same client: whatever they return or change, in whatever order, nobody suppressed gets mail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ses_feedback.guard import Misconfigured, NobodyFound, NobodyLeft, Overridden
from ses_feedback.guard.calls import CALLS

from .fakes import COMPLAINED, DEAD, JO, JOE, Sent, Table, guard_over

MESSAGE = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}
SENDERS = {"ses": "Source", "sesv2": "FromEmailAddress"}
CALLERS: Mapping[tuple[str, str], Callable[[list[str]], dict[str, Any]]] = {
    ("ses", "SendEmail"): lambda to: {"Message": MESSAGE, "Destination": {"BccAddresses": to}},
    ("ses", "SendTemplatedEmail"): lambda to: {
        "Template": "t",
        "TemplateData": "{}",
        "Destination": {"ToAddresses": to},
    },
    ("ses", "SendRawEmail"): lambda to: {"RawMessage": {"Data": b"To: x@example.net\n\nx"}, "Destinations": to},
    ("ses", "SendBulkTemplatedEmail"): lambda to: {
        "Template": "t",
        "DefaultTemplateData": "{}",
        "Destinations": [{"Destination": {"CcAddresses": [one]}} for one in to],
    },
    ("sesv2", "SendEmail"): lambda to: {"Content": {"Simple": MESSAGE}, "Destination": {"CcAddresses": to}},
    ("sesv2", "SendBulkEmail"): lambda to: {
        "DefaultContent": {"Template": {"TemplateName": "t", "TemplateData": "{}"}},
        "BulkEmailEntries": [{"Destination": {"ToAddresses": [one]}} for one in to],
    },
}
HOW = ("register", "register_first", "register_last")


def call(sent: Sent, service: str, operation: str, to: list[str]) -> Any:
    return sent.client._make_api_call(operation, {SENDERS[service]: "n@example.com", **CALLERS[service, operation](to)})


def named(sent: Sent) -> str:
    return json.dumps(sent.requests)


def test_every_guarded_operation_is_called_here() -> None:
    assert set(CALLERS) == {(service, operation) for service, found in CALLS.items() for operation in found}


@pytest.mark.parametrize(("service", "operation"), CALLERS)
@pytest.mark.parametrize(("how", "late"), list(product(HOW, (False, True))))
@pytest.mark.parametrize("whole", [True, False])
def test_a_hook_that_returns_parameters_changes_nothing(
    service: str, operation: str, how: str, late: bool, whole: bool
) -> None:
    """botocore takes the first answer of ``provide-client-params``: a copy, its own standing dict, or the caller's."""
    standing = {SENDERS[service]: "n@example.com", **CALLERS[service, operation]([DEAD, JO, COMPLAINED])}
    sent = Sent(service, statuses=[{"Status": "Success", "MessageId": "1"}])
    guard = guard_over(Table())
    event = "provide-client-params" if whole else f"provide-client-params.{service}.{operation}"
    register = getattr(sent.client.meta.events, how)
    if late:
        guard.attach(sent.client)
        register(event, lambda **_: standing)
    else:
        register(event, lambda **_: standing)
        guard.attach(sent.client)
    for _ in range(2):  # the hook's own dict is as it was for the second mail
        answer = call(sent, service, operation, [JO])
        assert DEAD not in named(sent) and COMPLAINED not in named(sent) and JO in named(sent)
        assert [one["recipient"] for one in answer["SesFeedback"]["removed"]] == [DEAD, COMPLAINED]
    assert DEAD in json.dumps(standing, default=str)


def adding(who: str) -> Mapping[str, Callable[..., None]]:
    """Return hooks that name somebody more, wherever botocore lets them."""

    def in_parameters(params: Any, **_: Any) -> None:
        if "Destinations" in params:
            entry = who if isinstance(params["Destinations"][0], str) else {"Destination": {"BccAddresses": [who]}}
            params["Destinations"] = [*params["Destinations"], entry]
        elif "BulkEmailEntries" in params:
            first = params["BulkEmailEntries"][0]
            added = first | {"Destination": first["Destination"] | {"BccAddresses": [who]}}
            params["BulkEmailEntries"] = [added, *params["BulkEmailEntries"][1:]]
        else:
            to = params["Destination"].get("ToAddresses", [])
            params["Destination"] = {**params["Destination"], "ToAddresses": [*to, who]}

    def changed(body: Any) -> Any:
        if isinstance(body, dict):
            name = "Destinations.member.9" if body["Action"] == "SendRawEmail" else "Destination.ToAddresses.member.9"
            bulk = "Destinations.member.1.Destination.ToAddresses.member.9"
            return {**body, bulk if "Bulk" in body["Action"] else name: who}
        said = json.loads(body)
        entry = said["BulkEmailEntries"][0] if "BulkEmailEntries" in said else said
        entry["Destination"]["ToAddresses"] = [who]
        return json.dumps(said).encode()

    def in_body(params: Any, **_: Any) -> None:
        params["body"] = changed(params["body"])

    def in_request(request: Any, **_: Any) -> None:
        request.data = changed(request.data)

    return {
        "before-parameter-build": in_parameters,
        "before-call": in_body,
        "before-sign": in_request,
        "request-created": in_request,
    }


def signature_holds(request: Any, service: str) -> bool:
    """Compute the signature anew, as AWS does."""
    headers = dict(request.headers.items())
    text = {name: value.decode() if isinstance(value, bytes) else value for name, value in headers.items()}
    said = text.pop("Authorization")
    signed = said.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    kept = {name: value for name, value in text.items() if name.lower() in signed}
    again = AWSRequest(request.method, request.url, headers=kept, data=request.body)
    again.context["timestamp"] = text["X-Amz-Date"]
    auth = SigV4Auth(Credentials("example", "example"), "ses", "us-east-1")
    return said.endswith(
        "Signature=" + auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    )


@pytest.mark.parametrize(("service", "operation"), CALLERS)
@pytest.mark.parametrize("event", adding(DEAD))
@pytest.mark.parametrize(("how", "late", "length"), list(product(HOW[1:], (False, True), (1, 2, 3))))
def test_a_hook_that_puts_somebody_suppressed_back_stops_the_call_or_loses_them(
    service: str, operation: str, event: str, how: str, late: bool, length: int
) -> None:
    """Or it breaks the signature, and AWS refuses. What an answer says was removed did not go out."""
    seen: list[bool] = []
    sent = Sent(service, statuses=[{"Status": "Success", "MessageId": "1"}])
    sent.client.meta.events.register_first(
        f"before-send.{service}", lambda request, **_: seen.append(signature_holds(request, service))
    )
    hook = adding(DEAD)[event]
    name = ".".join((event, service, operation)[:length])
    register = getattr(sent.client.meta.events, how)
    guard = guard_over(Table())
    if late:
        guard.attach(sent.client)
        register(name, hook)
    else:
        register(name, hook)
        guard.attach(sent.client)
    try:
        answer = call(sent, service, operation, [JO, COMPLAINED])
    except Overridden as error:
        assert sent.requests == []
        assert "@" not in str(error) and DEAD in {removed.recipient for removed in error.outcome.removed}
        return
    assert seen == [DEAD not in named(sent)]
    assert COMPLAINED not in named(sent)
    assert COMPLAINED in {one["recipient"] for one in answer["SesFeedback"]["removed"]}


@pytest.mark.parametrize(("service", "operation"), CALLERS)
@pytest.mark.parametrize("event", ["before-parameter-build", "before-call"])
def test_a_hook_that_adds_somebody_who_may_be_mailed_is_left_alone(service: str, operation: str, event: str) -> None:
    """An archive's address, say; and what the guard removed is still told."""
    sent = Sent(service, statuses=[{"Status": "Success", "MessageId": "1"}])
    guard_over(Table()).attach(sent.client)
    sent.client.meta.events.register_last(event, adding(JOE)[event])
    answer = call(sent, service, operation, [JO, DEAD])
    assert JOE in named(sent) and DEAD not in named(sent)
    assert [one["recipient"] for one in answer["SesFeedback"]["removed"]] == [DEAD]


def test_a_removed_recipient_put_back_is_known_though_the_table_cannot_be_read_any_more() -> None:
    table, sent = Table(), Sent("sesv2")
    guard_over(table, remember_s=0).attach(sent.client)

    def put_back(params: Any, **_: Any) -> None:
        table.breaks()
        params["Destination"] = {"ToAddresses": [JO, f"Dead <{DEAD.upper()}>"]}

    sent.client.meta.events.register_last("before-parameter-build", put_back)
    with pytest.raises(Overridden):
        call(sent, "sesv2", "SendEmail", [JO, DEAD])
    assert sent.requests == []


def test_a_mail_that_goes_to_nobody_is_stopped_though_another_hook_adds_somebody() -> None:
    """The answer says that nothing was sent, and nothing is."""
    sent = Sent("ses")
    guard_over(Table(), nobody_left="report").attach(sent.client)
    sent.client.meta.events.register_last("before-parameter-build", adding(JO)["before-parameter-build"])
    answer = call(sent, "ses", "SendEmail", [DEAD])
    assert answer["SesFeedback"]["sent"] is False and sent.requests == []


@pytest.mark.parametrize("service", ["ses", "sesv2"])
def test_an_envelope_that_another_hook_drops_leaves_the_headers_to_be_asked_about(service: str) -> None:
    raw = f"From: n@example.com\nTo: {JO}\nCc: {DEAD}\n\nx".encode()
    v1: dict[str, Any] = {"RawMessage": {"Data": raw}, "Destinations": [JO, JOE]}
    v2: dict[str, Any] = {"Content": {"Raw": {"Data": raw}}, "Destination": {"ToAddresses": [JO, JOE]}}
    sent = Sent(service)
    guard_over(Table()).attach(sent.client)
    drop = ("Destinations", "Destination")[service == "sesv2"]
    events = sent.client.meta.events
    events.register_last("before-parameter-build", lambda params, **_: params.pop(drop, None) and None)
    with pytest.raises(Overridden):
        sent.client._make_api_call("SendRawEmail" if service == "ses" else "SendEmail", v1 if service == "ses" else v2)
    assert sent.requests == []


def test_a_caller_keeps_its_own_parameters() -> None:
    """The dict itself, where a library calls for its user, and all that it holds."""
    sent = Sent("sesv2")
    guard_over(Table()).attach(sent.client)
    asked = {"FromEmailAddress": "n@example.com", **CALLERS["sesv2", "SendEmail"]([DEAD, JO])}
    before = json.dumps(asked)
    sent.client._make_api_call("SendEmail", asked)
    assert json.dumps(asked) == before and sent.requests[0]["Destination"] == {"CcAddresses": [JO]}


def test_a_presigned_url_would_send_past_the_guard_and_is_refused() -> None:
    for service, operation in CALLERS:
        sent = Sent(service)
        guard_over(Table()).attach(sent.client)
        method = next(name for name, found in sent.client.meta.method_to_api_mapping.items() if found == operation)
        params = {SENDERS[service]: "n@example.com", **CALLERS[service, operation]([JO])}
        with pytest.raises(Misconfigured, match=f"a presigned URL of {operation} would send later, past the guard"):
            sent.client.generate_presigned_url(method, Params=params)
        assert sent.client.generate_presigned_url(
            "list_configuration_sets" if service == "sesv2" else "list_identities"
        )


NOBODY = {
    "no header of a recipient": b"From: n@example.com\r\nSubject: x\r\n\r\nTo: dead@example.net\r\n",
    "only those of a resent mail": b"Resent-To: dead@example.net\n\nx",
    "another header": b"Apparently-To: dead@example.net\nX-To: dead@example.net\n\nx",
    "no head": b"\r\n\r\n",
    "nothing": b"",
    "UTF-16": "To: dead@example.net\n\nx".encode("utf-16"),
    "a group of nobody": b"To: undisclosed-recipients:;\nCc: \n\nx",
    "a name with letters of no header": "T\u043e: dead@example.net\n\nx".encode(),
    "a MIME word as name": b"=?us-ascii?q?To?=: dead@example.net\n\nx",
    "a header in a part": b"Content-Type: message/rfc822\n\nTo: dead@example.net\n\nx",
}


@pytest.mark.parametrize("service", ["ses", "sesv2"])
@pytest.mark.parametrize("raw", NOBODY.values(), ids=NOBODY)
def test_raw_mail_in_which_nobody_can_be_found_is_refused(service: str, raw: bytes) -> None:
    """SES may find somebody where we do not. With ``malformed="send"`` it is for SES to find them."""
    for options, count in (({}, 0), ({"nobody_left": "report"}, 0), ({"malformed": "send"}, 1)):
        sent = Sent(service)
        guard_over(Table(), **options).attach(sent.client)
        mail = {"RawMessage": {"Data": raw}} if service == "ses" else {"Content": {"Raw": {"Data": raw}}}
        operation = "SendRawEmail" if service == "ses" else "SendEmail"
        if count:
            sent.client._make_api_call(operation, mail)
        else:
            with pytest.raises(NobodyFound, match="name them in the call"):
                sent.client._make_api_call(operation, mail)
        assert len(sent.requests) == count


ENDS = ("\n", "\r\n", "\r")
ODD = {
    "a space before the colon": "To : {}",
    "a tab before the colon": "tO\t:{}",
    "capitals": "CC:{}",
    "a fold before the value": "Bcc:{end} {}",
    "a fold of tabs within": "To: Dead Letter{end}\t<{}>",
    "a mark of byte order": "\ufeffTo: {}",
    "an empty line first": "{end}{end}To: {}",
    "an envelope line first": "From n@example.com Tue Nov 24 05:00:00 2026{end}To: {}",
    "a line that is no header first": "garbage{end}Cc: {}",
    "NUL first": "\0To: {}",
    "twice": "To: x@example.org{end}To: {}",
    "after a long header": "X-Long: " + "x" * 1_100_000 + "{end}To: {}",
    "a space at the start": " To: {}",
    "after a fold without header": "\t folded{end}To: {}",
}


@pytest.mark.parametrize("end", ENDS, ids=map(repr, ENDS))
@pytest.mark.parametrize("form", ODD.values(), ids=ODD)
def test_whom_some_reader_finds_in_the_headers_is_named_or_removed(form: str, end: str) -> None:
    """A head that two readers read differently does not decide any more: the call names whom the guard found."""
    for spelled, removed in ((f"{DEAD}", True), (JO, False)):
        raw = (form.replace("{end}", end).replace("{}", spelled) + f"{end}Cc: {JOE}{end}{end}x").encode()
        v1, v2 = Sent("ses"), Sent("sesv2")
        for sent in (v1, v2):
            guard_over(Table()).attach(sent.client)
        try:
            v1.client.send_raw_email(RawMessage={"Data": raw})
            v2.client.send_email(Content={"Raw": {"Data": raw}})
        except (NobodyLeft, NobodyFound):
            assert v1.requests == v2.requests == []
            continue
        in_call = [value for name, value in v1.requests[0].items() if name.startswith("Destinations.")]
        in_v2 = v2.requests[0].get("Destination", {}).get("ToAddresses", [])
        assert in_call == in_v2 and DEAD not in " ".join(in_call)
        if removed:
            assert JOE in in_call
        elif in_call:
            assert any(JO in text for text in in_call) and JOE in in_call
