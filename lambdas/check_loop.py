"""Every hour: is SES still as the file says? Sets again what SES dropped, and tells how much a person should know.

The event says nothing. What is found is logged, one line each, with the identity's name and nobody's address, and
counted in the metric ``Drifted``: zero where all is right. So is what came into the archive, and what waits in its
folder of errors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, Protocol

from aws_lambda_powertools import Logger

from ses_feedback import naming
from ses_feedback.adapters.archive_arrivals import ArchiveArrivals
from ses_feedback.adapters.archive_errors import ArchiveErrors
from ses_feedback.adapters.aws_inventory import SnsTopics
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.adapters.rotation import TableRotation
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.adapters.ses import SesIdentities
from ses_feedback.adapters.ses_inventory import SesInventory
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.adapters.troubles import Place
from ses_feedback.adapters.wiring_table import WiringTable
from ses_feedback.config.loop import loop_config
from ses_feedback.config.model import Config
from ses_feedback.domain.errors import FeedbackError, PermanentError
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.check_loop import CheckLoop, Drift, Paces, Readers, Report, Rotation
from ses_feedback.usecases.checks.expected import expected
from ses_feedback.usecases.checks.live import Home
from ses_feedback.usecases.pacing import Clock, Pacer, Slots
from ses_feedback.usecases.wiring import Wiring
from ses_feedback.usecases.wiring_ports import Memory, SesGateway

# Of the time a function has: kept back for a last call that AWS is slow to answer, and for the report.
KEEP_MS: Final = 30 * SECOND

logger = Logger(service=naming.CHECK_LOOP, location=None, xray_trace_id=None)


class Context(Protocol):
    """What is read of Lambda's context."""

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until Lambda ends the function, in ms."""


class Gateways(NamedTuple):
    """What the function works with, and the interval of SES calls in ms.

    ``archived`` tells how many objects came into the archive in the hours before a time (ms), ``unarchived`` how many
    wait of what Firehose failed on. ``compare`` raises ``PermanentError`` where the secret of addresses is another than
    the table was filled under: the next deployment would give it to functions.
    """

    config: Config
    readers: Readers
    ses: SesGateway
    memory: Memory
    slots: Slots
    rotation: Rotation
    clock: Clock
    interval: int
    archived: Callable[[int], int]
    unarchived: Callable[[], int]
    compare: Callable[[], None]


@lru_cache(maxsize=1)
def gateways() -> Gateways:
    """Return the real ones, from the function's environment and the configuration shipped with it."""
    config = loop_config(ROOT)
    dynamodb, table = client("dynamodb"), os.environ[naming.ENV_WIRING_TABLE]
    memory = WiringTable(dynamodb, table)
    # One try each: the pacer decides when a call may be repeated.
    v1, v2 = client("ses", attempts=1), client("sesv2", attempts=1)
    inventory = SesInventory(config.deployment.name, v1, v2)
    s3, bucket = client("s3"), os.environ[naming.ENV_ARCHIVE_BUCKET]
    place = Place(config.deployment.name, config.deployment.region)
    return Gateways(
        config=config,
        readers=Readers(inventory, inventory, SnsTopics(place, client("sns"))),
        ses=SesIdentities(v1, v2),
        memory=memory,
        slots=memory,
        rotation=TableRotation(dynamodb, table),
        clock=SystemClock(),
        interval=int(os.environ.get(naming.ENV_SES_INTERVAL, naming.DEFAULT_SES_INTERVAL_MS)),
        archived=ArchiveArrivals(s3, bucket).newest,
        unarchived=ArchiveErrors(s3, bucket).waiting,
        compare=partial(_compare, dynamodb, config.deployment.name),
    )


def _compare(dynamodb: Any, deployment: str) -> None:
    name = naming.secret_name(deployment)
    with aws_errors("reading the secret of addresses"):
        answer = client("secretsmanager").get_secret_value(SecretId=name)
    secret = answer.get("SecretString")
    if not secret:
        raise PermanentError(f"secret {name} holds no text: restore its former value")
    SuppressionTable(dynamodb, naming.table_name(deployment), Keys(secret), {}).verify()


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Check as many identities as there is time for; the next run goes on where this one stops."""
    given = gateways()
    _, partition, _, region, account, *_ = context.invoked_function_arn.split(":")
    now = given.clock.now()
    until = now + context.get_remaining_time_in_millis() - KEEP_MS
    # Mending takes two thirds at most: settings that cannot be set right must not keep the rest from being looked at.
    first = now + 2 * (until - now) // 3

    def pacer(interval: int, until: int) -> Pacer:
        return Pacer(given.slots, given.clock, interval=interval, until=until)

    report = CheckLoop(
        expected(given.config, Home(partition, region, account)),
        given.readers,
        given.memory,
        given.rotation,
        paces=Paces(pacer(given.interval, first), pacer(given.interval, until), pacer(0, until)),
        wiring=lambda pace: Wiring(given.ses, given.memory, pace),
    ).run()
    try:
        given.compare()
    except PermanentError as error:
        report.drifts.append(Drift("", str(error)))
    except FeedbackError as error:
        report.failures.append(str(error))
    # Alarms on silence fill gaps with 0, for which there has to be a point now and then: nothing says that CloudWatch
    # makes zeros of a metric that never existed.
    metrics = {naming.METRIC_DRIFTED: len(report.drifts), naming.METRIC_TALLIED: 0}
    looks = {naming.METRIC_ARCHIVED: lambda: given.archived(now), naming.METRIC_ARCHIVE_WAITING: given.unarchived}
    for metric, look in looks.items():
        try:
            metrics[metric] = look()
        except FeedbackError as error:
            logger.warning("could not be checked", why=str(error))
    _tell(report)
    EmfMeter().emit({naming.DIMENSION_DEPLOYMENT: given.config.deployment.name}, now, metrics)


def _tell(report: Report) -> None:
    for drift in report.drifts:
        logger.warning("drift", identity=drift.identity, what=drift.what, mended=drift.mended)
    for identity in report.wired:
        logger.info("wired after its verification", identity=identity)
    for failure in report.failures:
        logger.warning("could not be checked", why=failure)
    logger.info(
        "checked",
        checked=report.checked,
        drifted=len(report.drifts),
        wired=len(report.wired),
        pending=len(report.pending),
        waiting=report.waiting,
        failures=len(report.failures),
        unfinished=report.unfinished,
    )
