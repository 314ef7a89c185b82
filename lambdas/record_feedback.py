"""ACT: SNS invokes this for every bounce and complaint; an address is suppressed within a second.

A failure is raised: Lambda tries twice more, then hands the event to the retry queue.
"""

from __future__ import annotations

from typing import Any

from ses_feedback.adapters.runtime import Runtime
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.record import record

runtime = Runtime()


def handler(event: dict[str, Any], context: object) -> None:
    """Record the feedback of an SNS event (``Records[].Sns``). Raises ``RetryableError`` where any must come back."""
    outcome = record(
        [Entry("event", event)],
        rules=runtime.rules,
        keys=runtime.keys,
        store=runtime.store,
        quarantine=runtime.quarantine,
        now=runtime.now,
        returned=runtime.canary_returned,
    )
    runtime.report(outcome)
    if outcome.failed:
        raise RetryableError("; ".join(outcome.problems))
