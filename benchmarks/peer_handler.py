"""The peer of the cold start: a feedback handler as it is commonly written, with boto3's resource and Powertools.

It constructs everything it would use, and like ours it makes exactly one write before the clock stops: the idempotency
layer is made, as every cold start must, but its own two writes are not asked for. That favours the peer.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig

logger = Logger(service="peer")
metrics = Metrics(namespace="Peer", service="peer")
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["SES_FEEDBACK_TABLE"])
persistence = DynamoDBPersistenceLayer(table_name="idempotency")
idempotency = IdempotencyConfig(event_key_jmespath="messageId")


def suppress(record: Any) -> None:
    """Put the first bounced address of one message. Powertools passes the message by this name."""
    notification = json.loads(json.loads(record.body)["Message"])
    recipient = notification["bounce"]["bouncedRecipients"][0]["emailAddress"]
    table.put_item(Item={"pk": recipient, "reason": notification["bounce"]["bounceType"]})
    metrics.add_metric(name="Bounced", unit=MetricUnit.Count, value=1)
    logger.info("done")


@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> Any:
    """Handle an SQS event."""
    return process_partial_response(event=event, record_handler=suppress, processor=processor, context=context)
