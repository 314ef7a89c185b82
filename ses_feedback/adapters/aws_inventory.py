"""What CloudFormation, SNS, SQS and CloudWatch say of a deployment, read for the checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.troubles import Place, code_of, plainly
from ses_feedback.usecases.checks.live import Alarm, Concurrency, Home, Stack, Subscription

ClientOf = Callable[[str, str], Any]

# What SNS says in place of an ARN (SNS API reference, `ListSubscriptionsByTopic`).
_NO_ARN: Final = ("PendingConfirmation", "Deleted")
_NO_TOPIC: Final = frozenset({"NotFound", "NotFoundException"})
_NO_QUEUE: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_NO_FUNCTION: Final = "ResourceNotFoundException"
_DEPTHS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_GONE: Final = "DELETE_COMPLETE"
_AT_ONCE: Final = 100  # alarms in one `EnableAlarmActions`


class SnsTopics:
    """Implements ``SubscriptionReader`` over a botocore client of ``sns``. Needs ``sns:ListSubscriptionsByTopic``."""

    def __init__(self, place: Place, client: Any) -> None:
        self._place = place
        self._client = client

    def subscriptions(self, topic: str) -> tuple[Subscription, ...] | None:
        """See ``SubscriptionReader``."""
        with plainly(self._place):
            try:
                found = list(_pages(self._client.list_subscriptions_by_topic, "Subscriptions", TopicArn=topic))
            except ClientError as error:
                if code_of(error) in _NO_TOPIC:
                    return None
                raise
        return tuple(
            Subscription(one["Protocol"], one.get("Endpoint") or "", one["SubscriptionArn"] not in _NO_ARN)
            for one in found
            if one["SubscriptionArn"] != "Deleted"
        )


class AwsInventory:
    """Implements ``AwsReader``. ``client_of`` returns a botocore client of a service in a region."""

    def __init__(self, place: Place, client_of: ClientOf) -> None:
        self._place = place
        self._client_of = client_of

    def _client(self, service: str) -> Any:
        return self._client_of(service, self._place.region)

    def home(self) -> Home:
        """See ``AwsReader``. Needs ``sts:GetCallerIdentity``, which everybody has."""
        with plainly(self._place):
            answer = self._client("sts").get_caller_identity()
        return Home(answer["Arn"].split(":")[1], self._place.region, answer["Account"])

    def subscriptions(self, topic: str) -> tuple[Subscription, ...] | None:
        """See ``SubscriptionReader``."""
        return SnsTopics(self._place, self._client("sns")).subscriptions(topic)

    def stacks(self) -> Mapping[str, Stack]:
        """See ``AwsReader``. Needs ``cloudformation:DescribeStacks`` on all, and ``ListStackResources``.

        Which cells there are is known to AWS alone: the lock file beside the configuration may be a newer one.
        """
        named = _stack_names(self._place.deployment)
        with plainly(self._place):
            client = self._client("cloudformation")
            return {
                stack["StackName"]: Stack(
                    stack["StackStatus"],
                    {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
                    self._resources(client, stack["StackName"]),
                )
                for stack in _pages(client.describe_stacks, "Stacks")
                if stack["StackStatus"] != _GONE and named.fullmatch(stack["StackName"])
            }

    @staticmethod
    def _resources(client: Any, stack: str) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for one in _pages(client.list_stack_resources, "StackResourceSummaries", StackName=stack):
            if one.get("PhysicalResourceId") and one["ResourceStatus"] != _GONE:
                found.setdefault(one["ResourceType"], set()).add(one["PhysicalResourceId"])
        return {type_: frozenset(ids) for type_, ids in found.items()}

    def depth(self, queue: str) -> int | None:
        """See ``AwsReader``. Needs ``sqs:GetQueueUrl`` and ``sqs:GetQueueAttributes``."""
        with plainly(self._place):
            client = self._client("sqs")
            try:
                url = client.get_queue_url(QueueName=queue)["QueueUrl"]
                answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))
            except ClientError as error:
                if code_of(error) in _NO_QUEUE:
                    return None
                raise
        return sum(int(answer["Attributes"].get(name, 0)) for name in _DEPTHS)

    def concurrency(self) -> Concurrency:
        """See ``AwsReader``. Needs ``lambda:GetAccountSettings``."""
        with plainly(self._place):
            limits = self._client("lambda").get_account_settings()["AccountLimit"]
        limit: int = limits["ConcurrentExecutions"]
        return Concurrency(limit, limit - limits["UnreservedConcurrentExecutions"])

    def share(self, function: str) -> int:
        """See ``AwsReader``. Needs ``lambda:GetFunctionConcurrency``."""
        with plainly(self._place):
            try:
                answer = self._client("lambda").get_function_concurrency(FunctionName=function)
            except ClientError as error:
                if code_of(error) == _NO_FUNCTION:
                    return 0
                raise
        return int(answer.get("ReservedConcurrentExecutions", 0))

    def alarms(self) -> Mapping[str, Alarm]:
        """See ``AwsReader``. Needs ``cloudwatch:DescribeAlarms``."""
        found: dict[str, Alarm] = {}
        asked = {
            "AlarmNamePrefix": naming.alarm_name(self._place.deployment, ""),
            "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
        }
        with plainly(self._place):
            for one in _pages(self._client("cloudwatch").describe_alarms, "MetricAlarms", "CompositeAlarms", **asked):
                found[one["AlarmName"]] = Alarm(bool(one.get("ActionsEnabled", True)), one.get("StateValue", ""))
        return found

    def enable_alarms(self, names: Sequence[str]) -> None:
        """See ``AwsReader``. Needs ``cloudwatch:EnableAlarmActions``."""
        with plainly(self._place):
            client = self._client("cloudwatch")
            for start in range(0, len(names), _AT_ONCE):
                client.enable_alarm_actions(AlarmNames=list(names[start : start + _AT_ONCE]))


def _stack_names(deployment: str) -> re.Pattern[str]:
    """Return what the names of a deployment's stacks match: data, core, numbered cells, and overviews."""
    whole = map(re.escape, (naming.data_stack(deployment), naming.core_stack(deployment)))
    cell = re.escape(naming.cell_stack(deployment, 0).removesuffix("0000"))
    overview = re.escape(naming.overview_stack(deployment))
    return re.compile("|".join((*whole, rf"{cell}\d{{4,}}", rf"{overview}(-[1-9]\d*)?")))


def _pages(call: Callable[..., Mapping[str, Any]], *keys: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    """Yield what a call lists under any of ``keys``, over all its pages."""
    token: str | None = None
    while True:
        answer = call(**parameters, **({"NextToken": token} if token else {}))
        for key in keys:
            yield from answer.get(key, [])
        token = answer.get("NextToken")
        if not token:
            return
