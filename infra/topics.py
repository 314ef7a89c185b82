"""SNS topics: those SES publishes feedback to, and those alarms reach on-call through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import arns
from infra.subscriptions import subscribe
from ses_feedback import naming
from ses_feedback.config.model import NOTIFIED_KINDS, Destination

_PUBLISH: Final = ["sns:Publish"]


class EncryptedTopic(Construct):
    """A topic under the deployment's own key, that exactly one AWS service may publish to, under ``condition``.

    ``roles`` are ARNs of the deployment's own functions' roles that may as well. A customer managed key is the only one
    that SES and CloudWatch can be let use (its policy is in the data stack).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        name: str,
        publisher: str,
        condition: Mapping[str, Any],
        roles: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        topic = sns.CfnTopic(self, "Topic", topic_name=name, kms_master_key_id=naming.key_alias(deployment))
        self.arn = topic.ref
        self.policy = sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[self.arn],
            policy_document=arns.policy(
                arns.statement(
                    "OnlyThisServicePublishes",
                    arns.service(publisher),
                    _PUBLISH,
                    self.arn,
                    condition=condition,
                ),
                *(self._function_publishes(role) for role in roles),
                arns.tls_only(_PUBLISH, self.arn),
            ),
        )

    def _function_publishes(self, role: str) -> dict[str, Any]:
        only = {"ArnEquals": {"aws:PrincipalArn": role}}
        return arns.statement("OurFunctionPublishes", arns.account(), _PUBLISH, self.arn, condition=only)


class FeedbackTopic(EncryptedTopic):
    """The topic of one kind of feedback of one identity: only SES publishes, only for that identity or its own set.

    What SES tells only through a configuration set, only the identity's own set may publish.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        kind: str,
        identity: str,
        configuration_set: str | None,
    ) -> None:
        sources = [arns.identity(region, identity)] if kind in NOTIFIED_KINDS else []
        if configuration_set is not None:
            sources.append(arns.configuration_set(region, configuration_set))
        super().__init__(
            scope,
            construct_id,
            deployment=deployment,
            name=naming.topic_name(deployment, kind, identity),
            publisher="ses",
            condition={
                "StringEquals": {
                    "AWS:SourceAccount": arns.sub("${AWS::AccountId}"),
                    "AWS:SourceArn": sources if len(sources) > 1 else sources[0],
                }
            },
        )


class OnCallTopic(EncryptedTopic):
    """The topic alarms of a severity act on: CloudWatch publishes, and only for this account's alarms of this region.

    ``roles`` are ARNs of the roles of functions that tell on-call what no alarm says.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        severity: str,
        destinations: Sequence[Destination],
        roles: Sequence[str] = (),
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            deployment=deployment,
            name=naming.on_call_topic_name(deployment, severity),
            publisher="cloudwatch",
            condition={"ArnLike": {"aws:SourceArn": arns.alarm(region, "*")}},
            roles=roles,
        )
        undelivered = arns.queue(region, naming.team_dead_letter_queue_name(deployment))
        for destination in destinations:
            if destination.subscribe:
                subscribe(self, topic_arn=self.arn, destination=destination, dead_letters=undelivered)
