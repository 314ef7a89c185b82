"""The demo's stream: the same for the same seed, of every class, and with the fates it promises."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from local import traffic
from ses_feedback.config.model import Identity
from ses_feedback.domain import events as ev
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.reading import Reading, read

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
SHOP = Identity("example.com", "production", "transactional")
NEWS = Identity("news.example.com", "production", "marketing")
DEV = Identity("dev@example.com", "dev", "default")
LINES = traffic.Lines(warn=0.025, page=0.04, warn_floor=30, page_floor=50)
DIRECTORY = Directory({i.name: Place(i.name, i.environment, i.stream) for i in (SHOP, NEWS, DEV)}, {})


def play(seed: int = 1) -> traffic.Play:
    """A small hour of feedback."""
    return traffic.play([SHOP, NEWS, DEV], region="us-east-1", seed=seed, deliveries=400, now=NOW, lines=LINES)


def readings(it: traffic.Play) -> list[tuple[traffic.Message, Reading]]:
    """What the product reads in it."""
    return [(message, read(message.text, DIRECTORY, NOW_MS)) for message in it.messages]


def test_same_seed_gives_the_same_stream() -> None:
    """The demo and its expectations repeat exactly; another seed is another hour."""
    kinds = [
        (m.kind, m.identity, json.loads(m.text)["mail"]["messageId"])
        for m in play().messages
        if '"mail"' in m.text[:60]
    ]
    again = [
        (m.kind, m.identity, json.loads(m.text)["mail"]["messageId"])
        for m in play().messages
        if '"mail"' in m.text[:60]
    ]
    assert kinds == again
    assert [m.text for m in play(1).messages] != [m.text for m in play(2).messages]


def test_every_class_comes_and_something_cannot_be_read() -> None:
    """Each class of the vocabulary that identity topics carry is there, setup messages and faults too."""
    read_back = [reading for _, reading in readings(play())]
    classes = {event.class_ for reading in read_back for event in reading.events}
    assert classes >= set(ev.STRIKABLE) | {ev.DELIVERY, ev.NOT_SPAM}
    assert sum(len(reading.setups) for reading in read_back) >= 2
    assert len({fault.why for reading in read_back for fault in reading.faults}) >= 4


def test_everything_happened_within_the_hour_that_alarms_look_at() -> None:
    """No event is older than the fast alarms' window, nor newer than now."""
    times = [event.occurred_at for _, reading in readings(play()) for event in reading.events]
    assert min(times) > NOW_MS - timedelta(minutes=55).total_seconds() * 1000
    assert max(times) <= NOW_MS


def test_duplicates_and_disorder_are_part_of_it() -> None:
    """Some messages come twice, and not in the order in which things happened."""
    it = play()
    assert any(count > 1 for count in Counter(m.text for m in it.messages).values())
    times = [event.occurred_at for _, reading in readings(it) for event in reading.events[:1]]
    assert times != sorted(times)


@pytest.mark.parametrize("shared", [False, True])
def test_the_three_acts_cross_the_lines_there_and_back(shared: bool) -> None:
    """Above the warning and below the page, above the page, below both; nobody else ever comes near."""
    it = traffic.play(
        [SHOP, NEWS, DEV], region="us-east-1", seed=1, deliveries=1_100, now=NOW, lines=LINES, shared=shared
    )
    assert it.culprit == NEWS
    together = {SHOP.name, NEWS.name} if shared else {NEWS.name}
    seen: set[tuple[str, str, str]] = set()
    bounced: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    shares = []
    for act in (it.messages, it.campaign, it.remedy):
        for event in (event for m in act for event in read(m.text, DIRECTORY, NOW_MS).events):
            once = (event.message_id, event.kind, event.recipient)
            if once not in seen:
                seen.add(once)
                bounced[event.identity] += event.counts_as_bounce
                delivered[event.identity] += event.kind == ev.DELIVERY
        bad, good = (sum(counts[name] for name in together) for counts in (bounced, delivered))
        shares.append((bad, bad / (bad + good)))
        assert all(bounced[i.name] < LINES.warn_floor for i in (SHOP, DEV))
    (warned, warning), (paged, page), (_, over) = shares
    assert warned >= LINES.warn_floor
    assert LINES.warn < warning < LINES.page
    assert paged >= LINES.page_floor
    assert page > 1.2 * LINES.page
    assert over < 0.9 * LINES.warn


def test_batches_keep_the_order_within_a_topic_and_fit_one_call() -> None:
    """PublishBatch takes ten messages for one topic; none is lost or overtakes another of its topic."""
    messages = play().messages
    batches = list(traffic.batches(messages))
    assert all(len(batch) <= 10 and len({(m.kind, m.identity) for m in batch}) == 1 for batch in batches)
    for topic in {(m.kind, m.identity) for m in messages}:
        through = [m for batch in batches for m in batch if (m.kind, m.identity) == topic]
        assert through == [m for m in messages if (m.kind, m.identity) == topic]


def test_whoever_has_a_circuit_breaker_has_the_bad_campaign() -> None:
    """Otherwise nobody would see it at work."""
    broken = Identity("shop.example.com", "production", "default", breaker=True)
    assert traffic.culprit_of([SHOP, NEWS, broken]) == broken
    assert traffic.culprit_of([SHOP, NEWS, DEV]) == NEWS
    assert traffic.culprit_of([SHOP, DEV]) == SHOP
