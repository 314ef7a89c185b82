"""LISTS: every hour: SES's own suppression list and ours are made alike, in each region, where the file asks for it.

The event says nothing. A round of a region begins once it is due, and one that was cut short goes on; only counts are
logged. Raises once all regions were tried where one of them has a problem, so that the alarm on errors tells.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.list_table import ListTable
from ses_feedback.adapters.put_notes import PutNotes
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.adapters.ses_list import SesList
from ses_feedback.adapters.sync_rounds import SyncRounds
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.config.loop import loop_config
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.lists import sync_ports as ports
from ses_feedback.usecases.lists.comparing import Outside
from ses_feedback.usecases.lists.importing import ListStore
from ses_feedback.usecases.lists.ses_list import Terms
from ses_feedback.usecases.lists.syncing import due, sync_regions
from ses_feedback.usecases.pacing import Clock, Pacer, Slots

# Kept back of the time a function has, for a last call and for noting how far it came.
KEEP_MS: Final = 60 * SECOND
# The schedule comes a little early or late; a round a day must not become one every 25 hours.
_EARLY_MS: Final = 10 * MINUTE

logger = Logger(service=naming.SYNC_LISTS, location=None, xray_trace_id=None)


class Context(Protocol):
    """What is read of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until Lambda ends the function, in ms."""


class Gateways(NamedTuple):
    """What the function works with; ``every`` is the time between two rounds, ``interval`` that of SES calls, in ms."""

    terms: Terms
    every: int
    lists: Sequence[ports.SesListGateway]
    store: ListStore
    notes: ports.PutNotes
    rounds: ports.RoundStore
    keys: Keys
    slots: Slots
    clock: Clock
    interval: int


@lru_cache(maxsize=1)
def gateways() -> Gateways:
    """Return the real ones, from the function's environment and the configuration shipped with it."""
    config = loop_config(ROOT)
    deployment, wanted = config.deployment, config.ses_list
    keys = Keys(os.environ[naming.ENV_ADDRESS_KEY])
    dynamodb, wiring = client("dynamodb"), os.environ[naming.ENV_WIRING_TABLE]
    # One try each: the pacer decides when a call may be repeated.
    return Gateways(
        terms=Terms(wanted.environment, wanted.complaints, config.policy),
        every=wanted.every,
        lists=[SesList(deployment.name, client("sesv2", region, 1)) for region in deployment.regions],
        store=ListTable(dynamodb, os.environ[naming.ENV_TABLE], keys, config.policy),
        notes=PutNotes(dynamodb, wiring, keys),
        rounds=SyncRounds(client("s3"), os.environ[naming.ENV_ARCHIVE_BUCKET]),
        keys=keys,
        slots=WiringTable(dynamodb, wiring),
        clock=SystemClock(),
        interval=int(os.environ.get(naming.ENV_SES_INTERVAL, naming.DEFAULT_SES_INTERVAL_MS)),
    )


def handler(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Go on with the rounds that are due; return how many were, and how many ended. Raises ``RetryableError``."""
    given = gateways()
    until = given.clock.now() + context.get_remaining_time_in_millis() - KEEP_MS
    outside = Outside(
        store=given.store,
        notes=given.notes,
        rounds=given.rounds,
        keys=given.keys,
        pacer=Pacer(given.slots, given.clock, interval=given.interval, until=until),
        now=given.clock.now,
        going=lambda: given.clock.now() < until,
        tell=lambda difference: None,
    )
    wanted = [ses for ses in given.lists if due(given.rounds.load(ses.region), given.every - _EARLY_MS, outside.now())]
    ended, problems = 0, []
    for outcome in sync_regions(wanted, given.terms, outside):
        ended += outcome.finished
        fields: dict[str, Any] = {**outcome.counts, "passed": dict(outcome.passed), "waiting": outcome.waiting}
        logger.info("compared", region=outcome.region, finished=outcome.finished, **fields)
        if outcome.problem is not None:
            logger.error("a problem", region=outcome.region, why=outcome.problem)
            problems.append(outcome.region)
    if problems:
        raise RetryableError(f"SES's list could not be kept in step in {', '.join(problems)}: the log says why")
    return {"due": len(wanted), "ended": ended}
