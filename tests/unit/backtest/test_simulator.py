"""Simulated mail, AWS's rate of it, and when on-call is told."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.account import Volume, crossed, rates
from backtest.alarms import Metric
from backtest.report import since
from backtest.scenarios import SCENARIOS, configuration
from backtest.simulator import AT_ONCE, START, Cohorts, Delay, Sending, by_day, campaign, mixed, simulate, weekdays
from backtest.telling import told
from backtest.verdict import Told, incidents

DAY, HOUR = 1_440, 60


def one(**options: object) -> Sending:
    return Sending(by_day(20, 50_000), **options)  # type: ignore[arg-type]


def test_the_same_seed_is_the_same_mail_and_another_is_not() -> None:
    """Reproducible; and an identity more leaves the others' mail as it was."""
    sendings = {"a.example.com": one(), "b.example.com": one()}
    config = configuration(sendings)
    first, second = (simulate(config, sendings, 7)[0].identities["a.example.com"] for _ in range(2))
    alone = simulate(config, {"a.example.com": one()}, 7)[0].identities["a.example.com"]
    other = simulate(config, sendings, 8)[0].identities["a.example.com"]
    for field in ("at", "delivered", "hard_bounced", "complained"):
        assert np.array_equal(getattr(first, field), getattr(second, field))
        assert np.array_equal(getattr(first, field), getattr(alone, field))
    assert not np.array_equal(first.delivered[:100], other.delivered[:100])


def test_shares_are_what_was_asked_for() -> None:
    """A million mails: 2% bounce, six of ten reach receivers that report, one in a thousand of these complains."""
    sendings = {"a.example.com": one(bounce=0.02, complaint=0.001, complaint_delay=AT_ONCE)}
    feedback = simulate(configuration(sendings), sendings, 1)[0].identities["a.example.com"]
    sent = feedback.delivered.sum() + feedback.hard_bounced.sum()
    assert sent == pytest.approx(1_000_000, rel=0.01)
    assert feedback.hard_bounced.sum() / sent == pytest.approx(0.02, rel=0.03)
    assert feedback.delivered_reporting.sum() / feedback.delivered.sum() == pytest.approx(0.6, rel=0.01)
    assert feedback.complained.sum() / feedback.delivered_reporting.sum() == pytest.approx(0.001, rel=0.15)


def test_what_is_held_is_delivered_later_and_nothing_is_lost() -> None:
    """An outage moves deliveries to its end; bounces come meanwhile unless they wait as well."""
    mails = np.full(100, 1_000.0)
    held = np.where(np.arange(100) < 50, 50, np.arange(100))
    sendings = {"a.example.com": Sending(mails, bounce=0.1, bounce_delay=Delay(0.0, 0.0), held=held)}
    mail, cohorts = simulate(configuration(sendings), sendings, 1)
    delivered, bounced = (mail.counted(n, mail.identities.values()) for n in ("Delivered", "HardBounced"))
    assert delivered[:50].sum() == 0
    assert delivered[50] > 40_000
    assert bounced[:50].min() > 0
    assert delivered.sum() + bounced.sum() == cohorts.sent.sum()


def test_shapes() -> None:
    """A day's mail adds up; weekends are Saturdays and Sundays; a mixture has the shares of its parts."""
    assert by_day(3, 900).sum() == pytest.approx(2_700)
    week = weekdays(np.ones(7 * DAY), 0.0).reshape(7, DAY)[:, 0]
    assert START % DAY == 0
    assert list(week) == [1, 1, 0, 0, 1, 1, 1]  # from Thursday, 1 January 2026
    total, share = mixed([(campaign(3, 0, 20, 2), 0.5), (np.array([10.0, 0, 0]), 0.1)])
    assert list(total) == [20, 10, 0]
    assert list(share) == pytest.approx([0.3, 0.5, 0])


def test_aws_counts_the_newest_mails_and_what_is_known_of_them() -> None:
    """Over 100 mails: bad events count once they are heard of, and for as long as their mail is among the newest."""
    none = (np.array([], np.int64), np.array([], np.int64))
    # Ten mails a minute; one of minute 2 bounces, which is heard in minute 4.
    cohorts = Cohorts(np.full(20, 10.0), np.full(20, 10.0), (np.array([2]), np.array([4])), none)
    bounce = rates(cohorts, Volume(100, 100)).bounce
    assert list(np.flatnonzero(bounce)) == list(range(4, 12))
    assert bounce[4:12] == pytest.approx(0.01)
    assert crossed(bounce, 0.01, 0) == 4
    assert crossed(bounce, 0.01, 6) == 6
    assert crossed(bounce, 0.02, 0) is None


def states(text: str) -> np.ndarray:
    return np.array([letter == "A" for letter in text], np.int8)


def test_without_a_suppressor_a_change_is_told_at_once() -> None:
    """Each change, in the minute it happens."""
    assert told(states("..AA.A"), None, 0, 0) == [(2, "ALARM"), (4, "OK"), (5, "ALARM")]


def test_with_one_it_waits_and_what_is_muted_is_told_when_it_still_holds() -> None:
    """120 s of waiting; muted while the suppressor is on and 180 s longer; a flicker is never told."""
    quiet = states("." * 12)
    assert told(states("..AAAAAAAAAA"), quiet, 120, 180) == [(4, "ALARM")]
    assert told(states("..A........."), quiet, 120, 180) == []
    assert told(states("..AAAAAAAAAA"), states("...AAA......"), 120, 180) == [(9, "ALARM")]
    assert told(states("..AAAA......"), states("...AAAAA...."), 120, 180) == []


def test_every_message_of_an_incident_counts() -> None:
    """While a told page is on, and an hour more: a second alarm is a second page, and so is one that flickers."""
    on = {"a": states("AAA" + "." * 200), "b": states(".AAAA" + "." * 198), "c": states("." * 100 + "A" + "." * 102)}
    pages = [Told(0, "a", "page"), Told(1, "b", "page"), Told(2, "a", "page"), Told(100, "c", "page")]
    assert incidents(pages, on) == (("a", "b", "a"), ("c",))
    assert incidents(pages[:1] + pages[2:], on) == (("a", "a"), ("c",))
    assert incidents([], {}) == ()


def test_the_scenarios_of_the_issue_are_there() -> None:
    """Every kind of traffic once; a harmful one says when its harm begins and leaves room for AWS's month before it."""
    names = {scenario.name for scenario in SCENARIOS}
    assert len(names) == len(SCENARIOS)
    assert names >= {
        *("steady", "weekly-cycles", "low-volume", "big-campaign", "bad-import", "list-rot", "one-of-fifty"),
        *("complaint-wave", "delayed-bounces", "gmail-heavy", "delivery-outage", "retry-bursts"),
    }
    for scenario in SCENARIOS:
        assert scenario.days == 365 if not scenario.harmful else (scenario.onset or 0) >= 30 * DAY


@pytest.mark.parametrize(("minutes", "text"), [(None, "—"), (5, "5 min"), (150, "2.5 h"), (10_000, "7 d")])
def test_times_for_people(minutes: int | None, text: str) -> None:
    """Minutes, hours or days, whatever says it shortest."""
    assert since(minutes) == text


def test_what_comes_while_nothing_is_counted_is_counted_and_seen_late() -> None:
    """Within minutes after the outage, the oldest first; shown by CloudWatch as late as it says, and told as late."""
    sendings = {"a.example.com": Sending(np.full(3 * DAY, 2.0), bounce=0.0, complaint=0.0)}
    start, end = 100, 100 + 30 * HOUR
    mail, _ = simulate(configuration(sendings), sendings, 1, ((start, end),))
    counted, visible = mail.counted_at(), mail.visible()
    assert visible is not None
    assert list(counted[start - 2 : start + 1]) == [start - 2, start - 1, end]
    assert end <= counted[end - 1] < end + 20
    assert counted[end] == end
    for minute, hours in ((start, 48), (end - 25 * HOUR, 48), (end - 23 * HOUR, 2), (end - 3 * HOUR, 2)):
        assert visible[minute] == counted[minute] + hours * HOUR
    assert visible[end - 2 * HOUR] == counted[end - 2 * HOUR]

    def total(namespace: str, name: str) -> float:
        found = mail.samples(Metric(namespace, name, (), "Sum", 1))
        assert found is not None
        return float(found.total.max() if namespace == "AWS/SQS" else found.total.sum())

    delivered = mail.counted("Delivered", mail.identities.values())
    late = {name: total("SesFeedback", name) for name in ("CountedLate", "CountedDaysLate")}
    assert late["CountedDaysLate"] == delivered[(counted - np.arange(len(counted))) >= 24 * HOUR].sum()
    assert late["CountedLate"] == delivered[(counted - np.arange(len(counted))) >= 3 * HOUR].sum()
    assert total("AWS/SQS", "ApproximateAgeOfOldestMessage") == 30 * HOUR * 60
