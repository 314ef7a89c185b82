"""The whole configuration for the functions that check the loop, send canaries and tell teams, in a file of its own.

The functions that act and count never open it, so their cold start pays nothing for it. Like ``runtime``, the text
depends on what the file means and not on how it is written, and reading it back checks nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ses_feedback import naming
from ses_feedback.config.model import (
    KINDS,
    Archive,
    Canary,
    Changes,
    Config,
    ConfigurationSet,
    Deployment,
    Destination,
    Follower,
    Identity,
    OnCall,
    RateThresholds,
    SesList,
    Team,
    Thresholds,
)
from ses_feedback.config.runtime import policy_from, policy_values, to_runtime


def asset_files(config: Config) -> dict[str, str]:
    """Return what of a configuration goes into the asset of the functions: file name → text."""
    return {naming.RUNTIME_CONFIG_FILE: to_runtime(config), naming.LOOP_CONFIG_FILE: to_loop(config)}


def to_loop(config: Config) -> str:
    """Return the JSON text that ``from_loop`` reads: sorted, and the same for every file of the same meaning.

    Without the endpoint, of which no function knows: a topic more on its list deploys nothing.
    """
    values: dict[str, Any] = {
        "deployment": {**asdict(config.deployment), "regions": sorted(config.deployment.regions)},
        "on_call": {severity: _destinations(whom) for severity, whom in config.on_call.severities().items()},
        "runbooks": config.on_call.runbooks,
        "teams": {team.name: _destinations(team.notify) for team in config.teams.values()},
        "identities": {identity.name: _identity(identity) for identity in config.identities.values()},
        "policy": policy_values(config.policy),
        "canary": asdict(config.canary),
        "archive": asdict(config.archive),
        "thresholds": asdict(config.thresholds),
    }
    if config.ses_list.sync:  # who does not ask for it deploys nothing new
        values["ses_list"] = asdict(config.ses_list)
    if config.changes.notify:
        followers = sorted(config.changes.notify, key=lambda f: (f.destination.protocol, f.destination.endpoint))
        values["changes"] = [_follower(follower) for follower in followers]
    return json.dumps(values, sort_keys=True, separators=(",", ":")) + "\n"


def _destinations(destinations: tuple[Destination, ...]) -> list[dict[str, Any]]:
    by_endpoint = sorted(destinations, key=lambda d: (d.protocol, d.endpoint))
    return [{**_destination(destination), "on": _in_order(destination.on)} for destination in by_endpoint]


def _destination(destination: Destination) -> dict[str, Any]:
    values = asdict(destination)
    if destination.subscribe:  # who asks for nothing else deploys nothing new
        del values["subscribe"]
    return values


def _follower(follower: Follower) -> dict[str, Any]:
    chosen = {name: sorted(getattr(follower, name)) for name in ("types", "environments", "streams")}
    return {"destination": _destination(follower.destination), **chosen}


def _identity(identity: Identity) -> dict[str, Any]:
    values = asdict(identity)
    del values["name"]
    own = identity.configuration_set
    if own is not None:
        values["configuration_set"]["events"] = _in_order(own.events)
        values["configuration_set"]["suppress"] = _in_order(own.suppress) if own.suppress is not None else None
    return values


def _in_order(kinds: tuple[str, ...]) -> list[str]:
    return sorted(kinds, key=KINDS.index)


def from_loop(text: str) -> Config:
    """Return what ``to_loop`` wrote: ``path`` is ``None``; identities, teams, destinations and kinds come sorted."""
    values = json.loads(text)
    deployment = values["deployment"]
    return Config(
        deployment=Deployment(**{**deployment, "regions": tuple(deployment["regions"])}),
        on_call=OnCall(
            **{severity: _read_destinations(given) for severity, given in values["on_call"].items()},
            runbooks=values["runbooks"],
        ),
        teams={name: Team(name, _read_destinations(given)) for name, given in values["teams"].items()},
        identities={name: _read_identity(name, given) for name, given in values["identities"].items()},
        policy=policy_from(values["policy"]),
        canary=Canary(**values["canary"]),
        archive=Archive(**values["archive"]),
        thresholds=_read_thresholds(values["thresholds"]),
        changes=Changes(tuple(_read_follower(given) for given in values.get("changes", ()))),
        ses_list=SesList(**values.get("ses_list", {})),
    )


def _read_destinations(values: list[dict[str, Any]]) -> tuple[Destination, ...]:
    return tuple(Destination(**{**given, "on": tuple(given["on"])}) for given in values)


def _read_follower(values: dict[str, Any]) -> Follower:
    (destination,) = _read_destinations([values.pop("destination")])
    return Follower(destination, **{name: tuple(chosen) for name, chosen in values.items()})


def _read_identity(name: str, values: dict[str, Any]) -> Identity:
    own = values.pop("configuration_set")
    if own is not None:
        suppress = own["suppress"]
        own = ConfigurationSet(tuple(own["events"]), own["tls"], None if suppress is None else tuple(suppress))
    thresholds = values.pop("thresholds")
    thresholds = None if thresholds is None else _read_thresholds(thresholds)
    return Identity(name, configuration_set=own, thresholds=thresholds, **values)


def _read_thresholds(values: dict[str, dict[str, Any]]) -> Thresholds:
    return Thresholds(**{rate: RateThresholds(**given) for rate, given in values.items()})


def loop_config(directory: Path) -> Config:
    """Return the configuration of the asset whose root is ``directory``: ``Config``, as the command line loads it."""
    return from_loop((directory / naming.LOOP_CONFIG_FILE).read_text(encoding="utf-8"))
