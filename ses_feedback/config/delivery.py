"""How hard SNS tries to deliver over HTTP: the same whether the template subscribes a destination or a person does."""

from __future__ import annotations

from typing import Any, Final

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
HTTP: Final = ("http", "https")


def delivery_policy(protocol: str, max_per_second: int | None) -> dict[str, Any] | None:
    """Return the delivery policy of a subscription as SNS takes it, ``None`` for a protocol that has none."""
    if protocol not in HTTP:
        return None
    policy: dict[str, Any] = {"healthyRetryPolicy": HEALTHY_RETRY_POLICY}
    if max_per_second is not None:
        policy["throttlePolicy"] = {"maxReceivesPerSecond": max_per_second}
    return policy
