"""A queue of one run of ``prove``, subscribed to the topics that it has to hear, and gone when the run is over.

Its name says by when its run has ended. What a run that was killed left behind is found by that, and removed by the
next: its subscriptions first, so that no topic delivers into nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback import naming
from ses_feedback.adapters.proving_reads import asked
from ses_feedback.adapters.troubles import Place, code_of, describe
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.pacing import Clock
from ses_feedback.usecases.proving.ports import Heard

_AT_ONCE: Final = 10  # messages of one ReceiveMessage
_RETENTION_S: Final = 3_600
_GONE: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NotFound"})


class QueueEar:
    """Implements ``Ear``. ``sqs`` and ``sns`` are botocore clients.

    Needs ``sqs:ListQueues``, and on ``NAME-prove-until-*``: ``sqs:CreateQueue``, ``sqs:GetQueueAttributes``,
    ``sqs:ReceiveMessage``, ``sqs:DeleteMessage``, ``sqs:DeleteQueue``; on the topics: ``sns:Subscribe``,
    ``sns:Unsubscribe``, ``sns:ListSubscriptionsByTopic``.
    """

    def __init__(self, sqs: Any, sns: Any, place: Place, clock: Clock) -> None:
        self._sqs = sqs
        self._sns = sns
        self._place = place
        self._clock = clock
        self._name: str | None = None
        self._url = ""
        self._subscriptions: list[str] = []

    def open(self, topics: Sequence[str], until: int) -> None:
        """See ``Ear``. The queue is encrypted under SQS's own key: it holds what the topics tell meanwhile."""
        with asked(self._place):
            self._clear(topics)
            self._name = naming.proving_queue_name(self._place.deployment, until)
            arn = f"{topics[0].rpartition(':')[0].replace(':sns:', ':sqs:', 1)}:{self._name}"
            attributes = {
                "MessageRetentionPeriod": str(_RETENTION_S),
                "SqsManagedSseEnabled": "true",
                "Policy": _policy(arn, topics),
            }
            self._url = self._sqs.create_queue(QueueName=self._name, Attributes=attributes)["QueueUrl"]
            for topic in topics:
                answer = self._sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
                self._subscriptions.append(answer["SubscriptionArn"])

    def hear(self, wait_s: int) -> Sequence[Heard]:
        """See ``Ear``."""
        with asked(self._place):
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=wait_s)
            found = answer.get("Messages", ())
            if found:
                entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found)]
                self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        envelopes = [json.loads(message["Body"]) for message in found]
        return [Heard(envelope["TopicArn"], envelope["Message"]) for envelope in envelopes]

    def close(self) -> None:
        """See ``Ear``."""
        if self._name is None:
            return
        stayed: list[str] = []
        for subscription in self._subscriptions:
            try:
                self._sns.unsubscribe(SubscriptionArn=subscription)
            except (BotoCoreError, ClientError) as error:
                stayed.append(f"the subscription {subscription}: {describe(error, self._place)}")
        if self._url:
            try:
                self._sqs.delete_queue(QueueUrl=self._url)
            except (BotoCoreError, ClientError) as error:
                stayed.append(f"the queue {self._name}: {describe(error, self._place)}")
        self._name, self._url, self._subscriptions = None, "", []
        if stayed:
            raise PermanentError(f"not removed: {'; '.join(stayed)}; run this command again once it may")

    def _clear(self, topics: Sequence[str]) -> None:
        """Remove what runs left behind whose time is over."""
        prefix = naming.proving_queue_prefix(self._place.deployment)
        urls = self._sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", ())
        old = {url.rpartition("/")[2]: url for url in urls if self._is_over(url.rpartition("/")[2][len(prefix) :])}
        if not old:
            return
        for topic in topics:
            for subscription in self._subscribed(topic):
                if subscription["Endpoint"].rpartition(":")[2] in old:
                    self._sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        for url in old.values():
            try:
                self._sqs.delete_queue(QueueUrl=url)
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise

    def _is_over(self, until: str) -> bool:
        try:
            return int(until, 16) * SECOND < self._clock.now()
        except ValueError:
            return False

    def _subscribed(self, topic: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        more: dict[str, str] = {}
        while True:
            answer = self._sns.list_subscriptions_by_topic(TopicArn=topic, **more)
            found += answer.get("Subscriptions", ())
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}


def _policy(queue: str, topics: Sequence[str]) -> str:
    """Return what lets exactly these topics send to the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
