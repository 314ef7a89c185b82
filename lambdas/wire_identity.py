"""Custom resource ``Custom::SesIdentityWiring``: points an identity's notifications at its topics, and gives it back.

Properties: ``Identity``, ``Topics`` (``Bounce``, ``Complaint``, ``Delivery``: ARNs), optional ``ConfigurationSet``,
``Overwrite`` and ``Create`` (``true`` or ``false``). The physical id is the identity. Data: ``Status`` (``wired``,
``pending``, or ``foreign`` after a rollback that left somebody else's setting), ``Why`` where it is pending, and for a
domain with ``Create`` its DKIM records, ``Dkim1`` to ``Dkim3``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.custom_resource import Context, Request, serve
from ses_feedback.adapters.patience import PATIENCE_MS, once_allowed
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.adapters.ses import SesIdentities
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.config.loop import loop_config
from ses_feedback.config.model import Config
from ses_feedback.domain.settings import Wish
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.checks.live import Home
from ses_feedback.usecases.pacing import Clock, Pacer, Slots
from ses_feedback.usecases.permitted import permitted
from ses_feedback.usecases.wiring import Wiring
from ses_feedback.usecases.wiring_ports import RESTORED, InvalidWish, Memory, Outcome, SesGateway

# Of the time a function has: kept back for the answer, and then for undoing a Create that failed.
ANSWER_MS: Final = 20 * SECOND
UNDO_MS: Final = 120 * SECOND
# What a domain's DKIM output says where there is no record to publish: it has a key of its own, or no DKIM.
NO_RECORD: Final = "none"

logger = Logger(service=naming.WIRE_IDENTITY)


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
    tags = {naming.TAG_DEPLOYMENT: os.environ[naming.ENV_DEPLOYMENT]}
    ses = SesIdentities(client("ses", attempts=1), client("sesv2", attempts=1), tags)
    return Gateways(ses, table, table, SystemClock(), interval)


@lru_cache(maxsize=1)
def shipped() -> Config:
    """Return the configuration that was shipped with the function."""
    return loop_config(ROOT)


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Answer a request of CloudFormation."""
    serve(event, context, partial(_work, context=context), physical_id=_wanted_identity, log=logger)


def _work(request: Request, *, context: Context) -> Mapping[str, str]:
    if request.type == "Delete":
        outcome = _delete(request, context)
    else:
        identity = _wanted_identity(request)
        _, partition, _, region, account, *_ = context.invoked_function_arn.split(":")
        wish = permitted(identity, _wish(request.properties), shipped(), Home(partition, region, account))
        _wait_for_table(identity, context)
        if request.type == "Update" and request.physical_id == identity:
            outcome = _wiring(context, keep=ANSWER_MS).update(
                identity,
                wish,
                properties=_fingerprint(request.properties),
                former_properties=_fingerprint(request.former_properties),
            )
        else:
            # An Update of the identity is a replacement: a Create, then CloudFormation deletes the former one.
            undoing = _wiring(context, keep=ANSWER_MS)
            outcome = _wiring(context, keep=ANSWER_MS + UNDO_MS).wire_or_undo(identity, wish, undoing)
    logger.info("wiring", extra={k: v for k, v in outcome._asdict().items() if v})
    return _data(request, outcome)


def _data(request: Request, outcome: Outcome) -> dict[str, str]:
    """Return the attributes of the resource. Outputs refer to them by name, so none that may be asked for is absent."""
    data = {"Status": outcome.status}
    if outcome.why:
        data["Why"] = outcome.why
    if request.properties.get("Create") == "true":
        records = [f"{record.name} CNAME {record.value}" for record in outcome.dkim]
        data |= dict(zip(naming.DKIM_ATTRIBUTES, records + [NO_RECORD] * len(naming.DKIM_ATTRIBUTES), strict=False))
    return data


def _wait_for_table(identity: str, context: Context) -> None:
    """Wait until the table answers: on a first deployment its key may be denied for some minutes."""
    given = gateways()
    until = given.clock.now() + min(PATIENCE_MS, context.get_remaining_time_in_millis() // 2)
    once_allowed(lambda: given.memory.recall(identity), given.clock, until)


def _fingerprint(properties: Mapping[str, Any]) -> str:
    """Return what tells one state of the resource from another, whatever CloudFormation adds for itself."""
    own = {name: value for name, value in properties.items() if name not in ("ServiceToken", "ServiceTimeout")}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def _delete(request: Request, context: Context) -> Outcome:
    """Give back the identity that the physical id names, if the table remembers it.

    The shipped configuration may not name it any more; a failed Create changed nothing and left nothing remembered.
    """
    identity = request.physical_id or ""
    if not _is_identity(identity):
        # CloudFormation made this id up: the Create was never answered.
        identity = str(request.properties.get("Identity") or "")
    if not _is_identity(identity):
        return Outcome(RESTORED)
    _wait_for_table(identity, context)
    return _wiring(context, keep=ANSWER_MS).unwire(identity)


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
    return Wish(dict(topics), name, overwrite=_switch(properties, "Overwrite"), create=_switch(properties, "Create"))


def _switch(properties: Mapping[str, Any], name: str) -> bool:
    """Return a property that CloudFormation passes as text, off where it is absent."""
    value = properties.get(name, "false")
    if value not in ("true", "false"):
        raise InvalidWish(f"{name} must be true or false")
    return bool(value == "true")
