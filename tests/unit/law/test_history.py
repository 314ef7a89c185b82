"""DESIGN section 5, sentence by sentence, each by one example that a reader can follow."""

from __future__ import annotations

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import (
    LIST_LAG,
    History,
    Ruling,
    Strike,
    Suppression,
    clears,
    covering,
    every_decision,
    join,
    strike_of,
    strongest,
    suppressions,
)
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy, Tier
from ses_feedback.domain.times import DAY, HOUR
from tests.unit.law.builders import T0, delivered, event, known, released, ruled, struck


def answer(
    history: History, stream: str = "default", now: int = T0, policy: Policy = DEFAULT_POLICY
) -> Suppression | None:
    return covering(suppressions(history, policy), stream, now)


# --- tiers --------------------------------------------------------------------------------------------------


def test_one_hard_bounce_suppresses_every_stream_for_ever() -> None:
    history = known(struck("a", ev.HARD_BOUNCE, T0))
    for stream in ("default", "marketing"):
        found = answer(history, stream, T0 + 10_000 * DAY)
        assert found == Suppression("environment", None, ev.HARD_BOUNCE, T0, None)


@pytest.mark.parametrize("class_", [ev.COMPLAINT, ev.UNSUBSCRIBE])
def test_a_complaint_suppresses_its_own_stream_for_ever_and_no_other(class_: str) -> None:
    history = known(struck("a", class_, T0, stream="marketing"))
    assert answer(history, "marketing", T0 + 10_000 * DAY) == Suppression("stream", "marketing", class_, T0, None)
    assert answer(history, "default") is None


@pytest.mark.parametrize(
    ("class_", "stream", "length"), [(ev.SOFT_BOUNCE, None, 30 * DAY), (ev.BLOCKED, "default", 7 * DAY)]
)
def test_the_fifth_strike_within_two_weeks_suppresses_from_then_on(
    class_: str, stream: str | None, length: int
) -> None:
    """Four do not; the fifth, on the last millisecond of the window, does, until its end and no moment longer."""
    times = [T0, T0 + DAY, T0 + 2 * DAY, T0 + 3 * DAY]
    four = known(*(struck(str(at), class_, at) for at in times))
    assert answer(four, now=T0 + 3 * DAY) is None
    assert answer(join(four, struck("late", class_, T0 + 14 * DAY + 1), DEFAULT_POLICY), now=T0 + 15 * DAY) is None
    fifth = T0 + 14 * DAY
    five = join(four, struck("fifth", class_, fifth), DEFAULT_POLICY)
    found = answer(five, now=fifth)
    assert found is not None
    assert (found.stream, found.reason, found.since, found.until) == (stream, class_, fifth, fifth + length)
    assert answer(five, now=fifth + length - 1) == found
    assert answer(five, now=fifth + length) is None


def test_strikes_are_counted_in_the_scope_they_would_suppress() -> None:
    """Soft bounces of all streams add up; blocked ones count in each stream alone."""
    mixed = [(f"{n}", T0 + n, "default" if n < 3 else "marketing") for n in range(5)]
    soft = known(*(struck(key, ev.SOFT_BOUNCE, at, stream=stream) for key, at, stream in mixed))
    blocked = known(*(struck(key, ev.BLOCKED, at, stream=stream) for key, at, stream in mixed))
    assert answer(soft, "default") is not None
    assert answer(blocked, "default") is None
    assert answer(blocked, "marketing") is None


def test_a_class_without_tiers_is_never_a_strike() -> None:
    assert known(struck("a", ev.AUTO_REPLY, T0)) == History()


def test_escalation_is_more_tiers_and_none_removes_another() -> None:
    """The first hard bounce for 30 days, the second for ever; the first's suppression still stands beside it."""
    policy = {ev.HARD_BOUNCE: (Tier(1, None, 30 * DAY, "environment"), Tier(2, None, None, "stream"))}
    one = known(struck("a", ev.HARD_BOUNCE, T0), policy=policy)
    assert answer(one, now=T0 + 30 * DAY - 1, policy=policy) is not None
    assert answer(one, now=T0 + 30 * DAY, policy=policy) is None
    two = join(one, struck("b", ev.HARD_BOUNCE, T0 + 90 * DAY), policy)
    assert {(s.scope, s.until) for s in suppressions(two, policy)} == {
        ("environment", T0 + 120 * DAY),
        ("stream", None),
    }


def test_the_answer_ends_last_then_is_the_widest_then_the_newest() -> None:
    ends_last = Suppression("stream", "default", ev.BLOCKED, T0, T0 + 3)
    wide = Suppression("environment", None, ev.SOFT_BOUNCE, T0, T0 + 2)
    narrow = Suppression("stream", "default", ev.COMPLAINT, T0 + 1, T0 + 2)
    older = Suppression("environment", None, ev.HARD_BOUNCE, T0 - 1, T0 + 2)
    assert covering([narrow, wide, ends_last], "default", T0) == ends_last
    assert covering([narrow, wide, older], "default", T0) == wide
    assert covering([older, wide], "default", T0) == wide
    assert covering([wide, ends_last], "marketing", T0) == wide
    assert strongest([]) is None


# --- keys of strikes ----------------------------------------------------------------------------------------


def test_of_one_key_seen_with_two_times_the_later_stays() -> None:
    early, late = struck("a", ev.SOFT_BOUNCE, T0), struck("a", ev.SOFT_BOUNCE, T0 + 5)
    for pair in ((early, late), (late, early)):
        assert [strike.at for strike in known(*pair).strikes.values()] == [T0 + 5]


def test_one_message_strikes_once_however_often_it_is_seen() -> None:
    """Both SES channels, retries and duplicates: four sightings of one message do not make a fifth strike."""
    four = [struck(str(n), ev.SOFT_BOUNCE, T0 + n) for n in range(4)]
    assert answer(known(*four, *four, four[0], struck("3", ev.SOFT_BOUNCE, T0 + 9))) is None


def test_a_strike_of_sess_list_keeps_the_mails_time_and_others_their_own() -> None:
    listed = strike_of(event(ev.ALREADY_SUPPRESSED, occurred_at=T0, sent_at=T0 - 7))
    assert (listed.at, listed.sent) == (T0, T0 - 7)
    ahead = strike_of(event(ev.ALREADY_SUPPRESSED, occurred_at=T0, sent_at=T0 + 7))
    assert (ahead.at, ahead.sent) == (T0, T0)
    unknown = strike_of(event(ev.ALREADY_SUPPRESSED, occurred_at=T0, sent_at=None))
    assert (unknown.at, unknown.sent) == (T0, T0)
    other = strike_of(event(ev.HARD_BOUNCE, occurred_at=T0, sent_at=T0 - 7))
    assert (other.at, other.sent) == (T0, T0)


def test_a_strike_keeps_the_evidence_that_an_operator_is_shown() -> None:
    assert strike_of(
        event(ev.HARD_BOUNCE, status="5.1.1", diagnostic="smtp; 550 5.1.1 gone \ud800", detail="Permanent/General")
    ) == Strike(
        ev.HARD_BOUNCE, "default", T0, T0, "m1", "example.com", "5.1.1", "smtp; 550 5.1.1 gone ?", "Permanent/General"
    )


# --- deliveries ---------------------------------------------------------------------------------------------


def test_a_delivery_forgets_the_soft_bounces_of_every_stream_and_the_blocked_ones_of_its_own() -> None:
    soft = [struck(f"s{n}", ev.SOFT_BOUNCE, T0 + n, stream="marketing") for n in range(5)]
    blocked = [struck(f"b{n}{s}", ev.BLOCKED, T0 + n, stream=s) for n in range(5) for s in ("default", "marketing")]
    history = known(*soft, *blocked, delivered("default", T0 + 5))
    assert [(s.reason, s.stream) for s in suppressions(history, DEFAULT_POLICY)] == [(ev.BLOCKED, "marketing")]


@pytest.mark.parametrize("class_", [ev.HARD_BOUNCE, ev.COMPLAINT, ev.UNSUBSCRIBE, ev.ALREADY_SUPPRESSED])
def test_a_delivery_lifts_nothing_else(class_: str) -> None:
    history = known(struck("a", class_, T0), ruled("default", T0, None, reason=ev.IMPORT))
    after = join(history, delivered("default", T0 + DAY), DEFAULT_POLICY)
    assert suppressions(after, DEFAULT_POLICY) == suppressions(history, DEFAULT_POLICY)


def test_a_delivery_forgets_only_strikes_older_than_itself() -> None:
    """A bounce of the same moment or later counts, whichever is seen first."""
    strikes = [struck(str(n), ev.SOFT_BOUNCE, T0 + n) for n in range(5)]
    assert set(known(*strikes, delivered("default", T0 + 3)).strikes) == {"3/default", "4/default"}
    assert set(known(delivered("default", T0 + 3), *strikes).strikes) == {"3/default", "4/default"}


def test_of_several_deliveries_of_a_stream_the_newest_stays() -> None:
    strike = struck("a", ev.BLOCKED, T0 + 3)
    older, newer = delivered("default", T0), delivered("default", T0 + 5)
    assert known(older, newer) == known(newer, older) == History(deliveries={"default": T0 + 5})
    assert known(newer, older, strike).strikes == known(strike, older, newer).strikes == {}


def test_a_delivery_is_worth_a_write_only_where_it_forgets_a_strike() -> None:
    history = known(struck("a", ev.SOFT_BOUNCE, T0, stream="marketing"), struck("b", ev.BLOCKED, T0 + 5))
    assert clears(history, "default", T0 + 1)
    assert not clears(history, "default", T0)
    blocked = known(struck("b", ev.BLOCKED, T0))
    assert clears(blocked, "default", T0 + 1)
    assert not clears(blocked, "marketing", T0 + 1)
    assert not clears(known(struck("a", ev.HARD_BOUNCE, T0)), "default", T0 + DAY)
    assert not clears(History(), "default", T0)


# --- releases and decisions -----------------------------------------------------------------------------------


def test_a_release_of_everything_forgets_everything_older() -> None:
    history = known(
        struck("a", ev.HARD_BOUNCE, T0),
        struck("b", ev.COMPLAINT, T0, stream="marketing"),
        ruled("*", T0, None),
        ruled("marketing", T0, None, reason=ev.SES),
        released("*", T0 + 1),
    )
    assert suppressions(history, DEFAULT_POLICY) == []
    assert history.strikes == {}


def test_a_release_of_a_stream_forgets_what_holds_in_that_stream_alone() -> None:
    """What holds in all streams, or in another one, stays."""
    history = known(
        struck("a", ev.HARD_BOUNCE, T0, stream="marketing"),
        struck("b", ev.COMPLAINT, T0, stream="marketing"),
        struck("c", ev.COMPLAINT, T0, stream="default"),
        ruled("*", T0, None),
        ruled("marketing", T0, None),
        released("marketing", T0 + 1),
    )
    assert {(s.reason, s.stream) for s in suppressions(history, DEFAULT_POLICY)} == {
        (ev.HARD_BOUNCE, None),
        (ev.COMPLAINT, "default"),
        (ev.OPERATOR, None),
    }


def test_stale_feedback_does_not_bring_a_released_address_back_but_new_feedback_does() -> None:
    history = known(struck("a", ev.HARD_BOUNCE, T0), released("*", T0 + DAY))
    assert join(history, struck("late", ev.HARD_BOUNCE, T0 + DAY - 1), DEFAULT_POLICY) == history
    assert answer(join(history, struck("new", ev.HARD_BOUNCE, T0 + DAY), DEFAULT_POLICY)) is not None


def test_at_the_same_moment_suppress_beats_release() -> None:
    assert answer(known(released("*", T0), ruled("*", T0, None))) is not None
    assert answer(known(ruled("*", T0, None), released("*", T0))) is not None
    assert answer(known(ruled("*", T0, None), released("*", T0 + 1))) is None


def test_a_newer_operators_suppression_replaces_an_older_one_of_its_scope_and_reason() -> None:
    """Also where it is shorter. An import's, or another scope's, is another matter."""
    long, short = ruled("*", T0, None), ruled("*", T0 + 1, T0 + DAY)
    for pair in ((long, short), (short, long)):
        assert answer(known(*pair), now=T0 + DAY - 1) is not None
        assert answer(known(*pair), now=T0 + DAY) is None
    assert answer(known(long, short, ruled("*", T0, None, reason=ev.IMPORT)), now=T0 + DAY) is not None
    assert answer(known(ruled("default", T0, None), short), now=T0 + DAY) is not None


def test_an_operators_suppression_never_shortens_one_that_rests_on_strikes() -> None:
    history = known(struck("a", ev.HARD_BOUNCE, T0), ruled("*", T0 + 1, T0 + DAY))
    found = answer(history, now=T0 + 2 * DAY)
    assert found is not None
    assert found.reason == ev.HARD_BOUNCE


def test_a_release_forgets_what_sess_list_says_of_mail_sent_up_to_an_hour_later() -> None:
    """SES may be slow to take the address off its list; mail sent after that hour tells the truth again."""
    assert LIST_LAG == HOUR
    release = released("*", T0)
    bounced_late = struck("a", ev.ALREADY_SUPPRESSED, T0 + 5 * HOUR, sent=T0 + HOUR)
    assert answer(known(release, bounced_late)) is None
    assert answer(known(bounced_late, release)) is None
    sent_after = struck("b", ev.ALREADY_SUPPRESSED, T0 + 5 * HOUR, sent=T0 + HOUR + 1)
    assert answer(known(release, sent_after)) is not None
    # Any other bounce within the hour is a bounce.
    assert answer(known(release, struck("c", ev.HARD_BOUNCE, T0 + 1))) is not None


def test_sess_list_needs_no_grace_where_nothing_was_released() -> None:
    assert answer(known(struck("a", ev.ALREADY_SUPPRESSED, T0))) is not None
    assert answer(known(struck("a", ev.ALREADY_SUPPRESSED, 5)), now=6) is not None
    other_stream = known(struck("a", ev.ALREADY_SUPPRESSED, T0), released("marketing", T0))
    assert answer(other_stream) is not None


def test_older_by_mail_and_newer_by_bounce_are_both_kept() -> None:
    """A release forgets SES's list by the mail's time and a suppression ends by the bounce's: both may matter."""
    by_bounce = struck("a", ev.ALREADY_SUPPRESSED, T0 + 9 * HOUR, sent=T0)
    by_mail = struck("b", ev.ALREADY_SUPPRESSED, T0 + 8 * HOUR, sent=T0 + 2 * HOUR)
    for pair in ((by_bounce, by_mail), (by_mail, by_bounce)):
        history = known(*pair)
        found = answer(history, now=T0 + 9 * HOUR)
        assert found is not None
        assert found.since == T0 + 9 * HOUR
        found = answer(join(history, released("*", T0), DEFAULT_POLICY), now=T0 + 9 * HOUR)
        assert found is not None
        assert found.since == T0 + 8 * HOUR


def test_strikes_of_sess_list_sent_at_one_moment_are_bounded_like_any_other() -> None:
    """A campaign to a listed address: its mails share a time, and only the newest bounce is kept."""
    history = known(*(struck(f"{n:02}", ev.ALREADY_SUPPRESSED, T0 + n % 7, sent=T0) for n in range(30)))
    assert len(history.strikes) == 1


def test_a_changed_policy_reaches_an_address_with_its_next_event() -> None:
    """Strikes of a class that lost its tiers go, and so does what rested on them."""
    history = known(struck("a", ev.HARD_BOUNCE, T0), struck("b", ev.COMPLAINT, T0))
    policy = {**DEFAULT_POLICY, ev.HARD_BOUNCE: ()}
    after = join(history, struck("c", ev.COMPLAINT, T0 + 1), policy)
    assert {s.reason for s in suppressions(after, policy)} == {ev.COMPLAINT}


def test_the_newest_evidence_is_the_newest_of_everything() -> None:
    assert History().newest_evidence() == 0
    assert known(struck("a", ev.HARD_BOUNCE, T0)).newest_evidence() == T0
    assert known(delivered("default", T0 + 1)).newest_evidence() == T0 + 1
    assert known(released("*", T0 + 2)).newest_evidence() == T0 + 2
    assert known(ruled("*", T0 + 3, None)).newest_evidence() == T0 + 3


def test_decisions_of_one_moment_have_one_winner() -> None:
    """Two operators in the same millisecond: the longer suppression, then the last by its words, in either order."""
    one, other = Ruling(T0, None, ev.OPERATOR, "a"), Ruling(T0, T0 + 1, ev.OPERATOR, "b")
    for first, second in ((one, other), (other, one)):
        key = ("*", ev.OPERATOR)
        assert join(History(rulings={key: first}), History(rulings={key: second}), {}).rulings[key] == one


def test_the_newest_ten_decisions_stay_in_whatever_order_they_came() -> None:
    """Replaced or released; an import is none of them, and an erasure leaves those that stand, without texts."""
    made = [released("*", T0 + n, why=f"r{n}") if n % 3 else ruled("*", T0 + n, None, why=f"s{n}") for n in range(15)]
    made.append(ruled("*", T0 + 20, None, reason=ev.IMPORT, why="list.csv"))
    history = known(*made)
    assert history == known(*reversed(made)) == known(*made[::2], *made[1::2])
    texts = sorted(past.ruling.why for past in every_decision(history))
    assert texts == sorted(["list.csv", *(("r" if n % 3 else "s") + str(n) for n in range(5, 15))])
    erased = join(history, History(erased=T0 + 30), DEFAULT_POLICY)
    assert erased.past == frozenset()
    assert {past.ruling.why for past in every_decision(erased)} == {""}


def test_nothing_follows_from_past_decisions() -> None:
    """A suppression that was released, or replaced by a shorter one, is over, though the trail has it."""
    history = known(ruled("*", T0, None), released("*", T0 + 1), ruled("*", T0 + 2, T0 + DAY))
    assert len(history.past) == 1
    assert [(s.since, s.until) for s in suppressions(history, DEFAULT_POLICY)] == [(T0 + 2, T0 + DAY)]
