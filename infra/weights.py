"""How many CloudFormation resources an identity takes in its cell. Pure; a test compares it with the templates."""

from __future__ import annotations

from typing import Final

from infra.destinations import destinations_by_kind
from ses_feedback.config.model import NOTIFIED_KINDS, Config, Identity

ACTED_ON: Final = ("bounce", "complaint")  # kinds that record_feedback is subscribed to
RATE_ALARMS: Final = 8  # four pages, two warnings, and a composite of each severity
REPUTATION_ALARMS: Final = 4  # bounces and complaints, page and warn


def resources(config: Config, identity: Identity) -> int:
    """Return the number of an identity's resources: topics, subscriptions, wiring, alarms, configuration set."""
    count = 2 * len(NOTIFIED_KINDS)  # topics and their policies
    count += len(ACTED_ON) + len(NOTIFIED_KINDS)  # record_feedback and the tally queue
    count += sum(len(found) for found in destinations_by_kind(config, identity).values())
    count += 1  # the wiring
    if config.deployment.alarms == "identity":
        count += RATE_ALARMS
    if identity.configuration_set:
        count += 2 + REPUTATION_ALARMS  # the set and its event destination
    return count
