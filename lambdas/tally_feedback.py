"""COUNT: every notification passes here in batches; rates become metrics, and deliveries clear strikes."""

from __future__ import annotations

from typing import Any

from ses_feedback.adapters.runtime import Runtime
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.tally import tally

runtime = Runtime()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Tally the notifications of an SQS event; return the messages that must come back (``batchItemFailures``)."""
    outcome = tally(
        [Entry(message["messageId"], message["body"]) for message in event["Records"]],
        rules=runtime.rules,
        store=runtime.store,
        quarantine=runtime.quarantine,
        meter=runtime.meter,
        now=runtime.now,
        returned=runtime.canary_returned,
    )
    runtime.report(outcome)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in sorted(outcome.failed)]}
