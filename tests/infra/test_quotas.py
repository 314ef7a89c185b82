"""Quotas: the documents' arithmetic is that of templates and wiring, and nobody gives up on the way."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from infra import weights
from infra.cells import FILL_TO
from infra.deployment import CELLS_AT_ONCE
from infra.functions import SIZES
from infra.quotas import ALARMS_A_SECOND, MOST_ALARMS, SET_CALLS, WIRING_CALLS, pace, warnings
from infra.sources import ROOT
from infra.wiring import WIRING_TIMEOUT_S
from ses_feedback import naming
from ses_feedback.config.model import ConfigurationSet
from ses_feedback.domain.settings import Wish
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.wiring import Wiring
from tests.infra import configs
from tests.infra.synthesis import Assembly
from tests.unit.wiring.fakes import FAR, IDENTITY, OURS, FakeMemory, FakeSes, FakeSlots, Time

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


def calls(configuration_set: str | None) -> int:
    """Return how many turns wiring a new identity takes."""
    slots = FakeSlots()
    ses = FakeSes(sets=frozenset({"own"}))
    Wiring(ses, FakeMemory(), Pacer(slots, Time(), interval=1_000, until=FAR)).wire(
        IDENTITY, Wish(OURS, configuration_set)
    )
    return len(slots.taken)


def test_wiring_an_identity_takes_as_many_calls_as_the_figures_say() -> None:
    """Counted where each call of SES waits for its turn."""
    assert calls(None) == WIRING_CALLS
    assert calls("own") == WIRING_CALLS + SET_CALLS


@pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])
def test_the_alarms_are_those_of_the_templates(name: str, request: pytest.FixtureRequest) -> None:
    """Each alarm of the cells, but the one that a cell has for each environment."""
    assembly: Assembly = request.getfixturevalue(name)
    own = [found for found in assembly.find(*ALARMS) if "-cell-" in found.stack]
    shared = [found for found in own if re.search(r" cell \d{4} ", found.properties["AlarmName"])]
    assert pace(assembly.config).alarms == len(own) - len(shared)


def test_alarms_of_an_identity_are_made_one_after_the_other(thirty: Assembly) -> None:
    """So CloudFormation asks CloudWatch for one of each identity at once; nobody else is waited for."""
    for stack in thirty.cells():
        resources = thirty.templates[stack]["Resources"]
        for name in thirty.config.identities:
            prefix = naming.camel(name) + naming.identity_hash(name)
            own = [i for i, raw in resources.items() if i.startswith(prefix) and raw["Type"] in ALARMS]
            before = {i: set(resources[i].get("DependsOn", [])) for i in own}
            others = set().union(*before.values()) - set(own)
            assert {resources[i]["Properties"]["AlarmName"].split()[-2:] == ["days", "late"] for i in others} <= {True}
            before = {i: waited & set(own) for i, waited in before.items()}
            # Whatever the order, the next one waits for all that were made: there is one line, and no two at once.
            made: list[str] = []
            while len(made) < len(own):
                ready = [i for i in own if i not in made and before[i] <= set(made)]
                assert len(ready) == 1
                made += ready


def test_nobody_gives_up_while_waiting_for_ses() -> None:
    """As many as four cells can hold, all wired at once: the last is done before its function's time is up."""
    lightest = configs.many(1, alarms="environment")
    (identity,) = lightest.identities.values()
    alone = replace(identity, team=None)
    in_a_cell = FILL_TO // weights.resources(lightest, alone)
    needed = CELLS_AT_ONCE * in_a_cell * WIRING_CALLS
    assert needed < SIZES[naming.WIRE_IDENTITY].timeout_s
    with_set = replace(alone, configuration_set=ConfigurationSet())
    in_a_cell = FILL_TO // weights.resources(lightest, with_set)
    assert CELLS_AT_ONCE * in_a_cell * (WIRING_CALLS + SET_CALLS) < SIZES[naming.WIRE_IDENTITY].timeout_s
    # CloudFormation waits for longer than the function, started anew once; an hour is its most.
    assert 2 * SIZES[naming.WIRE_IDENTITY].timeout_s < WIRING_TIMEOUT_S <= 3_600


def figures() -> dict[tuple[int, str], tuple[str, str, str]]:
    """Return the table of the page: identities and `alarms` to alarms, minutes of CloudWatch, minutes of SES."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]+) \| `(\w+)` \| ([\d,]+) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return {(int(n.replace(",", "")), alarms): (made, cloudwatch, ses) for n, alarms, made, cloudwatch, ses in rows}


def duration(seconds: int) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def test_the_documents_have_these_figures() -> None:
    """For a hundred and a thousand identities, both ways to have alarms."""
    found = figures()
    assert set(found) == {(n, alarms) for n in (100, 1_000) for alarms in ("identity", "environment")}
    for (number, alarms), stated in found.items():
        at = pace(configs.many(number, alarms=alarms))
        assert stated == (f"{at.alarms:,}", duration(at.alarms_s), duration(at.wiring_s))
    assert ALARMS_A_SECOND == 3


def test_more_alarms_than_a_region_may_have_are_said_before() -> None:
    """Where the region's quota would end the deployment; not where alarms are for environments."""
    (line,) = warnings(configs.many(1_000))
    assert line.startswith("deployment.alarms: makes 11,000 alarms of identities")
    assert f"{MOST_ALARMS:,}" in line
    assert list(warnings(configs.many(400))) == []
    assert list(warnings(configs.many(1_000, alarms="environment"))) == []
