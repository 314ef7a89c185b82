"""Items: small, complete, and read back as they were written."""

from __future__ import annotations

import pytest

from ses_feedback import naming
from ses_feedback.adapters.items import from_item, from_listing, listing_key, shard_of, to_item
from ses_feedback.config.tiers import MOST_IN_ALL
from ses_feedback.domain import events as ev
from ses_feedback.domain.history import History, Strike, Suppression, copy_key, expires_at, strike_of, suppressions
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY, Tier
from ses_feedback.domain.times import DAY, SECOND
from tests.unit.adapters.dynamo_size import size
from tests.unit.law.builders import T0, delivered, event, known, released, ruled, struck

KEYS = Keys("a secret for tests")
WHO = ("production", "jane@example.net")


def item_of(history: History, address: str = WHO[1]) -> dict[str, object]:
    return to_item(KEYS.address(WHO[0], address), WHO[0], address, history, DEFAULT_POLICY, "version")


def a_bounce(number: int = 1, diagnostic: int = 120) -> History:
    """A bounce as big as they come: SES's message ids have 60 letters."""
    bounced = event(
        ev.HARD_BOUNCE,
        message_id=f"0100019b2c3d4e5f-0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d-{number:06}",
        status="5.1.1",
        diagnostic="x" * diagnostic,
        detail="Permanent/General",
        identity="transactional.example.com",
        occurred_at=T0 + number,
    )
    return History(strikes={copy_key(KEYS.strike(bounced), strike_of(bounced)): strike_of(bounced)})


def test_a_new_hard_bounce_fits_into_one_write_unit() -> None:
    """DynamoDB bills a write for each started kilobyte."""
    assert size(item_of(a_bounce(), "firstname.lastname@subsidiary.example.net")) < 1024
    assert size(item_of(a_bounce(diagnostic=200))) < 1024


def test_everything_at_once_is_read_back_as_it_was_written() -> None:
    history = known(
        a_bounce(),
        struck("s", ev.SOFT_BOUNCE, T0),
        struck("l", ev.ALREADY_SUPPRESSED, T0, sent=T0 - DAY),
        struck("b", ev.BLOCKED, T0, stream="marketing"),
        delivered("marketing", T0 - 1),
        released("*", T0 - 2 * DAY, "mended"),
        released("marketing", T0 - 3 * DAY),
        ruled("*", T0, None, why="asked by mail"),
        ruled("*", T0, T0 + DAY, reason=ev.SES),
        ruled("marketing", T0, T0 + DAY, reason=ev.IMPORT),
    )
    stored = from_item(item_of(history), read_at=7)
    assert stored.history == history
    assert list(stored.suppressions) == suppressions(history, DEFAULT_POLICY)
    assert (stored.environment, stored.address, stored.version, stored.read_at) == (*WHO, "version", 7)


def test_an_empty_history_is_an_item_without_suppressions() -> None:
    item = item_of(History())
    assert from_item(item).history == History()
    assert not {"suppressions", naming.ATTRIBUTE_LISTING_KEY, "strikes"} & set(item)


def test_ttl_is_written_in_seconds_where_it_ends_and_not_at_all_where_it_does_not() -> None:
    """DynamoDB reads TTL attributes as seconds since 1970, in a number."""
    soft = known(struck("s", ev.SOFT_BOUNCE, T0))
    assert item_of(soft)[naming.ATTRIBUTE_TTL] == {"N": str((T0 + 134 * DAY) // SECOND)}
    assert expires_at(soft, [], DEFAULT_POLICY) == (T0 + 134 * DAY) // SECOND
    assert naming.ATTRIBUTE_TTL not in item_of(a_bounce())
    assert naming.ATTRIBUTE_TTL not in item_of(known(released("*", T0)))


def test_the_index_holds_the_strongest_suppression_under_reason_month_and_shard() -> None:
    history = known(struck("c", ev.COMPLAINT, T0, stream="marketing"), struck("l", ev.ALREADY_SUPPRESSED, T0))
    item = item_of(history)
    shard = shard_of(KEYS.address(*WHO))
    assert item[naming.ATTRIBUTE_LISTING_KEY] == {"S": f"production#complaint#2027-01#{shard}"}
    assert item[naming.ATTRIBUTE_LISTING_SINCE] == {"S": "2027-01-15T08:00:00.000Z"}
    entry = from_listing({name: item[name] for name in naming.LISTING_ATTRIBUTES if name in item}, T0)
    assert entry.address == WHO[1]
    assert entry.suppression == Suppression("stream", "marketing", ev.COMPLAINT, T0, None)


def test_the_index_tells_ends_and_scopes() -> None:
    item = item_of(known(struck("l", ev.ALREADY_SUPPRESSED, T0)))
    entry = from_listing({name: item[name] for name in naming.LISTING_ATTRIBUTES}, T0)
    assert entry.suppression == Suppression("environment", None, ev.ALREADY_SUPPRESSED, T0, T0 + 30 * DAY)
    del item["address"]
    assert from_listing(item, T0).address is None


def test_shards_are_evenly_filled_and_stay_what_they_are() -> None:
    filled = [0] * naming.LISTING_SHARDS
    for number in range(2000):
        filled[shard_of(KEYS.address("production", f"user{number}@example.net"))] += 1
    assert min(filled) > 400
    assert shard_of("abc") == (97 + 98 + 99) % naming.LISTING_SHARDS
    assert listing_key("e", "r", "2027-01", 3) == "e#r#2027-01#3"


def test_the_fullest_item_that_defaults_allow_stays_far_below_dynamodbs_limit() -> None:
    """Every class at its bound, in two streams, with the longest diagnostics."""
    parts = []
    for class_, tiers in DEFAULT_POLICY.items():
        for number in range(60):
            for stream in ("default", "marketing"):
                struck_ = event(
                    class_, message_id="m" * 60 + f"{number}{stream}", stream=stream, occurred_at=T0 + number,
                    sent_at=T0 + number, diagnostic="x" * 200, detail="Transient/MailboxFull", status="4.2.2",
                )  # fmt: skip
                parts.append(History(strikes={copy_key(KEYS.strike(struck_), strike_of(struck_)): strike_of(struck_)}))
        assert tiers
    assert size(item_of(known(*parts))) < 60_000


@pytest.mark.parametrize("text", ["", "ünïcödé \u2603", "'\"\\\n\x00"])
def test_any_text_survives(text: str) -> None:
    history = known(ruled("*", T0, None, why=text))
    assert from_item(item_of(history)).history == history


def test_a_tier_of_a_stream_is_stored_with_its_stream() -> None:
    policy = {ev.SOFT_BOUNCE: (Tier(1, None, DAY, "stream"),)}
    history = known(struck("s", ev.SOFT_BOUNCE, T0, stream="marketing"), policy=policy)
    item = to_item("key", *WHO, history, policy, "v")
    assert from_item(item).suppressions == (Suppression("stream", "marketing", ev.SOFT_BOUNCE, T0, T0 + DAY),)


def crowd(strikes: int, *, text: str) -> History:
    """As many strikes as said, in two classes and streams, each with long texts, beside a hard bounce."""
    found = {"h": struck("h", ev.HARD_BOUNCE, T0)}
    for number in range(strikes):
        stream, class_ = ("default", "marketing")[number % 2], (ev.SOFT_BOUNCE, ev.BLOCKED)[number // 2 % 2]
        strike = Strike(class_, stream, T0 + number, T0 + number, text[:80], text[:60], "5.7.1", text, text[:40])
        found[f"{number}"] = History(strikes={copy_key(f"{number:020}", strike): strike})
    return History(strikes={key: s for part in found.values() for key, s in part.strikes.items()})


@pytest.mark.parametrize("text", ["x" * 200, "\u2603" * 200])
@pytest.mark.parametrize("strikes", [90, 700, MOST_IN_ALL])
def test_an_item_that_the_file_allows_always_fits_and_loses_texts_at_most(strikes: int, text: str) -> None:
    history = crowd(strikes, text=text)
    policy = {class_: (Tier(2, 9 * DAY, None, "stream"),) for class_ in (ev.SOFT_BOUNCE, ev.BLOCKED)}
    item = to_item("key", *WHO, history, {**DEFAULT_POLICY, **policy}, "v")
    assert size(item) < 400 * 1024
    read = from_item(item)
    assert {key: s[:4] for key, s in read.history.strikes.items()} == {k: s[:4] for k, s in history.strikes.items()}
    assert any(s.diagnostic for s in read.history.strikes.values()) is (
        strikes < 300 or (strikes, text[0]) == (700, "x")
    )


def test_an_item_that_outgrew_everything_still_suppresses() -> None:
    """Streams are too many, or the policy is another file's: what follows is stored, and the newest it rests on."""
    history = crowd(9_000, text="x" * 200)
    item = to_item("key", *WHO, history, DEFAULT_POLICY, "v")
    assert size(item) < 400 * 1024
    stored = from_item(item)
    assert stored.suppressions[0].reason == ev.HARD_BOUNCE
    assert list(stored.suppressions) == suppressions(history, DEFAULT_POLICY)
    assert suppressions(stored.history, DEFAULT_POLICY) == list(stored.suppressions)
