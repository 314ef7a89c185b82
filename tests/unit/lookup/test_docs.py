"""docs/lookup.md runs: every example, in its language, against the function behind a server that checks signatures."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import History, Strike
from ses_feedback.domain.times import HOUR
from tests.unit.lookup.examples import PAGE, RUN, example, json_blocks
from tests.unit.lookup.gateway import NOW, Gateway

SHOWN = json_blocks(PAGE)
KEY = Credentials("AKIDEXAMPLE", "a secret", "a session's token")
REGION = "us-east-1"


def signature(method: str, url: str, headers: dict[str, str], body: bytes) -> str:
    """Return the signature that botocore gives to the headers which were signed."""
    names = re.findall(r"SignedHeaders=([^,]*)", headers["authorization"])[0].split(";")
    request = AWSRequest(method, url, {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(KEY, "execute-api", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))


@pytest.fixture
def url(gateway: Gateway) -> Iterator[str]:
    """An API that refuses what is not signed with the key at hand, as API Gateway does."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            wanted = signature("POST", f"http://{headers['host']}{self.path}", headers, body)
            signed = headers["authorization"].endswith(f"Signature={wanted}")
            signed = signed and headers.get("x-amz-security-token") == KEY.token
            found: Any = gateway.call("POST", self.path, body) if signed else None
            self.send_response(found.status if found else 403)
            self.end_headers()
            self.wfile.write(json.dumps(found.values if found else {"message": "Forbidden"}).encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(language: str, url: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """Type an example, with the key at hand."""
    environment = {
        "LOOKUP_URL": url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY.access_key,
        "AWS_SECRET_ACCESS_KEY": KEY.secret_key,
        "AWS_SESSION_TOKEN": str(KEY.token),
    }
    return example(language, environment | changed)


@pytest.mark.parametrize("language", RUN)
def test_an_example_prints_the_answer_that_the_page_shows(gateway: Gateway, url: str, language: str) -> None:
    """Signed rightly by whatever the language has."""
    strike = Strike(ev.HARD_BOUNCE, "transactional", NOW - HOUR, NOW - HOUR, "m1")
    gateway.table.put_new("production", "jane@example.net", History({"k": strike}))
    done = run(language, url)
    found = json.loads(done.stdout)
    assert found == (SHOWN[0] if language == "bash" else SHOWN[0]["answers"]), done.stderr


@pytest.mark.parametrize("language", RUN)
def test_a_wrong_key_is_refused(url: str, language: str) -> None:
    """So that the examples above are known to have signed."""
    done = run(language, url, AWS_SECRET_ACCESS_KEY="another secret")
    assert "403" in done.stderr or "Forbidden" in done.stdout


def test_the_problem_on_the_page_is_what_is_answered(gateway: Gateway) -> None:
    """To the letter."""
    assert gateway.ask("check", addresses=["jane@example.net"]).values == SHOWN[2]
