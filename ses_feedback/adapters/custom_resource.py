"""CloudFormation's custom resource protocol, raw: a request comes in as the event, the answer goes out by PUT.

Source: CloudFormation user guide, "Custom resource request and response reference". CloudFormation waits for the answer
until its timeout (an hour by default), so there always is one, whatever goes wrong.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError

# The whole answer must stay under 4 KB; the reason is what a person reads in the stack's events.
REASON_LENGTH: Final = 1_000
PUT_TRIES: Final = 5
PUT_TIMEOUT_SECONDS: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.5


class Context(Protocol):
    """What is used here of Lambda's context object."""

    invoked_function_arn: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in ms."""


class Log(Protocol):
    """What is used here of a logger."""

    def info(self, msg: object, *, extra: Mapping[str, object] | None = None) -> None:
        """Log a line with fields."""

    def exception(self, msg: object, *, extra: Mapping[str, object] | None = None) -> None:
        """Log a line with fields and the traceback of the present exception."""


class Request(NamedTuple):
    """``type`` is Create, Update or Delete; ``physical_id`` is that of the resource as it is (``None`` with Create).

    ``former_properties`` are those that an Update comes from, else empty.
    """

    type: str
    physical_id: str | None
    logical_id: str
    properties: Mapping[str, Any]
    former_properties: Mapping[str, Any]


Work = Callable[[Request], Mapping[str, str]]


def serve(
    event: Mapping[str, Any],
    context: Context,
    work: Work,
    *,
    physical_id: Callable[[Request], str],
    log: Log,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Do what CloudFormation asks and answer it: SUCCESS with what ``work`` returns as Data, FAILED with one line why.

    ``physical_id`` names the resource of a Create or Update; a Delete is answered with the id it came with. The reason
    is ``str(error)`` of a ``FeedbackError`` with its notes; of anything else it is the error's name and the log stream,
    where the traceback is. Raises ``PermanentError`` for an event that is no request, and ``RetryableError`` if the
    answer could not be delivered: Lambda then calls again, and ``work`` must bear that.
    """
    url = _answer_address(event.get("ResponseURL"), context.invoked_function_arn.split(":")[3])
    request = Request(
        type=str(event.get("RequestType")),
        physical_id=event.get("PhysicalResourceId"),
        logical_id=str(event.get("LogicalResourceId")),
        properties=event.get("ResourceProperties") or {},
        former_properties=event.get("OldResourceProperties") or {},
    )
    answer: dict[str, Any] = {
        "StackId": event.get("StackId"),
        "RequestId": event.get("RequestId"),
        "LogicalResourceId": event.get("LogicalResourceId"),
        "PhysicalResourceId": request.physical_id or request.logical_id,
        "NoEcho": False,
    }
    about: dict[str, object] = {"request": request.type, "logical_id": request.logical_id}
    try:
        if request.type not in ("Create", "Update", "Delete"):
            raise PermanentError(f"RequestType {request.type[:40]!r} is neither Create, Update nor Delete")  # noqa: TRY301
        if request.type != "Delete":
            answer["PhysicalResourceId"] = physical_id(request)
        answer |= {"Status": "SUCCESS", "Data": dict(work(request))}
        log.info("custom resource done", extra={**about, "data": answer["Data"]})
    except Exception as error:
        # Whatever it is, CloudFormation must hear of it.
        reason = _reason(error, context)
        answer |= {"Status": "FAILED", "Reason": reason}
        log.exception("custom resource failed", extra={**about, "reason": reason})
    _put(url, answer, context, pause)


def _answer_address(url: object, region: str) -> str:
    """Return the URL for the answer: a bucket of CloudFormation's own, over https. Raises ``PermanentError``.

    Whoever may invoke the function could have it answer anywhere. The bucket is named in the CloudFormation user guide
    ("Setting up VPC endpoints": ``cloudformation-custom-resource-response-region``, the region without dashes). Where
    the environment names another AWS (``AWS_ENDPOINT_URL``), the answer goes there.
    """
    found = urllib.parse.urlsplit(url if isinstance(url, str) else "")
    bucket = f"cloudformation-custom-resource-response-{region.replace('-', '')}"
    s3 = rf"{bucket}\.s3([.-](dualstack\.)?{region})?\.amazonaws\.com(\.cn)?"
    own = urllib.parse.urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    try:
        port = found.port
    except ValueError:
        port = -1
    if found.scheme == "https" and port in (None, 443) and re.fullmatch(s3, found.hostname or ""):
        return found.geturl()
    if own.netloc and (found.scheme, found.netloc) == (own.scheme, own.netloc):
        return found.geturl()
    raise PermanentError(
        "this event is not a request of CloudFormation for a custom resource: its ResponseURL must be https and in "
        f"the bucket {bucket}, not at {(found.hostname or 'no host')[:100]!r}"
    )


def _reason(error: Exception, context: Context) -> str:
    said = "; ".join([str(error), *getattr(error, "__notes__", ())])
    if not isinstance(error, FeedbackError):
        said = f"unexpected {type(error).__name__}: {said}"
        said = f"{said[: REASON_LENGTH // 2]} (traceback in log stream {context.log_stream_name})"
    return " ".join(said.split())[:REASON_LENGTH]


def _put(url: str, answer: Mapping[str, Any], context: Context, pause: Callable[[float], None]) -> None:
    """Deliver the answer, trying again while there is time. The URL is signed, hence secret: no message names it."""
    body = json.dumps(answer).encode()
    # The signature covers an empty content type.
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url, data=body, method="PUT", headers={"Content-Type": "", "Content-Length": str(len(body))}
    )
    why = ""
    for attempt in range(PUT_TRIES):
        if attempt:
            wait = FIRST_PAUSE_SECONDS * 2**attempt
            if context.get_remaining_time_in_millis() < (wait + 1) * 1_000:
                break
            pause(wait)
        try:
            with urllib.request.urlopen(request, timeout=PUT_TIMEOUT_SECONDS):  # noqa: S310 - as above
                return
        except urllib.error.HTTPError as error:
            why = f"HTTP status {error.code}"
            error.close()
        except (OSError, http.client.HTTPException) as error:
            why = type(error).__name__
    raise RetryableError(f"CloudFormation did not take the answer {answer['Status']}: {why}")
