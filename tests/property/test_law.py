"""The law (DESIGN section 5): suppressions are a pure function of the set of facts, and the one the text describes."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import (
    TRAIL,
    History,
    Past,
    clears,
    covering,
    every_decision,
    join,
    settle,
    suppressions,
)
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy, Tier, bound
from ses_feedback.domain.reach import SPARE
from ses_feedback.domain.times import DAY
from tests.property.facts import START, STREAMS, UNIT, Message, codes, default_facts, situations, tier, two_parts
from tests.property.model import (
    HOUR,
    Delivered,
    Fact,
    Facts,
    Released,
    Ruled,
    Seen,
    best,
    end,
    instants,
)

ASKED = (*STREAMS, "stream-without-mail")


def learn(given_facts: Iterable[Fact], policy: Policy) -> History:
    """Learn facts one after the other, as they arrive."""
    history = History()
    for fact in given_facts:
        history = join(history, fact.learn(), policy)
    return history


def assert_by_the_letter(history: History, known: Sequence[Fact], policy: Policy) -> None:
    """Every question, at every time it may be asked, has the answer that the text gives."""
    model = Facts(known)
    groups = Counter((strike.class_, strike.stream) for strike in model.strikes.values())
    pruned = any(n > max(map(bound, policy.get(class_, ())), default=n) for (class_, _), n in groups.items())
    # Where old strikes were dropped, only the past is forgotten: no question is asked before the newest strike.
    earliest = max((strike.at for strike in model.strikes.values()), default=0) if pruned else 0
    expected, found = model.suppressions(policy), suppressions(history, policy)
    for now in instants(known, policy):
        if now >= earliest:
            for stream in ASKED:
                assert covering(found, stream, now) == best(expected, stream, now), (stream, now)


@given(situations)
def test_every_answer_is_the_one_the_text_gives(situation: tuple[Policy, list[Fact]]) -> None:
    """Whatever the policy and the facts, each question has the answer of the plain reading of the text."""
    policy, known = situation
    assert_by_the_letter(learn(known, policy), known, policy)


@given(default_facts)
def test_every_answer_is_the_one_the_text_gives_by_the_default_policy(known: list[Fact]) -> None:
    """The same with the policy most deployments have."""
    assert_by_the_letter(learn(known, DEFAULT_POLICY), known, DEFAULT_POLICY)


@given(situations, st.integers(0, 2**32))
def test_order_repetition_and_grouping_do_not_matter(situation: tuple[Policy, list[Fact]], seed: int) -> None:
    """Facts in any order, any of them again, merged in any grouping: the very same history."""
    policy, known = situation
    chance = random.Random(seed)
    one = learn(known, policy)
    repeated = known + [fact for fact in known if chance.random() < 0.5]
    chance.shuffle(repeated)
    parts = [fact.learn() for fact in repeated]
    while len(parts) > 1:
        right = parts.pop(chance.randrange(len(parts)))
        left = parts.pop(chance.randrange(len(parts)))
        parts.insert(chance.randrange(len(parts) + 1), join(left, right, policy))
    other = join(parts[0], parts[0], policy) if parts else History()
    assert other == one
    assert suppressions(other, policy) == suppressions(one, policy)
    assert settle(one, policy) == one


H = START
TRICKY_POLICY: Policy = {
    ev.HARD_BOUNCE: (Tier(1, None, 4 * UNIT, "environment"), Tier(2, None, None, "stream")),
    ev.COMPLAINT: (Tier(1, None, None, "stream"),),
    ev.ALREADY_SUPPRESSED: (Tier(1, None, 6 * UNIT, "environment"), Tier(2, 8 * UNIT, 9 * UNIT, "stream")),
    ev.SOFT_BOUNCE: (Tier(2, 3 * UNIT, 4 * UNIT, "environment"), Tier(3, 9 * UNIT, 30 * UNIT, "stream")),
    ev.BLOCKED: (Tier(2, 4 * UNIT, 5 * UNIT, "environment"), Tier(1, None, 2 * UNIT, "stream")),
}
LISTED = [Message(n, ev.ALREADY_SUPPRESSED, "default", H + sent) for n, sent in enumerate((0, HOUR, HOUR + 1))]
SOFT = [Message(10 + n, ev.SOFT_BOUNCE, STREAMS[n % 2], H) for n in range(5)]
BLOCKED = [Message(20 + n, ev.BLOCKED, STREAMS[n % 2], H) for n in range(4)]
HARD = [Message(30 + n, ev.HARD_BOUNCE, "marketing", H) for n in range(3)]
POOLS: dict[str, list[Fact]] = {
    "release and SES's list": [
        LISTED[0].seen(H + 9 * UNIT),
        LISTED[1].seen(H + 5 * UNIT),
        LISTED[2].seen(H + 4 * UNIT),
        Released("*", H),
        Released("default", H + 1),
        HARD[0].seen(H),
        HARD[0].seen(H - 1),
        HARD[1].seen(H + 1),
        Ruled("*", "operator", H, H + UNIT),
        Ruled("default", "operator", H, None),
    ],
    "deliveries and strikes": [
        SOFT[0].seen(H),
        SOFT[1].seen(H + UNIT),
        SOFT[2].seen(H + 3 * UNIT),
        SOFT[2].seen(H + 4 * UNIT + 1),
        SOFT[3].seen(H + 5 * UNIT),
        BLOCKED[0].seen(H),
        BLOCKED[2].seen(H + UNIT),
        Delivered("default", H + UNIT),
        Delivered("marketing", H + UNIT + 1),
        Released("marketing", H + 3 * UNIT),
    ],
    "more strikes than are kept": [
        HARD[0].seen(H),
        HARD[1].seen(H + 1),
        HARD[2].seen(H + 2),
        HARD[0].seen(H + 3),
        BLOCKED[0].seen(H),
        BLOCKED[1].seen(H + 1),
        BLOCKED[2].seen(H + 5 * UNIT),
        BLOCKED[3].seen(H + 4 * UNIT),
        Delivered("default", H + 5 * UNIT),
        Released("marketing", H + 2),
    ],
}


@pytest.mark.parametrize("pool", POOLS)
def test_every_permutation_of_every_few_facts(pool: str) -> None:
    """All orders of any four of ten facts chosen to collide: always the answers of the text."""
    for chosen in itertools.combinations(POOLS[pool], 4):
        histories = [learn(order, TRICKY_POLICY) for order in itertools.permutations(chosen)]
        assert all(history == histories[0] for history in histories), chosen
        assert_by_the_letter(histories[0], chosen, TRICKY_POLICY)


@pytest.mark.parametrize("pool", POOLS)
def test_random_permutations_of_all_facts(pool: str) -> None:
    """All ten at once, in many orders."""
    chance = random.Random(2)
    known = POOLS[pool]
    assert_by_the_letter(learn(known, TRICKY_POLICY), known, TRICKY_POLICY)
    for _ in range(300):
        order = chance.sample(known, len(known))
        assert learn(order, TRICKY_POLICY) == learn(known, TRICKY_POLICY)


def decisions_of(known: Iterable[Fact]) -> list[Past]:
    """Return operators' decisions, each once, the newest last."""
    found = set()
    for fact in known:
        if isinstance(fact, Released) or (isinstance(fact, Ruled) and fact.reason == ev.OPERATOR):
            found |= every_decision(fact.learn())
    return sorted(found, key=lambda past: past.ruling.at)


@given(situations)
def test_the_trail_is_the_newest_decisions_of_all(situation: tuple[Policy, list[Fact]]) -> None:
    """Whatever order they came in: the newest that were made are all there, and none that was not made."""
    policy, known = situation
    history = learn(known, policy)
    made, kept = decisions_of(known), {past for past in every_decision(history) if past.ruling.reason == ev.OPERATOR}
    assert kept <= set(made)
    newest = [past.ruling.at for past in made[-TRAIL:]]
    assert sorted(past.ruling.at for past in kept)[-TRAIL:] == newest
    assert len(history.past) <= TRAIL


# --- bounds ---------------------------------------------------------------------------------------


GAPS = (0, 1, UNIT // 2, UNIT, UNIT, UNIT + 1, 2 * UNIT, 2 * UNIT + 1, 6 * UNIT)


def barrage_of(class_: str, tier_codes: list[int], gaps: list[int]) -> tuple[Policy, list[Seen]]:
    """Return a tier or two with tiny windows, and far more strikes than any bound keeps, in the order they happen."""
    at, strikes = START, []
    for number, gap in enumerate(gaps):
        at += gap
        strikes.append(Message(number, class_, STREAMS[number % 5 == 0], at - gap).seen(at))
    return {class_: tuple(map(tier, tier_codes))}, strikes


barrages = st.builds(
    barrage_of,
    st.sampled_from((ev.SOFT_BOUNCE, ev.BLOCKED, ev.ALREADY_SUPPRESSED, ev.HARD_BOUNCE)),
    st.lists(codes, min_size=1, max_size=2),
    st.lists(st.sampled_from(GAPS), min_size=20, max_size=60),
)


@given(barrages)
def test_no_bound_ever_erases_a_live_suppression(barrage: tuple[Policy, list[Seen]]) -> None:
    """However many strikes come, at each moment on the way the answer is that of someone who forgot none."""
    policy, strikes = barrage
    history = History()
    for number, seen in enumerate(strikes):
        history = join(history, seen.learn(), policy)
        kept = suppressions(history, policy)
        every = Facts(strikes[: number + 1]).suppressions(policy)
        nows = {seen.strike.at, seen.strike.at + 1} | {s.until - 1 for s in every if s.until}
        for now in nows:
            if now >= seen.strike.at:
                for stream in STREAMS:
                    assert covering(kept, stream, now) == best(every, stream, now)


@given(barrages)
def test_strikes_are_bounded(barrage: tuple[Policy, list[Seen]]) -> None:
    """No class and stream keeps more strikes than its tiers can need, in whatever order they came; and, of one hour, as
    many as releases may name.
    """
    policy, strikes = barrage
    for order in (strikes, strikes[::-1]):
        history = learn(order, policy)
        groups: dict[tuple[str, str], list[int]] = {}
        for strike in history.strikes.values():
            groups.setdefault((strike.class_, strike.stream), []).append(strike.at)
        for (class_, _), times in groups.items():
            room = max(bound(tier) for tier in policy[class_])
            spare = 0 if class_ == ev.ALREADY_SUPPRESSED else SPARE
            assert len(times) <= room + spare
            assert all(sum(newer > at + HOUR for newer in times) < room for at in times)


def test_the_bound_is_the_formula_of_the_text() -> None:
    """n + (n-1)·(⌈suppress_for/within⌉+1); without end or window the newest n."""
    assert bound(Tier(5, 14 * DAY, 30 * DAY, "environment")) == 5 + 4 * 4
    assert bound(Tier(2, 10, 10, "stream")) == 2 + 1 * 2
    assert bound(Tier(3, None, None, "stream")) == 3
    assert bound(Tier(1, None, 30 * DAY, "stream")) == 1


# --- what the text says about single events -------------------------------------------------------


def holds_until(history: History, policy: Policy, stream: str, now: int) -> float:
    found = covering(suppressions(history, policy), stream, now)
    return 0 if found is None else end(found.until)


@given(two_parts)
def test_a_strike_never_weakens_a_suppression(situation: tuple[Policy, list[Fact], list[Fact]]) -> None:
    """Whatever strike comes on top, however weak or stale: nobody is mailed who was not to be mailed before."""
    policy, known, more = situation
    before = learn(known, policy)
    # The same message with a later time is the same strike, moved: another question. Here every strike is another one.
    news = [Seen(f"new-{fact.key}", fact.strike) for fact in more if isinstance(fact, Seen)]
    after = learn([*known, *news], policy)
    latest = max((fact.strike.at for fact in (*known, *news) if isinstance(fact, Seen)), default=0)
    for now in instants([*known, *news], policy):
        if now >= latest:
            for stream in ASKED:
                assert holds_until(after, policy, stream, now) >= holds_until(before, policy, stream, now)


@given(two_parts, st.sampled_from(("*", *STREAMS)))
def test_stale_feedback_after_a_release_changes_nothing(
    situation: tuple[Policy, list[Fact], list[Fact]], scope: str
) -> None:
    """What a release forgot stays forgotten, however late the feedback from before it arrives."""
    policy, known, late = situation
    now = START + 100 * UNIT
    released = learn([*known, Released(scope, now)], policy)
    stale = join(released, learn(late, policy), policy)
    assert stale == learn([*late, *known, Released(scope, now)], policy)
    for suppression in suppressions(stale, policy):
        assert scope != "*"
        assert suppression.stream != scope


@given(situations, st.sampled_from(STREAMS))
def test_a_delivery_lifts_only_soft_and_blocked(situation: tuple[Policy, list[Fact]], stream: str) -> None:
    """Suppressions of all other reasons, and blocked strikes of other streams, are the same with and without it."""
    policy, known = situation
    before = learn(known, policy)
    after = join(before, Delivered(stream, START + 100 * UNIT).learn(), policy)
    for strike in before.strikes.items():
        cleared = strike[1].class_ == ev.SOFT_BOUNCE or (strike[1].class_, strike[1].stream) == (ev.BLOCKED, stream)
        assert (strike not in after.strikes.items()) == cleared
    others = {s for s in suppressions(before, policy) if s.reason not in (ev.SOFT_BOUNCE, ev.BLOCKED)}
    assert others == {s for s in suppressions(after, policy) if s.reason not in (ev.SOFT_BOUNCE, ev.BLOCKED)}
    assert not clears(after, stream, START + 100 * UNIT)


@given(situations, st.sampled_from(STREAMS), st.integers(0, 41))
def test_a_delivery_is_worth_recording_exactly_where_it_forgets_a_strike(
    situation: tuple[Policy, list[Fact]], stream: str, unit: int
) -> None:
    """``clears`` says yes if and only if joining the delivery drops a strike."""
    policy, known = situation
    before = learn(known, policy)
    at = START + unit * UNIT
    after = join(before, Delivered(stream, at).learn(), policy)
    assert clears(before, stream, at) == (after.strikes != before.strikes)


def with_deliveries_where_they_clear(known: Iterable[Fact], policy: Policy) -> tuple[History, list[Fact]]:
    """Learn facts as the functions do: a delivery only where it forgets a strike. Return the facts recorded, too."""
    history, recorded = History(), []
    for fact in known:
        if isinstance(fact, Delivered) and not clears(history, fact.stream, fact.at):
            continue
        recorded.append(fact)
        history = join(history, fact.learn(), policy)
    return history, recorded


@given(situations)
def test_the_limit_of_the_law_is_the_one_stated(situation: tuple[Policy, list[Fact]]) -> None:
    """Deliveries recorded only where they forget a strike: pure in what was recorded, too much at most, never too
    little, and exact when replayed with deliveries last.
    """
    policy, known = situation
    history, recorded = with_deliveries_where_they_clear(known, policy)
    assert history == learn(reversed(recorded), policy)
    everything = learn(known, policy)
    latest = max((strike.at for strike in Facts(known).strikes.values()), default=0)
    for now in instants(known, policy):
        if now >= latest:
            for stream in ASKED:
                assert holds_until(history, policy, stream, now) >= holds_until(everything, policy, stream, now)
    replayed, _ = with_deliveries_where_they_clear(sorted(known, key=lambda f: isinstance(f, Delivered)), policy)
    assert suppressions(replayed, policy) == suppressions(everything, policy)


@given(situations, st.sampled_from(("*", *STREAMS)), st.integers(0, 3))
def test_an_operators_suppression_never_shortens_one_that_rests_on_strikes(
    situation: tuple[Policy, list[Fact]], scope: str, units: int
) -> None:
    """A short decision on top of strikes leaves every suppression that rests on them as it was."""
    policy, known = situation
    before = learn([fact for fact in known if not isinstance(fact, Ruled)], policy)
    at = START + 50 * UNIT
    after = join(before, Ruled(scope, "operator", at, at + units * UNIT).learn(), policy)
    assert set(suppressions(before, policy)) <= set(suppressions(after, policy))
