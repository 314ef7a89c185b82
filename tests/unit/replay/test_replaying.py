from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from ses_feedback.domain import canary
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, Ruling, Suppression
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from ses_feedback.usecases import replay_reading as reading
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.replay import CHANGED, EVIDENCE, FREED, SUPPRESSED
from ses_feedback.usecases.replay_reading import Window
from tests.fakes import THROTTLE, FakeStore
from tests.unit.replay.archives import Run, decision, envelope, line, put
from tests.unit.usecases import mail
from tests.unit.usecases.mail import NOW, bounce, complaint, delivery, rules, soft_bounce

JANE = ("production", "jane@example.net")


def reasons(store: FakeStore, who: tuple[str, str] = JANE) -> list[str]:
    """Return why an address is suppressed."""
    return [found.reason for found in store.items[who].suppressions] if who in store.items else []


@pytest.mark.parametrize("name", ["feedback/2027/01/15/07/a.gz", "old.json.gz", "dump/x", "2026/12/01/03/y-1-2026"])
@pytest.mark.parametrize("between", ["\n", "", "\r\n"])
@pytest.mark.parametrize("wrap", [line, envelope, json.dumps])
def test_archives_of_anybody_become_suppressions(tmp_path: Path, wrap: Any, between: str, name: str) -> None:
    """Our lines, SNS envelopes and bare notifications; one a line or back to back; plain or gzip; any layout."""
    found = [
        bounce("m1"),
        complaint("m2", source="news@example.com"),
        *(soft_bounce(f"s{n}", ("joe@example.net",)) for n in range(5)),
    ]
    put(tmp_path, name, between.join(wrap(message) for message in found))
    store = FakeStore()
    run = Run(tmp_path, store)
    assert reasons(store) == ["hard_bounce", "complaint"]
    assert reasons(store, ("production", "joe@example.net")) == ["soft_bounce"]
    assert run.complete
    assert (run.counts["messages"], run.counts["strikes"], run.result.written) == (7, 7, 2)
    assert not run.skipped


def test_deliveries_come_second_wherever_they_stand(tmp_path: Path) -> None:
    """Live, a delivery that overtook its soft bounces forgets none of them; a replay knows all of them first."""
    put(tmp_path, "a.json", line(delivery("d1", at=NOW - HOUR)))
    put(tmp_path, "b.json", "\n".join(line(soft_bounce(f"s{n}", at=NOW - DAY + n)) for n in range(5)))
    store = FakeStore()
    Run(tmp_path, store)
    assert reasons(store) == []
    assert store.history(*JANE) == History(deliveries={"default": NOW - HOUR})


def test_a_delivery_that_forgets_nothing_is_not_written(tmp_path: Path) -> None:
    """Nearly all mail: neither an unknown address nor one whose strikes are newer gets a word."""
    put(tmp_path, "a", "".join(line(delivery(f"d{n}", (f"{n}@example.net",))) for n in range(250)))
    put(tmp_path, "b", line(soft_bounce("s1", ("7@example.net",), at=NOW + MINUTE)))
    store = FakeStore()
    run = Run(tmp_path, store)
    assert store.writes == 1
    assert not store.history("production", "7@example.net").deliveries
    assert (run.result.addresses, run.result.right) == (250, 249)


def test_decisions_are_replayed_with_their_own_time(tmp_path: Path) -> None:
    """A release forgets what was before it and not what came after; a suppression has its end and its reason."""
    until = mail.format_time(NOW + DAY)
    put(
        tmp_path,
        "a",
        decision("jane@example.net", "release", NOW - HOUR)
        + line(bounce("m1", at=NOW - DAY))
        + line(bounce("m2", ("joe@example.net",), at=NOW))
        + decision("JOE@example.net", "release", NOW - HOUR)
        + decision("ann@example.net", "suppress", NOW - HOUR, until=until, stream="marketing", reason="import"),
    )
    store = FakeStore()
    run = Run(tmp_path, store)
    assert reasons(store) == []
    assert store.history(*JANE).releases == {"*": Ruling(NOW - HOUR, None, "operator", "asked by phone")}
    assert reasons(store, ("production", "joe@example.net")) == ["hard_bounce"]
    assert store.items["production", "ann@example.net"].suppressions == (
        Suppression("stream", "marketing", "import", NOW - HOUR, NOW + DAY),
    )
    assert run.counts["decisions"] == 3


def test_doing_it_again_changes_nothing(tmp_path: Path) -> None:
    """Nor does a live table that knows it all already, newer things included."""
    messages = [bounce("m1"), *(soft_bounce(f"s{n}", ("joe@example.net",), at=NOW - DAY + n) for n in range(3))]
    put(tmp_path, "a.gz", "\n".join(line(message) for message in [*messages, *messages]))
    put(tmp_path, "b.gz", line(delivery("d1", ("joe@example.net",), at=NOW - HOUR)))
    store = FakeStore()
    Run(tmp_path, store)
    items, writes = dict(store.items), store.writes
    again = Run(tmp_path, store)
    assert (store.items, store.writes) == (items, writes)
    assert (again.result.right, again.result.written, dict(again.result.differences)) == (2, 0, {})


def test_what_is_passed_over_is_counted_by_its_reason(tmp_path: Path) -> None:
    """And everything else is read."""
    own = canary.recipient("ses-feedback", "bounce", 7)
    lines = [
        line(bounce("m1")),
        line(bounce("m2", source="info@foreign.example"), topic="arn:aws:sns:us-east-1:999999999999:others"),
        line(bounce("m3", at=NOW + 2 * HOUR)),
        line("Successfully validated SNS topic for Amazon SES event publishing."),
        line({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "ok"}),
        json.dumps({"v": 2, "events": [], "message": "who knows"}),
        decision("jane@example.net", "release", NOW + 2 * HOUR),
        decision("jane@example.net", "release", NOW, environment="gone"),
        decision("nobody", "release", NOW),
        decision("jane@example.net", "erase", NOW),
        json.dumps({"some": "log", "line": 1}),
        "this is no JSON at all",
        line({"notificationType": "Bunce", "mail": {}}),
        line(
            {
                **bounce("m4"),
                "bounce": {"bouncedRecipients": [{"emailAddress": "a b"}], "timestamp": mail.format_time(NOW)},
            }
        ),
        line(bounce("m5", (own,))),
        line(bounce("m6", ("joe@example.net",))),
        "x" * 1_000_000,
    ]
    put(tmp_path, "a.gz", "\n".join(lines))
    put(tmp_path, "b.png", b"\x89PNG\0\0")
    store = FakeStore()
    run = Run(tmp_path, store)
    assert set(store.items) == {JANE, ("production", "joe@example.net")}
    assert run.skipped == {
        reading.UNKNOWN_IDENTITY: 1,
        reading.FUTURE: 1,
        reading.SETUPS: 2,
        reading.NEWER: 1,
        reading.FUTURE_DECISION: 1,
        reading.NO_ENVIRONMENT: 1,
        reading.BAD_DECISION: 2,
        reading.NOT_FEEDBACK: 1,
        reading.NOT_JSON: 2,
        reading.UNKNOWN_KIND: 1,
        reading.NO_ADDRESS: 1,
        reading.CANARIES: 1,
        "objects that are neither gzip nor JSON": 1,
    }


def test_a_window_takes_what_happened_in_it(tmp_path: Path) -> None:
    put(tmp_path, "a", "".join(line(bounce(f"m{n}", (f"{n}@example.net",), at=NOW - n * DAY)) for n in range(10)))
    store = FakeStore()
    run = Run(tmp_path, store, window=Window(NOW - 5 * DAY, NOW - 2 * DAY))
    assert sorted(address for _, address in store.items) == ["3@example.net", "4@example.net", "5@example.net"]
    assert run.counts["outside"] == 7


def test_what_matters_no_more_is_not_brought_back(tmp_path: Path) -> None:
    """A soft bounce of last year would be an item that DynamoDB deletes at once; a hard one holds for ever."""
    put(
        tmp_path,
        "a",
        line(soft_bounce("s1", at=NOW - 365 * DAY)) + line(bounce("m1", ("joe@example.net",), at=NOW - 900 * DAY)),
    )
    store = FakeStore()
    run = Run(tmp_path, store)
    assert set(store.items) == {("production", "joe@example.net")}
    assert run.result.over == 1


def test_a_dry_run_shows_the_differences_and_writes_nothing(tmp_path: Path) -> None:
    """Of each address: what holds now, what would, and which kind of difference that is."""
    policy = rules().policy
    store = FakeStore()
    ruled = Ruling(NOW - 2 * DAY, None, "operator", "by hand")
    merge(store, "production", "freed@example.net", History(rulings={("*", "operator"): ruled}), policy)
    merge(store, "production", "changed@example.net", History(rulings={("default", "operator"): ruled}), policy)
    before = dict(store.items)
    put(
        tmp_path,
        "a",
        line(bounce("m1"))
        + decision("freed@example.net", "release", NOW - DAY)
        + line(bounce("m2", ("changed@example.net",)))
        + line(soft_bounce("m3", ("evidence@example.net",))),
    )
    run = Run(tmp_path, store, dry_run=True)
    assert store.items == before
    found = {difference.address.partition("@")[0]: difference for difference in run.differences}
    assert {name: difference.kind for name, difference in found.items()} == {
        "jane": SUPPRESSED,
        "freed": FREED,
        "changed": CHANGED,
        "evidence": EVIDENCE,
    }
    assert [s.reason for s in found["changed"].before] == ["operator"]
    assert [s.reason for s in found["changed"].after] == ["hard_bounce", "operator"]
    assert (run.result.reasons, run.result.freed) == ({"hard_bounce": 1}, {"operator": 1})
    assert run.result.written == 0


def test_a_throttle_is_waited_out_and_what_can_never_be_written_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a", line(bounce("m1")) + line(bounce("m2", ("joe@example.net",))))
    store = FakeStore()
    store.troubles = [THROTTLE, "ok", THROTTLE, THROTTLE, PermanentError("an item of 400 KB")]
    run = Run(tmp_path, store)
    assert len(run.pauses) == 3
    assert run.pauses == sorted(run.pauses)
    assert (run.result.written, run.result.problems) == (1, {"an item of 400 KB": 1})


class StopAfter(threading.Event):
    """Set after it was asked so many times: somebody types Ctrl-C in the middle of it."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.left = asked

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_replay_that_died_at_any_point_goes_on(tmp_path: Path) -> None:
    """Stopped between texts, between writes, or by a table that refuses for good: what was read is not read again."""
    folder, notes = tmp_path / "archive", tmp_path / "notes" / "replay.db"
    chance = random.Random(5)
    for number in range(30):
        found = [bounce(f"m{number}.{n}", (f"{chance.randrange(400)}@example.net",)) for n in range(20)]
        put(folder, f"{number:02}.gz", "".join(line(message) for message in found))
    whole = FakeStore()
    Run(folder, whole)
    store = FakeStore()
    read = 0
    for _ in range(300):
        store.troubles = []
        if chance.random() < 0.3:
            store.troubles = ["ok"] * chance.randrange(1, 40) + [RetryableError("down")] * 9
        try:
            run = Run(folder, store, notes=notes, stop=StopAfter(chance.randrange(2, 40)))
        except RetryableError:
            continue
        assert run.counts["messages"] >= read
        read = run.counts["messages"]
        if run.complete:
            break
    assert run.complete
    assert run.counts["messages"] == 600
    assert store.items.keys() == whole.items.keys()
    assert all(store.history(*who) == whole.history(*who) for who in whole.items)


def test_what_comes_later_is_read_by_the_next_run(tmp_path: Path) -> None:
    """New objects, and those that have grown; what was settled by then is looked at again."""
    folder, notes = tmp_path / "archive", tmp_path / "replay.db"
    put(folder, "a", line(soft_bounce("s1")))
    store = FakeStore()
    Run(folder, store, notes=notes)
    put(folder, "a", line(soft_bounce("s1")) + line(bounce("m1")))
    put(folder, "b", line(complaint("m2")))
    Run(folder, store, notes=notes)
    assert reasons(store) == ["hard_bounce", "complaint"]
    assert notes.stat().st_mode & 0o077 == 0


def test_an_object_that_could_not_be_read_stays_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted, the rest is replayed, and the next run reads it."""
    folder, notes = tmp_path / "archive", tmp_path / "replay.db"
    put(folder, "a", line(bounce("m1")))
    put(folder, "b", line(bounce("m2", ("joe@example.net",))))
    store = FakeStore()
    from ses_feedback.adapters.archive_places import UNREADABLE, Folder, Unread

    real = Folder.open

    def refuse(self: Folder, name: str) -> Any:
        if name == "a":
            raise Unread(UNREADABLE)
        return real(self, name)

    monkeypatch.setattr(Folder, "open", refuse)
    run = Run(folder, store, notes=notes)
    assert (dict(run.unread), set(store.items)) == ({UNREADABLE: 1}, {("production", "joe@example.net")})
    monkeypatch.setattr(Folder, "open", real)
    run = Run(folder, store, notes=notes)
    assert not run.unread
    assert JANE in store.items


def test_writing_keeps_to_its_rate(tmp_path: Path) -> None:
    put(tmp_path, "a", "".join(line(bounce(f"m{n}", (f"{n}@example.net",))) for n in range(40)))
    import time

    start = time.monotonic()
    Run(tmp_path, FakeStore(), rate=100)
    assert time.monotonic() - start >= 0.28
