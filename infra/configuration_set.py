"""An identity's own configuration set: its options, its reputation, where its events go, and alarms on both rates."""

from __future__ import annotations

from typing import Any, Final

from aws_cdk import aws_ses as ses
from constructs import Construct, IDependable

from infra.alarms.rates import RateAlarms
from infra.alarms.reputation import ReputationAlarms, ReputationPages
from ses_feedback import naming
from ses_feedback.config.model import ConfigurationSet
from ses_feedback.domain.reputation import DIMENSION_CONFIGURATION_SET

# Each event type is a billed metric. Open and click are left out: they rewrite the mail.
EVENT_TYPES: Final = ("send", "reject", "bounce", "complaint", "delivery", "renderingFailure", "deliveryDelay")
# Kinds as `AWS::SES::ConfigurationSetEventDestination` spells them in MatchingEventTypes.
_EVENT_TYPE_OF: Final = {
    "send": "send",
    "reject": "reject",
    "delay": "deliveryDelay",
    "rendering_failure": "renderingFailure",
    "open": "open",
    "click": "click",
    "subscription": "subscription",
}


class OwnConfigurationSet(Construct):
    """The set that the wiring makes the identity's default. While ``rates`` page, AWS's rate of the set does not.

    It says nothing about sending being enabled: a pause, by hand or by a circuit breaker, outlives the next deployment.
    ``destinations`` are its event destinations, without which mail under the set would be sent unheard.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        identity: str,
        options: ConfigurationSet,
        rates: RateAlarms | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = naming.configuration_set_name(deployment, identity)
        made = ses.CfnConfigurationSet(
            self,
            "Set",
            name=self.name,
            reputation_options=ses.CfnConfigurationSet.ReputationOptionsProperty(reputation_metrics_enabled=True),
            delivery_options=ses.CfnConfigurationSet.DeliveryOptionsProperty(tls_policy=options.tls.upper()),
            suppression_options=_suppression(options.suppress),
        )
        self._ref = made.ref
        self.destinations = [
            self._event_destination(
                "CloudWatch",
                "cloudwatch",
                EVENT_TYPES,
                cloud_watch_destination=ses.CfnConfigurationSetEventDestination.CloudWatchDestinationProperty(
                    dimension_configurations=[
                        ses.CfnConfigurationSetEventDestination.DimensionConfigurationProperty(
                            dimension_name=DIMENSION_CONFIGURATION_SET,
                            dimension_value_source="messageTag",
                            default_dimension_value=self.name,
                        )
                    ]
                ),
            )
        ]
        subject = f"the configuration set {self.name} ({identity})"
        reputation = ReputationAlarms(
            self,
            "Reputation",
            deployment=deployment,
            region=region,
            named=identity,
            subject=subject,
            configuration_set=self.name,
            part_of_pages=rates is not None,
        )
        if rates is not None:
            ReputationPages(
                self,
                "ReputationPages",
                deployment=deployment,
                region=region,
                named=identity,
                subject=subject,
                muted_by=rates.paged,
                after=[*reputation.made, rates.told],
            )

    def publish(self, kind: str, topic_arn: str, *after: IDependable) -> None:
        """Publish events of a kind to a topic, once ``after`` are there: its policy, which SES tries, and listeners."""
        made = self._event_destination(
            naming.camel(kind),
            kind,
            (_EVENT_TYPE_OF[kind],),
            sns_destination=ses.CfnConfigurationSetEventDestination.SnsDestinationProperty(topic_arn=topic_arn),
        )
        made.node.add_dependency(*after)
        self.destinations.append(made)

    def _event_destination(
        self, construct_id: str, name: str, types: tuple[str, ...], **to: Any
    ) -> ses.CfnConfigurationSetEventDestination:
        return ses.CfnConfigurationSetEventDestination(
            self,
            construct_id,
            configuration_set_name=self._ref,
            event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
                name=name, enabled=True, matching_event_types=list(types), **to
            ),
        )


def _suppression(kinds: tuple[str, ...] | None) -> ses.CfnConfigurationSet.SuppressionOptionsProperty | None:
    """Return for which kinds SES consults its list; an empty list is for none, whatever the account says."""
    if kinds is None:
        return None
    return ses.CfnConfigurationSet.SuppressionOptionsProperty(suppressed_reasons=[kind.upper() for kind in kinds])
