"""SNS: deliveries that can fail, and what then happens to them.

A subscription's endpoint may be gone, may refuse SNS by its policy, or may not answer. AWS does not retry the first two
and sends the message to the subscription's dead-letter queue at once; an HTTP endpoint is retried first (Amazon SNS
Developer Guide, *Message delivery retries*, *Dead-letter queues*). The emulator drops all three.

Nothing here leaves this machine: HTTP endpoints are called only on loopback addresses, e-mail and SMS only counted.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import urllib.error
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch, firehose, lambda_svc, sns, sqs

from local.gaps import confirmations, policies, queues
from local.gaps.invocations import invoke_async

log = logging.getLogger("local.deliveries")

HTTP_RETRY_DELAYS: Final = (1.0, 1.0, 1.0)  # AWS: three, twenty seconds apart
Subscription = Mapping[str, Any]
Attributes = Mapping[str, Mapping[str, str]]


def install() -> None:
    """Replace the fan-out."""
    sns._fanout = fan_out
    sns._build_envelope = build_envelope


def build_envelope(
    topic_arn: str, message_id: str, message: str, subject: str, attributes: Attributes, raw: bool
) -> str:
    """Return what SNS delivers: the message itself, or its JSON envelope with a time in milliseconds."""
    if raw:
        return message
    now = datetime.now(UTC)
    host = f"https://sns.{get_region()}.amazonaws.com"
    envelope: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": topic_arn,
        "Message": message,
        "Timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "SignatureVersion": "1",
        "Signature": base64.b64encode(b"the embedded AWS does not sign").decode(),
        "SigningCertURL": f"{host}/SimpleNotificationService-0000000000000000000000.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={topic_arn}:{uuid.UUID(int=0)}",
    }
    if subject:
        envelope["Subject"] = subject
    if attributes:
        envelope["MessageAttributes"] = {
            name: {"Type": a.get("DataType", "String"), "Value": a.get("StringValue", "")}
            for name, a in attributes.items()
        }
    return json.dumps(envelope)


def fan_out(
    topic_arn: str,
    message_id: str,
    message: str,
    subject: str,
    message_structure: str = "",
    message_attributes: Attributes | None = None,
    message_group_id: str = "",
    message_dedup_id: str = "",
) -> None:
    """Deliver one published message to every subscription whose filter lets it pass."""
    topic = sns._topic_by_arn_any_scope(topic_arn)
    if not topic:
        return
    owner, region = _scope_of(topic_arn)
    with request_scope(owner, region):
        _count(topic_arn, "NumberOfMessagesPublished")
        for subscription in list(topic["subscriptions"]):
            if not subscription.get("confirmed"):
                continue
            text = sns._resolve_message_for_protocol(message, message_structure, subscription["protocol"])
            attributes = message_attributes or {}
            if not sns._matches_filter_policy(subscription, attributes, text):
                _count(topic_arn, "NumberOfNotificationsFilteredOut")
                continue
            raw = subscription.get("attributes", {}).get("RawMessageDelivery") == "true"
            body = build_envelope(topic_arn, message_id, text, subject, attributes, raw)
            _deliver(topic_arn, subscription, body, attributes if raw else {}, message_group_id, message_dedup_id)


def _scope_of(arn: str) -> tuple[str, str]:
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return get_account_id(), get_region()
    return spec.account_id or get_account_id(), spec.region or get_region()


def _deliver(
    topic_arn: str, subscription: Subscription, body: str, attributes: Attributes, group: str, deduplication: str
) -> None:
    protocol, endpoint = subscription["protocol"], subscription["endpoint"]
    if protocol in ("http", "https"):
        if confirmations.is_local(endpoint):
            owner, region = _scope_of(topic_arn)
            _in_background(lambda: _deliver_http(topic_arn, subscription, body, owner, region))
        return
    problem: str | None = None
    if protocol == "sqs":
        problem = _deliver_sqs(topic_arn, endpoint, body, attributes, group, deduplication)
    elif protocol == "lambda":
        problem = _deliver_lambda(topic_arn, subscription, body)
    elif protocol == "firehose":
        problem = _deliver_firehose(endpoint, body)
    _settle(topic_arn, subscription, body, problem)


def _deliver_sqs(
    topic_arn: str, endpoint: str, body: str, attributes: Attributes, group: str, deduplication: str
) -> str | None:
    queue = sqs._queue_by_arn(endpoint)
    if queue is None:
        return "the queue does not exist"
    allowed = policies.allows(
        queue["attributes"].get("Policy"),
        service="sns.amazonaws.com",
        action="sqs:SendMessage",
        resource=endpoint,
        source_arn=topic_arn,
    )
    if not allowed:
        return "the queue's policy does not let sns.amazonaws.com send messages for this topic"
    queues.put(endpoint, body, attributes, group, deduplication)
    return None


def _deliver_lambda(topic_arn: str, subscription: Subscription, body: str) -> str | None:
    function, config, _name = lambda_svc._get_func_record_for_ref(subscription["endpoint"])
    if not function or not config:
        return "the function does not exist"
    allowed = policies.allows(
        function.get("policy"),
        service="sns.amazonaws.com",
        action="lambda:InvokeFunction",
        resource=config["FunctionArn"],
        source_arn=topic_arn,
    )
    if not allowed:
        return "the function's policy does not let sns.amazonaws.com invoke it for this topic"
    envelope = json.loads(body)
    for spelled, in_lambda in (("SigningCertURL", "SigningCertUrl"), ("UnsubscribeURL", "UnsubscribeUrl")):
        envelope[in_lambda] = envelope.pop(spelled)
    envelope.setdefault("Subject", None)
    envelope.setdefault("MessageAttributes", {})
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription["arn"],
        "Sns": envelope,
    }
    invoke_async(lambda_svc._execution_record_for_config(function, config), {"Records": [record]})
    return None


def _deliver_firehose(endpoint: str, body: str) -> str | None:
    data = base64.b64encode(body.encode()).decode()
    answer = firehose._put_record({"DeliveryStreamName": endpoint.rpartition("/")[2], "Record": {"Data": data}})
    return None if answer[0] < 300 else "the delivery stream does not take the record"


def _deliver_http(topic_arn: str, subscription: Subscription, body: str, owner: str, region: str) -> None:
    problem: str | None = None
    for delay in (*HTTP_RETRY_DELAYS, None):
        problem = _post(subscription["endpoint"], body)
        if problem is None or delay is None or problem.startswith("HTTP 4"):
            break
        time.sleep(delay)
    with request_scope(owner, region):
        _settle(topic_arn, subscription, body, problem)


def _post(endpoint: str, body: str) -> str | None:
    try:
        sns._http_post_sync(endpoint, body, "Notification")
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP {error.code}"
    except OSError as error:
        return f"no answer: {error}"
    return None


def _settle(topic_arn: str, subscription: Subscription, body: str, problem: str | None) -> None:
    """Count a delivery, and send what failed to the subscription's dead-letter queue."""
    if problem is None:
        _count(topic_arn, "NumberOfNotificationsDelivered")
        return
    _count(topic_arn, "NumberOfNotificationsFailed")
    log.warning("%s → %s: %s", topic_arn, subscription["endpoint"], problem)
    redrive = subscription.get("attributes", {}).get("RedrivePolicy")
    target = (json.loads(redrive) if isinstance(redrive, str) and redrive else redrive or {}).get("deadLetterTargetArn")
    if target:
        delivered = queues.put(target, body)
        _count(
            topic_arn,
            "NumberOfNotificationsRedrivenToDlq" if delivered else "NumberOfNotificationsFailedToRedriveToDlq",
        )


def _count(topic_arn: str, metric: str) -> None:
    cloudwatch.record_metric("AWS/SNS", metric, 1, "Count", {"TopicName": topic_arn.rpartition(":")[2]})


def _in_background(work: Any) -> None:
    threading.Thread(target=work, name="local-delivery", daemon=True).start()
