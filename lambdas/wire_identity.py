"""Custom resource ``Custom::SesIdentityWiring``: points an identity's notifications at its topics, and gives it back.

Properties: ``Identity``, ``Topics`` (``Bounce``, ``Complaint``, ``Delivery``: ARNs), optional ``ConfigurationSet``. The
physical id is the identity. Data: ``Status``, ``wired`` or ``pending``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.custom_resource import Context, Request, serve
from ses_feedback.adapters.ses import SesIdentities
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.domain.settings import Wish
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.pacing import Clock, Pacer, Slots
from ses_feedback.usecases.wiring import RESTORED, InvalidWish, Memory, Outcome, SesGateway, Wiring, check_wish

# Of the time a function has: kept back for the answer, and then for undoing a Create that failed.
ANSWER_MS: Final = 20 * SECOND
UNDO_MS: Final = 120 * SECOND

logger = Logger(service=naming.WIRE_IDENTITY)


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return the present in ms since 1970."""
        return time.time_ns() // 1_000_000

    def sleep(self, ms: int) -> None:
        """Let a duration in ms pass."""
        time.sleep(ms / 1_000)


class Gateways(NamedTuple):
    """What the function works with, and the interval of SES calls in ms."""

    ses: SesGateway
    memory: Memory
    slots: Slots
    clock: Clock
    interval: int


@lru_cache(maxsize=1)
def gateways() -> Gateways:
    """Return the real ones, from the function's environment."""
    table = WiringTable(client("dynamodb"), os.environ[naming.ENV_WIRING_TABLE])
    interval = int(os.environ.get(naming.ENV_SES_INTERVAL, naming.DEFAULT_SES_INTERVAL_MS))
    # One try each: the pacer decides when a call may be repeated.
    ses = SesIdentities(client("ses", attempts=1), client("sesv2", attempts=1))
    return Gateways(ses, table, table, SystemClock(), interval)


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Answer a request of CloudFormation."""
    serve(event, context, partial(_work, context=context), physical_id=_wanted_identity, log=logger)


def _work(request: Request, *, context: Context) -> Mapping[str, str]:
    if request.type == "Delete":
        outcome = _delete(request, context)
    else:
        identity, wish = _wanted_identity(request), _wish(request.properties)
        _, _, _, region, account, *_ = context.invoked_function_arn.split(":")
        check_wish(wish, region, account)
        if request.type == "Update" and request.physical_id == identity:
            outcome = _wiring(context, keep=ANSWER_MS).wire(identity, wish)
        else:
            # An Update of the identity is a replacement: a Create, then CloudFormation deletes the former one.
            undoing = _wiring(context, keep=ANSWER_MS)
            outcome = _wiring(context, keep=ANSWER_MS + UNDO_MS).wire_or_undo(identity, wish, undoing)
    logger.info("wiring", extra={"status": outcome.status, "changes": outcome.changes, "left": outcome.left})
    return {"Status": outcome.status}


def _delete(request: Request, context: Context) -> Outcome:
    """Give back the identity that the physical id names; one that a failed Create never had changed nothing."""
    identity = request.physical_id or ""
    if not _is_identity(identity):
        # CloudFormation made this id up: the Create was never answered.
        identity = str(request.properties.get("Identity") or "")
    if not _is_identity(identity):
        return Outcome(RESTORED)
    try:
        wish = _wish(request.properties)
    except InvalidWish:
        # A Create that failed on these properties changed nothing, but what was remembered before still counts.
        wish = Wish({})
    return _wiring(context, keep=ANSWER_MS).unwire(identity, wish)


def _wiring(context: Context, *, keep: int) -> Wiring:
    """Return the use case with the time that is left, less what is to be kept back (never more than half)."""
    given = gateways()
    left = context.get_remaining_time_in_millis()
    until = given.clock.now() + max(left - keep, left // 2)
    pacer = Pacer(given.slots, given.clock, interval=given.interval, until=until)
    return Wiring(given.ses, given.memory, pacer)


def _is_identity(text: str) -> bool:
    """Tell an identity from an id that CloudFormation made up, which has neither dot nor @."""
    return "." in text or "@" in text


def _wanted_identity(request: Request) -> str:
    identity = request.properties.get("Identity")
    if not isinstance(identity, str) or not _is_identity(identity):
        raise InvalidWish(f"Identity {str(identity)[:100]!r} is neither a domain (example.com) nor an address")
    return identity


def _wish(properties: Mapping[str, Any]) -> Wish:
    topics = properties.get("Topics")
    if not isinstance(topics, Mapping) or not all(isinstance(topic, str) for topic in topics.values()):
        raise InvalidWish("Topics must map Bounce, Complaint and Delivery to the ARNs of SNS topics")
    name = properties.get("ConfigurationSet") or None
    if name is not None and not isinstance(name, str):
        raise InvalidWish("ConfigurationSet must be the name of a configuration set")
    return Wish(dict(topics), name)
