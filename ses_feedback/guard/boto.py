"""Hooks a guard into a boto3 client, through botocore's events: every sending call of the client passes it.

``provide-client-params`` may replace a call's parameters, ``before-call`` may answer in place of SES, ``after-call``
may complete an answer; the three share a context. So retries, threads and wrappers around the client all pass.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.awsrequest import AWSResponse

from ses_feedback.guard.calls import CALLS, SendCall, call_of
from ses_feedback.guard.errors import Misconfigured
from ses_feedback.usecases.guarding import Outcome

if TYPE_CHECKING:
    from ses_feedback.guard.core import Guard

# Where an answer of SES carries what the guard did.
ANSWER_KEY: Final = "SesFeedback"
_CONTEXT: Final = "ses_feedback.guard"

_guarded: weakref.WeakSet[Any] = weakref.WeakSet()
_guarding = threading.Lock()


class _Screened(NamedTuple):
    """A call on its way: how it is read, what the caller asked for, and what became of it."""

    call: SendCall
    asked: Mapping[str, Any]
    outcome: Outcome


def attach(guard: Guard, client: Any) -> Any:
    """Guard the sending calls of a client, once. Raises ``Misconfigured`` for what is no client of SES."""
    model = getattr(getattr(client, "meta", None), "service_model", None)
    service = str(getattr(model, "service_name", type(client).__name__))
    if service not in CALLS:
        raise Misconfigured(f"a guard needs a boto3 client of {' or '.join(CALLS)}, not {service}")
    if inspect.iscoroutinefunction(client._make_api_call):
        raise Misconfigured("a guard needs a boto3 client; one of aiobotocore is not guarded: ask guard.check first")
    with _guarding:
        if client in _guarded:
            raise Misconfigured("this client has a guard already: make another client for another guard")
        _guarded.add(client)
    hooks = _Hooks(guard, service)
    events = client.meta.events
    for operation in CALLS[service]:
        events.register_last(f"provide-client-params.{service}.{operation}", hooks.screen)
        events.register_first(f"before-call.{service}.{operation}", hooks.answer_for_nobody)
        events.register_first(f"after-call.{service}.{operation}", hooks.tell)
    return client


class _Hooks:
    """What botocore calls. An exception raised here is raised by the sending call."""

    def __init__(self, guard: Guard, service: str) -> None:
        self._guard = guard
        self._service = service

    def screen(self, params: Any, model: Any, context: dict[str, Any], **_: Any) -> dict[str, Any] | None:
        """Return the parameters to send with; ``None`` leaves them as they are."""
        if not isinstance(params, dict):
            return None  # a mistake that boto3 reports
        call, asked = call_of(self._service, model.name, params)
        named = call.recipients(asked)
        if not named:
            return asked  # to nobody, or malformed: SES or boto3 says so
        sender, arn = call.sender(asked)
        outcome = self._guard.screen(named, sender=sender, sender_arn=arn)
        context[_CONTEXT] = _Screened(call, asked, outcome)
        return call.without(asked, outcome) if outcome.removed and not outcome.nobody_left else asked

    def answer_for_nobody(self, context: dict[str, Any], params: Any, **_: Any) -> tuple[AWSResponse, Any] | None:
        """Answer in place of SES where nobody is left."""
        screened: _Screened | None = context.get(_CONTEXT)
        if screened is None or not screened.outcome.nobody_left:
            return None
        parsed = screened.call.unsent(screened.asked, screened.outcome)
        metadata = {"RequestId": "", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return AWSResponse(params["url"], 200, {}, None), {**parsed, "ResponseMetadata": metadata}

    def tell(self, parsed: Any, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        """Put the outcome into the answer, so that the caller sees it."""
        screened: _Screened | None = context.get(_CONTEXT)
        if screened is None or not isinstance(parsed, dict):
            return
        if http_response.status_code < 300 and screened.outcome.removed:
            screened.call.answer(screened.asked, screened.outcome, parsed)
        parsed[ANSWER_KEY] = screened.outcome.record()
