"""What no section of the file can check alone: kinds that are asked for but not published, and names that collide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ses_feedback import naming
from ses_feedback.config.model import SET_KINDS, AlarmsPer, Identity
from ses_feedback.config.problems import Problems, join, quote, shown
from ses_feedback.domain.events import BOUNCE


def check_kinds(problems: Problems, teams: Mapping[str, Any], identities: Mapping[str, Identity]) -> None:
    """Report each kind that a team is to be told of and that no identity of it publishes.

    ``teams`` as in the file, whatever is wrong with it: paths count the destinations that stand there.
    """
    for team, value in teams.items():
        members = [identity for identity in identities.values() if identity.team == team]
        published = {kind for identity in members for kind in identity.kinds}
        for path, kind in _asked(join("teams", team), value):
            if kind in SET_KINDS and kind not in published:
                problems.add(path, f"no identity of this team publishes {quote(kind)}; {_right(team, members, kind)}")


def _asked(path: str, team: object) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every kind in a team's destinations."""
    notify = team.get("notify") if isinstance(team, dict) else None
    for number, destination in enumerate(notify if isinstance(notify, list) else []):
        on = destination.get("on") if isinstance(destination, dict) else None
        for index, kind in enumerate(on if isinstance(on, list) else []):
            if isinstance(kind, str):
                yield f"{path}.notify[{number}].on[{index}]", kind


def _right(team: str, members: list[Identity], kind: str) -> str:
    if not members:
        return f"none has team = {shown(team)}: add that to one, and configuration_set = {{ events = [{quote(kind)}] }}"
    with_set = [identity for identity in members if identity.configuration_set is not None]
    first = (with_set or members)[0]
    return f"add it to {join('identities', first.name)}.configuration_set.events"


def check_breakers(problems: Problems, alarms: AlarmsPer, identities: Mapping[str, Identity]) -> None:
    """Report each breaker that no alarm of its own would trip: an environment's does not say who bounced."""
    if alarms == "identity":
        return
    for identity in identities.values():
        if identity.breaker and identity.configuration_set is not None:  # else that is what is wrong with it
            problems.add(
                f"{join('identities', identity.name)}.breaker",
                'deployment.alarms = "environment" leaves the identity without an alarm of its own that could trip it; '
                'use alarms = "identity", or leave breaker out',
            )


def check_thresholds(problems: Problems, alarms: AlarmsPer, identities: Mapping[str, Identity]) -> None:
    """Report thresholds of an identity that has no alarms of its own: they would do nothing."""
    if alarms == "identity":
        return
    for identity in identities.values():
        if identity.thresholds is not None:
            problems.add(
                f"{join('identities', identity.name)}.thresholds",
                'would do nothing: deployment.alarms = "environment" leaves the identity without alarms of its own; '
                'use alarms = "identity", or say it of all in [thresholds]',
            )


def check_names(problems: Problems, deployment: str, identities: Mapping[str, Identity]) -> None:
    """Report identities that would share topics or a configuration set: their names differ by 32 bits of a hash."""
    taken: dict[str, str] = {}
    for identity in identities.values():
        names = [naming.topic_name(deployment, BOUNCE, identity.name)]
        if identity.configuration_set is not None:
            names.append(naming.configuration_set_name(deployment, identity.name))
        for name in names:
            first = taken.setdefault(name, identity.name)
            if first != identity.name:
                what = "topics" if name is names[0] else "configuration set"
                problems.add(
                    join("identities", identity.name),
                    f"its {what} would be named like {join('identities', first)}'s, {name}; put one of the two into "
                    f"a deployment of its own",
                )
                break
