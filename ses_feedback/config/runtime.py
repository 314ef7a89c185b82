"""What Lambdas need of the configuration, normalised: written at synth into the asset, read at every cold start.

The text depends on what the file means, not on how it is written, so that a comment re-deploys no function. Reading it
back checks nothing (``load`` did) and imports little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ses_feedback import naming
from ses_feedback.domain.events import BOUNCE, COMPLAINT, DELIVERY
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.policy import Policy, Tier

if TYPE_CHECKING:
    from pathlib import Path

    from ses_feedback.config.model import Config

_NOTIFIED_KINDS = (BOUNCE, COMPLAINT, DELIVERY)


class RuntimeConfig(NamedTuple):
    """The configuration inside Lambda. ``alarms`` is ``identity`` or ``environment``; ``regions`` are sorted."""

    deployment: str
    region: str
    regions: tuple[str, ...]
    alarms: str
    places: tuple[Place, ...]
    directory: Directory
    policy: Policy

    def streams(self, environment: str) -> tuple[str, ...]:
        """Return the streams of an environment, sorted; empty where it has none."""
        return tuple(sorted({place.stream for place in self.places if place.environment == environment}))


class _Topics(Mapping[str, str]):
    """Topic name → identity, made when first asked: a topic decides only where the mail names no identity of ours."""

    def __init__(self, deployment: str, identities: tuple[str, ...]) -> None:
        self._deployment = deployment
        self._identities = identities
        self._names: dict[str, str] | None = None

    def _made(self) -> dict[str, str]:
        if self._names is None:
            self._names = {
                naming.topic_name(self._deployment, kind, identity): identity
                for identity in self._identities
                for kind in _NOTIFIED_KINDS
            }
        return self._names

    def __getitem__(self, name: str) -> str:
        return self._made()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())


def _directory(deployment: str, places: Iterable[Place]) -> Directory:
    by_identity = {place.identity: place for place in places}
    return Directory(by_identity, _Topics(deployment, tuple(by_identity)))


def directory(config: Config) -> Directory:
    """Return where the feedback of each identity belongs, for those that hold the whole configuration."""
    places = (Place(i.name, i.environment, i.stream) for i in config.identities.values())
    return _directory(config.deployment.name, places)


def to_runtime(config: Config) -> str:
    """Return the JSON text that ``from_runtime`` reads: sorted, and the same for every file of the same meaning."""
    identities = {i.name: [i.environment, i.stream] for i in config.identities.values()}
    policy = {
        class_: [[tier.count, tier.within, tier.suppress_for, tier.scope] for tier in tiers]
        for class_, tiers in config.policy.items()
    }
    values = {
        "deployment": config.deployment.name,
        "region": config.deployment.region,
        "regions": sorted(config.deployment.regions),
        "alarms": config.deployment.alarms,
        "identities": identities,
        "policy": policy,
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":")) + "\n"


def from_runtime(text: str) -> RuntimeConfig:
    """Return what ``to_runtime`` wrote. Durations are milliseconds."""
    values = json.loads(text)
    places = tuple(Place(name, *place) for name, place in values["identities"].items())
    return RuntimeConfig(
        deployment=values["deployment"],
        region=values["region"],
        regions=tuple(values["regions"]),
        alarms=values["alarms"],
        places=places,
        directory=_directory(values["deployment"], places),
        policy={class_: tuple(Tier(*tier) for tier in tiers) for class_, tiers in values["policy"].items()},
    )


def load_runtime(directory: Path) -> RuntimeConfig:
    """Return the configuration of the asset whose root is ``directory``."""
    return from_runtime((directory / naming.RUNTIME_CONFIG_FILE).read_text(encoding="utf-8"))
