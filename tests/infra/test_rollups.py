"""Alarms over several identities: what they watch, what mutes them, and that no deployment deletes what is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cloudwatch.alarm_rule import Constant, parse
from infra.alarms import chains
from infra.alarms.together import MOST_ROLL_UPS, composites, rolled_up, whole_is_rolled_up
from infra.cells import Lock
from infra.errors import SynthError
from ses_feedback import naming
from ses_feedback.config import Config
from tests.infra import configs
from tests.infra.synthesis import OWNER, Assembly, Found, lock_of, synthesise

HELD = {"tally behind", "counted late"}
ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"


def alarms(assembly: Assembly) -> dict[str, Found]:
    return {f.properties["AlarmName"].removeprefix("ses-feedback "): f for f in assembly.find(ALARM, COMPOSITE)}


def asked(alarm: Found) -> list[str]:
    return re.findall(r'ALARM\("ses-feedback ([^"]+)"\)', alarm.properties.get("AlarmRule", ""))


def named(alarm: Found) -> set[str]:
    """Return every alarm without which CloudWatch would not take this one, or keep it."""
    muted_by = alarm.properties.get("ActionsSuppressor", "").removeprefix("ses-feedback ")
    return {*asked(alarm), *([muted_by] if muted_by else [])}


def muted_while(found: Mapping[str, Found], name: str) -> set[str]:
    """Return the alarms, out of which others are made or not, that mute an alarm."""
    seen: set[str] = set()
    open_ = [found[name].properties["ActionsSuppressor"].removeprefix("ses-feedback ")]
    while open_:
        seen.add(one := open_.pop())
        if not one.endswith(" page"):
            open_ += asked(found[one])
    return {one for one in seen if not one.endswith(("paged", "held"))}


def test_one_incident_is_one_page(full: Assembly) -> None:
    """Whatever is over more mail is silent while anything it contains pages; and while counting is or was late."""
    found = alarms(full)
    dev = {"dev@example.com page", "dev.example.com page"}
    production = {"example.com page", "news@example.com page"}
    over_dev, over_production = "environment dev page", "environment production page"
    assert muted_while(found, over_dev) == HELD | dev
    assert muted_while(found, over_production) == HELD | production
    assert muted_while(found, "environment dev warn") == {over_dev} | dev
    parts = dev | production | {over_dev, over_production}
    assert muted_while(found, "deployment page") == HELD | parts
    assert muted_while(found, "deployment warn") == {"deployment page"} | parts
    for severity in ("page", "warn"):
        assert muted_while(found, f"account reputation {severity}") == {"deployment page"} | parts
        assert muted_while(found, f"news@example.com reputation {severity}") == {"news@example.com page"}


def test_waiting_is_long_enough_for_the_page_of_an_identity_and_ends(full: Assembly) -> None:
    """A page that comes a quarter of an hour later still mutes; when it is over, what still holds is told."""
    for name, alarm in alarms(full).items():
        over_several = name.startswith(("environment", "deployment", "account")) and not name.endswith(" blocked")
        if over_several and alarm.properties.get("ActionsSuppressor"):
            assert alarm.properties["ActionsSuppressorWaitPeriod"] == 900, name
            day = 86_400 if "reputation" in name else 3_600
            assert alarm.properties["ActionsSuppressorExtensionPeriod"] == day, name


def test_awss_rate_is_not_muted_because_counting_is_late(full: Assembly) -> None:
    """It is counted by AWS, and then it is the only one that is right."""
    assert not HELD & muted_while(alarms(full), "account reputation page")


def test_a_single_identity_has_no_roll_up(small: Assembly) -> None:
    """Its own alarms are those of its environment and of the deployment."""
    found = alarms(small)
    assert not [name for name in found if name.startswith(("environment", "deployment")) and " blocked" not in name]
    assert muted_while(found, "account reputation page") == {"example.com page"}


def test_environments_of_one_identity_each_are_watched_together() -> None:
    """Nobody is alone in its environment and unwatched in the sum."""
    config = configs.many(2)
    assert rolled_up(config) == ()
    assert whole_is_rolled_up(config)


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_whatever_is_named_is_there_before(name: str, request: pytest.FixtureRequest) -> None:
    """Made first in the same stack, or in a stack deployed first: CloudWatch takes no rule over what is not there."""
    assembly: Assembly = request.getfixturevalue(name)
    found = alarms(assembly)
    for one, alarm in found.items():
        for other in named(alarm):
            there = found[other]
            if there.stack == alarm.stack:
                assert there.logical_id in alarm.after, (one, other)
            else:
                assert there.stack in assembly.artifacts[alarm.stack]["dependencies"], (one, other)
        assert len(set(asked(alarm))) <= chains.MOST_CHILDREN
        assert len(alarm.properties.get("AlarmRule", "")) <= chains.LONGEST_RULE
    lock = lock_of(assembly.config)
    cells = {number: lock.environments.get(number, ()) for number in lock.members()}
    deployed = [
        a for n, a in found.items() if a.type == COMPOSITE and a.stack.endswith("overview") and "blocked" not in n
    ]
    assert len(deployed) == composites(assembly.config, cells)


def test_no_other_stack_names_an_identitys_alarm(thirty: Assembly) -> None:
    """So that an identity can leave: what others name is the alarm of its cell, which stays."""
    found = alarms(thirty)
    for alarm in found.values():
        for other in named(alarm):
            if found[other].stack != alarm.stack:
                assert other.endswith(" paged") or found[other].stack == "ses-feedback-core"


def only(config: Config, keep: Mapping[str, str]) -> Config:
    """Return a configuration with some of its identities, in the environments given."""
    return replace(config, identities={n: replace(config.identities[n], environment=e) for n, e in keep.items()})


def test_nothing_that_is_still_named_is_ever_deleted(tmp_path: Path) -> None:
    """Identities leave, an environment ends, cells are emptied and filled again; stack by stack as they are deployed.

    At each step what is deployed then, old stacks and new, names only alarms that are there.
    """
    everybody = configs.many(30)
    names = list(everybody.identities)
    both = {name: everybody.identities[name].environment for name in names}
    steps = [
        both,
        {name: both[name] for name in names if name not in names[:3]},  # three leave
        dict.fromkeys(names[3:], "production"),  # staging ends
        dict.fromkeys(names[:8], "production"),  # cells are emptied
        dict.fromkeys(names, "staging"),  # and filled again, production ends
        {names[0]: "dev"},
    ]
    lock = Lock(OWNER)
    deployed: dict[str, dict[str, Found]] = {}
    for number, identities in enumerate(steps):
        config = only(everybody, identities)
        lock = lock_of(config, lock)
        assembly = synthesise(config, tmp_path / str(number), lock=lock)
        for stack in order(assembly):
            old, new = deployed.get(stack, {}), {n: f for n, f in alarms(assembly).items() if f.stack == stack}
            others = {n: f for s, there in deployed.items() if s != stack for n, f in there.items()}
            # CloudFormation makes and changes first, over what is there, and deletes last what nobody may name then.
            for alarm in new.values():
                assert named(alarm) <= others.keys() | new.keys(), (number, stack)
            gone = old.keys() - new.keys()
            for alarm in (*others.values(), *new.values()):
                assert not named(alarm) & gone, (number, stack, named(alarm) & gone)
            deployed[stack] = new
    assert lock.environments[1] == ("dev", "production", "staging")
    left = deployed["ses-feedback-cell-0001"]
    assert parse(left["cell 0001 staging paged"].properties["AlarmRule"]) == Constant(False)


def order(assembly: Assembly) -> list[str]:
    """Return the stacks as `cdk deploy` goes through them: each after those it depends on."""
    done: list[str] = []

    def visit(stack: str) -> None:
        for before in sorted(assembly.artifacts[stack]["dependencies"]):
            if before in assembly.artifacts:
                visit(before)
        if stack not in done:
            done.append(stack)

    for stack in sorted(assembly.artifacts):
        visit(stack)
    return done


def test_from_identities_to_environments_and_back(tmp_path: Path) -> None:
    """With `alarms = "environment"` cells keep the alarms that the overview named until it is deployed itself."""
    config = configs.many(4)
    before = lock_of(config)
    cheap = replace(config, deployment=replace(config.deployment, alarms="environment"))
    after = lock_of(cheap, before)
    assert after.environments == before.environments
    found = alarms(synthesise(cheap, tmp_path, lock=after))
    assert parse(found["cell 0001 production paged"].properties["AlarmRule"]) == Constant(False)
    assert muted_while(found, "environment production page") == HELD
    assert lock_of(cheap).environments == {}


def test_a_thousand_identities_fit_with_the_longest_names(tmp_path: Path) -> None:
    """Rules of at most 100 alarms and 10,240 letters, whatever the names; more are chained."""
    names = [naming.alarm_name("d" * 32, *naming.cell_paged_parts(n, "e" * 32)) for n in range(1, 1_001)]
    parts, left = chains.split(
        names, lambda n: naming.alarm_name("d" * 32, "environment " + "e" * 32, "paged part", str(n))
    )
    rules = [*(group for _, group in parts), left]
    assert all(len(set(group)) <= 100 and len(chains.any_of(group)) <= 10_240 for group in rules)
    made: set[str] = set(names)
    for name, group in parts:
        assert set(group) <= made
        made.add(name)
    known = dict(parts)

    def leaves(name: str) -> set[str]:
        return set().union(*map(leaves, known[name])) if name in known else {name}

    assert set().union(*map(leaves, left)) == set(names)
    assert len(left) > 1


def test_one_rule_or_none() -> None:
    """What fits is not chained; of nobody the rule is never met."""
    assert chains.split(["a", "b"], str) == ([], ["a", "b"])
    assert chains.split([], str) == ([], [])
    assert chains.any_of([]) == "FALSE"
    assert [len(group) for group in chains.groups([str(n) for n in range(101)])] == [100, 1]
    assert len(chains.groups(["x" * 250] * 99)) == 3


def test_too_many_environments_are_one_line() -> None:
    """They would not fit into a stack."""
    config = configs.many(2 * (MOST_ROLL_UPS + 1))
    crowded = {n: replace(i, environment=f"e{at // 2}") for at, (n, i) in enumerate(config.identities.items())}
    with pytest.raises(
        SynthError, match=rf"identities: {MOST_ROLL_UPS + 1} environments .* takes {MOST_ROLL_UPS}"
    ) as error:
        rolled_up(replace(config, identities=crowded))
    assert "\n" not in str(error.value)


def test_the_largest_overview_fits(tmp_path: Path) -> None:
    """All the environments a deployment takes, each with its roll-up, and dashboards."""
    config = configs.many(2 * MOST_ROLL_UPS)
    crowded = {n: replace(i, environment=f"e{at // 2}") for at, (n, i) in enumerate(config.identities.items())}
    assembly = synthesise(replace(config, identities=crowded), tmp_path)
    assert 300 < len(assembly.templates["ses-feedback-overview"]["Resources"]) <= 495
