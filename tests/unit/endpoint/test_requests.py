"""The only requests there are: files from checked URLs, and the API that confirms subscriptions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local.authority import TOPIC
from ses_feedback.endpoint import confirming
from ses_feedback.endpoint.confirming import confirm
from ses_feedback.endpoint.errors import NotNow, Refused
from ses_feedback.endpoint.fetching import MAX_FILE, fetch
from tests.unit.adapters.conftest import aws

__all__ = ["aws"]


class _Site(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status = int(self.path[1:4])
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", "/200-elsewhere")
        data = b"x" * (MAX_FILE + 1) if self.path.endswith("huge") else b"hello"
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """A web site, and what was asked of it."""
    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Site", (_Site,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched(site: tuple[str, list[str]]) -> None:
    """As it is."""
    assert fetch(f"{site[0]}/200") == b"hello"


@pytest.mark.parametrize("status", [301, 302, 307])
def test_no_redirect_is_followed(site: tuple[str, list[str]], status: int) -> None:
    """It may lead anywhere: the post comes back, and the other place hears nothing."""
    with pytest.raises(NotNow, match=f"HTTP {status}"):
        fetch(f"{site[0]}/{status}")
    assert site[1] == [f"/{status}"]


@pytest.mark.parametrize(("path", "error"), [("404", Refused), ("403", Refused), ("500", NotNow), ("429", NotNow)])
def test_what_is_not_there_and_what_cannot_be_said(
    site: tuple[str, list[str]], path: str, error: type[Exception]
) -> None:
    """A file that is not there never will be; a server in trouble is asked again."""
    with pytest.raises(error):
        fetch(f"{site[0]}/{path}")


def test_nothing_huge_is_read(site: tuple[str, list[str]]) -> None:
    """A certificate has some kilobytes."""
    with pytest.raises(Refused, match="more than 65,536 bytes"):
        fetch(f"{site[0]}/200-huge")


def test_a_host_that_does_not_answer() -> None:
    """Is asked again."""
    with pytest.raises(NotNow):
        fetch("http://127.0.0.1:9/x")


def test_the_api_takes_the_confirmation(aws: Callable[..., Any]) -> None:
    """In the topic's own region, and unsigned: the token is the permission, whoever owns the topic."""
    topic = aws("sns", "eu-west-1").create_topic(Name="ses-bounces")["TopicArn"]
    confirming._client.cache_clear()
    asked: list[Any] = []
    events = confirming._client("eu-west-1").meta.events
    events.register("before-send.sns", lambda request, **_: asked.append(request))
    confirm(topic, "abc")
    confirming._client.cache_clear()
    (request,) = asked
    assert request.url == "https://sns.eu-west-1.amazonaws.com/"
    assert {"Action=ConfirmSubscription", "Token=abc"} <= set(request.body.split("&"))
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("InvalidParameter", 400, Refused),
        ("NotFound", 404, Refused),
        ("Throttling", 400, NotNow),
        ("ThrottledException", 429, NotNow),
        ("InternalError", 500, NotNow),
    ],
)
def test_what_sns_says_of_a_confirmation(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int, error: type[Exception]
) -> None:
    """A token that it does not take is refused for good; what it cannot say now is tried again."""

    class Client:
        def confirm_subscription(self, **_: str) -> None:
            answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, "ConfirmSubscription")

    monkeypatch.setattr(confirming, "_client", lambda region: Client())
    with pytest.raises(error, match=code):
        confirm(TOPIC, "abc")


def test_an_sns_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is asked again; a topic that is none is not asked about."""

    class Client:
        def confirm_subscription(self, **_: str) -> None:
            raise EndpointConnectionError(endpoint_url="https://sns.us-east-1.amazonaws.com")

    monkeypatch.setattr(confirming, "_client", lambda region: Client())
    with pytest.raises(NotNow, match="EndpointConnectionError"):
        confirm(TOPIC, "abc")
    with pytest.raises(Refused):
        confirm("arn:aws:sns:evil.example/x:444455556666:t", "abc")
