"""The lookup API of the deployment: signed requests over HTTP, and what the command line sees of them."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.cloud import ACCOUNT
from local.loop import Loop
from ses_feedback import naming
from tests.unit.lookup.examples import PAGE, RUN, example, json_blocks

JANE = "jane.asks@example.net"
STREAM = {"stream": "transactional"}
ROOT = Credentials("test", "test")


class Answered(NamedTuple):
    status: int
    type: str
    values: Any


class Caller:
    """A program that knows the address of the API and has a key of AWS."""

    def __init__(self, loop: Loop) -> None:
        self._url = loop.outputs[naming.OUTPUT_LOOKUP_URL]
        self._region = loop.cloud.region
        self._port = loop.cloud.port

    def ask(
        self, operation: str, environment: str = "production", *, key: Credentials | None = ROOT, **body: Any
    ) -> Answered:
        path, data = f"/v1/environments/{environment}/{operation}", json.dumps(body).encode()
        request = AWSRequest("POST", self._url + path, {"Content-Type": "application/json"}, data)
        if key is not None:
            SigV4Auth(key, "execute-api", self._region).add_auth(request)
        # The embedded AWS tells APIs apart by the host that is asked for, a name that no DNS knows.
        headers = {**dict(request.headers), "Host": urlsplit(self._url).netloc}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("POST", path, data, headers)
        answered = connection.getresponse()
        found = Answered(answered.status, answered.headers.get_content_type(), json.loads(answered.read()))
        connection.close()
        return found


@pytest.fixture(scope="module")
def caller(loop: Loop) -> Caller:
    return Caller(loop)


def test_a_decision_over_http_is_one_everywhere(loop: Loop, caller: Caller) -> None:
    """Suppressed and released over HTTP; the command line says the same, and by whom it was."""
    asked = {"addresses": [JANE, "joe.asks@example.net"], **STREAM}
    before = caller.ask("check", **asked)
    assert (before.status, [one["suppressed"] for one in before.values["answers"]]) == (200, [False, False])
    decided = caller.ask("suppress", address="Jane.Asks@example.net", why="asked by phone", **{"for": "30d"})
    assert (decided.status, decided.values["reason"], decided.values["stream"]) == (200, "operator", "*")
    verdicts = loop.check([JANE], "production", "transactional")[JANE]
    (jane, joe) = caller.ask("check", **asked).values["answers"]
    assert jane == verdicts
    assert (jane["suppressed"], jane["until"], joe["suppressed"]) == (True, decided.values["until"], False)
    shown = loop.cli("show", JANE, "--environment", "production", "--json").stdout
    assert "asked by phone" in shown
    assert "arn:aws:iam::000000000000:" in shown
    released = caller.ask("release", address="Jane.Asks@example.net", why="rang again")
    assert (released.status, released.values["suppressed"]) == (200, False)
    assert released.values["lists"] == {loop.cloud.region: {"cleared": True, "problem": None}}
    assert loop.check([JANE], "production", "transactional")[JANE]["suppressed"] is False


def test_feedback_of_ses_is_answered(loop: Loop, caller: Caller) -> None:
    """What the command line calls a hard bounce is one here."""
    address = "imported.asks@example.net"
    loop.cli("suppress", address, "--environment", "production", "--stream", "marketing", "--why", "x")
    for stream, suppressed in (("marketing", True), ("transactional", False)):
        (answer,) = caller.ask("check", addresses=[address], stream=stream).values["answers"]
        assert answer["suppressed"] is suppressed


def test_who_does_not_sign_is_refused(loop: Loop, caller: Caller) -> None:
    """By API Gateway, before anything of ours runs."""
    for key in (None, Credentials("test", "wrong"), Credentials("AKIAUNKNOWN", "test")):
        refused = caller.ask("suppress", address="unsigned@example.net", why="x", key=key)
        assert (refused.status, refused.type) == (403, "application/json")
    assert loop.check(["unsigned@example.net"], "production", "transactional")["unsigned@example.net"] == {
        "address": "unsigned@example.net",
        "suppressed": False,
        "reason": None,
        "scope": None,
        "until": None,
        "since": None,
    }


def test_a_policy_names_environment_and_operation(loop: Loop, caller: Caller) -> None:
    """The policy of the documents: who may ask about production decides nothing, and knows nothing of dev."""
    iam, api = loop.cloud.client("iam"), urlsplit(loop.outputs[naming.OUTPUT_LOOKUP_URL]).netloc.partition(".")[0]
    policy = next(p for p in json_blocks(PAGE) if p.get("Effect") == "Allow")
    arn = policy["Resource"].replace("API_ID", api).replace("us-east-1", loop.cloud.region)
    policy["Resource"] = arn.replace("111122223333", ACCOUNT)
    iam.create_user(UserName="sender")
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.put_user_policy(UserName="sender", PolicyName="asks", PolicyDocument=document)
    made = iam.create_access_key(UserName="sender")["AccessKey"]
    key = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
    assert caller.ask("check", addresses=[JANE], key=key, **STREAM).status == 200
    assert caller.ask("check", "dev", addresses=[JANE], key=key).status == 403
    assert caller.ask("suppress", address=JANE, why="x", key=key).status == 403


@pytest.mark.parametrize("language", RUN)
def test_the_examples_of_the_documents_run(loop: Loop, language: str) -> None:
    """As they stand, with the address that the documents give for the embedded AWS."""
    api = urlsplit(loop.outputs[naming.OUTPUT_LOOKUP_URL]).netloc.partition(".")[0]
    environment = {**loop.cloud.exports(), "LOOKUP_URL": f"{loop.cloud.endpoint}/_aws/execute-api/{api}"}
    done = example(language, environment)
    assert '"joe@example.org"' in done.stdout, done.stderr


def test_what_is_wrong_is_a_problem(caller: Caller) -> None:
    """Its one line says what would be right; a path that there is not is API Gateway's own to refuse."""
    streams = "known: marketing, transactional"
    for found, status, detail in (
        (
            caller.ask("check", addresses=[JANE]),
            400,
            f'stream: say which stream in environment "production"; {streams}',
        ),
        (caller.ask("suppress", address="jane", why="x"), 400, "address: not an e-mail address: it has no @"),
    ):
        assert (found.status, found.type, found.values["detail"]) == (status, "application/problem+json", detail)
    mixed = caller.ask("check", addresses=["jane", '"joe"@example.org'], **STREAM).values["answers"]
    assert [(one["address"], one.get("problem")) for one in mixed] == [
        ("jane", "not an e-mail address: it has no @"),
        ("joe@example.org", None),
    ]
    unknown = caller.ask("check", "prod", addresses=[JANE])
    assert (unknown.status, unknown.values["title"]) == (404, "Not Found")
    assert 'no environment "prod"; known: ' in unknown.values["detail"]
    assert caller.ask("erase", address=JANE).status == 404
