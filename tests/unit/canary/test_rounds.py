"""A round is good, lacks something, or is not decided yet; and when the next one is due."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ses_feedback.domain import canary
from ses_feedback.domain.canary import PIECES, SENDING, Round, is_due, shortfall, verdict
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND

T0 = 1_800_000_000_000
SENT = T0 + 3 * SECOND
WITHIN = 15 * MINUTE


def back(at: int = SENT + SECOND, *, without: str | None = None) -> dict[str, int]:
    return {piece: at for piece in PIECES if piece != without}


def test_a_round_whose_pieces_are_all_back_in_time_is_good_at_once() -> None:
    assert verdict(Round(T0, SENT, returned=back()), WITHIN, SENT + 2 * SECOND) == ()


def test_a_piece_has_until_the_end_of_the_time_and_not_longer() -> None:
    """Undecided, then missing; what comes late is as bad as what does not come, so that nothing hides a slow loop."""
    lacks_one = Round(T0, SENT, returned=back(without="act_bounce"))
    assert verdict(lacks_one, WITHIN, SENT + WITHIN) is None
    assert verdict(lacks_one, WITHIN, SENT + WITHIN + 1) == ("act_bounce",)
    late = Round(T0, SENT, returned={**back(), "act_bounce": SENT + WITHIN + 1})
    assert verdict(late, WITHIN, SENT + HOUR) == ("act_bounce",)
    in_time = Round(T0, SENT, returned={**back(), "act_bounce": SENT + WITHIN})
    assert verdict(in_time, WITHIN, SENT + HOUR) == ()


def test_each_missing_piece_is_named() -> None:
    assert verdict(Round(T0, SENT), WITHIN, SENT + HOUR) == PIECES


def test_a_round_that_ses_refused_lacks_its_sending_once() -> None:
    assert verdict(Round(T0, refused="paused"), WITHIN, T0) == (SENDING,)


def test_a_round_that_cannot_be_sent_for_two_hours_is_bad_however_often_it_is_begun_anew() -> None:
    assert verdict(Round(T0), WITHIN, T0 + 2 * HOUR - 1) is None
    assert verdict(Round(T0), WITHIN, T0 + 2 * HOUR) == (SENDING,)
    assert verdict(Round(T0 + 2 * HOUR, unsent_since=T0), WITHIN, T0 + 2 * HOUR) == (SENDING,)


def test_what_the_round_before_lacked_holds_until_this_one_is_decided() -> None:
    """Else a repetition would end the alarm by being sent."""
    again = Round(T0, SENT, failed=("act_bounce", "count_bounce"))
    assert shortfall(again, WITHIN, SENT + MINUTE) == ("act_bounce", "count_bounce")
    assert shortfall(again._replace(returned=back()), WITHIN, SENT + MINUTE) == ()
    assert shortfall(again, WITHIN, SENT + HOUR) == PIECES


@dataclass(frozen=True)
class Case:
    name: str
    newest: Round | None
    waited: int
    due: bool


GOOD = Round(T0, SENT, returned=back())
BAD = Round(T0, SENT)


@pytest.mark.parametrize(
    "case",
    [
        Case("never sent", None, 0, True),
        Case("good, half a day ago", GOOD, DAY // 2, False),
        Case("good, a day ago less half a look", GOOD, DAY - canary.TOLERANCE, True),
        Case("good, just short of that", GOOD, DAY - canary.TOLERANCE - 1, False),
        Case("in flight", BAD, 10 * MINUTE, False),
        Case("failed, not an hour ago", BAD, 45 * MINUTE, False),
        Case("failed an hour ago", BAD, HOUR, True),
        Case("refused, not an hour ago", Round(T0, refused="paused"), 45 * MINUTE, False),
        Case("refused an hour ago", Round(T0, refused="paused"), HOUR, True),
        Case("begun by another run just now", Round(T0), SECOND, False),
        Case("begun and not sent, a look ago", Round(T0), canary.LOOK, True),
    ],
    ids=lambda case: case.name,
)
def test_a_round_is_due_when_its_time_has_come_and_sooner_after_a_failure(case: Case) -> None:
    assert is_due(case.newest, DAY, WITHIN, T0 + case.waited) is case.due


def test_a_daily_round_does_not_drift() -> None:
    """Looks come a few seconds early or late; a round stays at its look of the day, for a month."""
    begun, look = T0, T0
    for day in range(1, 31):
        jitter = (day * 7_919) % (20 * SECOND) - 10 * SECOND
        while not is_due(Round(begun, begun + SECOND, returned=back(begun + SECOND)), DAY, WITHIN, look + jitter):
            look += canary.LOOK
        begun = look + jitter
        assert abs(begun - (T0 + day * DAY)) < MINUTE


def test_the_round_trip_is_from_the_last_mail_to_the_last_piece() -> None:
    late = {**back(), "count_delivery": SENT + 7 * SECOND}
    assert Round(T0, SENT, returned=late).round_trip == 7 * SECOND
    assert Round(T0, SENT, returned=back(without="act_bounce")).round_trip is None
    assert Round(T0, returned=back()).round_trip is None
    assert Round(T0, SENT, returned=back(T0)).round_trip == 0


def test_a_round_of_long_ago_says_nothing() -> None:
    """An identity that had no canary for a week does not begin with an alarm about the one it had then."""
    assert not canary.is_history(BAD, DAY, T0 + 3 * DAY)
    assert canary.is_history(BAD, DAY, T0 + 3 * DAY + 1)
    assert not canary.is_history(BAD, 7 * DAY, T0 + 14 * DAY)


@pytest.mark.parametrize("identities", [1, 10, 100, 1_000, 5_000])
@pytest.mark.parametrize("every", [HOUR, 6 * HOUR, DAY, 7 * DAY])
def test_the_runs_keep_up_and_do_not_burst(identities: int, every: int) -> None:
    """Twice what is due fits into the runs of a period; an hour's mail is bounded by what a run may send."""
    runs = every // canary.LOOK
    most = canary.per_run(identities, every)
    assert most * runs >= 2 * identities
    assert most <= max(10, 2 * identities / runs + 1)
    assert canary.mails_an_hour(identities, every) <= 3 * min(identities, 4 * most)


def test_one_daily_canary_is_three_mails_and_a_thousand_are_spread_over_the_day() -> None:
    assert canary.mails_an_hour(0, DAY) == 0
    assert canary.mails_an_hour(1, DAY) == 3
    assert canary.per_run(1_000, DAY) == 21
    assert canary.mails_an_hour(1_000, DAY) == 252
