"""The custom resource that makes the suppression table a deployment's own, before anything else of it changes.

The table outlives its stacks. Under another secret every address in it would look unknown, and a second deployment of
the same name would take the first one's topics down with the identities it does not know: both are refused here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.logging import Logger

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.custom_resource import Context, Request, serve
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain.keys import Keys

logger = Logger(service=naming.CLAIM_TABLE)


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Serve one CloudFormation request with the properties ``Table`` and ``Owner``. A Delete keeps the claim."""
    serve(event, context, _claim, physical_id=_physical_id, log=logger)


def _claim(request: Request) -> Mapping[str, str]:
    if request.type != "Delete":
        keys = Keys(os.environ[naming.ENV_ADDRESS_KEY])
        table = SuppressionTable(client("dynamodb"), request.properties["Table"], keys, {})
        table.claim(request.properties["Owner"])
    return {}


def _physical_id(request: Request) -> str:
    return f"claim-{request.properties['Table']}"
