"""Lambda: one queue of asynchronous invocations, as AWS has, for everything that does not wait for an answer.

The emulator starts a thread and an interpreter for every SNS message, however many come at once, and an SNS-invoked
function that fails reaches no on-failure destination. Here an invocation waits in a queue of its function, a bounded
number run at once, a failed one is tried twice more after a pause, and then goes to its on-failure destination or
dead-letter queue in the documented envelope (AWS Lambda Developer Guide, *Asynchronous invocation*; *Capturing
records*).
"""

from __future__ import annotations

import contextvars
import heapq
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ministack.core.responses import get_account_id, new_uuid
from ministack.services import cloudwatch, lambda_svc, sns

from local.gaps import queues

log = logging.getLogger("local.invocations")

# AWS waits a minute, then two. Nobody wants to wait that long beside a laptop.
RETRY_DELAYS: Final = tuple(float(s) for s in os.environ.get("LOCAL_LAMBDA_RETRY_SECONDS", "1,2").split(","))
# At once, of one function: more interpreters than processors only make each other slower.
CONCURRENCY: Final = int(os.environ.get("LOCAL_LAMBDA_CONCURRENCY") or max(2, min(4, os.cpu_count() or 2)))
Function = dict[str, Any]
Event = dict[str, Any]


@dataclass(order=True)
class _Invocation:
    due: float
    number: int
    function: Function = field(compare=False)
    event: Event = field(compare=False)
    context: contextvars.Context = field(compare=False)
    attempts: int = field(default=0, compare=False)
    accepted: float = field(default_factory=time.time, compare=False)


class AsyncQueue:
    """The asynchronous invocations of one function, in order of when they are due, ``CONCURRENCY`` at once."""

    def __init__(self, run: Callable[[_Invocation], float | None], concurrency: int = CONCURRENCY) -> None:
        self._run = run
        self._limit = concurrency
        self._heap: list[_Invocation] = []
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._count = 0

    def put(self, function: Function, event: Event) -> None:
        """Accept an invocation and return at once; the caller's account and region travel with it."""
        with self._changed:
            self._count += 1
            self._push(_Invocation(time.monotonic(), self._count, function, event, contextvars.copy_context()))

    def _push(self, invocation: _Invocation) -> None:
        heapq.heappush(self._heap, invocation)
        if not self._idle and self._threads < self._limit:
            self._threads += 1
            threading.Thread(target=self._work, name="local-async-invoke", daemon=True).start()
        self._changed.notify()

    def _next(self) -> _Invocation:
        with self._changed:
            self._idle += 1
            while True:
                wait = self._heap[0].due - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    self._idle -= 1
                    return heapq.heappop(self._heap)
                self._changed.wait(wait)

    def _work(self) -> None:
        while True:
            invocation = self._next()
            try:
                delay = invocation.context.run(self._run, invocation)
            except Exception:
                log.exception("an asynchronous invocation was lost")
                continue
            if delay is not None:
                with self._changed:
                    invocation.due = time.monotonic() + delay
                    self._push(invocation)


_queues: dict[str, AsyncQueue] = {}
_guard = threading.Lock()


def install() -> None:
    """Route every asynchronous invocation through the queue, and emit AWS/Lambda's metrics for every invocation."""
    lambda_svc.invoke_async_with_retry = invoke_async
    emit, dispatch = lambda_svc._emit_lambda_metrics, lambda_svc._execute_function_dispatch

    def execute(func: Function, config: Function, event: Event, request_id: str, started: float) -> dict[str, Any]:
        result: dict[str, Any] = dispatch(func, config, event, request_id, started)
        duration = (time.time() - started) * 1000
        emit(config.get("FunctionName"), duration_ms=duration, error=bool(result.get("error")), throttle=False)
        return result

    def only_throttles(name: str, *, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            emit(name, duration_ms=duration_ms, error=error, throttle=throttle)

    lambda_svc._execute_function_dispatch = execute
    lambda_svc._emit_lambda_metrics = only_throttles  # the emulator counts only invocations through the API


def invoke_async(function: Function, event: Event) -> None:
    """Accept an asynchronous invocation of a function record."""
    config = function.get("config") or function
    with _guard:
        queue = _queues.setdefault(config["FunctionArn"], AsyncQueue(_attempt))
    queue.put(function, event)


def invoke_by_arn(arn: str, event: Event) -> bool:
    """Accept an asynchronous invocation of the function with an ARN; say whether there is one."""
    function, config, _name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        return False
    invoke_async(lambda_svc._execution_record_for_config(function, config), event)
    return True


def _attempt(invocation: _Invocation) -> float | None:
    """Run an invocation once; return the pause before the next attempt, or ``None`` when it is over."""
    function = invocation.function
    config = function.get("config") or function
    options = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    result = lambda_svc._execute_function_with_config_scope(function, invocation.event)
    throttled = bool(result.get("throttle"))
    if not throttled:
        invocation.attempts += 1
    if not result.get("error") and not throttled:
        return None
    age = time.time() - invocation.accepted
    too_old = age > float(options.get("MaximumEventAgeInSeconds") or 21_600)
    retries = options.get("MaximumRetryAttempts")
    allowed = 2 if retries is None else int(retries)
    if throttled and not too_old:
        return 1.0
    if invocation.attempts <= allowed and not too_old:
        return RETRY_DELAYS[min(invocation.attempts - 1, len(RETRY_DELAYS) - 1)]
    _give_up(invocation, config, options, result, "EventAgeExceeded" if too_old else "RetriesExhausted")
    return None


def _give_up(
    invocation: _Invocation, config: Function, options: dict[str, Any], result: dict[str, Any], condition: str
) -> None:
    name = config["FunctionName"]
    destination = ((options.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    dimensions = {"FunctionName": name}
    if not destination and not dead_letters:
        cloudwatch.record_metric("AWS/Lambda", "AsyncEventsDropped", 1, "Count", dimensions)
        return
    for target, body in (
        (destination, json.dumps(_record(invocation, config, result, condition))),
        (dead_letters, json.dumps(invocation.event)),
    ):
        if target and not _send(target, body):
            missed = "DestinationDeliveryFailures" if target == destination else "DeadLetterErrors"
            cloudwatch.record_metric("AWS/Lambda", missed, 1, "Count", dimensions)
            log.warning("%s: its failure destination %s does not exist", name, target)


def _record(invocation: _Invocation, config: Function, result: dict[str, Any], condition: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "version": "1.0",
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": new_uuid(),
            "functionArn": f"{config['FunctionArn']}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": invocation.attempts,
        },
        "requestPayload": invocation.event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": result.get("body") or {},
    }


def _send(target: str, body: str) -> bool:
    """Send to a destination by its ARN; say whether there was one."""
    service = target.split(":")[2]
    if service == "sqs":
        return queues.put(target, body)
    if service == "sns":
        return sns.publish_internal(target, body) is not None
    if service == "lambda":
        return invoke_by_arn(target, json.loads(body))
    log.warning("destination %s in account %s: only SQS, SNS and Lambda are emulated", target, get_account_id())
    return False
