"""An identity's own configuration set: its reputation, its metrics in CloudWatch, and alarms on both rates."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.alarms.reputation import DIMENSION_CONFIGURATION_SET, ReputationAlarms
from ses_feedback import naming

# Each event type is a billed metric. Open and click are left out: they rewrite the mail.
EVENT_TYPES: Final = ("send", "reject", "bounce", "complaint", "delivery", "renderingFailure", "deliveryDelay")


class OwnConfigurationSet(Construct):
    """The set that the wiring makes the identity's default.

    It says nothing about sending being enabled: a pause, by hand or by a circuit breaker, outlives the next deployment.
    """

    def __init__(self, scope: Construct, construct_id: str, *, deployment: str, region: str, identity: str) -> None:
        super().__init__(scope, construct_id)
        self.name = naming.configuration_set_name(deployment, identity)
        made = ses.CfnConfigurationSet(
            self,
            "Set",
            name=self.name,
            reputation_options=ses.CfnConfigurationSet.ReputationOptionsProperty(reputation_metrics_enabled=True),
        )
        self.events = ses.CfnConfigurationSetEventDestination(
            self,
            "CloudWatch",
            configuration_set_name=made.ref,
            event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
                name="cloudwatch",
                enabled=True,
                matching_event_types=list(EVENT_TYPES),
                cloud_watch_destination=ses.CfnConfigurationSetEventDestination.CloudWatchDestinationProperty(
                    dimension_configurations=[
                        ses.CfnConfigurationSetEventDestination.DimensionConfigurationProperty(
                            dimension_name=DIMENSION_CONFIGURATION_SET,
                            dimension_value_source="messageTag",
                            default_dimension_value=self.name,
                        )
                    ]
                ),
            ),
        )
        ReputationAlarms(
            self,
            "Reputation",
            deployment=deployment,
            region=region,
            named=identity,
            subject=f"the configuration set {self.name} ({identity})",
            configuration_set=self.name,
        )
