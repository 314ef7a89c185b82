"""Which destinations of a team hear about which kind. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ses_feedback.config.model import Config, Destination, Identity


def destinations_by_kind(config: Config, identity: Identity) -> dict[str, list[Destination]]:
    """Return whom the template subscribes to each topic of an identity for its team, by kind, each endpoint once.

    (SNS keeps one subscription of an endpoint to a topic.) What is wanted as text is not among them: it comes in
    digests, see ``digested_kinds``. A kind that has no topic here, as no configuration set tells of it, is left out.
    """
    found: dict[str, dict[tuple[str, str], Destination]] = {kind: {} for kind in identity.kinds}
    for kind, destination in _wanted(config, identity):
        if destination.format == "json" and destination.subscribe:
            found[kind].setdefault((destination.protocol, destination.endpoint), destination)
    return {kind: list(by_endpoint.values()) for kind, by_endpoint in found.items()}


def digested_kinds(config: Config, identity: Identity) -> tuple[str, ...]:
    """Return the kinds of an identity of which somebody in its team reads digests, in the order of ``kinds``."""
    wanted = {kind for kind, destination in _wanted(config, identity) if destination.format == "text"}
    return tuple(kind for kind in identity.kinds if kind in wanted)


def _wanted(config: Config, identity: Identity) -> Iterator[tuple[str, Destination]]:
    team = config.teams[identity.team] if identity.team is not None else None
    for destination in team.notify if team else ():
        for kind in destination.on:
            if kind in identity.kinds:
                yield kind, destination
