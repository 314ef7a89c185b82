"""Everything one identity has of its own: topics, subscriptions, wiring, alarms, outputs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import arns
from infra.alarms.rates import RateAlarms
from infra.configuration_set import OwnConfigurationSet
from infra.destinations import destinations_by_kind
from infra.subscriptions import subscribe
from infra.topics import FeedbackTopic
from infra.weights import ACTED_ON
from infra.wiring import wire_identity
from ses_feedback import naming
from ses_feedback.config.model import NOTIFIED_KINDS, Config, Destination, Identity


class IdentityLoop(Construct):
    """The feedback loop of one identity. ``output_name`` is its name in the outputs of the stack."""

    def __init__(
        self, scope: cdk.Stack, *, config: Config, identity: Identity, output_name: str, rewire: str | None
    ) -> None:
        super().__init__(scope, naming.camel(identity.name) + naming.identity_hash(identity.name))
        self._deployment, self._region = config.deployment.name, config.deployment.region
        own_set = self._configuration_set(identity)
        topics = {
            kind: FeedbackTopic(
                self,
                naming.camel(kind),
                deployment=self._deployment,
                region=self._region,
                kind=kind,
                identity=identity.name,
                configuration_set=own_set.name if own_set else None,
            )
            for kind in NOTIFIED_KINDS
        }
        subscriptions = self._subscribe(config, identity, topics)
        wiring = wire_identity(
            self,
            deployment=self._deployment,
            region=self._region,
            identity=identity.name,
            topics={kind: topic.arn for kind, topic in topics.items()},
            configuration_set=own_set.name if own_set else None,
            rewire=rewire,
        )
        # SES checks that it may publish when it is given a topic, and drops a topic it cannot publish to.
        wiring.node.add_dependency(*(topic.policy for topic in topics.values()), *subscriptions)
        if own_set:
            wiring.node.add_dependency(own_set.events)
        if config.deployment.alarms == "identity":
            RateAlarms(
                self,
                "Rates",
                deployment=self._deployment,
                region=self._region,
                dimension=naming.DIMENSION_IDENTITY,
                subject=identity.name,
            )
        for kind, topic in topics.items():
            cdk.CfnOutput(scope, naming.topic_output(kind, output_name), value=topic.arn)
        cdk.CfnOutput(
            scope,
            f"Wiring{output_name}",
            value=wiring.get_att_string("Status"),
            description=f"wired, or pending while {identity.name} is not verified in SES",
        )

    def _configuration_set(self, identity: Identity) -> OwnConfigurationSet | None:
        if not identity.configuration_set:
            return None
        return OwnConfigurationSet(
            self, "ConfigurationSet", deployment=self._deployment, region=self._region, identity=identity.name
        )

    def _subscribe(
        self, config: Config, identity: Identity, topics: dict[str, FeedbackTopic]
    ) -> list[sns.CfnSubscription]:
        """Subscribe, by kind, who acts, who counts and who is told; nobody's failure loses a message."""
        deployment, region = self._deployment, self._region
        acts = Destination("lambda", arns.function(region, deployment, naming.RECORD_FEEDBACK))
        counts = Destination("sqs", arns.queue(region, naming.tally_queue_name(deployment)))
        retry = arns.queue(region, naming.retry_queue_name(deployment))
        uncounted = arns.queue(region, naming.tally_dead_letter_queue_name(deployment))
        untold = arns.queue(region, naming.team_dead_letter_queue_name(deployment))
        told = destinations_by_kind(config, identity)
        made = []
        for kind, topic in topics.items():
            if kind in ACTED_ON:
                made.append(
                    subscribe(topic, topic_arn=topic.arn, destination=acts, dead_letters=retry, construct_id="Acts")
                )
            made.append(
                subscribe(topic, topic_arn=topic.arn, destination=counts, dead_letters=uncounted, construct_id="Counts")
            )
            made += [
                subscribe(topic, topic_arn=topic.arn, destination=destination, dead_letters=untold)
                for destination in told[kind]
            ]
        return made
