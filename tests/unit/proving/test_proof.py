"""A run proves what works, says of each broken leg what is known and which log to read, and leaves nothing behind."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from itertools import pairwise

import pytest

from ses_feedback.config import parse
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, Strike
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.probe import recipient
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.canaries import Refused
from ses_feedback.usecases.checks.live import Subscription
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.pacing import Throttled
from ses_feedback.usecases.proving.legs import LEGS, LIMITS, ON_CALL_LEGS, Leg
from ses_feedback.usecases.proving.proof import Proof, Proved

from .fakes import LATENCY, Account, suppressed

CONFIG = """
[deployment]
region = "us-east-1"
[on_call]
page = [{ email = "oncall@example.com" }, { https = "https://pager.example.com/sns" }]
[teams.support]
notify = [{ email = "support@example.com" }]
[identities."example.com"]
team = "support"
[identities."dev@example.com"]
environment = "dev"
"""
SHOP, DEV = "example.com", "dev@example.com"
TAIL = "aws logs tail /aws/lambda/ses-feedback-{} --region us-east-1 --since"


def account(text: str = CONFIG) -> Account:
    return Account(parse(tomllib.loads(text)))


def run(
    there: Account, *, drill: bool = False, timeout: int = 15 * MINUTE, stop: Callable[[], bool] = lambda: False
) -> Proved:
    identities = list(there.config.identities.values())
    return Proof(there.config, there.parts, identities, drill=drill, timeout=timeout, stop=stop).run(lambda _: None)


def of(done: Proved, identity: str) -> dict[str, Leg]:
    return next(s.legs for s in done.subjects if s.identity.name == identity)


def states(done: Proved) -> dict[tuple[str, str], str]:
    found = {(s.identity.name, leg.name): leg.state for s in done.subjects for leg in s.legs.values()}
    return found | {(o.severity, leg.name): leg.state for o in done.on_call for leg in o.legs.values()}


def failed(done: Proved) -> set[tuple[str, str]]:
    return {where for where, state in states(done).items() if state == "failed"}


def test_all_is_proved_and_measured_and_put_back() -> None:
    """Seconds from when SES took the mail; what nobody reads is nothing to prove; nothing stays suppressed."""
    there = account()
    done = run(there, drill=True)
    assert done.whole
    assert {where: state for where, state in states(done).items() if state != "proved"} == {(DEV, "digest"): "none"}
    legs = of(done, SHOP)
    assert 0.7 <= (legs["suppressed"].seconds or 0) < 2
    assert 60 <= (legs["counted"].seconds or 0) < 67
    assert 300 <= (legs["archived"].seconds or 0) < 307
    assert 100 <= (legs["digest"].seconds or 0) < 103
    assert suppressed(there) == [] and len(there.store.items) == 4
    assert there.events == ["open", "close"]
    assert "DRILL" in str(there.reason) and "nothing is wrong" in str(there.reason)


def test_feedback_that_is_back_before_the_next_mail_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the sandbox a second lies between two mails: what is told only once must not be told too soon."""
    for way in LATENCY:
        monkeypatch.setitem(LATENCY, way, 50)
    there = account()
    there.rate_ = 1.0
    assert run(there).whole


def test_again_keeps_two_addresses_of_an_identity() -> None:
    there = account()
    assert run(there).whole and run(there).whole
    assert len(there.store.items) == 4 and suppressed(there) == []


def test_what_a_killed_run_left_suppressed_is_released_first() -> None:
    """And is no proof: only the strike of this run's own mail is."""
    there = account()
    there.lost = {"table"}
    old = Strike("hard_bounce", "default", there.now_ - MINUTE, there.now_ - MINUTE, "old", SHOP)
    address = recipient("ses-feedback", "bounce", SHOP)
    merge(there.store, "production", address, History({"old": old}), DEFAULT_POLICY)
    assert suppressed(there) == [address]
    done = run(there)
    assert (SHOP, "suppressed") in failed(done)
    assert suppressed(there) == []


def test_pace_is_half_of_the_account_and_of_the_sandbox_one_a_second() -> None:
    there = account()
    there.rate_ = 1.0
    run(there)
    times = [at for _, _, at in there.mails]
    assert all(later - sooner >= SECOND for sooner, later in pairwise(times))


def test_throttled_mail_goes_again_and_refused_mail_is_said_in_ses_words() -> None:
    there = account()
    there.throttles, there.refuse = 3, {"throttled": Throttled("slow down"), DEV: Refused("SES says: paused")}
    done = run(there)
    assert failed(done) == {(DEV, "sent")}
    assert of(done, DEV)["sent"].what == "SES says: paused"
    assert not done.whole
    assert suppressed(there) == []


def test_unverified_is_pending_and_alone_proves_nothing() -> None:
    there = account()
    there.world.statuses = {SHOP: "Success", DEV: "Pending"}
    done = run(there)
    assert done.whole and {leg.state for leg in of(done, DEV).values()} == {"pending"}
    assert of(done, DEV)["sent"].what == "SES has not verified it (Pending)"
    there.world.statuses = {SHOP: "Failed"}
    done = run(there)
    assert not done.whole and failed(done) == set()
    assert of(done, DEV)["sent"].what == "SES does not know it"


@pytest.mark.parametrize(
    ("lost", "leg", "said", "function"),
    [
        (
            "table",
            "suppressed",
            "the bounce and the complaint came back and were counted, and not rec",
            "record_feedback",
        ),
        (
            "table complaint",
            "suppressed",
            "the complaint came back and was counted, and not recorded",
            "record_feedback",
        ),
        ("counts", "counted", "no delivery was counted within 5 minutes", "tally_feedback"),
        ("changes bounce", "change", "the suppression by the bounce was not announced within 2", "announce_changes"),
        ("digests", "digest", "no digest to team support told of the bounce and the complaint", "tell_teams"),
    ],
)
def test_what_is_lost_on_one_way_names_its_leg_and_its_log(lost: str, leg: str, said: str, function: str) -> None:
    there = account()
    there.lost = {lost, "counts delivery"} if lost == "counts" else {lost}
    if lost == "counts":
        there.lost = {"counts delivery"}
    found = of(run(there), SHOP)[leg]
    assert found.state == "failed"
    assert said in str(found.what)
    assert str(found.read).startswith(TAIL.format(function))


def test_an_archive_that_gets_nothing_and_one_that_fails() -> None:
    there = account()
    there.lost = {"archive"}
    leg = of(run(there), SHOP)["archived"]
    assert str(leg.read).startswith("aws logs tail /aws/kinesisfirehose/ses-feedback-archive --region us-east-1")
    there.aside = 3
    leg = of(run(there), SHOP)["archived"]
    assert "Firehose has put 3 objects aside" in str(leg.what)
    assert leg.mend == "ses-feedback redrive archive"


def test_a_topic_that_ses_dropped_is_the_reason() -> None:
    """Neither the function that records nor the one that counts is to blame."""
    there = account()
    there.world.drop(SHOP, "Bounce")
    there.lost = {f"{way} bounce" for way in ("table", "counts", "archive", "changes", "digests")}
    legs = of(run(there), SHOP)
    for name in ("suppressed", "counted"):
        assert legs[name].what == f"SES publishes no bounces of {SHOP}: the topic is not set, or SES has dropped it"
        assert (legs[name].mend, legs[name].read) == ("ses-feedback doctor --fix", None)


def test_on_call_who_has_not_confirmed_and_a_digest_that_nobody_gets() -> None:
    there = account()
    for topic, found in there.world.topics.items():
        there.world.topics[topic] = [Subscription(s.protocol, s.endpoint, s.protocol != "email") for s in found]
    done = run(there)
    assert failed(done) == {(SHOP, "digest"), ("page", "confirmed"), ("warn", "confirmed")}
    leg = done.on_call[0].legs["confirmed"]
    assert str(leg.what).startswith(
        "1 of 3 subscriptions of page: on-call (page): email oncall@example.com has not conf"
    )
    assert str(leg.mend).startswith("aws sns subscribe")
    assert str(of(done, SHOP)["digest"].what).startswith("it went out, and 1 of 1 will not get it: team support: email")


def test_a_drill_that_does_not_arrive_is_told_in_cloudwatchs_words() -> None:
    there = account()
    there.lost, there.drill_failures = {"drill"}, ("Failed to execute action arn: no permission",)
    done = run(there, drill=True)
    assert failed(done) == {(s, leg) for s in ("page", "warn") for leg in ("alarmed", "words")}
    assert "Failed to execute action arn: no permission" in str(done.on_call[0].legs["alarmed"].what)
    assert 'describe-alarm-history --region us-east-1 --alarm-name "ses-feedback drill"' in str(
        done.on_call[0].legs["alarmed"].read
    )


def test_without_a_drill_on_call_hears_nothing() -> None:
    there = account()
    done = run(there)
    assert there.reason is None
    assert {line.legs[name].state for line in done.on_call for name in ON_CALL_LEGS[1:]} == {"none"}


@pytest.mark.parametrize(("what", "leg"), [("counts", "counted"), ("archive", "archived"), ("table", "suppressed")])
def test_what_may_not_be_looked_at_is_said_and_the_rest_goes_on(what: str, leg: str) -> None:
    there = account()
    denied = PermanentError("AWS denies cloudwatch:GetMetricData")
    there.refuse = {what: denied}
    if what == "table":
        # Nothing can be told of leftovers either: then there is nothing to begin with.
        with pytest.raises(PermanentError):
            run(there)
        return
    done = run(there)
    assert failed(done) == {(SHOP, leg), (DEV, leg)}
    assert of(done, SHOP)[leg].what == f"nobody could look: {denied}"


def test_a_throttled_look_is_repeated() -> None:
    there = account()
    there.refuse = {"counts": RetryableError("throttled")}
    done = run(there, timeout=MINUTE)
    assert of(done, SHOP)["counted"].what == "nobody could look: throttled"
    assert suppressed(there) == []


def test_who_may_not_listen_is_told_so_and_the_rest_is_proved() -> None:
    there = account()
    there.refuse = {"ear": PermanentError("AWS denies sns:Subscribe")}
    done = run(there, drill=True)
    heard = {(SHOP, "change"), (DEV, "change"), (SHOP, "digest")}
    assert failed(done) == heard | {(s, leg) for s in ("page", "warn") for leg in ("alarmed", "words")}
    assert of(done, SHOP)["change"].what == "nobody could listen to its topic: AWS denies sns:Subscribe"
    assert there.reason is None, "a drill that nobody listens to wakes people and proves nothing"


def test_stopped_in_the_middle_it_waits_for_what_is_on_its_way_and_releases_it() -> None:
    """A release forgets what is older than itself: a bounce that comes after it would stay."""
    there = account()
    done = run(there, stop=lambda: len(there.mails) >= 2)
    assert done.interrupted and len(there.mails) == 2
    assert len(there.store.items) == 2 and suppressed(there) == []
    assert there.events[-1] == "close"


def test_an_error_in_the_middle_leaves_nothing_either() -> None:
    there = account()

    def stop() -> bool:
        if there.mails:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        run(there, stop=stop)
    assert suppressed(there) == [] and there.events[-1] == "close"


def test_what_could_not_be_removed_is_said() -> None:
    there = account()
    there.refuse = {"close": PermanentError("not removed: the queue q")}
    done = run(there)
    assert done.untidy == ["not removed: the queue q"] and not done.whole


def test_a_policy_without_a_first_strike_is_recorded_and_announces_nothing() -> None:
    there = account(
        CONFIG + '\n[[policy.hard_bounce]]\ncount = 2\nwithin = "14d"\nsuppress_for = "30d"\nscope = "environment"\n'
    )
    legs = of(run(there), SHOP)
    assert legs["suppressed"].state == "proved"
    assert legs["change"].state == "proved"  # the complaint's


def test_many_identities_take_no_longer_than_their_mail_and_the_slowest_way() -> None:
    """They wait side by side, and every one has its legs."""
    text = CONFIG.partition("[identities")[0] + "".join(f'[identities."i{n}.example.com"]\n' for n in range(200))
    there = account(text)
    began = there.now_
    done = run(there)
    assert done.whole and len(states(done)) == 200 * len(LEGS) + 2 * len(ON_CALL_LEGS)
    # SES takes 14 a second of the account, of which a run takes seven.
    assert there.now_ - began < 600 * SECOND / 7 * 1.6 + max(LIMITS.values())
    assert suppressed(there) == []
