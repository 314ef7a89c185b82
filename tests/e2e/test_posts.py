"""SNS posts to the deployment's own public endpoint: subscribed, confirmed, acted upon; what is forged stays outside.

The embedded SNS cannot sign: what it posts passes a relay on this machine that signs it with the test authority's key,
as SNS would, and hands it to the API. The function runs as it is deployed, but trusts that authority and none else.
"""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.authority import Authority, body, notification, pem, signed
from local.loop import Loop, until
from ses_feedback import naming
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.domain.times import format_time
from tests.e2e.conftest import Stage
from tests.unit.usecases import mail

CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
TOPIC = "arn:aws:sns:eu-west-1:000000000000:elsewhere-bounces"
PATIENCE_S = 60
TRUSTING = f"""
from pathlib import Path
from cryptography import x509
from ses_feedback.endpoint import certificates, fetching
here = Path(__file__).parent
certificates.public_roots = lambda: [x509.load_pem_x509_certificate((here / "root.pem").read_bytes())]
fetching.fetch = {{{CERTIFICATE!r}: (here / "served.pem").read_bytes()}}.__getitem__
from lambdas.receive_posts import handler
"""


class Relay(ThreadingHTTPServer):
    """Takes what the embedded SNS posts, signs it, hands it on, and answers as it was answered."""

    def __init__(self, deliver: Callable[[bytes], int]) -> None:
        super().__init__(("127.0.0.1", 0), _Sign)
        self.deliver = deliver
        self.posted: list[tuple[dict[str, Any], int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def answers(self, kind: str) -> list[int]:
        return [status for values, status in self.posted if values["Type"] == kind]


class _Sign(BaseHTTPRequestHandler):
    server: Relay

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        values = signed(given | {"SignatureVersion": "2", "SigningCertURL": CERTIFICATE})
        status = self.server.deliver(body(values))
        self.server.posted.append((values, status))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def deliver(stage: Stage) -> Iterator[Callable[..., int]]:
    """The deployed endpoint, trusting the test authority; posts bytes to it and returns the status of its answer."""
    loop = stage.loop
    functions, name = loop.cloud.client("lambda"), naming.function_name(loop.name, naming.RECEIVE_POSTS)
    (asset,) = (path.parents[1] for path in stage.state.assembly.glob("asset.*/lambdas/receive_posts.py"))
    authority = Authority(SystemClock().now())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as code:
        for path in asset.rglob("*"):
            if path.is_file():
                code.write(path, path.relative_to(asset))
        code.writestr("trusting.py", TRUSTING)
        code.writestr("root.pem", pem(authority.root))
        code.writestr("served.pem", pem(authority.certificate("sns.amazonaws.com"), authority.intermediate))
    functions.update_function_code(FunctionName=name, ZipFile=archive.getvalue())
    functions.update_function_configuration(FunctionName=name, Handler="trusting.handler")
    place = urlsplit(loop.outputs[naming.OUTPUT_ENDPOINT_URL])
    assert place.path == "/sns"

    def post(data: bytes, path: str = place.path, **headers: str) -> int:
        sent = {"Content-Type": "text/plain; charset=UTF-8", "Host": place.netloc, **headers}
        request = urllib.request.Request(f"{loop.cloud.endpoint}{path}", data, sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    yield post
    functions.update_function_configuration(FunctionName=name, Handler=naming.handler_of(naming.RECEIVE_POSTS))


@pytest.fixture
def relay(deliver: Callable[[bytes], int]) -> Iterator[Relay]:
    """The relay."""
    server = Relay(deliver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def bounce_of(address: str) -> str:
    text = mail.text(mail.bounce(f"m-{address}", [address], at=SystemClock().now()))
    return text.replace("us-east-1:111122223333", ":".join(TOPIC.split(":")[3:5]))  # where the topic is


def verdict(loop: Loop, address: str) -> dict[str, Any]:
    return loop.check([address], "production", "transactional")[address]


def test_subscribed_confirmed_posted_suppressed(loop: Loop, relay: Relay) -> None:
    """Nobody touches the subscription; once SNS has its 200, the command line knows; again, nothing changes."""
    sns = loop.cloud.client("sns")
    topic = sns.create_topic(Name=TOPIC.rpartition(":")[2])["TopicArn"]
    assert topic == TOPIC
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=relay.url)

    def confirmed() -> bool:
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [one["SubscriptionArn"].startswith(topic) for one in found] == [True]

    until("confirming the subscription", confirmed, seconds=PATIENCE_S)
    assert relay.answers("SubscriptionConfirmation") == [200]
    address = "posted@example.net"
    sns.publish(TopicArn=topic, Message=bounce_of(address))
    until("posting", lambda: relay.answers("Notification"), seconds=PATIENCE_S)
    assert relay.answers("Notification") == [200]
    found = verdict(loop, address)
    assert (found["suppressed"], found["reason"]) == (True, "hard_bounce")
    again = next(values for values, _ in relay.posted if values["Type"] == "Notification")
    assert relay.deliver(body(again)) == 200
    assert verdict(loop, address) == found


def test_what_is_forged_or_of_another_topic_is_refused_and_nothing_is_stored(
    loop: Loop, deliver: Callable[..., int]
) -> None:
    """Signed by somebody else, changed after it was signed, or of a topic that nobody listed."""
    now = format_time(SystemClock().now())

    def of(address: str, topic: str = TOPIC) -> dict[str, Any]:
        return notification(bounce_of(address), now, topic=topic, version="2", SigningCertURL=CERTIFICATE)

    stranger, changed, other = "stranger@example.net", "changed@example.net", "other-topic@example.net"
    assert deliver(body(signed(of(stranger), "stranger"))) == 403
    assert deliver(body(of("before@example.net") | {"Message": bounce_of(changed)})) == 403
    assert deliver(body(of(other, "arn:aws:sns:eu-west-1:000000000000:not-listed"))) == 403
    assert not any(verdict(loop, address)["suppressed"] for address in (stranger, changed, other))


def test_what_is_no_post(loop: Loop, deliver: Callable[..., int]) -> None:
    """Long, no JSON, another type, another path: refused, the last without the function."""
    assert deliver(b"x" * 1_100_000) == 413
    assert deliver(b"{") == 400
    assert deliver(b"\xff\xfe") == 400
    assert deliver(b"{}", **{"Content-Type": "application/x-www-form-urlencoded"}) == 415
    before = loop.invocations(naming.RECEIVE_POSTS)
    assert deliver(b"{}", "/") == 404
    assert loop.invocations(naming.RECEIVE_POSTS) == before
