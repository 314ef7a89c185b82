"""Dead letters back to work: nothing is lost, whatever breaks, and the count adds up at any time."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.usecases.ports import Letter
from ses_feedback.usecases.rate import Rate
from ses_feedback.usecases.redrive import DeadLetter, Moved, redrive, sample
from tests.fakes import Crash

from .comeback import Calls, Clock, Queue

TOPIC = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6"


def queues(number: int = 25) -> tuple[Queue, Queue]:
    """Dead letters, and the queue they go back to."""
    calls = Calls()
    source, target = Queue("dead-letters", calls), Queue("retry", calls)
    for n in range(number):
        source.put(f"body {n}")
    return source, target


def move(
    source: Queue, target: Queue, *, rate: int = 100, limit: int | None = None, clock: Clock | None = None
) -> Moved:
    """Redrive as the command does."""
    moved = Moved(source.depth())
    clock = clock or Clock()
    redrive(source, target, rate=Rate(rate, clock, clock), limit=limit, into=moved)
    return moved


def test_all_are_moved_in_order_and_the_count_adds_up() -> None:
    source, target = queues()
    moved = move(source, target)
    assert (moved.found, moved.moved, moved.left, moved.emptied) == (25, 25, 0, True)
    assert (source.bodies, target.bodies) == ([], [f"body {n}" for n in range(25)])


def test_attributes_travel_along() -> None:
    """What SNS or the sender attached is there afterwards."""
    source, target = queues(0)
    source.put("body", attributes={"ErrorCode": {"DataType": "String", "StringValue": "403"}})
    move(source, target)
    assert target.waiting[0].letter.attributes == {"ErrorCode": {"DataType": "String", "StringValue": "403"}}


@pytest.mark.parametrize(("limit", "moved"), [(1, 1), (12, 12), (25, 25), (30, 25)])
def test_a_limit_is_kept_exactly(limit: int, moved: int) -> None:
    source, target = queues()
    result = move(source, target, limit=limit)
    assert (result.found, result.moved, result.left) == (25, moved, 25 - moved)
    assert len(source.waiting) == 25 - moved
    assert len(target.waiting) == moved


def test_the_rate_is_kept_and_a_step_is_no_larger_than_a_second() -> None:
    """25 at 5 a second take five seconds, in steps of five."""
    source, target = queues()
    clock = Clock()
    move(source, target, rate=5, clock=clock)
    assert clock.waits == [1.0] * 5
    assert source.calls.made.count("receive") == 6


def crashes() -> list[tuple[int, bool]]:
    source, target = queues()
    move(source, target)
    return [(number, after) for number in range(1, len(source.calls.made)) for after in (False, True)]


@pytest.mark.parametrize("how", [Crash, KeyboardInterrupt])
@pytest.mark.parametrize(("number", "after"), crashes())
def test_a_redrive_that_dies_anywhere_is_finished_by_the_next(
    number: int, after: bool, how: Callable[[], BaseException]
) -> None:
    """Between any two calls of AWS: each message arrives at least once, a few of one step twice, and none stays."""
    source, target = queues()
    moved = Moved(source.depth())

    def die(at: int, name: str) -> None:
        if at == number:
            raise how()

    source.calls.before, source.calls.after = (None, die) if after else (die, None)
    clock = Clock()
    with pytest.raises((Crash, KeyboardInterrupt)):
        redrive(source, target, rate=Rate(100, clock, clock), limit=None, into=moved)
    source.calls.mend()
    assert moved.found == moved.moved + moved.left
    assert moved.repeated <= 10
    assert len(source.waiting) <= moved.left
    assert len(target.waiting) <= moved.moved + max(moved.repeated, 10)
    source.time_out()
    again = move(source, target)
    assert again.left == 0
    assert source.bodies == []
    assert set(target.bodies) == {f"body {n}" for n in range(25)}
    assert len(target.bodies) <= 35


def test_an_interruption_shows_the_messages_again_at_once() -> None:
    """What was received and not sent is not hidden for a minute from the next try."""
    source, target = queues()

    def die(at: int, name: str) -> None:
        if name == "send":
            raise KeyboardInterrupt

    source.calls.before = die
    with pytest.raises(KeyboardInterrupt):
        move(source, target)
    assert not any(message.hidden for message in source.waiting)


def test_a_stop_ends_between_two_steps() -> None:
    source, target = queues()
    clock = Clock()

    def stop(number: int, name: str) -> None:
        clock.stopped = name == "delete"

    source.calls.after = stop
    moved = move(source, target, clock=clock)
    assert (moved.found, moved.moved, moved.left, moved.repeated, moved.emptied) == (25, 10, 15, 0, False)
    assert (len(source.waiting), len(target.waiting)) == (15, 10)


def test_refused_messages_stay_and_the_rest_go() -> None:
    """A message the queue does not take is told, seen again, and does not keep the others from going."""
    source, target = queues()
    target.refuse = {"body 3": "retry takes no message (InvalidMessageContents)"}
    moved = move(source, target)
    assert (moved.found, moved.moved, moved.left) == (25, 24, 1)
    assert dict(moved.problems) == {"retry takes no message (InvalidMessageContents)": 1}
    assert source.bodies == ["body 3"]
    assert not source.waiting[0].hidden


def test_nothing_but_refused_messages_ends_it() -> None:
    """A queue that takes nothing is asked three times, not for ever; each message is told once."""
    source, target = queues(50)
    target.refuse = {f"body {n}": "no" for n in range(50)}
    moved = move(source, target)
    assert (moved.received, moved.moved, moved.left, dict(moved.problems)) == (30, 0, 50, {"no": 30})
    assert not any(message.hidden for message in source.waiting)


def test_a_refused_message_that_comes_again_is_not_tried_or_told_again() -> None:
    """A long redrive sees again what it could not move: it goes on with the rest."""
    source, target = queues()
    target.refuse = {"body 3": "no"}
    source.calls.after = lambda number, name: source.time_out() if name == "delete" else None
    moved = move(source, target)
    assert (moved.moved, moved.left, dict(moved.problems)) == (24, 1, {"no": 1})


def test_what_cannot_be_deleted_is_told_as_sent_twice() -> None:
    source, target = queues(3)
    source.cannot_delete = {"body 1": "dead-letters does not delete a message (InternalError)"}
    moved = move(source, target)
    assert (moved.moved, moved.left, moved.repeated) == (2, 1, 1)
    assert sum(moved.problems.values()) == 1


def test_messages_that_others_hold_are_left() -> None:
    """The queue tells of five, three come: two are in somebody's hands, and the count says so."""
    source, target = queues(5)
    source.waiting[0].hidden = source.waiting[1].hidden = True
    moved = move(source, target)
    assert (moved.found, moved.moved, moved.left, moved.emptied) == (5, 3, 2, True)


def test_more_than_the_queue_told_are_counted() -> None:
    """SQS's own count may be late: it never makes the sum wrong."""
    source, target = queues(25)
    source.said = 7
    moved = move(source, target)
    assert (moved.found, moved.moved, moved.left) == (25, 25, 0)


@given(
    number=st.integers(0, 40),
    refused=st.sets(st.integers(0, 40)),
    kept=st.sets(st.integers(0, 40)),
    limit=st.none() | st.integers(1, 50),
    rate=st.integers(1, 100),
)
def test_every_message_is_in_one_place_at_least_and_the_count_adds_up(
    number: int, refused: set[int], kept: set[int], limit: int | None, rate: int
) -> None:
    """Whatever is refused, kept or limited."""
    source, target = queues(number)
    target.refuse = {f"body {n}": "refused" for n in refused}
    source.cannot_delete = {f"body {n}": "kept" for n in kept}
    moved = move(source, target, rate=rate, limit=limit)
    assert set(source.bodies) | set(target.bodies) == {f"body {n}" for n in range(number)}
    assert moved.left == len(source.waiting)
    assert moved.found == number
    assert moved.repeated == len(set(source.bodies) & set(target.bodies))
    assert limit is None or moved.moved <= limit


# --- the sample -------------------------------------------------------------------------------------


def failed(kind: str, text: str) -> str:
    """An on-failure record of Lambda, with an address in everything."""
    event = {"Records": [{"Sns": {"TopicArn": TOPIC, "Message": '{"to": "jane@example.net"}'}}]}
    return json.dumps(
        {
            "requestContext": {"condition": "RetriesExhausted"},
            "requestPayload": event,
            "responsePayload": {"errorType": kind, "errorMessage": text},
        }
    )


@pytest.mark.parametrize(
    ("body", "attributes", "why", "topic"),
    [
        (failed("RetryableError", "writing: Throttled"), {}, "RetryableError: writing: Throttled", TOPIC),
        (failed("KeyError", "'jane@example.net'"), {}, "KeyError", TOPIC),
        ('{"requestContext": {"condition": "EventAgeExceeded"}}', {}, "EventAgeExceeded", None),
        (
            json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": "jane@example.net"}),
            {"ErrorCode": {"DataType": "String", "StringValue": "403"}},
            "SNS could not deliver it: 403",
            TOPIC,
        ),
        ("jane@example.net", {}, "unknown; the function's log says more", None),
        ('{"requestPayload": {"Records": [7]}, "TopicArn": 7}', {}, "unknown; the function's log says more", None),
        ("[" * 100_000, {}, "unknown; the function's log says more", None),
    ],
)
def test_a_sample_says_why_and_whence_without_any_address(
    body: str, attributes: dict[str, object], why: str, topic: str | None
) -> None:
    """Our own errors are told whole, others by their type: their text may quote an address."""
    source = Queue("dead-letters")
    source.put(body, attributes=attributes, sent_at=7, receives=3)
    assert sample(source) == [DeadLetter(7, 3, why, topic)]
    assert "@" not in why


def test_a_sample_is_small_oldest_first_and_lets_all_lie() -> None:
    source = Queue("dead-letters")
    for n in range(30):
        source.put("{}", sent_at=100 - n)
    found = sample(source)
    assert [letter.sent_at for letter in found] == sorted(100 - n for n in range(10))
    assert len(source.waiting) == 30
    assert not any(message.hidden for message in source.waiting)
    assert isinstance(source.waiting[0].letter, Letter)
