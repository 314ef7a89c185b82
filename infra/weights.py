"""How many CloudFormation resources an identity takes in its cell. Pure; a test compares it with the templates."""

from __future__ import annotations

from typing import Final

from infra.alarms.kinds import SEVERITIES
from infra.alarms.rules import RATE_RULES, REPUTATION_LEVELS
from infra.destinations import destinations_by_kind, digested_kinds
from ses_feedback.config.model import ACTED_KINDS, NOTIFIED_KINDS, Config, Identity

RATE_ALARMS: Final = len(RATE_RULES) + len(SEVERITIES)  # one for each rule, and a composite of each severity
REPUTATION_ALARMS: Final = sum(len(levels) for levels in REPUTATION_LEVELS.values())
REPUTATION_PAGES: Final = len(SEVERITIES)  # composites, where there is a page of the identity that mutes them


def alarmed_environments(config: Config) -> dict[str, str]:
    """Return the environment of each identity with alarms of its own: its cell has an alarm for that environment."""
    if config.deployment.alarms != "identity":
        return {}
    return {name: identity.environment for name, identity in config.identities.items()}


def weights(config: Config) -> dict[str, int]:
    """Return the resources of each identity."""
    return {name: resources(config, identity) for name, identity in config.identities.items()}


def resources(config: Config, identity: Identity) -> int:
    """Return the number of an identity's resources: topics, subscriptions, wiring, alarms, configuration set."""
    count = 2 * len(identity.kinds)  # topics and their policies
    count += sum(kind in ACTED_KINDS for kind in identity.kinds)  # record_feedback
    count += len(NOTIFIED_KINDS)  # the tally queue
    count += len(identity.kinds)  # the archive
    count += sum(len(found) for found in destinations_by_kind(config, identity).values())
    count += len(digested_kinds(config, identity))  # the team's digest queue
    count += 1  # the wiring
    count += alarms(config, identity)
    if identity.configuration_set:
        count += 2  # the set, and its event destination to CloudWatch
        count += len(identity.configuration_set.events)  # event destinations to the topics
    return count


def alarms(config: Config, identity: Identity) -> int:
    """Return the number of an identity's own alarms, composites among them."""
    per_identity = config.deployment.alarms == "identity"
    count = RATE_ALARMS if per_identity else 0
    if identity.configuration_set:
        count += REPUTATION_ALARMS + (REPUTATION_PAGES if per_identity else 0)
    return count
