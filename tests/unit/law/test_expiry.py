"""When an item may be forgotten as a whole: 120 days after it could last matter, never while it holds for good."""

from __future__ import annotations

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import AFTERLIFE, History, covering, expires_at, suppressions
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy, Tier
from ses_feedback.domain.times import DAY, SECOND
from tests.unit.law.builders import T0, delivered, known, released, ruled, struck


def expiry(history: History, policy: Policy = DEFAULT_POLICY) -> int | None:
    return expires_at(history, suppressions(history, policy), policy)


def test_the_afterlife_is_120_days() -> None:
    assert AFTERLIFE == 120 * DAY


@pytest.mark.parametrize(
    "history",
    [
        known(struck("a", ev.HARD_BOUNCE, T0)),
        known(struck("a", ev.COMPLAINT, T0)),
        known(ruled("*", T0, None)),
        known(released("default", T0)),
        known(struck("a", ev.SOFT_BOUNCE, T0), released("*", T0 - 1)),
    ],
)
def test_what_holds_without_end_never_expires_nor_does_a_release(history: History) -> None:
    assert expiry(history) is None


def test_a_lone_strike_matters_until_the_longest_window_is_over() -> None:
    assert expiry(known(struck("a", ev.SOFT_BOUNCE, T0))) == (T0 + 14 * DAY + 120 * DAY) // SECOND


def test_a_suppression_matters_until_it_ends() -> None:
    assert expiry(known(struck("a", ev.ALREADY_SUPPRESSED, T0))) == (T0 + 30 * DAY + 120 * DAY) // SECOND
    assert expiry(known(ruled("*", T0, T0 + 400 * DAY))) == (T0 + 520 * DAY) // SECOND


def test_a_recorded_delivery_matters_as_long_as_strikes_from_before_it() -> None:
    assert expiry(known(delivered("default", T0))) == (T0 + 14 * DAY + 120 * DAY) // SECOND


def test_the_last_of_several_ends_decides() -> None:
    history = known(struck("a", ev.ALREADY_SUPPRESSED, T0), struck("b", ev.SOFT_BOUNCE, T0 + 20 * DAY))
    assert expiry(history) == (T0 + 34 * DAY + 120 * DAY) // SECOND


def test_a_strike_that_a_tier_without_end_may_still_count_never_expires() -> None:
    """The first of two hard bounces that suppress for ever is remembered until the second comes."""
    policy = {ev.HARD_BOUNCE: (Tier(2, None, None, "environment"),)}
    assert expiry(known(struck("a", ev.HARD_BOUNCE, T0), policy=policy), policy) is None


@pytest.mark.parametrize("reason", [ev.IMPORT, ev.SES])
def test_an_end_that_a_list_brought_stays_so_that_an_older_list_without_it_suppresses_nobody(reason: str) -> None:
    """Operators' decisions are no lists: no older one arrives."""
    over = known(ruled("marketing", T0, T0 + DAY, reason=reason))
    assert expiry(over) is None
    again = known(over, ruled("marketing", T0 - DAY, None, reason=reason))
    assert covering(suppressions(again, DEFAULT_POLICY), "marketing", T0 + 2 * DAY) is None
    assert expiry(known(ruled("marketing", T0, T0 + DAY))) is not None
