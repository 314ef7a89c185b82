"""PROTECT: the page of an identity with a circuit breaker pauses that identity's configuration set.

The event is what CloudWatch gives a function that is an alarm's action: ``alarmData`` holds ``alarmName`` and ``state``
(``value``, ``reason``, ``timestamp``). Source: CloudWatch user guide, `Invoke a Lambda function from an alarm`. It is
invoked asynchronously: what raises is repeated by Lambda, twice, and each failure counts for the alarm on its errors.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.dynamodb_wire import DynamoDbWire
from ses_feedback.adapters.on_call_topics import OnCallTopics
from ses_feedback.adapters.pause_table import PauseTable
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.adapters.sending_switch import SesSwitch
from ses_feedback.config.loop import loop_config
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.pausing import PAGE, Desk, Page, Sender, trip

logger = Logger(service=naming.BREAK_CIRCUIT, location=None, xray_trace_id=None)


class NotOurs(PermanentError):
    """The event is none that a breaker acts on; ``str(error)`` says what it is."""


class Gateways(NamedTuple):
    """What the function works with: the senders by the name of the alarm that pauses each."""

    breakers: Mapping[str, Sender]
    desk: Desk


@lru_cache(maxsize=1)
def gateways() -> Gateways:
    """Return the real ones, from the function's environment and the configuration shipped with it."""
    config = loop_config(ROOT)
    deployment = config.deployment.name
    breakers = {
        naming.rates_alarm_name(deployment, identity.name, PAGE): Sender(
            identity.name, naming.configuration_set_name(deployment, identity.name)
        )
        for identity in config.identities.values()
        if identity.breaker
    }
    table = PauseTable(DynamoDbWire(os.environ["AWS_REGION"]), os.environ[naming.ENV_WIRING_TABLE])
    on_call = OnCallTopics(client("sns"), deployment=deployment, topics=os.environ[naming.ENV_TOPICS])
    return Gateways(breakers, Desk(table, SesSwitch(client("sesv2")), on_call, lambda: time.time_ns() // 1_000_000))


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Pause the identity whose page the event is. Raises ``NotOurs``, and whatever keeps a step from being done."""
    page, state = _read(event)
    given = gateways()
    sender = given.breakers.get(page.alarm)
    if sender is None:
        logger.error("no identity with a breaker has this alarm", alarm=page.alarm)
        raise NotOurs(f"no identity with a breaker has the alarm {page.alarm}: nothing was paused")
    if state != "ALARM":
        # Not an error: nothing is wrong, and the alarm has no such action. Only another's template could bring it here.
        logger.warning("not paused: the alarm is not on", alarm=page.alarm, state=state)
        return {"identity": sender.identity, "outcome": "ignored"}
    outcome = trip(given.desk, sender, page)
    logger.warning(outcome, identity=sender.identity, alarm=page.alarm, at=page.at)
    return {"identity": sender.identity, "outcome": outcome}


def _read(event: Mapping[str, Any]) -> tuple[Page, str]:
    data = event.get("alarmData")
    state = data.get("state") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(state, dict):
        logger.error("not the event of an alarm", keys=sorted(map(str, event)))
        raise NotOurs("this is not the event of a CloudWatch alarm: it has no alarmData with a state")
    name, at, value = data.get("alarmName"), state.get("timestamp"), state.get("value")
    if not (isinstance(name, str) and isinstance(at, str) and isinstance(value, str)):
        logger.error("an alarm's event without name, state or time", keys=sorted(map(str, data)))
        raise NotOurs("this event of an alarm lacks alarmName, state.value or state.timestamp")
    return Page(name, at, str(state.get("reason") or "")), value
