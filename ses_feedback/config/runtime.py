"""What Lambdas need of the configuration, normalised: written at synth into the asset, read at every cold start.

The text depends on what the file means, not on how it is written, so that a comment re-deploys no function. Reading it
back checks nothing (``load`` did) and imports little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ses_feedback import naming
from ses_feedback.domain.events import KINDS, SETUP
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.policy import Policy, Tier

if TYPE_CHECKING:
    from pathlib import Path

    from ses_feedback.config.model import Config

# Every kind that can have a topic; which of an identity's really have one is not asked when feedback names it.
_KINDS = tuple(kind for kind in KINDS if kind != SETUP)


class RuntimeConfig(NamedTuple):
    """The configuration inside Lambda. ``alarms`` is ``identity`` or ``environment``; ``regions`` are sorted."""

    deployment: str
    region: str
    regions: tuple[str, ...]
    alarms: str
    places: tuple[Place, ...]
    directory: Directory
    policy: Policy

    def environments(self) -> tuple[str, ...]:
        """Return the environments that identities live in, sorted."""
        return tuple(sorted({place.environment for place in self.places}))

    def streams(self, environment: str) -> tuple[str, ...]:
        """Return the streams of an environment, sorted; empty where it has none."""
        return tuple(sorted({place.stream for place in self.places if place.environment == environment}))


class _Topics(Mapping[str, str]):
    """Topic name → identity, made for a kind when first asked: a topic decides only where mail names none of ours."""

    def __init__(self, deployment: str, identities: tuple[str, ...]) -> None:
        self._deployment = deployment
        self._identities = identities
        self._names: dict[str, dict[str, str]] = {}

    def _of(self, kind: str) -> dict[str, str]:
        if kind not in self._names:
            self._names[kind] = {naming.topic_name(self._deployment, kind, i): i for i in self._identities}
        return self._names[kind]

    def __getitem__(self, name: str) -> str:
        for kind in _KINDS:
            if name.startswith(naming.topic_prefix(self._deployment, kind)):
                return self._of(kind)[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for kind in _KINDS for name in self._of(kind))

    def __len__(self) -> int:
        return len(_KINDS) * len(self._identities)


def _directory(deployment: str, places: Iterable[Place], *, strict: bool = False) -> Directory:
    by_identity = {place.identity: place for place in places}
    return Directory(by_identity, _Topics(deployment, tuple(by_identity)), strict=strict)


def directory(config: Config) -> Directory:
    """Return where the feedback of each identity belongs, for those that hold the whole configuration."""
    places = (Place(i.name, i.environment, i.stream) for i in config.identities.values())
    return _directory(config.deployment.name, places)


def policy_values(policy: Policy) -> dict[str, list[list[Any]]]:
    """Return a policy as JSON holds it: class → tiers of count, within, suppress_for (ms) and scope."""
    return {
        class_: [[tier.count, tier.within, tier.suppress_for, tier.scope] for tier in tiers]
        for class_, tiers in policy.items()
    }


def policy_from(values: Mapping[str, Any]) -> Policy:
    """Return the policy that ``policy_values`` wrote."""
    return {class_: tuple(Tier(*tier) for tier in tiers) for class_, tiers in values.items()}


def policy_text(policy: Policy) -> str:
    """Return a policy as text, the same for every file of the same meaning."""
    return json.dumps(policy_values(policy), sort_keys=True, separators=(",", ":"))


def to_runtime(config: Config) -> str:
    """Return the JSON text that ``from_runtime`` reads: sorted, and the same for every file of the same meaning."""
    identities = {i.name: [i.environment, i.stream] for i in config.identities.values()}
    values = {
        "deployment": config.deployment.name,
        "region": config.deployment.region,
        "regions": sorted(config.deployment.regions),
        "alarms": config.deployment.alarms,
        "identities": identities,
        "policy": policy_values(config.policy),
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":")) + "\n"


def from_runtime(text: str, *, strict: bool = False) -> RuntimeConfig:
    """Return what ``to_runtime`` wrote. Durations are milliseconds. ``strict``: see ``Directory``."""
    values = json.loads(text)
    places = tuple(Place(name, *place) for name, place in values["identities"].items())
    return RuntimeConfig(
        deployment=values["deployment"],
        region=values["region"],
        regions=tuple(values["regions"]),
        alarms=values["alarms"],
        places=places,
        directory=_directory(values["deployment"], places, strict=strict),
        policy=policy_from(values["policy"]),
    )


def load_runtime(directory: Path) -> RuntimeConfig:
    """Return the configuration of the asset whose root is ``directory``: its functions believe its topics alone."""
    return from_runtime((directory / naming.RUNTIME_CONFIG_FILE).read_text(encoding="utf-8"), strict=True)
