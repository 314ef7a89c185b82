"""Feedback of another account, posted over HTTP to an application of one's own, ends in the deployed table."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from local.authority import Authority, body, notification, pem, signed
from local.loop import Loop
from ses_feedback.adapters import clients
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.domain.times import format_time
from ses_feedback.endpoint import open_endpoint, opening, wsgi_app
from tests.e2e.conftest import CONFIG
from tests.unit.usecases import mail

TOPIC = "arn:aws:sns:us-west-2:444455556666:ses-bounces"
CERTIFICATE = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def url(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An application with the endpoint of the deployment, which trusts the test authority."""
    for name, value in loop.cloud.exports().items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    authority = Authority(SystemClock().now())
    served = pem(authority.certificate("sns.amazonaws.com"), authority.intermediate)
    monkeypatch.setattr(opening, "fetch", {CERTIFICATE: served}.__getitem__)
    monkeypatch.setattr(opening, "public_roots", lambda: [authority.root])
    server = make_server("127.0.0.1", 0, wsgi_app(open_endpoint(CONFIG)), handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sns"
    server.shutdown()
    thread.join()
    server.server_close()
    clients.client.cache_clear()


def post(url: str, data: bytes) -> int:
    """Post as SNS does; return the status of the answer."""
    request = urllib.request.Request(url, data, {"Content-Type": "text/plain; charset=UTF-8"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_post_of_another_account_suppresses_and_a_forged_one_does_not(loop: Loop, url: str) -> None:
    """When the answer is given, the command line knows; played again, it changes nothing."""
    now = SystemClock().now()

    def of(address: str) -> dict[str, str]:
        text = mail.text(mail.bounce(f"m-{address}", [address], at=now))
        text = text.replace("us-east-1:111122223333", ":".join(TOPIC.split(":")[3:5]))  # where the topic is
        return notification(text, format_time(now), topic=TOPIC, version="2", SigningCertURL=CERTIFICATE)

    elsewhere, forged = "elsewhere@example.net", "forged@example.net"
    assert post(url, body(of(elsewhere))) == 200
    assert post(url, body(signed(of(forged), "stranger"))) == 403
    verdicts = loop.check([elsewhere, forged], "production", "transactional")
    assert verdicts[elsewhere]["suppressed"] is True
    assert verdicts[elsewhere]["reason"] == "hard_bounce"
    assert verdicts[forged]["suppressed"] is False
    assert post(url, body(of(elsewhere))) == 200
    assert loop.check([elsewhere], "production", "transactional")[elsewhere] == verdicts[elsewhere]
