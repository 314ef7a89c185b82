"""API Gateway: a route under IAM asks for a right signature, and for a policy that lets its caller call this path.

The emulator asks only whether there is a signature. Each is checked with its own verifier, and the caller's policies
with its own evaluator, against the ARN of the call (API Gateway developer guide, `Control access for invoking an API`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ministack import app
from ministack.core.arn import execute_api_arn
from ministack.core.iam_evaluator import CredentialResolutionError, enforce, resolve_credential
from ministack.core.responses import get_account_id
from ministack.core.sigv4 import HeaderSignature, header_signature_failure, parse_header_signature, request_time_failure

_SERVICE: Final = "execute-api"
_FORBIDDEN: Final = (403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')
Headers = Mapping[str, Any]


def install() -> None:
    """Check each call of a route under IAM before it is answered. After all other gaps: this imports the whole."""
    handle = app._handle_execute_api_request

    async def checked(
        host: str, path: str, method: str, headers: Headers, body: bytes, query: Headers, **more: Any
    ) -> Any:
        call = _call_under_iam(host, path, method)
        if call is not None:
            signature = _signature(method, more.get("raw_path") or path, headers, body, query)
            if signature is None or not _allowed(signature, call):
                return _FORBIDDEN
        return await handle(host, path, method, headers, body, query, **more)

    app._handle_execute_api_request = checked


def _call_under_iam(host: str, path: str, method: str) -> tuple[str, str, str, str] | None:
    """Return id, stage, method and path of a call that IAM decides about; ``None`` for any other request."""
    parsed = app._parse_execute_api_url(host, path)
    if parsed is None:
        return None
    api, first, rest = parsed
    stage, route = app._resolve_stage_and_path(api, first, rest)
    if app._execute_api_authorization_type(api, stage, method, route) != "AWS_IAM":
        return None
    return api, stage, method, route


def _signature(method: str, path: str, headers: Headers, body: bytes, query: Headers) -> HeaderSignature | None:
    """Return the signature of a request, if it is one of a key of the account, for this service, now."""
    found = parse_header_signature(headers)
    if isinstance(found, tuple) or found.service != _SERVICE or request_time_failure(found):
        return None
    token = headers.get("x-amz-security-token", "")
    credential = resolve_credential(found.access_key_id, get_account_id(), token)
    if isinstance(credential, CredentialResolutionError):
        return None
    failed = header_signature_failure(found, credential.secret_access_key, method, path, query, headers, body)
    return None if failed else found


def _allowed(signature: HeaderSignature, call: tuple[str, str, str, str]) -> bool:
    arn = execute_api_arn(signature.region, get_account_id(), *call)
    denied = enforce(signature.access_key_id, "execute-api:Invoke", "apigateway", signature.region, arn)
    return denied is None
