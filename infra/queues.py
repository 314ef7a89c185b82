"""The queues between SNS and the functions, and where their messages end that nobody could take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import arns
from infra.nag import acknowledge
from infra.needed import told_teams
from infra.senders import QUEUE_BYTES, sending_topics
from ses_feedback import naming
from ses_feedback.config.model import ACTED_KINDS, KINDS, NOTIFIED_KINDS, Config

_DAY_S: Final = 86_400
RETENTION_S: Final = 14 * _DAY_S  # the longest SQS has: what waits for a person waits over a holiday
RETRY_VISIBILITY_S: Final = 3_600  # the longest delay between two tries; the handler shortens it
RETRY_RECEIVES: Final = 100
TALLY_TIMEOUT_S: Final = 120
TALLY_RECEIVES: Final = 10


@dataclass(frozen=True, slots=True)
class _Spec:
    name: str
    senders: tuple[str, ...]  # the ARNs of the topics that may send
    visibility_s: int = 30
    dead_letters: str | None = None
    receives: int = 0


class Queues(Construct):
    """Retry, tally and dead-letter queues: encrypted, TLS only, one statement each for the topics of the deployment.

    SNS sends to the tally queue, and to the others what a subscription did not take; a statement for each topic would
    pass the limit of a policy at 20 of them.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        deployment = config.deployment.name
        self._region = region = config.deployment.region
        acted, counted, every = (
            tuple(arns.topic(region, name) for name in sending_topics(config, kinds, most_bytes=QUEUE_BYTES))
            for kinds in (ACTED_KINDS, NOTIFIED_KINDS, KINDS)
        )
        others = tuple(
            arns.topic(region, name)
            for name in (
                *(naming.on_call_topic_name(deployment, severity) for severity in arns.ON_CALL_SEVERITIES),
                *(naming.on_call_text_topic_name(deployment, severity) for severity in arns.ON_CALL_SEVERITIES),
                naming.changes_topic_name(deployment),
                *([naming.digest_pattern(deployment)] if told_teams(config) else []),
            )
        )
        dead, tally_dead = naming.dead_letter_queue_name(deployment), naming.tally_dead_letter_queue_name(deployment)
        self.dead_letters = self._queue("DeadLetters", _Spec(dead, ()))
        self.tally_dead_letters = self._queue("TallyDeadLetters", _Spec(tally_dead, counted))
        self.team_dead_letters = self._queue(
            "TeamDeadLetters", _Spec(naming.team_dead_letter_queue_name(deployment), (*every, *others))
        )
        acknowledge(self.team_dead_letters, "SQS3", "It is a dead-letter queue, of subscriptions instead of queues.")
        archive = _Spec(naming.archive_dead_letter_queue_name(deployment), every)
        self.archive_dead_letters = self._queue("ArchiveDeadLetters", archive)
        acknowledge(self.archive_dead_letters, "SQS3", "It is a dead-letter queue, of subscriptions instead of queues.")
        self.retry = self._queue(
            "Retry",
            _Spec(naming.retry_queue_name(deployment), acted, RETRY_VISIBILITY_S, dead, RETRY_RECEIVES),
            after=self.dead_letters,
        )
        self.tally = self._queue(
            "Tally",
            _Spec(naming.tally_queue_name(deployment), counted, 6 * TALLY_TIMEOUT_S, tally_dead, TALLY_RECEIVES),
            after=self.tally_dead_letters,
        )

    def _queue(self, construct_id: str, spec: _Spec, after: sqs.CfnQueue | None = None) -> sqs.CfnQueue:
        redrive: Mapping[str, Any] | None = None
        if spec.dead_letters is not None:
            target = arns.queue(self._region, spec.dead_letters)
            redrive = {"deadLetterTargetArn": target, "maxReceiveCount": spec.receives}
        queue = sqs.CfnQueue(
            self,
            construct_id,
            queue_name=spec.name,
            sqs_managed_sse_enabled=True,
            message_retention_period=RETENTION_S,
            visibility_timeout=spec.visibility_s,
            redrive_policy=redrive,
        )
        if after is not None:
            queue.add_resource_dependency(after)
        sqs.CfnQueuePolicy(
            self,
            construct_id + "Policy",
            queues=[queue.ref],
            policy_document=arns.policy(*self._statements(queue.attr_arn, spec.senders)),
        )
        return queue

    def _statements(self, queue_arn: str, senders: Sequence[str]) -> list[dict[str, Any]]:
        statements = [arns.tls_only(["sqs:*"], queue_arn)]
        if senders:
            condition = {"ArnLike": {"aws:SourceArn": list(senders)}}
            statements.insert(
                0,
                arns.statement("TopicsSend", arns.service("sns"), ["sqs:SendMessage"], queue_arn, condition=condition),
            )
        return statements
