"""The custom resource that makes the suppression table a deployment's own, before anything else of it changes.

A first deployment may be denied the table's key for some minutes: the function waits for it.

The table outlives its stacks. Under another secret every address in it would look unknown, and a second deployment of
the same name would take the first one's topics down with the identities it does not know: both are refused here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.custom_resource import Context, Request, serve
from ses_feedback.adapters.patience import once_allowed
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.pacing import Clock

# Of the time the function has, kept back for the answer.
ANSWER_MS: Final = 20 * SECOND

clock: Clock = SystemClock()
logger = Logger(service=naming.CLAIM_TABLE)


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Serve one CloudFormation request with ``Table``, ``Owner`` and ``Policy`` (JSON). A Delete keeps the claim."""
    serve(event, context, partial(_claim, context=context), physical_id=_physical_id, log=logger)


def _claim(request: Request, *, context: Context) -> Mapping[str, str]:
    if request.type != "Delete":
        keys = Keys(os.environ[naming.ENV_ADDRESS_KEY])
        table = SuppressionTable(client("dynamodb"), request.properties["Table"], keys, {})
        until = clock.now() + context.get_remaining_time_in_millis() - ANSWER_MS
        owner, policy = request.properties["Owner"], request.properties.get("Policy")
        once_allowed(lambda: table.claim(owner, policy), clock, until)
    return {}


def _physical_id(request: Request) -> str:
    return f"claim-{request.properties['Table']}"
