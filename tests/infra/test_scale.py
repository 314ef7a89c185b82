"""Many identities: how large their stacks are, and that nobody's resources change when others come and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.cells import FILL_TO, Lock, allocate
from infra.weights import resources
from ses_feedback import naming
from ses_feedback.config import Config
from tests.infra import configs
from tests.infra.synthesis import OWNER, Assembly, lock_of, synthesise

MANY = 1_000


def only(config: Config, identities: Iterable[str]) -> Config:
    return replace(config, identities={name: config.identities[name] for name in identities})


def own(assembly: Assembly, identity: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the resources of an identity by stack and logical id."""
    prefix = naming.camel(identity) + naming.identity_hash(identity)
    return {
        (stack, logical_id): resource
        for stack in assembly.cells()
        for logical_id, resource in assembly.templates[stack].get("Resources", {}).items()
        if logical_id.startswith(prefix)
    }


def test_coming_and_going_changes_nothing_of_others(tmp_path: Path) -> None:
    """Templates before and after, over four deployments: what stays has every resource where and as it was."""
    everybody = configs.many(36)
    names = list(everybody.identities)
    deployments = [
        names[:24],
        names[6:],  # six leave, twelve come, among them into what the six left
        [*names[:3], *names[9:30]],  # some come back
        names[12:13],  # one is left: the cells of the others are emptied, not filled with it
    ]
    lock = Lock(OWNER)
    before: Assembly | None = None
    for number, members in enumerate(deployments):
        config = only(everybody, members)
        lock = lock_of(config, lock)
        after = synthesise(config, tmp_path / str(number), lock=lock)
        found = {name: own(after, name) for name in members}
        # Of a cell: a page of each environment, and that counting was days late.
        shared = sum(len(lock.environments[cell]) + 1 for cell, there in lock.members().items() if there)
        deployed = sum(len(after.templates[c].get("Resources", {})) for c in after.cells())
        assert sum(map(len, found.values())) + shared == deployed
        if before is not None:
            for name in before.config.identities.keys() & found.keys():
                assert found[name] == own(before, name)
            assert set(before.cells()) <= set(after.cells())
        before = after
    assert len(lock.members()) > 1
    assert [len(members) for members in lock.members().values()].count(0) == len(lock.members()) - 1


def test_what_one_identity_gets_touches_no_other(full: Assembly, tmp_path: Path) -> None:
    """A configuration set taken away, another environment, no team: nothing changes but that identity's own."""
    changed = replace(full.config.identities["news@example.com"], configuration_set=None, environment="dev", team=None)
    config = replace(full.config, identities={**full.config.identities, changed.name: changed})
    again = synthesise(config, tmp_path)
    assert own(again, changed.name) != own(full, changed.name)
    for name in full.config.identities.keys() - {changed.name}:
        assert own(again, name) == own(full, name)


@pytest.mark.parametrize("alarms", ["identity", "environment"])
def test_no_cell_of_a_thousand_identities_is_above_450(alarms: str) -> None:
    """New cells are filled to 300 resources, so they have half as much again to grow by (CloudFormation: 500)."""
    config = configs.many(MANY, alarms=alarms)
    weights = {name: resources(config, identity) for name, identity in config.identities.items()}
    lock = allocate(Lock(OWNER), weights)
    loads = [sum(weights[name] for name in members) for members in lock.members().values()]
    assert max(loads) <= FILL_TO <= 450
    assert sum(loads) == sum(weights.values())
