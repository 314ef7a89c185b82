"""Doctor: nothing is found where all is well, what is safe is mended, and what cannot be read is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.usecases.checks.finding import NOTE, EnableActions, EnableDestination, Rewire
from ses_feedback.usecases.checks.live import Stack
from ses_feedback.usecases.doctor import Doctor

from .spoilers import (
    NAME,
    OWN_SET,
    alarm_silent,
    another_set,
    dead_letters,
    destination_off,
    drop,
    examine,
    foreign,
    forwarding,
    found,
    no_headers,
    no_set_of_ours,
    not_recorded,
    paused_set,
    spoil,
    stopped,
    topic,
    unlisted,
)
from .world import ADDRESS, ALARM, CONFIG, DOMAIN, World, world


def test_all_is_well() -> None:
    """Where all is as the file says nothing is found but what the file itself warns of, and nothing is changed."""
    there = world()
    diagnosis = examine(there)
    assert [(f.check, f.level) for f in diagnosis.findings] == [("file", NOTE)]
    assert diagnosis.findings[0].path == f'identities."{ADDRESS}".configuration_set'
    assert not any(call.startswith(("set_", "enable")) and "set_state" not in call for call in there.calls)


# --- what can and cannot be mended -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        (drop, Rewire(DOMAIN)),
        (no_headers, Rewire(DOMAIN)),
        (forwarding, Rewire(DOMAIN)),
        (no_set_of_ours, Rewire(ADDRESS)),
        (destination_off, EnableDestination(OWN_SET, "cloudwatch")),
        (alarm_silent, EnableActions(ALARM)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_safe_is_mended(change: Callable[[World], Any], fix: Any) -> None:
    """`--fix` does it, says what it did, and a second look finds nothing."""
    there = world()
    finding = spoil(there, change)
    assert finding.fix == fix
    mended = Doctor(there.config, there.inventory, there.places).mend([finding])
    assert list(mended.done) == [finding]
    assert mended.done[finding]
    assert mended.problems == {}
    assert found(there) == []


@pytest.mark.parametrize(
    "change",
    [foreign, another_set, paused_set, stopped, not_recorded, dead_letters, unlisted],
    ids=lambda c: c.__name__,
)
def test_what_is_not_safe_is_left(change: Callable[[World], Any]) -> None:
    """Somebody else's topic, a pause and what waits for a decision are never touched."""
    there = world()
    finding = spoil(there, change)
    assert finding.fix is None
    before = list(there.calls)
    mended = Doctor(there.config, there.inventory, there.places).mend([finding])
    assert mended.done == {}
    assert there.calls[len(before) :] == ["home"]


@pytest.mark.parametrize("change", [foreign, another_set], ids=lambda c: c.__name__)
def test_a_foreign_setting_is_mended_where_overwriting_is_allowed(change: Callable[[World], Any]) -> None:
    """`overwrite` in the file is the permission."""
    there = world(CONFIG.replace('region = "us-east-1"', 'region = "us-east-1"\noverwrite = true'))
    finding = spoil(there, change)
    assert finding.mend == "ses-feedback doctor --fix"
    assert Doctor(there.config, there.inventory, there.places).mend([finding]).done
    assert found(there) == []


def test_one_rewiring_mends_all_that_is_wrong_with_an_identity() -> None:
    """SES drops a topic and turns forwarding on: two findings, one mend."""
    there = world()
    there.drop(DOMAIN, "Bounce")
    findings = found(there)
    assert [f.check for f in findings] == ["topic", "forwarding"]
    mended = Doctor(there.config, there.inventory, there.places).mend(findings)
    assert set(mended.done) == set(findings)
    assert there.calls.count(f"set_topic {DOMAIN} Bounce") == 1


def test_what_cannot_be_mended_says_why() -> None:
    """A topic that SES cannot publish to stays a finding, with SES's reason; the others are mended all the same."""
    there = world()
    drop(there)
    alarm_silent(there)
    there.gone_topics = {topic(there, DOMAIN, "bounce")}
    findings = found(there)
    mended = Doctor(there.config, there.inventory, there.places).mend(findings)
    assert [f.check for f in mended.done] == ["alarm"]
    assert [(f.check, "SES cannot use" in why) for f, why in mended.problems.items()] == [("topic", True)]


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_what_cannot_be_looked_at_is_said_and_the_rest_is_looked_at() -> None:
    """A permission that is missing hides one section only."""
    there = world()
    there.refuse = {"account": PermanentError("AWS denies ses:GetAccount"), "alarms": RetryableError("no answer")}
    dead_letters(there)
    diagnosis = examine(there)
    assert [f.check for f in diagnosis.findings if f.check != "file"] == ["queue"]
    assert diagnosis.unchecked == ["the state of SES: AWS denies ses:GetAccount", "alarms: no answer"]


def test_without_stacks_the_rest_is_looked_at_too() -> None:
    """Who may not read CloudFormation still learns about SES; alarms cannot be known then."""
    there = world()
    there.refuse = {"stacks": PermanentError("AWS denies cloudformation:DescribeStacks")}
    drop(there)
    diagnosis = examine(there)
    assert [f.check for f in diagnosis.findings if f.check != "file"] == ["topic"]
    assert len(diagnosis.unchecked) == 1
    assert "alarms" not in there.calls


def test_no_deployment_here_is_one_error() -> None:
    """A wrong account would otherwise show everything as missing."""
    there = world()
    there.stacks_ = {}
    with pytest.raises(PermanentError, match='no deployment "ses-feedback" in us-east-1 of account 111122223333'):
        examine(there)


def test_without_credentials_nothing_is_asked() -> None:
    """The first question is who we are."""
    there = world()
    there.refuse = {"home": PermanentError("there are no AWS credentials")}
    with pytest.raises(PermanentError, match="no AWS credentials"):
        examine(there)
    assert there.calls == ["home"]


# --- scale and progress ----------------------------------------------------------------------------------------------


def test_identities_are_read_a_hundred_at_a_time() -> None:
    """SES takes one call a second: 250 identities take three calls for each question, not 250."""
    many = "\n".join(f'[identities."n{n}.example.com"]' for n in range(250))
    there = world(f'[on_call]\npage = [{{ email = "o@example.com" }}]\n{many}\n')
    there.statuses["example.com"] = "Pending"
    assert found(there) == []
    assert [c for c in there.calls if c.startswith("verifications")] == ["verifications 100"] * 2 + ["verifications 51"]
    assert [c for c in there.calls if c.startswith("settings")] == ["settings 100"] * 2 + ["settings 50"]
    assert not any(c.startswith("default_set") for c in there.calls)


def test_ses_is_asked_once_a_second() -> None:
    """All questions to SES pass the pacer; SNS, SQS and the rest do not wait for it."""
    there = world()
    pacer = there.pacer(interval=1_000)
    inventory = there.inventory._replace(pacer=pacer)
    Doctor(there.config, inventory, there.places).examine()
    asked = ("verifications", "settings", "dkim", "default_set", "listed", "account", "set_state", "event_dest")
    calls = sum(call.startswith(asked) for call in there.calls)
    assert len(there.clock.slept) == calls - 1
    assert sum(there.clock.slept) == (calls - 1) * 1_000


def test_progress_tells_of_every_call() -> None:
    """The bar ends about where it said it would."""
    there = world()
    examiner = Doctor(there.config, there.inventory, there.places)
    steps: list[int] = []
    examiner.examine(steps.append)
    assert 0 < examiner.steps() - sum(steps) <= 3


def test_an_empty_stack_is_no_finding() -> None:
    """A cell whose identities have gone, about to be deleted, is left alone."""
    there = world()
    there.stacks_[naming.cell_stack(NAME, 2)] = Stack("UPDATE_COMPLETE")
    assert found(there) == []
