"""ASK: an HTTP API answers whether addresses may be mailed, and takes decisions, for programs in any language.

The event is an HTTP API's, payload format 2.0, of a route with IAM authorisation (API Gateway developer guide, `Create
AWS Lambda proxy integrations for HTTP APIs`): who calls has been verified, and may call this very path. Whatever is
wrong with a request is answered as a problem (RFC 9457). What only a deployment can mend is raised: the caller gets
500, and the alarm on this function's errors goes off.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from ses_feedback import naming
from ses_feedback.adapters.faults import passes
from ses_feedback.adapters.runtime import Runtime
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.usecases.lookup import CHECK, Desk, NoEnvironment, answer
from ses_feedback.usecases.lookup_requests import LARGEST, BadRequest
from ses_feedback.usecases.ports import AccountLists

runtime = Runtime()
Response = dict[str, Any]


def handler(event: Mapping[str, Any], context: object) -> Response:
    """Answer one request. Raises ``RetryableError`` or ``PermanentError`` where the deployment is at fault."""
    operation = naming.LOOKUP_ROUTES[event["routeKey"]]
    desk = Desk(runtime.rules, runtime.store, _lists, lambda: runtime.now)
    try:
        answered = answer(desk, operation, event["pathParameters"]["environment"], _body(event), _caller(event))
    except _TooLarge as error:
        return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
    except NoEnvironment as error:
        return _problem(HTTPStatus.NOT_FOUND, str(error))
    except BadRequest as error:
        return _problem(HTTPStatus.BAD_REQUEST, str(error))
    except RetryableError as error:
        if not passes(error):
            raise
        runtime.logger.warning("not answered", operation=operation, why=str(error))
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}; try again", {"retry-after": "1"})
    if operation != CHECK:  # a question before every mail leaves no line
        runtime.logger.info("decided", operation=operation, suppressed=answered["suppressed"])
    return _response(HTTPStatus.OK, "application/json", answered)


class _TooLarge(PermanentError):
    """More than any request needs."""


def _body(event: Mapping[str, Any]) -> str:
    """Return a request's body: API Gateway hands over as base64 what is not of a textual type."""
    body: str = event.get("body") or ""
    if len(body) > 2 * LARGEST:
        raise _TooLarge(f"the body has more than {LARGEST // 1024} kB")
    data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    if len(data) > LARGEST:
        raise _TooLarge(f"the body has more than {LARGEST // 1024} kB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8: byte 0x{data[error.start]:02x} at {error.start}") from None


def _caller(event: Mapping[str, Any]) -> str:
    """Return the ARN of whoever signed the request: a user's, or a role's with the name of its session."""
    authorizer = event["requestContext"].get("authorizer") or {}
    return str((authorizer.get("iam") or {}).get("userArn") or "")


def _lists(spellings: Sequence[str]) -> AccountLists:
    """Open SES's own lists: only a release pays for botocore's client."""
    from ses_feedback.adapters.account_lists import SesAccountLists  # noqa: PLC0415
    from ses_feedback.adapters.clients import client  # noqa: PLC0415

    rules = runtime.rules
    # One try each: with three, one region that does not answer would take all the time there is to answer.
    return SesAccountLists(
        rules.deployment, rules.regions, spellings, lambda service, region: client(service, region, attempts=1)
    )


def _problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return _response(status, "application/problem+json", problem, headers)


def _response(
    status: HTTPStatus, type_: str, values: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    return {
        "statusCode": int(status),
        "headers": {"content-type": type_, "cache-control": "no-store", **(headers or {})},
        "body": json.dumps(values, separators=(",", ":")),
    }
