"""Subscriptions: plain ``AWS::SNS::Subscription`` with protocol and endpoint, whatever stack the endpoint is in."""

from __future__ import annotations

import hashlib

from aws_cdk import aws_sns as sns
from constructs import Construct

from ses_feedback.config.model import SNS_PROTOCOL, Destination


def subscribe(
    scope: Construct, *, topic_arn: str, destination: Destination, dead_letters: str, construct_id: str | None = None
) -> sns.CfnSubscription:
    """Subscribe a destination to a topic; what it does not take goes to the queue ``dead_letters`` (ARN).

    The logical id follows from the endpoint, so that the order of the file says nothing. Firehose gets the message
    itself, every other protocol SNS's envelope, which says which topic it came through.
    """
    key = f"{destination.protocol} {destination.endpoint}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return sns.CfnSubscription(
        scope,
        construct_id or f"{destination.protocol.replace('_', '').capitalize()}{digest}",
        topic_arn=topic_arn,
        protocol=SNS_PROTOCOL[destination.protocol],
        endpoint=destination.endpoint,
        subscription_role_arn=destination.role,
        raw_message_delivery=True if destination.protocol == "firehose" else None,
        redrive_policy={"deadLetterTargetArn": dead_letters},
    )
