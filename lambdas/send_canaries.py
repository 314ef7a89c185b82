"""PROVE: on schedule, identities mail SES's simulator, and what does not come back in time becomes a metric.

The event says nothing: what is due is decided by what the rounds before were.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.canary_mail import CanaryMail
from ses_feedback.adapters.canary_table import CanaryTable
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.dynamodb_wire import DynamoDbWire
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.config.loop import loop_config
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.canaries import Mailer, Patrol, Plan, Rounds, patrol
from ses_feedback.usecases.pacing import Clock
from ses_feedback.usecases.ports import Meter

# Of the time a function has: kept back for the report.
REPORT_MS: Final = 10_000
# Identities that a run's log names one by one; the others are a number.
NAMED: Final = 50

logger = Logger(service=naming.SEND_CANARIES, location=None, xray_trace_id=None)


class Context(Protocol):
    """What is read of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in ms."""


class Gateways(NamedTuple):
    """What the function works with, and the interval of its mails in ms."""

    plan: Plan
    rounds: Rounds
    mailer: Mailer
    meter: Meter
    clock: Clock
    interval: int


@lru_cache(maxsize=1)
def gateways() -> Gateways:
    """Return the real ones, from the function's environment and the configuration shipped with it."""
    config = loop_config(ROOT)
    deployment = config.deployment.name
    identities = tuple(identity.name for identity in config.identities.values() if identity.canary)
    return Gateways(
        Plan(deployment, identities, config.canary.every, config.canary.within),
        CanaryTable(DynamoDbWire(os.environ["AWS_REGION"]), os.environ[naming.ENV_WIRING_TABLE]),
        # One try each: a mail whose answer was lost would go out twice, and a throttled one waits for the next run.
        CanaryMail(client("sesv2", attempts=1), deployment),
        EmfMeter(),
        SystemClock(),
        int(os.environ.get(naming.ENV_SES_INTERVAL, naming.DEFAULT_SES_INTERVAL_MS)),
    )


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Send what is due and judge what was sent; return what the log says too. Raises where a run was not whole."""
    given = gateways()
    done = patrol(
        given.plan,
        rounds=given.rounds,
        mailer=given.mailer,
        meter=given.meter,
        clock=given.clock,
        interval=given.interval,
        until=given.clock.now() + context.get_remaining_time_in_millis() - REPORT_MS,
    )
    _report(done)
    if done.problems:
        raise RetryableError("; ".join(done.problems))
    return {"sent": len(done.sent), "refused": len(done.refused), "waiting": done.waiting, "missing": done.missing}


def _report(done: Patrol) -> None:
    for identity, why in list(done.refused.items())[:NAMED]:
        logger.warning("a canary was refused: ses-feedback doctor says more", identity=identity, why=why)
    for identity, pieces in list(done.lacking.items())[:NAMED]:
        logger.warning("canary feedback is missing or late", identity=identity, missing=list(pieces))
    if done.throttled:
        logger.warning("SES wants fewer mails: the rest is sent by the next run", why=done.throttled)
    logger.info(
        "done",
        sent=len(done.sent),
        refused=len(done.refused),
        waiting=done.waiting,
        failing_identities=len(done.lacking),
        missing=done.missing,
        problems=dict(done.problems),
    )
