"""The endpoint behind an HTTP API: events as API Gateway writes them (payload version 2.0)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.authority import body
from ses_feedback.endpoint.http_api import answer_event, response
from ses_feedback.endpoint.posts import MAX_BODY

from .world import World, bounced


def event(data: str | None, *, method: str = "POST", encoded: bool = False, **headers: str) -> dict[str, Any]:
    """Return the event of a request; names of headers are in lower case, as API Gateway makes them."""
    found: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "POST /sns",
        "rawPath": "/sns",
        "headers": {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"} | headers,
        "requestContext": {"http": {"method": method, "path": "/sns"}},
        "isBase64Encoded": encoded,
    }
    return found if data is None else found | {"body": data}


def test_a_post_is_stored_as_text_or_encoded(world: World) -> None:
    """API Gateway encodes what it does not take for text."""
    data = body(bounced())
    assert response(answer_event(world.endpoint, event(data.decode()))) == {
        "statusCode": 200,
        "headers": {"content-type": "text/plain; charset=utf-8"},
        "body": "stored\n",
    }
    encoded = base64.b64encode(data).decode()
    assert answer_event(world.endpoint, event(encoded, encoded=True)).status == 200
    assert len(world.store.items) == 1


@pytest.mark.parametrize(
    ("given_event", "status"),
    [
        (event(None), 400),
        (event("{}", method="GET"), 405),
        (event("{}", **{"content-type": "application/x-www-form-urlencoded"}), 415),
        (event("{}", **{"content-length": "1048577"}), 413),
        (event("x" * (MAX_BODY + 1)), 413),
        (event("é" * (MAX_BODY // 2 + 1)), 413),
        (event("A" * (MAX_BODY * 2), encoded=True), 413),
        (event(base64.b64encode(b"x" * (MAX_BODY + 1)).decode(), encoded=True), 413),
        (event("no base64!", encoded=True), 400),
        (event("AAA", encoded=True), 400),
        (event(base64.b64encode(b"\xff").decode(), encoded=True), 400),
        (event("\ud800"), 400),
        (event("é", encoded=True), 400),
    ],
)
def test_what_is_no_post_is_refused_for_good(world: World, given_event: dict[str, Any], status: int) -> None:
    """With nothing stored, confirmed or requested."""
    assert answer_event(world.endpoint, given_event).status == status
    assert world.untouched
    assert world.web.asked == []


def test_what_is_far_too_long_is_not_even_decoded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes, as many as API Gateway takes."""
    monkeypatch.setattr(base64, "b64decode", None)
    assert answer_event(world.endpoint, event("A" * 10_000_000, encoded=True)).status == 413


@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.none() | st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()),
    encoded=st.booleans(),
    method=st.sampled_from(["POST", "GET", "PUT", ""]),
    headers=st.dictionaries(
        st.sampled_from(["content-type", "content-length", "content-encoding", "host"]), st.text(), max_size=4
    ),
)
def test_whatever_comes_is_refused_and_nothing_raises(
    world: World, data: str | None, encoded: bool, method: str, headers: dict[str, str]
) -> None:
    """4xx for each; nothing of it is stored."""
    answer = answer_event(world.endpoint, event(data, method=method, encoded=encoded, **headers))
    assert 400 <= answer.status < 500
    assert world.untouched
