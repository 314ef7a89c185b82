"""The endpoint behind an HTTP API of API Gateway, whose events have payload version 2.0."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from ses_feedback.endpoint.answering import Answer, Endpoint
from ses_feedback.endpoint.posts import MAX_BODY

# Base64 writes three bytes in four letters; of a text each letter is a byte at least.
_MOST_LETTERS: Final = -(-MAX_BODY // 3) * 4


def answer_event(endpoint: Endpoint, event: Mapping[str, Any]) -> Answer:
    """Return the answer to a request. API Gateway takes 10 MB: what is too long is neither decoded nor parsed."""
    method, headers = event["requestContext"]["http"]["method"], event.get("headers") or {}
    early = endpoint.refuse_early(method, {name.lower(): value for name, value in headers.items()})
    if early is not None:
        return early
    text, encoded = event.get("body") or "", event.get("isBase64Encoded") is True
    if len(text) > (_MOST_LETTERS if encoded else MAX_BODY):
        return Answer(413, f"more than {MAX_BODY:,} bytes")
    try:
        # What is no UTF-8 stays so, and is refused as any other endpoint refuses it.
        body = base64.b64decode(text, validate=True) if encoded else text.encode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        return Answer(400, "the body is not what it is said to be")
    return endpoint.answer(method, headers, body)


def response(answer: Answer) -> dict[str, Any]:
    """Return an answer as the API takes it; it counts the length itself."""
    headers = {name: value for name, value in answer.all_headers if name != "content-length"}
    return {"statusCode": int(answer.status), "headers": headers, "body": answer.body.decode()}
