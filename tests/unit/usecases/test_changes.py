"""What is announced of a write to the table, and of ends that have come."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest

from ses_feedback.domain import changes as domain
from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, Ruling, Strike, Suppression, suppressions
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR, format_time
from ses_feedback.usecases.changes import Announcement, End, TableChange, announce, expire
from ses_feedback.usecases.ports import Stored

AT = 1_800_000_000_000
WHO = "jane@example.net"


class World:
    """Ends, items and press in memory."""

    def __init__(self) -> None:
        self.ends: set[End] = set()
        self.items: dict[str, Stored] = {}
        self.events: list[dict[str, Any]] = []
        self.attributes: list[Mapping[str, str]] = []
        self.trouble: Exception | None = None

    def note(self, ends: Mapping[End, bool]) -> None:
        for end, comes in ends.items():
            self.ends = {e for e in self.ends if (e.key, e.scope, e.until) != (end.key, end.scope, end.until)}
            if comes:
                self.ends.add(end)

    def due(self, now: int) -> Iterator[Sequence[End]]:
        for end in sorted(e for e in self.ends if e.until <= now):
            yield [end]

    def by_keys(self, keys: Collection[str]) -> Mapping[str, Stored]:
        return {key: self.items[key] for key in keys if key in self.items}

    def publish(self, announcements: Sequence[Announcement]) -> None:
        if self.trouble is not None and announcements:
            raise self.trouble
        self.events += [json.loads(a.text) for a in announcements]
        self.attributes += [a.attributes for a in announcements]

    def write(self, history: History, *, at: int = AT, address: str = WHO, key: str = "k") -> TableChange:
        """Put an item as it follows from a history; return the change that the table's stream hands over."""
        before = self.items.get(key)
        version = f"v{at}-{len(self.events)}-{id(history)}"
        found = tuple(suppressions(history, DEFAULT_POLICY))
        self.items[key] = Stored("production", address, history, found, version)
        return TableChange(key, before, self.items[key], at, str(at))

    def tell(self, change: TableChange) -> list[tuple[str, str, str | None]]:
        """Announce a change; return type, scope and end of each event."""
        seen = len(self.events)
        assert announce([change], self, self) == len(self.events) - seen
        return [(e["type"], e["stream"], e["until"]) for e in self.events[seen:]]

    def look(self, now: int) -> list[tuple[str, str, str | None]]:
        """Look for ends; return the same."""
        seen = len(self.events)
        assert expire(self, self, self, now=now, enough=lambda: False) == len(self.events) - seen
        return [(e["type"], e["stream"], e["until"]) for e in self.events[seen:]]


@pytest.fixture
def world() -> World:
    return World()


def hard(key: str, at: int) -> History:
    return History({key: Strike(ev.HARD_BOUNCE, "default", at, at)})


def ruled(at: int, until: int | None, scope: str = "*") -> History:
    return History(rulings={(scope, ev.OPERATOR): Ruling(at, until, ev.OPERATOR, "asked by Jane")})


def test_a_suppression_is_told_once_whatever_else_is_learned(world: World) -> None:
    """The first strike is news; the second of the same class and end is none, nor is a write that changes nothing."""
    assert world.tell(world.write(hard("a", AT - 5))) == [("suppressed", "*", None)]
    both = History({**hard("a", AT - 5).strikes, **hard("b", AT).strikes})
    assert world.tell(world.write(both, at=AT + 1_000)) == []
    assert world.tell(world.write(both, at=AT + 2_000)) == []
    assert not world.ends


def test_the_event_says_what_and_nothing_of_why(world: World) -> None:
    """Address, scope, reason, times; no text of an operator, no message."""
    world.tell(world.write(ruled(AT - 5, AT + DAY, "marketing")))
    (event,) = world.events
    assert event == {
        "version": 1,
        "id": event["id"],
        "type": "suppressed",
        "address": WHO,
        "environment": "production",
        "stream": "marketing",
        "reason": "operator",
        "since": format_time(AT - 5),
        "until": format_time(AT + DAY),
        "at": format_time(AT),
        "order": domain.order(AT, str(AT)),
    }
    assert world.attributes == [
        {"type": "suppressed", "environment": "production", "stream": "marketing", "reason": "operator"}
    ]


def test_a_longer_and_a_shorter_end_are_told_and_only_the_last_is_noted(world: World) -> None:
    """Other terms are a suppression too: what was said before holds no more."""
    world.tell(world.write(ruled(AT - 5, AT + DAY)))
    later = world.tell(world.write(ruled(AT, AT + 2 * DAY), at=AT + 1_000))
    assert later == [("suppressed", "*", format_time(AT + 2 * DAY))]
    sooner = world.tell(world.write(ruled(AT + 1, AT + HOUR), at=AT + 2_000))
    assert sooner == [("suppressed", "*", format_time(AT + HOUR))]
    assert {end.until for end in world.ends} == {AT + HOUR}


def test_a_release_is_told_and_its_end_forgotten(world: World) -> None:
    """Released is what held; when its end comes, nobody hears of it again."""
    world.tell(world.write(ruled(AT - 5, AT + DAY)))
    released = History(releases={"*": Ruling(AT, None, ev.OPERATOR, "mended")})
    assert world.tell(world.write(released, at=AT + 1_000)) == [("released", "*", format_time(AT + DAY))]
    assert not world.ends
    assert world.look(AT + 2 * DAY) == []


def test_scopes_are_told_apart(world: World) -> None:
    """A stream's and everybody's are two suppressions, and two events."""
    both = History(
        rulings={
            ("*", ev.OPERATOR): Ruling(AT, AT + HOUR, ev.OPERATOR, ""),
            ("marketing", ev.OPERATOR): Ruling(AT, None, ev.OPERATOR, ""),
        }
    )
    told = world.tell(world.write(both))
    assert told == [("suppressed", "*", format_time(AT + HOUR)), ("suppressed", "marketing", None)]
    assert world.look(AT + HOUR) == [("expired", "*", format_time(AT + HOUR))]


def test_an_end_is_told_when_it_has_come_and_once(world: World) -> None:
    """Not a moment before; told of that moment, and then off the list."""
    world.tell(world.write(ruled(AT - 5, AT + DAY)))
    assert world.look(AT + DAY - 1) == []
    assert world.look(AT + DAY) == [("expired", "*", format_time(AT + DAY))]
    assert world.events[-1]["at"] == format_time(AT + DAY)
    assert world.look(AT + DAY) == []
    assert not world.ends


def test_an_end_that_was_put_off_is_no_news(world: World) -> None:
    """Suppressed anew between the end and the look, and the stream is behind: the table is asked as it is."""
    world.tell(world.write(ruled(AT - 5, AT + HOUR)))
    later = world.write(ruled(AT + HOUR, AT + DAY), at=AT + HOUR + 1_000)
    assert world.look(AT + HOUR + 2_000) == []
    assert world.tell(later) == [("suppressed", "*", format_time(AT + DAY))]
    assert world.look(AT + DAY) == [("expired", "*", format_time(AT + DAY))]


def test_an_end_whose_evidence_went_after_it_is_still_told(world: World) -> None:
    """A write after the end that drops what was over, before anybody looked: it was no release."""
    world.tell(world.write(ruled(AT - 5, AT + HOUR)))
    assert world.tell(world.write(History(), at=AT + HOUR + 1_000)) == []
    assert world.look(AT + HOUR + 2_000) == [("expired", "*", format_time(AT + HOUR))]


def test_an_event_comes_before_whatever_was_written_after_it(world: World) -> None:
    """By their order, in the same second too."""
    world.tell(world.write(ruled(AT - 5, AT + HOUR)))
    world.look(AT + HOUR)
    world.tell(world.write(hard("a", AT + HOUR), at=AT + HOUR))
    orders = [event["order"] for event in world.events]
    assert [event["type"] for event in world.events] == ["suppressed", "expired", "suppressed"]
    assert orders == sorted(orders)
    assert len(set(orders)) == 3


def test_who_was_erased_is_never_named_again(world: World) -> None:
    """Neither at the erasure, nor at what happens later, nor at an end that was noted before."""
    world.tell(world.write(ruled(AT - 5, AT + HOUR)))
    seen = len(world.events)
    erased = world.write(ruled(AT - 5, AT + HOUR), at=AT + 1_000, address="")
    noted = set(world.ends)
    assert world.tell(erased) == []
    assert not world.ends
    world.ends = noted  # as if the stream were behind
    assert world.look(AT + HOUR) == []
    assert world.tell(world.write(hard("a", AT + DAY), at=AT + DAY, address="")) == []
    assert len(world.events) == seen
    assert not world.ends


def test_what_was_not_published_is_announced_again_under_the_same_id(world: World) -> None:
    """The whole batch comes again; an end stays on the list until it was told."""
    change = world.write(ruled(AT - 5, AT + HOUR))
    world.trouble = RetryableError("busy")
    with pytest.raises(RetryableError):
        announce([change], world, world)
    world.trouble = None
    world.tell(change)
    world.tell(change)
    assert world.events[0] == world.events[1]
    world.trouble = RetryableError("busy")
    with pytest.raises(RetryableError):
        world.look(AT + HOUR)
    world.trouble = None
    assert world.look(AT + HOUR) == [("expired", "*", format_time(AT + HOUR))]


def test_a_batch_is_read_in_its_order(world: World) -> None:
    """Suppressed, released and suppressed again within one batch: three events, and the end of the last."""
    writes = [
        world.write(ruled(AT - 5, AT + HOUR), at=AT),
        world.write(History(), at=AT + 1_000),
        world.write(ruled(AT - 5, AT + HOUR), at=AT + 2_000),
    ]
    assert announce(writes, world, world) == 3
    assert [event["type"] for event in world.events] == ["suppressed", "released", "suppressed"]
    assert len({event["id"] for event in world.events}) == 3
    assert len(world.ends) == 1


def test_a_look_ends_when_there_is_enough(world: World) -> None:
    """The next one takes what is left."""
    for number in range(3):
        world.tell(world.write(ruled(AT - 5, AT + HOUR), key=f"k{number}"))
    assert expire(world, world, world, now=AT + DAY, enough=lambda: True) == 1
    assert len(world.ends) == 2


def test_the_strongest_of_a_scope_is_what_holds() -> None:
    """The one that ends last; what is over does not count."""
    over = Suppression("environment", None, "soft_bounce", 1, AT)
    short = Suppression("environment", None, "blocked", 1, AT + 1)
    assert domain.holding([over, short], AT) == {"*": short}


def test_another_reason_on_the_same_terms_is_told() -> None:
    """Whoever follows shows the reason, too."""
    one = Suppression("environment", None, ev.HARD_BOUNCE, AT, None)
    other = one._replace(reason=ev.OPERATOR)
    assert list(domain.changed({"*": one}, {"*": other})) == [domain.Change(domain.SUPPRESSED, "*", other)]
    assert list(domain.changed({"*": one}, {"*": one._replace(since=AT + 1)})) == []


def test_two_ends_of_a_scope_have_two_ids(world: World) -> None:
    """A follower that drops what it has seen hears of the second all the same."""
    for at, until in ((AT, AT + HOUR), (AT + 2 * HOUR, AT + 3 * HOUR)):
        announce([world.write(ruled(at, until), at=at)], world, world)
        expire(world, world, world, now=until, enough=lambda: False)
    ended = [event["id"] for event in world.events if event["type"] == domain.EXPIRED]
    assert len(ended) == len(set(ended)) == 2


def test_an_id_keeps_its_form_and_its_value() -> None:
    """A follower has stored it: a new version of this program must give the same for the same change."""
    assert domain.event_id("expired", "k", "*", "1") == "5834edfd0023629f1fbf71e11151c5bf"
    assert domain.event_id("ab", "c") != domain.event_id("a", "bc")
