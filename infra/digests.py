"""Digests for people: a queue and a topic of each team that has any, the schedule they are told on, and their alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import arns
from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import DIGESTS_WAITING, WARN
from infra.errors import SynthError
from infra.functions import SIZES
from infra.nag import acknowledge
from infra.needed import told_teams
from infra.queues import RETENTION_S
from infra.schedules import Schedule
from infra.senders import QUEUE_BYTES, sending_topics
from infra.subscriptions import subscribe
from ses_feedback import naming
from ses_feedback.config.model import KINDS, Config, Team
from ses_feedback.domain.times import MINUTE

# By then what a notification says is recorded, and the digest tells what was done about it.
SETTLE_S: Final = 30
# How often the function looks. Between two digests of a team are five minutes and more; the first news comes at once.
LOOK: Final = MINUTE
WAITING_TOO_LONG_S: Final = 3_600
_PERIOD_S: Final = 300
_RESOURCES_OF_A_TEAM: Final = 5  # a queue, a topic, the policy of each, and an alarm
MOST_RESOURCES: Final = 240  # of the core stack's 500; all else of it takes some 240
_PUBLISH: Final = ["sns:Publish"]


class Digests(Construct):
    """Runs ``function``, ``tell_teams``, each minute, over a queue and a topic of each team with people to tell."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, function: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        self._config, self._deployment, self._region = config, config.deployment.name, config.deployment.region
        teams = told_teams(config)
        _check_room(config, teams)
        for name in teams:
            home = Construct(self, naming.team_slug(name))
            self._queue(home, name)
            self._topic(home, config.teams[name], function)
        Schedule(self, "Schedule", deployment=self._deployment, name=naming.TELL_TEAMS, function=function, every=LOOK)
        self._alarms(teams)

    def _queue(self, home: Construct, team: str) -> None:
        """Make the queue that feedback topics send to: what is not told in two weeks is old news, and goes."""
        name = naming.digest_queue_name(self._deployment, team)
        queue = sqs.CfnQueue(
            home,
            "Queue",
            queue_name=name,
            sqs_managed_sse_enabled=True,
            delay_seconds=SETTLE_S,
            message_retention_period=RETENTION_S,
            visibility_timeout=SIZES[naming.TELL_TEAMS].timeout_s,
        )
        senders = sending_topics(self._config, KINDS, most_bytes=QUEUE_BYTES)
        topics = [arns.topic(self._region, name) for name in senders]
        sqs.CfnQueuePolicy(
            home,
            "QueuePolicy",
            queues=[queue.ref],
            policy_document=arns.policy(
                arns.statement(
                    "TopicsSend",
                    arns.service("sns"),
                    ["sqs:SendMessage"],
                    queue.attr_arn,
                    condition={"ArnLike": {"aws:SourceArn": topics}},
                ),
                arns.tls_only(["sqs:*"], queue.attr_arn),
            ),
        )
        acknowledge(
            queue,
            "SQS3",
            "Nothing is given up: what cannot be read is quarantined, and what cannot be told is told again.",
        )

    def _topic(self, home: Construct, team: Team, function: lambda_.Function) -> None:
        """Make the topic that only ``function`` publishes to, with each destination that takes text."""
        name = naming.digest_topic_name(self._deployment, team.name)
        topic = sns.CfnTopic(home, "Topic", topic_name=name, kms_master_key_id=naming.key_alias(self._deployment))
        assert function.role is not None
        only = {"ArnEquals": {"aws:PrincipalArn": function.role.role_arn}}
        sns.CfnTopicPolicy(
            home,
            "TopicPolicy",
            topics=[topic.ref],
            policy_document=arns.policy(
                arns.statement("OnlyTellTeamsPublishes", arns.account(), _PUBLISH, topic.ref, condition=only),
                arns.tls_only(_PUBLISH, topic.ref),
            ),
        )
        untold = arns.queue(self._region, naming.team_dead_letter_queue_name(self._deployment))
        for destination in team.notify:
            if destination.format == "text" and destination.subscribe:
                key = naming.recipient_key(destination.protocol, destination.endpoint)
                subscribe(
                    home,
                    topic_arn=topic.ref,
                    destination=destination,
                    dead_letters=untold,
                    only={naming.ATTRIBUTE_RECIPIENT: key},
                )

    def _alarms(self, teams: Sequence[str]) -> None:
        """Warn when notifications wait although they should be told within minutes: nobody runs the function."""
        factory = AlarmFactory(self, deployment=self._deployment, region=self._region)
        queues = {naming.team_slug(team): naming.digest_queue_name(self._deployment, team) for team in teams}
        first = next(iter(queues.values()))
        factory.any_alarm(
            DIGESTS_WAITING,
            (WARN,),
            ("digests", "late"),
            subject=f"{first} and the like" if len(queues) > 1 else first,
            level=f"{WAITING_TOO_LONG_S // 60} minutes",
            series={
                team: (
                    Series("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", _PERIOD_S, {"QueueName": queue}),
                    WAITING_TOO_LONG_S,
                )
                for team, queue in queues.items()
            },
            periods=2,
        )


def _check_room(config: Config, teams: Sequence[str]) -> None:
    """Raise ``SynthError`` where the core stack would pass CloudFormation's 500 resources, which names no reason."""
    people = sum(destination.format == "text" for name in teams for destination in config.teams[name].notify)
    needs = len(teams) * _RESOURCES_OF_A_TEAM + people
    if needs > MOST_RESOURCES:
        raise SynthError(
            f"teams: {people:,} text destinations of {len(teams):,} teams take {needs:,} resources of the core stack, "
            f'more than {MOST_RESOURCES}: give some of them the same mailing list, or format = "json"'
        )
