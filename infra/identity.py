"""Everything one identity has of its own: topics, subscriptions, wiring, alarms, outputs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from constructs import Construct, IDependable

from infra import arns
from infra.alarms.held import DaysLate
from infra.alarms.rates import RateAlarms
from infra.configuration_set import OwnConfigurationSet
from infra.destinations import destinations_by_kind, digested_kinds
from infra.subscriptions import subscribe
from infra.topics import FeedbackTopic
from infra.wiring import wire_identity
from ses_feedback import naming
from ses_feedback.config.model import ACTED_KINDS, NOTIFIED_KINDS, Config, Destination, Identity


class IdentityLoop(Construct):
    """The feedback loop of one identity. ``output_name`` is its name in the outputs of the stack.

    ``rates`` are its alarms, where it has its own: with ``days_late``, by which they know that counting was.
    """

    def __init__(
        self,
        scope: cdk.Stack,
        *,
        config: Config,
        identity: Identity,
        output_name: str,
        rewire: str | None,
        days_late: DaysLate | None,
    ) -> None:
        super().__init__(scope, naming.camel(identity.name) + naming.identity_hash(identity.name))
        self._deployment, self._region = config.deployment.name, config.deployment.region
        self.rates = self._rate_alarms(config, identity, days_late) if days_late is not None else None
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
            for kind in identity.kinds
        }
        heard = self._subscribe(config, identity, topics)
        wiring = wire_identity(
            self,
            deployment=self._deployment,
            region=self._region,
            identity=identity.name,
            topics={kind: topics[kind].arn for kind in NOTIFIED_KINDS},
            configuration_set=own_set.name if own_set else None,
            rewire=rewire,
            overwrite=config.deployment.overwrite,
            create=identity.create,
        )
        # SES checks that it may publish when it is given a topic, and drops a topic it cannot publish to.
        ready: list[IDependable] = [topic.policy for topic in topics.values()]
        ready += [subscription for subscriptions in heard.values() for subscription in subscriptions]
        if own_set:
            for kind in identity.kinds[len(NOTIFIED_KINDS) :]:
                own_set.publish(kind, topics[kind].arn, topics[kind].policy, *heard[kind])
            ready += own_set.destinations
        wiring.node.add_dependency(*ready)
        for kind, topic in topics.items():
            cdk.CfnOutput(scope, naming.topic_output(kind, output_name), value=topic.arn)
        cdk.CfnOutput(
            scope,
            f"Wiring{output_name}",
            value=wiring.get_att_string("Status"),
            description=f"wired, or pending while {identity.name} is not verified in SES",
        )
        if identity.create and not identity.is_address:
            for attribute in naming.DKIM_ATTRIBUTES:
                cdk.CfnOutput(
                    scope,
                    naming.dkim_output(attribute, output_name),
                    value=wiring.get_att_string(attribute),
                    description=f"DNS record by which {identity.name} is verified and signs its mail",
                )

    def _rate_alarms(self, config: Config, identity: Identity, days_late: DaysLate) -> RateAlarms:
        return RateAlarms(
            self,
            "Rates",
            deployment=self._deployment,
            region=self._region,
            dimension=naming.DIMENSION_IDENTITY,
            subject=identity.name,
            thresholds=config.thresholds_of(identity),
            days_late=days_late,
            trips=arns.function(self._region, self._deployment, naming.BREAK_CIRCUIT) if identity.breaker else None,
        )

    def _configuration_set(self, identity: Identity) -> OwnConfigurationSet | None:
        if not identity.configuration_set:
            return None
        return OwnConfigurationSet(
            self,
            "ConfigurationSet",
            deployment=self._deployment,
            region=self._region,
            identity=identity.name,
            options=identity.configuration_set,
            rates=self.rates,
        )

    def _subscribe(
        self, config: Config, identity: Identity, topics: dict[str, FeedbackTopic]
    ) -> dict[str, list[sns.CfnSubscription]]:
        """Subscribe, by kind, who acts, counts, keeps and is told; nobody's failure loses a message.

        What only a configuration set tells is not counted: no rate reads it, and to hear that mail is sent must not
        pass for hearing what became of it (the alarm on a silent loop).
        """
        deployment, region = self._deployment, self._region
        acts = Destination("lambda", arns.function(region, deployment, naming.RECORD_FEEDBACK))
        counts = Destination("sqs", arns.queue(region, naming.tally_queue_name(deployment)))
        keeps = Destination(
            "firehose",
            arns.delivery_stream(region, naming.archive_stream_name(deployment)),
            role=arns.role(naming.archive_subscription_role_name(deployment, region)),
        )
        unkept = arns.queue(region, naming.archive_dead_letter_queue_name(deployment))
        retry = arns.queue(region, naming.retry_queue_name(deployment))
        uncounted = arns.queue(region, naming.tally_dead_letter_queue_name(deployment))
        untold = arns.queue(region, naming.team_dead_letter_queue_name(deployment))
        told, digested = destinations_by_kind(config, identity), digested_kinds(config, identity)
        made: dict[str, list[sns.CfnSubscription]] = {kind: [] for kind in topics}

        def add(kind: str, destination: Destination, dead_letters: str, construct_id: str | None = None) -> None:
            topic = topics[kind]
            made[kind].append(
                subscribe(
                    topic,
                    topic_arn=topic.arn,
                    destination=destination,
                    dead_letters=dead_letters,
                    construct_id=construct_id,
                )
            )

        for kind in topics:
            if kind in ACTED_KINDS:
                add(kind, acts, retry, "Acts")
            if kind in NOTIFIED_KINDS:
                add(kind, counts, uncounted, "Counts")
            # In SNS's envelope, as the digests below are.
            add(kind, keeps, unkept, "Keeps")
            for destination in told[kind]:
                add(kind, destination, untold)
            if identity.team is not None and kind in digested:
                queue = arns.queue(region, naming.digest_queue_name(deployment, identity.team))
                # In SNS's envelope: where a mail names no identity of ours, its topic does.
                add(kind, Destination("sqs", queue), untold, "Digests")
        return made
