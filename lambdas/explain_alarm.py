"""TELL on-call: what comes through an on-call topic goes on to people in words they can act on.

The event is what SNS invokes a function with: ``Records``, each with ``Sns``: ``TopicArn``, ``Subject``, ``Message``.
It is invoked asynchronously. What raises here is repeated by Lambda once, and then handed, as it came, to the people by
Lambda itself: whoever reads text is told in any case.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.alarm_gauges import CloudWatchAlarms, CloudWatchGauges
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.count_journal import CountJournal
from ses_feedback.adapters.on_call_topics import OnCallTextTopics
from ses_feedback.adapters.runtime import ROOT
from ses_feedback.config.loop import loop_config
from ses_feedback.config.model import Config
from ses_feedback.domain.alarm_text import Message, unexplained
from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.explaining import Crier, Sources, explain

# A person waits: each call is tried twice, and what still fails is left out of the message.
_TRIES: Final = 2

logger = Logger(service=naming.EXPLAIN_ALARM, location=None, xray_trace_id=None)


class NotOurs(PermanentError):
    """The event is none of an on-call topic; ``str(error)`` says what it is."""


class Gateways(NamedTuple):
    """What the function works with."""

    config: Config
    sources: Sources
    crier: Crier


@lru_cache(maxsize=1)
def gateways() -> Gateways:
    """Return the real ones, from the function's environment and the configuration shipped with it."""
    config = loop_config(ROOT)
    deployment = config.deployment.name
    cloudwatch = client("cloudwatch", attempts=_TRIES)
    group = f"/aws/lambda/{naming.function_name(deployment, naming.TALLY_FEEDBACK)}"
    sources = Sources(
        CloudWatchAlarms(cloudwatch),
        CloudWatchGauges(cloudwatch),
        CountJournal(client("logs", attempts=_TRIES), group, _now),
        _now,
    )
    topics = os.environ[naming.ENV_TOPICS]
    return Gateways(config, sources, OnCallTextTopics(client("sns"), deployment=deployment, topics=topics))


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Tell people of each message; return how many. Raises ``NotOurs``, and whatever keeps them from being told."""
    given = gateways()
    notices = [_read(record, given.config.deployment.name) for record in event.get("Records") or [{}]]
    for severity, subject, text in notices:
        given.crier.cry(severity, _explained(given, severity, subject, text))
    return {"told": len(notices)}


def _explained(given: Gateways, severity: str, subject: str | None, text: str) -> Message:
    try:
        message = explain(given.config, given.sources, severity, subject, text)
    except Exception as error:
        # Whatever goes wrong here, an alarm is on and people must hear of it: as CloudWatch wrote it.
        logger.exception("an alarm could not be put into words")
        return unexplained(severity, subject, text, type(error).__name__)
    logger.info("told", severity=severity, subject=message.subject)
    return message


def _read(record: Mapping[str, Any], deployment: str) -> tuple[str, str | None, str]:
    sns = record.get("Sns")
    if not isinstance(sns, dict):
        logger.error("not a message of SNS", keys=sorted(map(str, record)))
        raise NotOurs("this is not the event of a message of SNS: it has no Records with Sns")
    topic, text = sns.get("TopicArn"), sns.get("Message")
    severity = naming.severity_of_topic(deployment, str(topic).rpartition(":")[2])
    if severity is None or not isinstance(text, str):
        logger.error("not a message of an on-call topic", topic=str(topic))
        raise NotOurs(f"no message of an on-call topic of {deployment}: nobody was told")
    return severity, sns.get("Subject") or None, text


def _now() -> int:
    return time.time_ns() // 1_000_000
