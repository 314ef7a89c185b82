"""The demo's stream: the same for the same seed, of every class, and with the fates it promises."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

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
DIRECTORY = Directory({i.name: Place(i.name, i.environment, i.stream) for i in (SHOP, NEWS, DEV)}, {})


def play(seed: int = 1) -> traffic.Play:
    """A small hour of feedback."""
    return traffic.play([SHOP, NEWS, DEV], seed=seed, deliveries=400, now=NOW)


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


def test_one_identity_has_a_bad_campaign_and_the_others_have_not() -> None:
    """The culprit bounces above the page line of 4% with its floor of 50; nobody else comes near."""
    it = traffic.play([SHOP, NEWS, DEV], seed=1, deliveries=1_100, now=NOW)
    bounced: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    for _, reading in readings(it):
        for event in reading.events:
            bounced[event.identity] += event.counts_as_bounce
            delivered[event.identity] += event.kind == ev.DELIVERY
    assert it.culprit == NEWS.name
    assert bounced[NEWS.name] >= 50
    assert bounced[NEWS.name] / (bounced[NEWS.name] + delivered[NEWS.name]) > 0.05
    assert all(bounced[i.name] < 30 for i in (SHOP, DEV))


def test_batches_keep_the_order_within_a_topic_and_fit_one_call() -> None:
    """PublishBatch takes ten messages for one topic; none is lost or overtakes another of its topic."""
    messages = play().messages
    batches = list(traffic.batches(messages))
    assert all(len(batch) <= 10 and len({(m.kind, m.identity) for m in batch}) == 1 for batch in batches)
    for topic in {(m.kind, m.identity) for m in messages}:
        through = [m for batch in batches for m in batch if (m.kind, m.identity) == topic]
        assert through == [m for m in messages if (m.kind, m.identity) == topic]
