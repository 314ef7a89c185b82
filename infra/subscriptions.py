"""Subscriptions: plain ``AWS::SNS::Subscription`` with protocol and endpoint, whatever stack the endpoint is in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_sns as sns
from constructs import Construct

from ses_feedback.config.delivery import delivery_policy
from ses_feedback.config.model import SNS_PROTOCOL, Destination

# `Amazon SNS raw message delivery` (SNS developer guide): the protocols that have the choice.
_TAKE_RAW: Final = ("http", "https", "sqs", "firehose")


def subscribe(
    scope: Construct,
    *,
    topic_arn: str,
    destination: Destination,
    dead_letters: str,
    construct_id: str | None = None,
    only: Mapping[str, str | Sequence[str]] | None = None,
) -> sns.CfnSubscription:
    """Subscribe a destination to a topic; what it does not take goes to the queue ``dead_letters`` (ARN).

    The logical id follows from the endpoint, so that the order of the file says nothing. Raw is the message itself;
    else it comes in SNS's envelope, which says which topic it came through. Both ways are spelled out, and so is how
    often HTTP is tried, so that taking an option out of the file again takes it out of SNS. ``only`` lets through what
    has these message attributes, each one of its values.
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
        raw_message_delivery=destination.raw if destination.protocol in _TAKE_RAW else None,
        delivery_policy=delivery_policy(destination.protocol, destination.max_per_second),
        filter_policy=_filter_policy(only) if only else None,
        redrive_policy={"deadLetterTargetArn": dead_letters},
    )


def _filter_policy(only: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    return {name: [values] if isinstance(values, str) else list(values) for name, values in only.items()}
