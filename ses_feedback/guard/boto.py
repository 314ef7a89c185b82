"""Hooks a guard into a boto3 client, through botocore's events: every sending call of the client passes it.

botocore sends with the parameters of the first hook of ``provide-client-params`` that returns any. Whichever it is,
``before-parameter-build`` comes after it, with the parameters themselves: there they change in place. The request that
is signed is held against them once more, in ``request-created``. ``before-call`` may answer in place of SES, and
``after-call`` completes an answer; all share a context. So other hooks, retries, threads and wrappers all pass.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse

from ses_feedback.domain.recipients import recipients
from ses_feedback.guard.calls import CALLS, SendCall, call_of, recipients_of
from ses_feedback.guard.errors import Misconfigured, NobodyFound, Overridden
from ses_feedback.guard.signed import message_of, named_in
from ses_feedback.usecases.guarding import Outcome

if TYPE_CHECKING:
    from ses_feedback.guard.core import Guard

# Where an answer of SES carries what the guard did.
ANSWER_KEY: Final = "SesFeedback"
_CONTEXT: Final = "ses_feedback.guard"

_guarded: weakref.WeakSet[Any] = weakref.WeakSet()
_guarding = threading.Lock()


class _Screened:
    """A call on its way: how it is read, what was asked for, what became of it, and whom the request may name."""

    def __init__(self, call: SendCall, asked: Mapping[str, Any]) -> None:
        self.call = call
        self.asked = asked
        self.outcome: Outcome | None = None  # where nobody is named there is none
        self.named = Counter(call.named(asked))
        self.put_back: tuple[dict[str, Any], dict[str, Any]] | None = None


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
    # The hooks of a longer name all come before those of a shorter one: the shortest are last of all.
    events.register_last("before-parameter-build", hooks.screen)
    events.register_last("request-created", hooks.verify)
    for operation in CALLS[service]:
        events.register_first(f"before-call.{service}.{operation}", hooks.answer_for_nobody)
        events.register_first(f"after-call.{service}.{operation}", hooks.tell)
    return client


class _Hooks:
    """What botocore calls. An exception raised here is raised by the sending call."""

    def __init__(self, guard: Guard, service: str) -> None:
        self._guard = guard
        self._service = service

    def screen(self, params: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        """Take off the parameters whom the mail loses."""
        if model.name not in CALLS[self._service]:
            return
        if context.get("is_presign_request"):
            raise Misconfigured(
                f"a presigned URL of {model.name} would send later, past the guard: send through the client, or "
                "presign with another client"
            )
        if not isinstance(params, dict):
            return  # a mistake that boto3 reports
        call, asked = call_of(self._service, model.name, params)
        context[_CONTEXT] = screened = _Screened(call, asked)
        named = call.recipients(asked)
        left = asked
        if named:
            sender, arn = call.sender(asked)
            screened.outcome = self._guard.screen(named, sender=sender, sender_arn=arn)
            if not screened.outcome.nobody_left:
                left = call.without(asked, screened.outcome)
                screened.named = Counter(call.named(left))
        elif call.message(asked) is not None and self._guard.options.malformed == "refuse":
            raise NobodyFound
        # The top is botocore's own dict, or one that a hook keeps: it is put back once the request is made.
        screened.put_back = (params, dict(params))
        params.clear()
        params.update(left)

    def answer_for_nobody(self, context: dict[str, Any], params: Any, **_: Any) -> tuple[AWSResponse, Any] | None:
        """Answer in place of SES where nobody is left."""
        screened: _Screened | None = context.get(_CONTEXT)
        if screened is None:
            return None
        if screened.put_back is not None:
            given, as_it_was = screened.put_back
            given.clear()
            given.update(as_it_was)
            screened.put_back = None
        if screened.outcome is None or not screened.outcome.nobody_left:
            return None
        parsed = screened.call.unsent(screened.asked, screened.outcome)
        metadata = {"RequestId": "", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return AWSResponse(params["url"], 200, {}, None), {**parsed, "ResponseMetadata": metadata}

    def verify(self, request: Any, **_: Any) -> None:
        """Ask once more where the request names others than the guard left. Raises ``Overridden``.

        Whatever changes a request after this breaks its signature.
        """
        screened: _Screened | None = request.context.get(_CONTEXT)
        if screened is None:
            return
        before = screened.outcome
        if before is not None and before.nobody_left:
            raise Overridden(before)
        named = named_in(request.data)
        if Counter(named) == screened.named:
            return
        screened.named = Counter(named)
        named = named or recipients_of(message_of(request.data))
        if before is not None and not _reached(named).isdisjoint(_reached(lost.recipient for lost in before.removed)):
            raise Overridden(before)
        sender, arn = screened.call.sender(screened.asked)
        outcome = self._guard.check(named, sender=sender, sender_arn=arn)
        if outcome.loses:
            raise Overridden(outcome)
        screened.outcome = before or outcome

    def tell(self, parsed: Any, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        """Put the outcome into the answer, so that the caller sees it."""
        screened: _Screened | None = context.get(_CONTEXT)
        if screened is None or screened.outcome is None or not isinstance(parsed, dict):
            return
        if http_response.status_code < 300 and screened.outcome.loses:
            screened.call.answer(screened.asked, screened.outcome, parsed)
        parsed[ANSWER_KEY] = screened.outcome.record()


def _reached(texts: Iterable[str]) -> set[str]:
    return {mailbox for text in texts for one in recipients(text) for mailbox in one.mailboxes}
