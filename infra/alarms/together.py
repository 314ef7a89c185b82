"""Which mail has alarms over several identities, what mutes them, and how many composites that takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.alarms import chains
from infra.alarms.kinds import PAGE, SEVERITIES
from infra.errors import SynthError
from ses_feedback import naming
from ses_feedback.config.model import Config

# Sixteen resources each with those of blocked mail, 27 kB; a stack takes 500 and a megabyte, and has dashboards too.
MOST_ROLL_UPS: Final = 20


def rolled_up(config: Config) -> tuple[str, ...]:
    """Return the environments that have alarms over all their identities.

    An environment of a single identity has that one's. Raises ``SynthError`` where there are too many for a stack.
    """
    members: dict[str, int] = {}
    for identity in config.identities.values():
        members[identity.environment] = members.get(identity.environment, 0) + 1
    least = 1 if config.deployment.alarms == "environment" else 2
    found = tuple(name for name in config.environments() if members[name] >= least)
    if len(found) > MOST_ROLL_UPS:
        raise SynthError(
            f"identities: {len(found)} environments have alarms over all their identities, and a deployment takes "
            f"{MOST_ROLL_UPS} of them; put identities that are judged together into one environment, or deploy them "
            "under another deployment.name"
        )
    return found


def whole_is_rolled_up(config: Config) -> bool:
    """Return whether there are alarms over the whole deployment: a single environment has them already."""
    return len(config.environments()) > 1


def composites(config: Config, cells: Mapping[int, Sequence[str]]) -> int:
    """Return how many composite alarms ``RollUps`` makes."""
    deployment = config.deployment.name
    below = pages_by_environment(deployment, cells) if config.deployment.alarms == "identity" else {}
    pages: list[str] = []
    with_alarms = rolled_up(config)
    count = len(SEVERITIES) + bool(with_alarms or whole_is_rolled_up(config))  # of the account; counting was days late
    for environment in config.environments():
        named = naming.roll_up_subject(environment)
        if environment in with_alarms:
            parts = below.get(environment, [])
            count += _composites_of_a_roll_up(deployment, named, parts)
            pages.append(naming.alarm_name(deployment, named, "paged" if parts else PAGE))
        else:
            pages += below[environment]
    if whole_is_rolled_up(config):
        return count + _composites_of_a_roll_up(deployment, naming.roll_up_subject(None), pages)
    return count + (_made_of(deployment, pages) if len(pages) > 1 else 0)


def _composites_of_a_roll_up(deployment: str, named: str, parts: Sequence[str]) -> int:
    muting = (rates_held_name(deployment), naming.alarm_name(deployment, named, PAGE))
    return len(SEVERITIES) + sum(_made_of(deployment, [first, *parts]) for first in muting if parts)


def _made_of(deployment: str, names: Sequence[str]) -> int:
    before, _ = chains.split(names, lambda number: naming.alarm_name(deployment, "paged", "part", str(number)))
    return len(before) + 1


def pages_by_environment(deployment: str, cells: Mapping[int, Sequence[str]]) -> dict[str, list[str]]:
    """Return by environment the names of the cells' alarms: on while any identity of cell and environment is paged."""
    found: dict[str, list[str]] = {}
    for number in sorted(cells):
        for environment in cells[number]:
            name = naming.alarm_name(deployment, *naming.cell_paged_parts(number, environment))
            found.setdefault(environment, []).append(name)
    return found


def tally_behind_name(deployment: str) -> str:
    """Return the name of the alarm that counting is behind."""
    return naming.alarm_name(deployment, "tally", "behind")


def counted_late_name(deployment: str) -> str:
    """Return the name of the alarm that much was counted hours late."""
    return naming.alarm_name(deployment, "counted", "late")


def days_late_name(deployment: str, part: int = 0) -> str:
    """Return the name of the alarm that much was counted days late; of its ``part`` that says the same, from 1."""
    return naming.alarm_name(deployment, "counted", "days", "late", *(("part", str(part)) if part else ()))


def rates_held_name(deployment: str) -> str:
    """Return the name of the alarm that holds back alarms about rates: counting is late, or was just now."""
    return naming.alarm_name(deployment, "rates", "held")
