"""The scheduled sync as Lambda runs it: when it works, what it logs, and how it uses its time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from tests.unit.law.builders import ruled
from tests.unit.lists.ses_world import KEYS, NOW, TERMS, Ses, World

Run = Callable[..., tuple[dict[str, int] | None, list[dict[str, Any]]]]


class Context:
    """Lambda's context: the whole quarter of an hour is left."""

    def get_remaining_time_in_millis(self) -> int:
        return 15 * MINUTE


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the function in a world; return its answer, ``None`` where it raises, and its log lines."""
    from lambdas import sync_lists

    def handle(world: World, *lists: Ses, interval: int = 0) -> tuple[dict[str, int] | None, list[dict[str, Any]]]:
        given = sync_lists.Gateways(
            TERMS, DAY, lists, world.store, world, world, KEYS, slots=world, clock=world, interval=interval
        )
        monkeypatch.setattr(sync_lists, "gateways", lambda: given)
        monkeypatch.setattr(sync_lists.logger.handlers[0], "stream", sys.stdout)
        answer = None
        try:
            answer = sync_lists.handler({}, Context())
        except RetryableError as error:
            assert "the log says why" in str(error)
        return answer, [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return handle


def test_a_round_a_day_though_it_looks_every_hour(run: Run) -> None:
    """The schedule comes some minutes early or late."""
    world = World()
    ses = Ses(world)
    ses.add("jane@example.net")
    assert run(world, ses)[0] == {"due": 1, "ended": 1}
    for _ in range(22):
        world.at += HOUR
        assert run(world, ses)[0] == {"due": 0, "ended": 0}
    world.at += 2 * HOUR - 2 * MINUTE
    assert run(world, ses)[0] == {"due": 1, "ended": 1}


def test_no_line_names_an_address(run: Run) -> None:
    """Counts and reasons, by region."""
    world = World()
    world.store.learn("ours@example.net", ruled("*", NOW, None))
    ses = Ses(world)
    ses.add("Jane@example.net")
    ses.add("not an address")
    _, lines = run(world, ses)
    assert "@" not in json.dumps(lines)
    (line,) = lines
    assert (line["message"], line["region"], line["finished"]) == ("compared", "us-east-1", True)
    assert (line["entries"], line["take"], line["put"], line["passed"]) == (2, 1, 2, {"its address is none": 1})


def test_a_region_that_fails_is_an_error_once_all_were_tried(run: Run) -> None:
    """The alarm on errors tells; the next hour tries again."""
    world = World()
    bad, good = Ses(world, "us-east-1"), Ses(world, "eu-west-1")
    good.add("jane@example.net")
    bad.troubles["page"] = [PermanentError("AWS denies ses:ListSuppressedDestinations")]
    answer, lines = run(world, bad, good)
    assert answer is None
    assert [line["why"] for line in lines if line["level"] == "ERROR"] == ["AWS denies ses:ListSuppressedDestinations"]
    assert world.rulings("jane@example.net")["*", ev.SES]
    assert run(world, bad, good)[0] == {"due": 1, "ended": 1}


def test_a_list_longer_than_a_run_is_read_in_several(run: Run) -> None:
    """At a call a second it stops with a minute to spare, and goes on where it was."""
    world = World()

    class Slow(Ses):
        def page(self, token: str | None) -> Any:
            world.at += 1_000
            return super().page(token)

    ses = Slow(world, page_size=1)
    for n in range(1_500):
        ses.add(f"a{n}@example.net", at=NOW)
        world.store.learn(f"a{n}@example.net", ruled("*", NOW - DAY, None))
    start = world.at
    answer, lines = run(world, ses)
    assert answer == {"due": 1, "ended": 0}
    assert (lines[0]["finished"], lines[0]["entries"]) == (False, 840)
    assert world.at - start <= 14 * MINUTE
    world.at += HOUR
    assert run(world, ses)[0] == {"due": 1, "ended": 1}
    assert ses.calls.count("page") == 1_500
    assert "put" not in ses.calls
