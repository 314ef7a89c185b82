"""Subscriptions: plain ``AWS::SNS::Subscription`` with protocol and endpoint, whatever stack the endpoint is in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import aws_sns as sns
from constructs import Construct

from ses_feedback.config.model import SNS_PROTOCOL, Destination

# `Amazon SNS raw message delivery` (SNS developer guide): the protocols that have the choice.
_TAKE_RAW: Final = ("http", "https", "sqs", "firehose")
# `Amazon SNS message delivery retries` (SNS developer guide): only HTTP and HTTPS take a policy, and its delays may not
# add up to more than an hour. SNS by itself gives up after one minute, less than a server takes to restart. Between 10
# and 120 seconds it backs off on a curve that is not published, so this is 42 to 59 minutes, and never above the hour.
HEALTHY_RETRY_POLICY: Final = {
    "minDelayTarget": 10,
    "maxDelayTarget": 120,
    "numRetries": 32,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 3,
    "numMaxDelayRetries": 20,
    "backoffFunction": "exponential",
}


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
        delivery_policy=_delivery_policy(destination),
        filter_policy=_filter_policy(only) if only else None,
        redrive_policy={"deadLetterTargetArn": dead_letters},
    )


def _filter_policy(only: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    return {name: [values] if isinstance(values, str) else list(values) for name, values in only.items()}


def _delivery_policy(destination: Destination) -> dict[str, Any] | None:
    if destination.protocol not in ("http", "https"):
        return None
    policy: dict[str, Any] = {"healthyRetryPolicy": HEALTHY_RETRY_POLICY}
    if destination.max_per_second is not None:
        policy["throttlePolicy"] = {"maxReceivesPerSecond": destination.max_per_second}
    return policy
