"""Which destinations of a team hear about which kind. Pure."""

from __future__ import annotations

from ses_feedback.config.model import NOTIFIED_KINDS, Config, Destination, Identity


def destinations_by_kind(config: Config, identity: Identity) -> dict[str, list[Destination]]:
    """Return the destinations of an identity's team for each kind, each endpoint once (SNS keeps one subscription)."""
    team = config.teams[identity.team] if identity.team is not None else None
    found: dict[str, dict[tuple[str, str], Destination]] = {kind: {} for kind in NOTIFIED_KINDS}
    for destination in team.notify if team else ():
        for kind in destination.on:
            found[kind].setdefault((destination.protocol, destination.endpoint), destination)
    return {kind: list(by_endpoint.values()) for kind, by_endpoint in found.items()}
