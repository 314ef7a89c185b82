"""The hourly check as Lambda runs it: what it logs, what it measures, and how it uses its time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.usecases.check_loop import Readers
from ses_feedback.usecases.wiring_ports import PENDING, Record
from tests.unit.wiring.fakes import FakeSlots

from .test_check_loop import FakeRotation, many
from .world import ADDRESS, DOMAIN, HOME, World, world

MINUTE = 60_000


class CheckContext:
    """Lambda's context: the whole quarter of an hour is left."""

    def __init__(self, region: str = HOME.region) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{region}:{HOME.account}:function:ses-feedback-check_loop"

    def get_remaining_time_in_millis(self) -> int:
        return 15 * MINUTE


Lines = list[dict[str, Any]]
Run = Callable[..., tuple[Lines, dict[str, Any]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the function in a world; return its log lines, and its metric document."""
    from lambdas import check_loop

    def handle(
        there: World,
        interval: int = 0,
        rotation: FakeRotation | None = None,
        archived: Callable[[int], int] = lambda now: 7,
        unarchived: Callable[[], int] = lambda: 0,
        compare: Callable[[], None] = lambda: None,
    ) -> tuple[Lines, dict[str, Any]]:
        given = check_loop.Gateways(
            config=there.config,
            readers=Readers(there, there, there),
            ses=there,
            memory=there.memory,
            slots=FakeSlots(),
            rotation=rotation or FakeRotation(),
            clock=there.clock,
            interval=interval,
            archived=archived,
            unarchived=unarchived,
            compare=compare,
        )
        monkeypatch.setattr(check_loop, "gateways", lambda: given)
        monkeypatch.setattr(check_loop.logger.handlers[0], "stream", sys.stdout)
        check_loop.handler({}, CheckContext())
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        (metric,) = [line for line in lines if "_aws" in line]
        return [line for line in lines if "_aws" not in line], metric

    return handle


def test_where_all_is_well_zero_is_measured(run: Run) -> None:
    """A check that never runs could not be told from one that finds nothing otherwise."""
    lines, metric = run(world())
    assert [line["message"] for line in lines] == ["checked"]
    assert lines[0]["checked"] == 2
    assert metric[naming.METRIC_DRIFTED] == 0
    assert metric[naming.METRIC_TALLIED] == 0  # so that silence is a number, and not an absence
    assert metric[naming.METRIC_ARCHIVED] == 7
    assert metric[naming.METRIC_ARCHIVE_WAITING] == 0
    assert metric[naming.DIMENSION_DEPLOYMENT] == "ses-feedback"


def test_a_drift_is_logged_and_counted(run: Run) -> None:
    """With the identity, what was wrong and what was done; a pending identity that was wired is no drift."""
    there = world()
    there.drop(DOMAIN, "Bounce")
    there.memory.records[ADDRESS] = Record(status=PENDING)
    there.drop(ADDRESS, "Complaint")
    lines, metric = run(there)
    (drift,) = [line for line in lines if line["message"] == "drift"]
    assert (drift["level"], drift["identity"]) == ("WARNING", DOMAIN)
    assert "Bounce topic" in drift["what"]
    assert "Bounce topic" in drift["mended"]
    assert [line["identity"] for line in lines if line["message"].startswith("wired")] == [ADDRESS]
    assert metric[naming.METRIC_DRIFTED] == 1


def test_what_waits_to_be_archived_is_measured(run: Run) -> None:
    """As many as there are; where nobody can look, a line says so, and drift is told all the same."""
    _, metric = run(world(), unarchived=lambda: 3)
    assert metric[naming.METRIC_ARCHIVE_WAITING] == 3

    def refused() -> int:
        raise RetryableError("listing errors: AccessDenied")

    lines, metric = run(world(), unarchived=refused)
    assert [line["why"] for line in lines if line["level"] == "WARNING"] == ["listing errors: AccessDenied"]
    assert naming.METRIC_ARCHIVE_WAITING not in metric
    assert metric[naming.METRIC_ARCHIVED] == 7
    assert metric[naming.METRIC_DRIFTED] == 0


def test_no_line_names_a_person(run: Run) -> None:
    """Identities are named, the endpoints of teams and on-call are not."""
    there = world()
    there.topics = {topic: [] for topic in there.topics}
    lines, metric = run(there)
    assert metric[naming.METRIC_DRIFTED] > 5
    text = json.dumps(lines)
    for person in ("oncall@", "@example.org", "people@", "dev@"):
        assert person not in text


def test_it_ends_in_time_and_says_what_is_unfinished(run: Run) -> None:
    """A thousand identities with sets take 2,000 calls: it stops with half a minute to spare, and goes on next time."""
    there, rotation = many(1_000, "configuration_set = true"), FakeRotation()
    start = there.clock.now()
    lines, _ = run(there, 1_000, rotation)
    assert lines[-1]["unfinished"] == ["looking"]
    assert there.clock.now() - start <= 14.5 * MINUTE
    assert list(rotation.marks) == ["looking"]


def test_mending_leaves_time_to_look(run: Run) -> None:
    """A storm of dropped topics takes two thirds of the time at most."""
    there = many(400)
    for name in there.config.identities:
        there.drop(name, "Bounce")
    lines, metric = run(there, 1_000)
    assert lines[-1]["unfinished"] == ["mending"]
    assert metric[naming.METRIC_DRIFTED] > 100
    assert sum(call.startswith("subscriptions") for call in there.calls) > 1_000


def test_a_replaced_secret_is_a_drift_before_any_function_has_it(run: Run) -> None:
    """It is counted, so that on-call hears of it within the hour; where nobody can look, a line says so."""

    def replaced() -> None:
        raise PermanentError("table t was filled under another address key than the secret holds now")

    lines, metric = run(world(), compare=replaced)
    (drift,) = [line for line in lines if line["message"] == "drift"]
    assert "another address key" in drift["what"]
    assert metric[naming.METRIC_DRIFTED] == 1

    def refused() -> None:
        raise RetryableError("reading the secret of addresses: AccessDenied")

    lines, metric = run(world(), compare=refused)
    assert [line["why"] for line in lines if line["level"] == "WARNING"] == [
        "reading the secret of addresses: AccessDenied"
    ]
    assert metric[naming.METRIC_DRIFTED] == 0
