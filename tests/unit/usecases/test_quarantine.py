"""Out of quarantine and back to work: whatever breaks in between, nothing is lost and no strike counts twice."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.events import HARD_BOUNCE, Fault
from ses_feedback.domain.reading import read
from ses_feedback.usecases import quarantine as work
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.ports import Kept, Piece
from ses_feedback.usecases.quarantine import Retried, Retry
from ses_feedback.usecases.rate import Rate
from ses_feedback.usecases.record import record
from ses_feedback.usecases.tally import tally
from tests.fakes import Crash, FakeMeter, FakeStore

from .comeback import Calls, Clock, Objects, Queue
from .mail import KEYS, NOW, TOPIC, bounce, rules

RULES = rules()
READABLE = ("jane@example.net", "joe@example.net", "jim@example.net")
GARBAGE = ('{"notificationType":"Bounce","mail":{', "\ud800 odd")


class World:
    """A quarantine of pieces that can be read by now and of some that cannot, and the loop they go back to."""

    def __init__(self, readable: tuple[str, ...] = READABLE, garbage: tuple[str, ...] = GARBAGE) -> None:
        self.calls = Calls()
        self.objects = Objects(self.calls)
        self.retry, self.tally = Queue("retry", self.calls), Queue("tally", self.calls)
        self.store, self.meter = FakeStore(), FakeMeter()
        self.readable, self.garbage = readable, garbage
        for number, address in enumerate(readable):
            # Read by the former version, which did not know the identity: by the topic alone it is known.
            text = json.dumps(bounce(f"m{number}", (address,), source="x@elsewhere.example", at=NOW - number))
            self.objects.keep(Fault(text, "unknown identity: elsewhere.example", TOPIC), NOW - number)
        for text in garbage:
            self.objects.keep(Fault(text, "not JSON", TOPIC), NOW - 100)

    def put_back(self, why: str | None = None, **options: Any) -> Retried:
        """Retry all, as the command does."""
        result = Retried()
        clock = options.get("clock") or Clock()
        found = work.everything(self.objects)[::-1]
        job = Retry(self.objects, [self.retry, self.tally], RULES.directory, lambda: NOW)
        job.run(found, why, Rate(options.get("rate", 100), clock, clock), result)
        return result

    def look(self) -> Retried:
        """Say what a retry would do."""
        result, clock = Retried(), Clock()
        job = Retry(self.objects, [self.retry, self.tally], RULES.directory, lambda: NOW)
        job.look(work.everything(self.objects), None, Rate(100, clock), result)
        return result

    def drain(self) -> None:
        """Let the functions handle what is in the queues."""
        entries = [Entry(str(n), body) for n, body in enumerate(self.retry.take())]
        record(entries, rules=RULES, keys=KEYS, store=self.store, quarantine=self.objects, now=NOW)
        entries = [Entry(str(n), body) for n, body in enumerate(self.tally.take())]
        tally(entries, rules=RULES, store=self.store, quarantine=self.objects, meter=self.meter, now=NOW)

    def check(self) -> None:
        """Every readable piece was recorded once and is gone; every other one is in quarantine, and none half-way."""
        for address in self.readable:
            history = self.store.history("production", address)
            assert [strike.class_ for strike in history.strikes.values()] == [HARD_BOUNCE], address
        assert self.objects.ids(retrying=True) == set()
        raws = {json.loads(body)["raw"] for body, _, _ in self.objects.stored.values()}
        assert raws == {read_raw(text) for text in self.garbage}

    @property
    def counted(self) -> int:
        """How many hard bounces were counted, of all identities together."""
        return sum(
            values.get("HardBounced", 0) for whose, _, values in self.meter.documents if list(whose) == ["Deployment"]
        )


def read_raw(text: str) -> str:
    """Return the text a reader keeps of what it cannot read: broken letters spelt out."""
    (fault,) = read(text, RULES.directory, NOW).faults
    return fault.raw


def test_pieces_go_back_to_be_recorded_and_counted_with_their_topic() -> None:
    """The identity is known by the topic alone: were it lost, the piece would be of an unknown identity again."""
    world = World(garbage=())
    result = world.put_back()
    assert (result.found, result.put_back, result.left, result.gone, result.unreadable) == (3, 3, 0, 0, 0)
    assert world.objects.stored == {}
    world.drain()
    world.check()
    assert world.counted == 3


def test_what_still_cannot_be_read_is_quarantined_and_counted_again() -> None:
    """Nothing is lost, the operator is told beforehand, and the alarm hears of it."""
    world = World()
    before = world.objects.kept
    result = world.put_back()
    assert (result.put_back, result.unreadable) == (5, 2)
    world.drain()
    world.check()
    assert world.objects.kept == before + 2


def test_a_dry_run_says_what_would_happen_and_changes_nothing() -> None:
    world = World()
    world.objects.put(False, "f" * 64, b"\x89PNG", NOW)
    before = dict(world.objects.stored)
    result = world.look()
    assert (result.found, result.put_back, result.left, result.unreadable) == (6, 0, 6, 2)
    assert result.problems == {work.FOREIGN: 1}
    assert result.reasons["unknown identity: elsewhere.example"] == 3
    assert (world.objects.stored, world.retry.bodies, world.tally.bodies) == (before, [], [])


def crashes() -> list[tuple[int, bool]]:
    """Every call of a retry of all, before and after it took effect."""
    world = World()
    world.put_back()
    return [(number, after) for number in range(len(world.calls.made)) for after in (False, True)]


@pytest.mark.parametrize(("number", "after"), crashes())
def test_a_retry_that_dies_anywhere_is_finished_by_the_next(number: int, after: bool) -> None:
    """Between any two calls of AWS: each piece is handled at least once, none is left over, no strike counts twice."""
    world = World()
    world.calls.crash_at(number, after=after)
    with pytest.raises(Crash):
        world.put_back()
    world.calls.mend()
    world.drain()
    resumed = len(world.objects.ids(retrying=True) - world.objects.ids())
    result = world.put_back()
    assert result.resumed == resumed
    assert result.found == result.put_back + result.gone + result.left
    assert result.left == 0
    world.drain()
    world.check()
    # What was sent and not let go is sent once more: at most the pieces of one step.
    assert 3 <= world.counted <= 6


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_number_of_operators_and_functions_at_once_lose_nothing(data: st.DataObject) -> None:
    """At any call another retry may run or die, and the functions may handle what was sent: nothing is lost."""
    world = World(READABLE[:1], GARBAGE[:1])
    depth = 0

    def meddle(number: int, name: str) -> None:
        nonlocal depth
        what = data.draw(st.sampled_from(("nothing", "nothing", "another", "drain", "die")))
        if what == "die":
            raise Crash
        if what == "drain":
            world.drain()
        if what == "another" and depth < 2:
            depth += 1
            with contextlib.suppress(Crash):
                world.put_back()
            depth -= 1

    world.calls.before = meddle
    with contextlib.suppress(Crash):
        world.put_back()
    world.calls.mend()
    world.drain()
    world.put_back()
    world.drain()
    world.check()


def test_a_piece_that_comes_again_meanwhile_stays() -> None:
    """The same text arrives while it is being taken out: the new object has a time and a count of its own."""
    world = World(READABLE[:1], ())
    (kept,) = work.everything(world.objects)

    def arrive(number: int, name: str) -> None:
        if name == "withdraw":
            world.objects.put(False, kept.id, world.objects.stored[False, kept.id][0], NOW)

    world.calls.before = arrive
    assert world.put_back().put_back == 1
    assert world.objects.ids() == {kept.id}


def test_refused_pieces_are_kept_for_the_next_retry() -> None:
    """A queue that refuses one piece: the others go, this one is told and waits, and is sent by the next retry."""
    world = World(garbage=())
    piece = world.objects.read(work.everything(world.objects)[:1])[0]
    world.tally.refuse[work.as_message(piece)] = "tally takes no message (InternalError)"
    result = world.put_back()
    assert (result.put_back, result.left, dict(result.problems)) == (
        2,
        1,
        {"tally takes no message (InternalError)": 1},
    )
    assert world.objects.ids(retrying=True) == {piece.kept.id}
    world.tally.refuse.clear()
    assert world.put_back().resumed == 1
    world.drain()
    world.check()


def test_pieces_too_large_for_a_queue_stay_where_they_are() -> None:
    """The smaller queue's limit holds: neither queue gets half of the work."""
    world = World(READABLE[:2], ())
    big = world.objects.read(work.everything(world.objects)[:1])[0]
    world.tally.limit = len(work.as_message(big).encode()) - 1
    result = world.put_back()
    assert result.problems[work.TOO_LARGE] == result.left == 2 - result.put_back
    assert big.kept.id in world.objects.ids()
    world.tally.limit += 1
    assert world.put_back().problems == {}


def test_what_is_not_ours_is_left_alone() -> None:
    world = World(READABLE[:1], ())
    world.objects.put(False, "0" * 64, b"\x89PNG", NOW)
    result = world.put_back()
    assert (result.found, result.put_back, dict(result.problems)) == (2, 1, {work.FOREIGN: 1})
    assert world.objects.ids() == {"0" * 64}


def test_only_the_reason_that_is_meant_and_what_was_begun() -> None:
    """A reason chooses; a piece whose retry has begun was chosen before."""
    world = World()
    odd = next(kept for kept in work.everything(world.objects) if kept.at == NOW - 100)
    body, at, _ = world.objects.stored.pop((False, odd.id))
    world.objects.put(True, odd.id, body, at)
    result = world.put_back(why="Unknown IDENTITY")
    assert (result.found, result.put_back, result.resumed) == (4, 4, 1)
    assert len(world.objects.ids()) == 1


def test_pieces_that_are_gone_by_then_are_counted_as_such() -> None:
    """Somebody else took one between listing and reading: the count still adds up."""
    world = World(garbage=())
    first = work.everything(world.objects)[0]

    def vanish(number: int, name: str) -> None:
        if name == "read":
            world.objects.stored.pop((False, first.id), None)

    world.calls.before = vanish
    result = world.put_back()
    assert (result.found, result.put_back, result.gone, result.left) == (3, 2, 1, 0)


def test_a_stop_ends_between_two_steps_and_the_count_adds_up() -> None:
    """Ctrl-C during the wait of the second step: two steps of one piece were meant, one was done."""
    world = World(garbage=())
    clock = Clock()

    def stop(number: int, name: str) -> None:
        clock.stopped = name == "let go"

    world.calls.after = stop
    result = world.put_back(rate=1, clock=clock)
    assert (result.found, result.put_back, result.left, result.unread) == (3, 1, 2, 2)
    assert world.objects.ids(retrying=True) == set()


def test_the_rate_is_kept() -> None:
    """Three pieces at two a second: a step of two, then one after a second."""
    world, clock = World(garbage=()), Clock()
    world.put_back(rate=2, clock=clock)
    assert clock.waits == [1.0]


# --- the message ------------------------------------------------------------------------------------


@given(
    raw=st.text(st.characters(codec=None, categories=None), min_size=1) | st.sampled_from(GARBAGE),
    topic=st.sampled_from((None, TOPIC)),
)
def test_the_message_says_what_the_piece_said(raw: str, topic: str | None) -> None:
    """Any text, broken letters and control characters too, reads the same through a queue, and SQS takes it."""
    piece = Piece(Kept("0" * 64, 0, 0, False), 0, "odd", topic, raw, b"", "v")
    message = work.as_message(piece)
    assert not set(message) & {chr(n) for n in range(32)}
    assert not [c for c in message if 0xD800 <= ord(c) < 0xE000 or ord(c) in (0xFFFE, 0xFFFF)]
    known = {} if topic is None else {"TopicArn": topic}
    former = read({"Type": "Notification", **known, "Message": raw}, RULES.directory, NOW)
    found = read(message, RULES.directory, NOW)
    assert found.events == former.events
    assert [fault.why for fault in found.faults] == [fault.why for fault in former.faults]
    assert {fault.topic for fault in found.faults} <= {topic}


# --- looking ----------------------------------------------------------------------------------------


def kept(id_: str, at: int = 0, retrying: bool = False) -> Kept:
    return Kept(id_.ljust(64, "0"), at, 10, retrying)


def test_newest_first_and_one_line_for_a_piece_that_is_in_both_places() -> None:
    """Where a retry died between its copy and the deletion, the original is what is listed."""
    objects = Objects()
    objects.put(False, "a" * 64, b"{", 1)
    objects.put(True, "a" * 64, b"{", 9)
    objects.put(False, "b" * 64, b"{", 5)
    objects.put(True, "c" * 64, b"{", 3)
    assert [(k.id[0], k.at, k.retrying) for k in work.everything(objects)] == [
        ("b", 5, False),
        ("c", 3, True),
        ("a", 1, False),
    ]


def test_a_listing_reads_no_more_than_it_shows() -> None:
    """Of ten thousand pieces the first two are wanted: two are read, not one more."""
    objects = Objects()
    objects.page = 1_000
    for number in range(10_000):
        found = {"quarantined_at": "2026-11-24T05:00:00.000Z", "why": "odd", "topic": None, "raw": "x"}
        objects.put(False, f"{number:064x}", json.dumps(found).encode(), number)
    newest = list(work.newest(objects, work.everything(objects), None, 2))
    assert [piece.kept.at for piece in newest] == [9_999, 9_998]
    assert objects.calls.made.count("read") == 2
    assert objects.calls.made.count("list") == 11


def test_a_reason_is_looked_for_until_enough_are_found() -> None:
    world = World()
    everything = work.everything(world.objects)
    assert [piece.why for piece in work.newest(world.objects, everything, "NOT json", 1)] == ["not JSON"]
    assert len(list(work.newest(world.objects, everything, None, 3))) == 3


@pytest.mark.parametrize(
    ("ids", "length"),
    [((), 8), (("a", "b"), 8), (("aaaaaaaaa1", "aaaaaaaaa2"), 10), (("a" * 64, "a" * 64), 64)],
)
def test_ids_are_as_long_as_it_takes(ids: tuple[str, ...], length: int) -> None:
    """At least eight digits, and so many that no two look alike."""
    assert work.shown_length(id_.ljust(64, "0") for id_ in ids) == length


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("zzzz", '"zzzz" is not an id: at least 4 of the digits 0-9 and a-f that list shows'),
        ("abc", '"abc" is not an id: at least 4 of the digits 0-9 and a-f that list shows'),
        ("abcd", '"abcd" is the beginning of 2 ids: type more digits'),
        ("abcf", 'nothing in quarantine has the id "abcf": see what is there with quarantine list'),
    ],
)
def test_an_id_must_mean_one_piece(name: str, line: str) -> None:
    objects = Objects()
    for id_ in ("abcd1", "abcd2"):
        objects.put(False, id_.ljust(64, "0"), b"{", 1)
    with pytest.raises(PermanentError) as caught:
        work.one(objects, name)
    assert str(caught.value) == line
    assert work.one(objects, "ABCD1") == kept("abcd1", 1)._replace(size=1)
    with pytest.raises(PermanentError, match="is gone from the quarantine"):
        work.whole(objects, kept("abcd3"))
