"""A replay by many functions: the same suppressions as by one, whatever is repeated."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.archive_places import COLD, UNREADABLE, Folder, Unread
from ses_feedback.adapters.archive_texts import ReplayArchive
from ses_feedback.adapters.replay_machine import Progress, ReplayMachine
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.times import DAY, parse_time
from ses_feedback.usecases.rate import Rate
from ses_feedback.usecases.replay import Object, Replayed, Settling
from ses_feedback.usecases.replay_reading import ALWAYS, Reader, Window
from ses_feedback.usecases.replay_steps import DELIVERIES, EVIDENCE, add, replay_some
from tests.fakes import FakeStore
from tests.property.test_replay_law import POLICY, RULES, World, found
from tests.unit.replay.archives import Run, line, put
from tests.unit.usecases.mail import KEYS, NOW, bounce, rules


def function(
    step: str, folder: Path, objects: Sequence[Object], store: FakeStore, configuration: RuntimeConfig = RULES
) -> tuple[Counter[str], Replayed]:
    """Do what one function does."""
    result = Replayed()
    reader = Reader(configuration, {p.environment for p in configuration.places}, KEYS, ALWAYS, NOW)
    rate = Rate(10_000, threading.Event())
    settling = Settling(store, configuration.policy, NOW, rate=rate, into=result, pause=lambda seconds: None)
    archive = ReplayArchive(Folder(folder))
    unread = replay_some(step, archive.open_all(objects), reader, settling, configuration.policy, UNREADABLE)
    return unread, result


@pytest.mark.parametrize("seed", range(25))
def test_many_functions_make_what_one_command_makes(tmp_path: Path, seed: int) -> None:
    """Objects in any portions and order, some portions twice, all of the first step before the second."""
    world, chance = World(seed), random.Random(seed)
    world.live()
    world.archived(tmp_path)
    whole, store = FakeStore(POLICY), FakeStore(POLICY)
    Run(tmp_path, whole, configuration=RULES)
    objects = list(ReplayArchive(Folder(tmp_path)).objects(ALWAYS))
    for step in (EVIDENCE, DELIVERIES):
        chance.shuffle(objects)
        portions = [objects[start : start + 3] for start in range(0, len(objects), 3)]
        for portion in [*portions, *portions[:2]]:
            function(step, tmp_path, portion, store)
    for who in world.facts:
        assert found(store, who) == found(whole, who)
    writes = store.writes
    for step in (EVIDENCE, DELIVERIES):
        _, result = function(step, tmp_path, objects, store)
        assert result.written == 0
    assert store.writes == writes


def test_what_cannot_be_read_now_is_done_again_and_what_needs_a_person_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a", line(bounce("m1")))
    reasons = {"a": COLD}

    def refuse(self: Folder, name: str) -> Any:
        raise Unread(reasons[name])

    monkeypatch.setattr(Folder, "open", refuse)
    unread, _ = function(EVIDENCE, tmp_path, [Object("a", 1)], FakeStore(), rules())
    assert unread == {COLD: 1}
    reasons["a"] = UNREADABLE
    with pytest.raises(RetryableError):
        function(EVIDENCE, tmp_path, [Object("a", 1)], FakeStore(), rules())
    with pytest.raises(PermanentError, match="no step"):
        function("third", tmp_path, [], FakeStore())


def test_objects_are_chosen_by_their_hour_however_they_were_listed(tmp_path: Path) -> None:
    archive = ReplayArchive(Folder(tmp_path))
    names = ("feedback/2026/11/01/05/a.gz", "feedback/2026/11/20/05/a.gz", "feedback/notes")
    window = Window(parse_time("2026-11-10T00:00:00Z"), ALWAYS.until)
    chosen = archive.chosen([Object(name, 1) for name in names], window)
    assert [object_.name for object_ in chosen] == list(names[1:])


def test_counts_are_added_however_deep() -> None:
    one = {"objects": 1, "skipped": {"a": 1}}
    assert add(one, {"objects": 2, "skipped": {"a": 3, "b": 1}, "unread": {}}) == {
        "objects": 3,
        "skipped": {"a": 4, "b": 1},
        "unread": {},
    }


class States:
    """A Step Functions client that remembers, and one execution."""

    def __init__(self, output: Any = None, status: str = "SUCCEEDED") -> None:
        self.started: list[dict[str, Any]] = []
        self.execution = {"status": status, "output": json.dumps(output)}

    def start_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        return {"executionArn": "arn:execution"}

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return self.execution

    def list_map_runs(self, **_: str) -> dict[str, Any]:
        return {"mapRuns": [{"mapRunArn": "one"}, {"mapRunArn": "two"}]}

    def describe_map_run(self, **_: str) -> dict[str, Any]:
        return {"itemCounts": {"succeeded": 3, "failed": 1, "total": 9}}


class Results:
    """An S3 client with what Step Functions' ResultWriter wrote."""

    def __init__(self, objects: dict[str, Any]) -> None:
        self.objects = objects

    def get_object(self, **request: str) -> dict[str, Any]:
        assert request["Bucket"] == "b"
        return {"Body": BytesIO(json.dumps(self.objects[request["Key"]]).encode())}


def test_a_replay_on_aws_is_started_with_what_its_functions_need() -> None:
    """The rate is shared among them, and no more is listed than the window's first and last hour have in common."""
    states = States()
    machine = ReplayMachine(states, None, machine="arn:machine")
    until = parse_time("2026-06-01T00:00:00Z")
    machine.start(ALWAYS, 500)
    machine.start(Window(until - 60 * DAY, until), 5)
    (first, second) = (json.loads(request["input"]) for request in states.started)
    assert first == {"since": 0, "until": ALWAYS.until, "rate": 50, "prefix": "feedback/"}
    assert (second["rate"], second["prefix"]) == (1, "feedback/2026/0")
    assert machine.progress("arn:execution") == Progress("SUCCEEDED", 8, 18)


def test_what_the_functions_counted_is_summed_up() -> None:
    """From S3, where AWS writes it, or from the output itself, where the embedded AWS leaves it."""
    counts = [{"objects": 2, "skipped": {"not JSON": 1}}, {"objects": 1, "skipped": {}}]
    results = Results(
        {
            "answers/replay/x/manifest.json": {"ResultFiles": {"SUCCEEDED": [{"Key": "answers/replay/x/0.json"}]}},
            "answers/replay/x/0.json": [{"Output": json.dumps(found)} for found in counts],
        }
    )
    written = {"ResultWriterDetails": {"Bucket": "b", "Key": "answers/replay/x/manifest.json"}}
    output = {"evidence": written, "deliveries": counts[:1]}
    failure, first, second = ReplayMachine(States(output), results, machine="m").outcome("arn:execution")
    assert failure == ""
    assert first == {"objects": 3, "skipped": {"not JSON": 1}}
    assert second == {"objects": 2, "skipped": {"not JSON": 1}}
    states = States(status="FAILED")
    states.execution |= {"error": "States.TaskFailed", "cause": "down"}
    assert ReplayMachine(states, results, machine="m").outcome("x") == ("FAILED: States.TaskFailed: down", {}, {})


def test_steps_have_the_names_the_state_machine_gives_them() -> None:
    assert naming.REPLAY_STEPS == (EVIDENCE, DELIVERIES)
