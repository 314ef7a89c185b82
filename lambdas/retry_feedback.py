"""ACT, again: what could not be recorded comes back from the retry queue, with growing delays, for days.

The same code as ``record_feedback``, but no failure destination: AWS stops a function that feeds itself.
"""

from __future__ import annotations

import os
from typing import Any

from ses_feedback import naming
from ses_feedback.adapters.runtime import Runtime
from ses_feedback.adapters.visibility import postpone
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.record import record

runtime = Runtime()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record the feedback of an SQS event; return the messages that must come back (``batchItemFailures``).

    A body is whatever failed before: Lambda's on-failure record, an SNS envelope, or what an operator redrove.
    """
    messages = {message["messageId"]: message for message in event["Records"]}
    outcome = record(
        [Entry(name, message["body"]) for name, message in messages.items()],
        rules=runtime.rules,
        keys=runtime.keys,
        store=runtime.store,
        quarantine=runtime.quarantine,
        now=runtime.now,
        returned=runtime.canary_returned,
    )
    outcome.problems.update(
        postpone(os.environ[naming.ENV_RETRY_QUEUE_URL], [messages[name] for name in sorted(outcome.failed)])
    )
    runtime.report(outcome)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in sorted(outcome.failed)]}
