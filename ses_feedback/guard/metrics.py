"""A guard's report as metrics: lines of CloudWatch's Embedded Metric Format."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from ses_feedback import naming
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.usecases.guarding import Outcome


def emf(deployment: str, stream: TextIO | None = None) -> Callable[[Outcome], None]:
    """Return a ``report`` that writes a line where recipients were removed or the table could not be read.

    ``stream`` is standard output by default: in Lambda, and wherever the CloudWatch agent reads it, metrics follow.
    Namespace ``SesFeedback``, dimensions ``Deployment`` and ``Environment``, metrics ``GuardRemoved`` (recipients) and
    ``GuardUnreadable`` (calls); no address is in it.
    """
    meter = EmfMeter(stream)

    def report(outcome: Outcome) -> None:
        if outcome.removed or outcome.trouble is not None:
            meter.emit(
                {naming.DIMENSION_DEPLOYMENT: deployment, naming.DIMENSION_ENVIRONMENT: outcome.environment},
                time.time_ns() // 1_000_000,
                {
                    naming.METRIC_GUARD_REMOVED: len(outcome.removed),
                    naming.METRIC_GUARD_UNREADABLE: int(outcome.trouble is not None),
                },
            )

    return report
