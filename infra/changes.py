"""Changes told to others: the topic that only our function publishes to, who follows it, and the look for ends."""

from __future__ import annotations

from typing import Final

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import arns
from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import CHANGES_BEHIND, WARN
from infra.schedules import Schedule
from infra.subscriptions import subscribe
from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain.times import HOUR, MINUTE, SECOND

# How late an end may be announced, at most. Whoever cannot wait has it in the event that announced the suppression.
LOOK: Final = 15 * MINUTE
# The table's stream keeps a change for a day: time enough to mend what holds it up.
_BEHIND: Final = HOUR
_PERIOD_S: Final = 300
_PERIODS: Final = 3
_PUBLISH: Final = ["sns:Publish"]


class Changes(Construct):
    """The topic, its subscriptions, and ``function``, ``announce_changes``, run each quarter of an hour."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        deployment, region = config.deployment.name, config.deployment.region
        topic = self._topic(deployment, function)
        untold = arns.queue(region, naming.team_dead_letter_queue_name(deployment))
        for follower in config.changes.notify:
            if follower.destination.subscribe:
                subscribe(
                    self,
                    topic_arn=topic.ref,
                    destination=follower.destination,
                    dead_letters=untold,
                    only=follower.filters(),
                )
        Schedule(self, "Schedule", deployment=deployment, name=naming.ANNOUNCE_CHANGES, function=function, every=LOOK)
        self._alarm(deployment, region)
        CfnOutput(
            Stack.of(self),
            naming.OUTPUT_CHANGES_TOPIC,
            value=topic.ref,
            description="The topic that tells what changed in the suppressions: docs/changes.md",
        )

    def _topic(self, deployment: str, function: lambda_.Function) -> sns.CfnTopic:
        topic = sns.CfnTopic(
            self,
            "Topic",
            topic_name=naming.changes_topic_name(deployment),
            kms_master_key_id=naming.key_alias(deployment),
        )
        assert function.role is not None
        only = {"ArnEquals": {"aws:PrincipalArn": function.role.role_arn}}
        sns.CfnTopicPolicy(
            self,
            "TopicPolicy",
            topics=[topic.ref],
            policy_document=arns.policy(
                arns.statement("OnlyAnnounceChangesPublishes", arns.account(), _PUBLISH, topic.ref, condition=only),
                arns.tls_only(_PUBLISH, topic.ref),
            ),
        )
        return topic

    def _alarm(self, deployment: str, region: str) -> None:
        name = naming.function_name(deployment, naming.ANNOUNCE_CHANGES)
        age = Series("AWS/Lambda", "IteratorAge", "Maximum", _PERIOD_S, {"FunctionName": name})
        AlarmFactory(self, deployment=deployment, region=region).alarm(
            CHANGES_BEHIND,
            (WARN,),
            ("changes", "behind"),
            subject=name,
            level="an hour",
            series={"a": age},
            threshold=_BEHIND // SECOND * 1_000,  # AWS counts it in ms
            periods=_PERIODS,
        )
