"""The composition root of the functions: configuration, keys, clients and logger, made once per container."""

from __future__ import annotations

import os
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.dynamodb_wire import DynamoDbWire
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.config.runtime import RuntimeConfig, load_runtime
from ses_feedback.domain.keys import Keys
from ses_feedback.usecases.handling import Outcome, counted

ROOT = Path(__file__).resolve().parents[2]


class Runtime:
    """What a function needs, from its environment and the configuration shipped with it."""

    def __init__(self, rules: RuntimeConfig | None = None) -> None:
        self.rules = rules or load_runtime(ROOT)
        self.keys = Keys(os.environ[naming.ENV_ADDRESS_KEY])
        # Where in this file a count was logged, and a trace that nobody records, would be a third of the log's price.
        self.logger = Logger(service=self.rules.deployment, location=None, xray_trace_id=None)
        self.meter = EmfMeter()
        self._table = DynamoDbWire(os.environ["AWS_REGION"])
        self.store = SuppressionTable(
            self._table, os.environ[naming.ENV_TABLE], self.keys, self.rules.policy, compare=True
        )

    @cached_property
    def quarantine(self) -> QuarantineBucket:
        """Where unreadable input goes."""
        return QuarantineBucket(_s3, os.environ[naming.ENV_QUARANTINE_BUCKET])

    def canary_returned(self, identity: str, round_: int, piece: str, at: int) -> None:
        """Note that a canary came back."""
        # Three mails of an identity a day: ordinary feedback need not load what they take.
        from ses_feedback.adapters.canary_table import CanaryTable  # noqa: PLC0415

        CanaryTable(self._table, os.environ[naming.ENV_WIRING_TABLE]).returned(identity, round_, piece, at)

    @property
    def now(self) -> int:
        """The time in ms since 1970."""
        return time.time_ns() // 1_000_000

    def report(self, outcome: Outcome) -> None:
        """Log what became of a batch, as counts; measure what was quarantined."""
        fields: dict[str, Any] = counted(outcome.counts)
        quarantined = outcome.counts["quarantined"]
        if quarantined:
            dimensions = {naming.DIMENSION_DEPLOYMENT: self.rules.deployment}
            self.meter.emit(dimensions, self.now, {naming.METRIC_QUARANTINED: quarantined})
        if outcome.failed:
            self.logger.warning(
                "some feedback comes back", failed=len(outcome.failed), problems=dict(outcome.problems), **fields
            )
        else:
            self.logger.info("done", **fields)


def _s3() -> Any:
    """Return a client that few containers ever need: making it costs more than a cold start without it."""
    from ses_feedback.adapters.clients import client  # noqa: PLC0415

    return client("s3")
