"""The endpoint as a WSGI application (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ses_feedback.endpoint.answering import Answer, Endpoint
from ses_feedback.endpoint.posts import MAX_BODY

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def wsgi_app(endpoint: Endpoint) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """Return a WSGI application that answers every path as the endpoint."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = _answer(endpoint, environ)
        start_response(f"{answer.status:d} {HTTPStatus(answer.status).phrase}", answer.all_headers)
        return [answer.body]

    return app


def _answer(endpoint: Endpoint, environ: Environ) -> Answer:
    headers = {name[5:].replace("_", "-").lower(): str(v) for name, v in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = str(environ[name])
    method = str(environ.get("REQUEST_METHOD", ""))
    early = endpoint.refuse_early(method, headers)
    if early is not None:
        return early
    length = headers.get("content-length")
    if length is None and not environ.get("wsgi.input_terminated"):
        return Answer(411, "the content length is missing")
    body = environ["wsgi.input"].read(MAX_BODY + 1 if length is None else int(length))
    return endpoint.answer(method, headers, body)
