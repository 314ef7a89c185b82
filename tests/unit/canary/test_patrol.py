"""A run judges what was sent and sends what is due: nothing is told twice, hidden, or lost by a crash."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from ses_feedback import naming
from ses_feedback.domain import canary
from ses_feedback.domain.canary import PIECES, SENDING
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND
from ses_feedback.usecases.canaries import Refused
from ses_feedback.usecases.pacing import Throttled
from tests.fakes import CRASH_AFTER, CRASH_BEFORE, OK, THROTTLE, TIMEOUT, Crash
from tests.unit.canary.fakes import T0, World

MISSING, ROUND_TRIP = naming.METRIC_CANARY_MISSING, naming.METRIC_CANARY_ROUND_TRIP
THOUSAND = tuple(f"d{number:04d}.example.com" for number in range(1_000))


def test_the_first_run_sends_three_mails_of_one_round() -> None:
    """To the simulator's bounce, complaint and success address, one a second, and nothing is missing yet."""
    world = World()
    assert world.run().sent == ["example.com"]
    assert [(at - T0, who, canary.recognise("ses-feedback", to)) for at, who, to in world.mailer.mails] == [
        (number * SECOND, "example.com", canary.Canary(asks, T0)) for number, asks in enumerate(canary.LOCAL_PARTS)
    ]
    assert world.values(MISSING) == [0]


def test_a_good_day_is_one_round_one_round_trip_and_zeros() -> None:
    """Zeros at every look, for only a figure ends an alarm; the round trip once, at the time of the last piece."""
    world = World()
    world.run()
    world.look(95)
    assert len(world.mailer.mails) == 3
    assert world.values(MISSING) == [0] * 96
    ((dimensions, at, values),) = [d for d in world.meter.documents if ROUND_TRIP in d[2]]
    assert dimensions == {naming.DIMENSION_DEPLOYMENT: "ses-feedback"}
    assert (at, values) == (T0 + 4 * SECOND, {ROUND_TRIP: 2 * SECOND})
    assert world.look().sent == ["example.com"]


@pytest.mark.parametrize("piece", PIECES)
def test_each_missing_piece_is_told_by_name_until_it_is_back(piece: str) -> None:
    """Every look says so, the repetition an hour later is sent, and its success ends it."""
    world = World(identities=("example.com", "example.org"))
    world.mailer.lost["example.com"] = {piece}
    world.run()
    assert world.look().lacking == {}
    for _ in range(3):
        assert world.look().lacking == {"example.com": (piece,)}
    assert [at for at, who, _ in world.mailer.mails if who == "example.com" and at > T0 + MINUTE] != []
    world.mailer.lost.clear()
    lacking = [world.look().lacking for _ in range(6)]
    assert lacking[-1] == {}
    assert lacking == sorted(lacking, key=len, reverse=True), "once ended, it stays ended"
    assert {who for at, who, _ in world.mailer.mails if at > T0 + MINUTE} == {"example.com"}, "nobody else repeats"


def test_the_repetition_does_not_end_the_alarm_by_being_sent() -> None:
    """While nothing comes back the figure never falls, whether a round is in flight or judged."""
    world = World()
    world.mailer.lost["example.com"] = set(PIECES)
    world.run()
    world.look(2)
    assert {world.look().missing for _ in range(48)} == {5}
    rounds = len(world.mailer.mails) // 3
    assert 10 <= rounds <= 14, "hourly, and not at every look"


def test_feedback_that_is_late_is_told_as_well() -> None:
    world = World()
    world.mailer.delay = HOUR
    world.run()
    assert world.look(2).lacking == {"example.com": PIECES}
    assert world.values(ROUND_TRIP) != []


def test_feedback_of_an_older_round_proves_nothing_of_the_newer() -> None:
    world = World()
    world.mailer.lost["example.com"] = set(PIECES)
    world.run()
    world.look(5)
    newest = world.rounds.rounds["example.com"]
    assert newest.started > T0
    world.rounds.returned("example.com", T0, "act_bounce", world.clock.now())
    assert world.rounds.rounds["example.com"] == newest


def test_what_is_pending_neither_sends_nor_misses_anything() -> None:
    world = World(identities=("example.com", "pending.example.com"))
    world.rounds.pending = {"pending.example.com"}
    world.run()
    world.look(10)
    assert {who for _, who, _ in world.mailer.mails} == {"example.com"}
    assert set(world.values(MISSING)) == {0}


def test_a_refusal_counts_once_says_why_and_is_tried_again_in_an_hour() -> None:
    """A paused account or configuration set, a deleted set, an identity that is no longer verified."""
    world = World(identities=("example.com", "example.org"))
    world.mailer.refuses["example.com"] = Refused("SES does not send for example.com: SendingPausedException: paused")
    done = world.run()
    assert done.refused == {"example.com": "SES does not send for example.com: SendingPausedException: paused"}
    assert done.sent == ["example.org"]
    assert done.problems == Counter()
    assert world.look().lacking == {"example.com": (SENDING,)}
    assert world.values(MISSING)[-1] == 1
    world.mailer.refuses.clear()
    world.look(5)
    assert world.values(MISSING)[-1] == 0


def test_throttled_sending_stops_the_run_and_the_next_goes_on() -> None:
    """Others would be throttled too, and ordinary mail with them; nothing is missing for a while."""
    world = World(identities=tuple("abc"))
    world.mailer.troubles = [OK, OK, OK, OK, Throttled("SES throttles SendEmail")]
    done = world.run()
    assert (done.sent, done.waiting, done.throttled) == (["a"], 2, "SES throttles SendEmail")
    assert done.problems == Counter()
    assert world.look().sent == ["c", "b"], "who has waited longest comes first"
    assert set(world.values(MISSING)) == {0}


def test_throttled_for_two_hours_is_an_alarm() -> None:
    world = World()
    world.mailer.refuses["example.com"] = Throttled("SES throttles SendEmail")
    world.run()
    assert world.look(7).missing == 0
    assert world.look(2).lacking == {"example.com": (SENDING,)}
    assert world.look(10).lacking == {"example.com": (SENDING,)}
    world.mailer.refuses.clear()
    world.look(3)
    assert world.values(MISSING)[-1] == 0


def test_a_lost_answer_of_one_identity_stops_no_other() -> None:
    world = World(identities=tuple("abc"))
    world.mailer.troubles = [RetryableError("SES did not answer SendEmail: ReadTimeoutError")]
    done = world.run()
    assert done.sent == ["b", "c"]
    assert done.problems == Counter({"SES did not answer SendEmail: ReadTimeoutError": 1})
    assert world.look().sent == ["a"]


def test_a_thousand_identities_are_spread_and_all_get_their_turn() -> None:
    """At most 21 a run, at most one mail a second, each identity once in the first half day and then once a day."""
    world = World(identities=THOUSAND)
    world.run()
    world.look(2 * 96 - 1)
    by_run = Counter(at // canary.LOOK for at, _, _ in world.mailer.mails)
    assert max(by_run.values()) == 3 * 21
    times = [at for at, _, _ in world.mailer.mails]
    assert all(later - sooner >= SECOND for sooner, later in itertools.pairwise(times))
    per_hour = Counter(at // HOUR for at in times)
    assert max(per_hour.values()) <= canary.mails_an_hour(1_000, DAY)
    rounds = Counter(who for _, who, _ in world.mailer.mails)
    assert set(rounds) == set(THOUSAND)
    first_pass = {who for at, who, _ in world.mailer.mails if at < T0 + DAY // 2}
    assert first_pass == set(THOUSAND)
    assert set(rounds.values()) <= {3, 6}
    assert set(world.values(MISSING)) == {0}


def test_a_run_that_is_out_of_time_leaves_the_rest_to_the_next() -> None:
    world = World(identities=tuple("abcdef"), budget=25 * SECOND)
    done = world.run()
    assert done.waiting == 6 - len(done.sent) > 0
    assert world.clock.now() <= T0 + 25 * SECOND
    assert world.look().sent[0] == "abcdef"[len(done.sent)]


def test_two_runs_at_once_send_a_round_once() -> None:
    """What another run has begun a moment ago is left alone."""
    world = World()
    world.run()
    mails = len(world.mailer.mails)
    world.run()
    assert len(world.mailer.mails) == mails
    before = world.rounds.rounds["example.com"]
    assert not world.rounds.begin("example.com", None, before), "the table refuses, too"


def test_canaries_switched_off_for_a_week_begin_without_an_alarm() -> None:
    world = World()
    world.mailer.lost["example.com"] = set(PIECES)
    world.run()
    world.clock.time += 7 * DAY
    world.mailer.lost.clear()
    assert world.run().lacking == {}
    assert world.look(3).missing == 0
    assert len(world.mailer.mails) == 6


CALLS = ("wired", "newest", "begin", "sent", "wired", "newest", "timed")


@pytest.mark.parametrize("trouble", [THROTTLE, TIMEOUT, CRASH_BEFORE, CRASH_AFTER])
@pytest.mark.parametrize("call", range(len(CALLS)))
def test_whatever_goes_wrong_at_a_call_of_the_table_heals_by_itself(call: int, trouble: str) -> None:
    """No alarm follows, the identity gets its round within two looks, and a round is never measured as missing."""
    world = World()
    world.rounds.troubles = [OK] * call + [trouble]
    world.clock.time -= canary.LOOK
    for _ in range(5):
        try:
            world.look()
        except (Crash, RetryableError):
            world.look()
    assert world.rounds.rounds["example.com"].timed
    assert set(world.values(MISSING)) == {0}
    assert len(set(world.values(ROUND_TRIP))) >= 1
    assert len(world.mailer.mails) <= 6


@pytest.mark.parametrize("mail", range(3))
@pytest.mark.parametrize("trouble", [CRASH_BEFORE, CRASH_AFTER])
def test_a_crash_at_any_mail_heals_by_itself(mail: int, trouble: str) -> None:
    """The round is begun anew: at most three mails more."""
    world = World()
    world.mailer.troubles = [*[OK] * mail, trouble]
    with pytest.raises(Crash):
        world.run()
    assert world.look().sent == ["example.com"]
    assert len(world.mailer.mails) <= 6
    world.look(3)
    assert set(world.values(MISSING)) == {0}
    assert len(world.values(ROUND_TRIP)) == 1
