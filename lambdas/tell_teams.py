"""TELL: every minute, what waits for teams' people goes out as digests, one in five minutes for each team at most.

The event says nothing: what is due is decided by what waits, and by when each team was last told.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Final, Protocol

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.digest_press import SnsPress
from ses_feedback.adapters.digest_queue import SqsDigestQueue
from ses_feedback.adapters.digest_turns import DigestTurns
from ses_feedback.adapters.dynamodb_wire import DynamoDbWire
from ses_feedback.adapters.runtime import ROOT, Runtime
from ses_feedback.config.loop import loop_config
from ses_feedback.config.model import Destination
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.digests import HIDDEN, SHORT_PROTOCOLS, Newsroom, Recipient, Told
from ses_feedback.usecases.handling import counted

# Of the time a function has: kept back for the report.
REPORT_MS: Final = 10_000

runtime = Runtime()


class Context(Protocol):
    """What is read of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in ms."""


@cache
def recipients() -> dict[str, tuple[Recipient, ...]]:
    """Return the people's destinations of each team that has any, from the configuration shipped with the function."""
    found = {}
    for team in loop_config(ROOT).teams.values():
        people = tuple(_recipient(destination) for destination in team.notify if destination.format == "text")
        if people:
            found[team.name] = people
    return found


def _recipient(destination: Destination) -> Recipient:
    key = naming.recipient_key(destination.protocol, destination.endpoint)
    return Recipient(key, destination.on, destination.protocol in SHORT_PROTOCOLS)


@cache
def newsroom() -> Newsroom:
    """Return the use case over the real queues, topics and tables."""
    deployment = runtime.rules.deployment
    queues, topics = os.environ[naming.ENV_QUEUES], os.environ[naming.ENV_TOPICS]

    def open_queue(team: str) -> SqsDigestQueue:
        url = queues + naming.digest_queue_name(deployment, team)
        return SqsDigestQueue(client("sqs"), url, hidden_s=HIDDEN // SECOND, clock=lambda: runtime.now)

    return Newsroom(
        rules=runtime.rules,
        keys=runtime.keys,
        store=runtime.store,
        quarantine=runtime.quarantine,
        turns=DigestTurns(DynamoDbWire(os.environ["AWS_REGION"]), os.environ[naming.ENV_WIRING_TABLE]),
        # One try each: one whose answer was lost would tell people twice.
        press=SnsPress(client("sns", attempts=1), deployment=deployment, topics=topics),
        open_queue=open_queue,
        clock=lambda: runtime.now,
    )


def handler(event: dict[str, Any], context: Context) -> dict[str, int]:
    """Tell the teams whose turn it is; return what the log says too. Raises where a run was not whole."""
    told = newsroom().tell(recipients(), runtime.now + context.get_remaining_time_in_millis() - REPORT_MS)
    _report(told)
    if told.problems:
        raise RetryableError("; ".join(told.problems))
    return counted(told.counts)


def _report(told: Told) -> None:
    if told.counts["quarantined"]:
        dimensions = {naming.DIMENSION_DEPLOYMENT: runtime.rules.deployment}
        runtime.meter.emit(dimensions, runtime.now, {naming.METRIC_QUARANTINED: told.counts["quarantined"]})
    fields: dict[str, Any] = counted(told.counts)
    if told.problems:
        runtime.logger.warning("some teams are told later", problems=dict(told.problems), **fields)
    elif told.counts["told"]:  # most minutes have nothing to tell, and their log would cost more than they do
        runtime.logger.info("done", **fields)
