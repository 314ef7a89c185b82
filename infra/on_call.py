"""How on-call is told: topics that alarms act on, and beside them those through which people read alarms in words.

What reads JSON (a pager, a program) is subscribed to the alarms' own topic. Where somebody reads text, a function is
too: it puts alarms into words, and publishes these to the topic that the people are subscribed to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import arns
from infra.alarms.kinds import PAGE
from infra.subscriptions import subscribe
from infra.topics import OnCallTopic
from ses_feedback import naming
from ses_feedback.config.model import Config, Destination

# With the wait of a minute between two tries, and the function's own time, people have CloudWatch's own words within
# some five minutes where the function does not work at all.
_TRIES_AFTER_THE_FIRST: Final = 1
_MAX_EVENT_AGE_S: Final = 300
_PUBLISH: Final = ["sns:Publish"]


class OnCall(Construct):
    """The topics of both severities and who is subscribed to each.

    ``functions`` are those of the deployment: ``explain_alarm`` where somebody reads text, ``break_circuit`` where
    there is a circuit breaker, which tells whom its alarm pages.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, functions: Mapping[str, lambda_.Function]
    ) -> None:
        super().__init__(scope, construct_id)
        self._deployment, self._region = config.deployment.name, config.deployment.region
        self._undelivered = arns.queue(self._region, naming.team_dead_letter_queue_name(self._deployment))
        breaker, explainer = functions.get(naming.BREAK_CIRCUIT), functions.get(naming.EXPLAIN_ALARM)
        texts = config.on_call.texts()
        text_topics: dict[str, Construct] = {}
        for severity, whom in config.on_call.severities().items():
            home = Construct(self, severity.capitalize())
            OnCallTopic(
                home,
                "Topic",
                deployment=self._deployment,
                region=self._region,
                severity=severity,
                destinations=[destination for destination in whom if destination.format == "json"],
                roles=[_role(breaker)] if breaker and severity == PAGE else [],
            )
            if explainer is not None and severity in texts:
                readers = [destination for destination in whom if destination.format == "text"]
                text_topics[severity] = self._in_words(home, severity, readers, explainer)
        if explainer is not None:
            self._never_silent(explainer, texts[0], text_topics[texts[0]])

    def _in_words(
        self, home: Construct, severity: str, readers: Sequence[Destination], explainer: lambda_.Function
    ) -> Construct:
        """Subscribe the function to the alarms' topic, and the people to the one that only it publishes to.

        Return the policy of that topic: what is made after it finds both.
        """
        alarms = arns.topic(self._region, naming.on_call_topic_name(self._deployment, severity))
        lambda_.CfnPermission(
            home,
            "TopicInvokes",
            action="lambda:InvokeFunction",
            function_name=explainer.function_arn,
            principal="sns.amazonaws.com",
            source_arn=alarms,
        )
        function = arns.function(self._region, self._deployment, naming.EXPLAIN_ALARM)
        told = subscribe(
            home,
            topic_arn=alarms,
            destination=Destination("lambda", function),
            dead_letters=self._undelivered,
            construct_id="Explained",
        )
        told.node.add_dependency(explainer, *home.node.find_child("Topic").node.find_all())
        name = naming.on_call_text_topic_name(self._deployment, severity)
        topic = sns.CfnTopic(home, "Text", topic_name=name, kms_master_key_id=naming.key_alias(self._deployment))
        # Lambda hands on what the function fails on in the function's own role (Lambda developer guide, `Capturing
        # records of asynchronous invocations`), so that one statement is for both.
        only = {"ArnEquals": {"aws:PrincipalArn": _role(explainer)}}
        published = sns.CfnTopicPolicy(
            home,
            "TextPolicy",
            topics=[topic.ref],
            policy_document=arns.policy(
                arns.statement("OnlyExplainAlarmPublishes", arns.account(), _PUBLISH, topic.ref, condition=only),
                arns.tls_only(_PUBLISH, topic.ref),
            ),
        )
        for reader in readers:
            if reader.subscribe:
                subscribe(home, topic_arn=topic.ref, destination=reader, dead_letters=self._undelivered)
        return published

    def _never_silent(self, explainer: lambda_.Function, severity: str, published: Construct) -> None:
        """Have Lambda tell people itself, in CloudWatch's words, where the function could not.

        Lambda may refuse a destination that is not there yet: it comes after the topic of the ``severity``.
        """
        topic = arns.topic(self._region, naming.on_call_text_topic_name(self._deployment, severity))
        told = lambda_.CfnEventInvokeConfig(
            self,
            "ToldAllTheSame",
            function_name=explainer.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=_TRIES_AFTER_THE_FIRST,
            maximum_event_age_in_seconds=_MAX_EVENT_AGE_S,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=topic)
            ),
        )
        told.node.add_dependency(published)


def _role(function: lambda_.Function) -> str:
    assert function.role is not None
    return function.role.role_arn
