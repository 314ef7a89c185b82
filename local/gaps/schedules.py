"""EventBridge: schedules that come on time, and whose functions run as every asynchronous invocation does.

The emulator looks every ten seconds which rule is due, asks no function's policy, and invokes past the queue of
asynchronous invocations: an invocation that fails is neither retried nor dead-lettered.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge

from local.gaps import policies
from local.gaps.invocations import invoke_by_arn

log = logging.getLogger("local.schedules")

# How many times as fast as on AWS a schedule's hours pass; 1 is AWS's pace.
SPEED_UP: Final = float(os.environ.get("LOCAL_SCHEDULE_SPEED_UP", "1"))
_SWEEP_SECONDS: Final = 1.0


def install() -> None:
    """Sweep every second, by the chosen clock, and invoke through the queue."""
    interval_of, invoke = eventbridge._parse_rate_seconds, eventbridge._invoke_target

    def interval(expression: str) -> float | None:
        seconds = interval_of(expression)
        return None if seconds is None else seconds / SPEED_UP

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        if ":lambda:" in target.get("Arn", "") and not policies.may_invoke(
            target["Arn"], service="events.amazonaws.com", source_arn=rule["Arn"]
        ):
            name = rule.get("Name", "")
            log.warning("rule %s may not invoke %s", name, target["Arn"])
            cloudwatch.record_metric("AWS/Events", "FailedInvocations", 1, "Count", {"RuleName": name})
            return
        invoke(target, event, rule, view)

    eventbridge._SCHEDULER_TICK_INTERVAL = _SWEEP_SECONDS
    eventbridge._parse_rate_seconds = interval
    eventbridge._invoke_target = invoke_target
    eventbridge._dispatch_to_lambda = _dispatch


def _dispatch(arn: str, payload: str) -> None:
    if not invoke_by_arn(arn, json.loads(payload)):
        log.warning("function %s of account %s in %s does not exist", arn, get_account_id(), get_region())
