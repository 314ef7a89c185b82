"""The hourly check: sets right what SES dropped, wires what was verified, counts what a person should know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from ses_feedback import naming
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.settings import Settings, SetTopic, after
from ses_feedback.usecases.check_loop import LOOKING, MENDING, PEOPLE, CheckLoop, Drift, Paces, Readers, Report, rotated
from ses_feedback.usecases.wiring_ports import PENDING, WIRED, Record
from tests.unit.wiring.fakes import FakeSlots

from .world import ADDRESS, DOMAIN, World, world

SECOND = 1_000
FOREIGN = "arn:aws:sns:us-east-1:111122223333:theirs"


@dataclass
class FakeRotation:
    """How far the rounds got."""

    marks: dict[str, str] = field(default_factory=dict)

    def last(self) -> dict[str, str]:
        return dict(self.marks)

    def keep(self, round_: str, last: str | None) -> None:
        if last is None:
            self.marks.pop(round_, None)
        else:
            self.marks[round_] = last


def run(
    there: World,
    rotation: FakeRotation | None = None,
    *,
    interval: int = 0,
    mending_s: int = 600,
    looking_s: int = 870,
) -> Report:
    """Run the check as the function does: SES is paced, and each round has its deadline."""
    start = there.clock.now()
    slots = FakeSlots()

    def pacer(interval: int, seconds: int) -> object:
        made = there.pacer(interval=interval, until=start + seconds * SECOND)
        made._slots = slots
        return made

    paces = Paces(pacer(interval, mending_s), pacer(interval, looking_s), pacer(0, looking_s))  # type: ignore[arg-type]
    readers = Readers(there, there, there)
    check = CheckLoop(there.wanted, readers, there.memory, rotation or FakeRotation(), paces=paces, wiring=there.wiring)
    return check.run()


def changes(there: World) -> list[str]:
    """What was changed in SES."""
    return [call for call in there.calls if call.startswith("set_")]


def many(number: int, more: str = "") -> World:
    """A deployment of many identities."""
    identities = "\n".join(f'[identities."n{n:04d}.example.com"]\n{more}' for n in range(number))
    return world(f'[on_call]\npage = [{{ email = "o@example.com" }}]\n{identities}\n')


def test_where_all_is_well_nothing_is_found_or_changed() -> None:
    """Two calls for up to a hundred identities, and those that take one each."""
    there = world()
    report = run(there)
    assert (report.drifts, report.failures, report.checked, report.unfinished) == ([], [], 2, [])
    assert changes(there) == []
    assert there.memory.writes == 0


def test_a_dropped_topic_is_set_again_and_counts() -> None:
    """It is one finding, mended: feedback was lost meanwhile, and somebody should know."""
    there = world()
    there.drop(DOMAIN, "Bounce")
    (drift,) = run(there).drifts
    assert drift.identity == DOMAIN
    assert "the Bounce topic is not set" in drift.what
    assert drift.mended is not None
    assert "Bounce topic" in drift.mended
    assert "forwarding off" in drift.mended
    assert there.live[DOMAIN] == world().live[DOMAIN]
    assert run(there).drifts == []


def test_a_default_set_that_was_changed_to_none_is_set_again() -> None:
    """The second round reads what takes a call for each identity."""
    there = world()
    own = there.defaults[ADDRESS]
    there.defaults[ADDRESS] = None
    (drift,) = run(there).drifts
    assert drift == Drift(
        ADDRESS,
        f"the default configuration set is none, not {own}",
        f"default configuration set {own}",
    )
    assert there.defaults[ADDRESS] == own


def test_a_foreign_topic_is_told_and_left() -> None:
    """It is somebody else's: a person has to decide."""
    there = world()
    there.live[DOMAIN] = after(there.live[DOMAIN], SetTopic("Complaint", FOREIGN))
    (drift,) = run(there).drifts
    assert drift.mended is None
    assert "it cannot be set right" in drift.what
    assert FOREIGN in drift.what
    assert changes(there) == []


def test_a_topic_ses_cannot_publish_to_is_told_and_the_others_are_mended() -> None:
    """One identity's fault does not keep the next one from being set right."""
    there = world()
    there.gone_topics = {there.wanted.identities[DOMAIN].topics["bounce"]}
    there.drop(DOMAIN, "Bounce")
    there.drop(ADDRESS, "Bounce")
    report = run(there)
    assert {(d.identity, d.mended is not None) for d in report.drifts} == {(DOMAIN, False), (ADDRESS, True)}


def test_a_pending_identity_that_was_verified_is_wired_and_does_not_count() -> None:
    """That is what it was waiting for."""
    there = world()
    there.memory.records[DOMAIN] = Record(status=PENDING)
    there.live[DOMAIN] = Settings()
    report = run(there)
    assert (report.drifts, report.wired) == ([], [DOMAIN])
    assert there.live[DOMAIN] == world().live[DOMAIN]
    assert there.memory.records[DOMAIN].status == WIRED


def test_a_pending_identity_that_is_not_verified_does_not_count() -> None:
    """Waiting is no drift, whether SES knows it or not."""
    there = world()
    there.memory.records = {DOMAIN: Record(status=PENDING), ADDRESS: Record(status=PENDING)}
    there.statuses = {DOMAIN: "Pending"}
    report = run(there)
    assert (report.drifts, sorted(report.pending)) == ([], [DOMAIN, ADDRESS])
    assert changes(there) == []


@pytest.mark.parametrize(("status", "said"), [(None, "no longer knows it"), ("Failed", "no longer verified")])
def test_a_wired_identity_that_vanished_counts_every_hour(status: str | None, said: str) -> None:
    """It stays a finding, and what is remembered of it stays remembered."""
    there = world()
    if status is None:
        del there.statuses[DOMAIN]
    else:
        there.statuses[DOMAIN] = status
    for _ in range(2):
        (drift,) = run(there).drifts
        assert drift.identity == DOMAIN
        assert said in drift.what
    assert there.memory.records[DOMAIN].status == WIRED


def test_what_is_not_deployed_yet_or_no_longer_is_left_alone() -> None:
    """Between two deployments the configuration of the functions may know more, or less, than the cells."""
    there = world()
    there.memory.records = {}
    there.live = {DOMAIN: Settings(), ADDRESS: Settings()}
    there.topics = {t: s for t, s in there.topics.items() if "_bounce_" not in t}
    report = run(there)
    assert (report.drifts, report.waiting) == ([], 2)
    assert changes(there) == []


def test_subscriptions_and_sets_count_and_nobody_is_named() -> None:
    """A deleted or unconfirmed subscription and a silent event destination are told, without anybody's address."""
    there = world()
    expected = there.wanted
    bounce = expected.identities[DOMAIN].topics["bounce"]
    there.topics[bounce] = [s._replace(confirmed=s.protocol != "email-json") for s in there.topics[bounce]][1:]
    there.topics[expected.on_call[1].topic] = []
    there.topics[expected.on_call[2].topic] = []
    there.topics[expected.digests[0].topic] = []
    own = naming.configuration_set_name("ses-feedback", ADDRESS)
    there.destinations[own] = [replace(d, enabled=d.cloudwatch) for d in there.destinations[own]]
    report = run(there)
    told = {(d.identity, d.what.partition(":")[0]) for d in report.drifts}
    assert told == {
        (DOMAIN, f"recording is not subscribed to {bounce.rpartition(':')[2]}"),
        (DOMAIN, "team developers"),
        (PEOPLE, "on-call (page) is not subscribed to ses-feedback-on-call-page-text"),
        (PEOPLE, "explaining is not subscribed to ses-feedback-on-call-warn"),
        (PEOPLE, f"team developers is not subscribed to {naming.digest_topic_name('ses-feedback', 'developers')}"),
        (ADDRESS, f"the event destination reject of {own} is switched off"),
    }
    assert not any("@example.org" in f"{d.what} {d.mended}" for d in report.drifts)
    assert not any("oncall@" in d.what for d in report.drifts)


def test_what_cannot_be_read_is_no_drift() -> None:
    """SNS that does not answer says nothing about subscriptions."""
    there = world()
    there.refuse = {"subscriptions": RetryableError("no answer")}
    report = run(there)
    assert report.drifts == []
    assert report.failures
    assert all("no answer" in failure for failure in report.failures)


def test_where_nothing_can_be_read_the_run_fails() -> None:
    """An error of the function is an alarm of its own, and Lambda tries again."""
    there = world()
    there.refuse = {"verifications": PermanentError("denied")}
    with pytest.raises(PermanentError, match="denied"):
        run(there)


# --- a thousand identities ------------------------------------------------------------------------------------------


def test_a_thousand_identities_are_read_within_a_minute() -> None:
    """Ten calls for verifications and ten for settings, one a second; and no other call to SES without sets."""
    there = many(1_000)
    report = run(there, interval=SECOND)
    assert (report.checked, report.unfinished, report.drifts) == (1_000, [], [])
    assert sum(there.clock.slept) <= 60 * SECOND


def test_a_run_goes_on_where_the_last_one_stopped() -> None:
    """With a set each, two calls an identity: three runs see every identity once before any a second time."""
    there = many(1_000, "configuration_set = true")
    rotation = FakeRotation()
    seen: list[list[str]] = []
    for _ in range(3):
        there.calls.clear()
        run(there, rotation, interval=SECOND)
        seen.append([c.partition(" ")[2] for c in there.calls if c.startswith("default_set")])
    first, second, third = seen
    assert 300 < len(first) < 500
    # The identity that the time ran out at is looked at again.
    everybody = list(dict.fromkeys([*first, *second, *third]))
    assert everybody == sorted(there.config.identities)
    assert len(first) + len(second) + len(third) <= 1_003 + len(set(third) & set(first))


def test_a_storm_of_dropped_topics_is_mended_over_several_runs() -> None:
    """Nobody is starved: each run mends further on, and the other round has its third of the time."""
    there = many(400)
    for name in there.config.identities:
        there.drop(name, "Bounce")
    rotation = FakeRotation()
    mended: list[str] = []
    for _ in range(4):
        there.calls.clear()
        report = run(there, rotation, interval=SECOND)
        assert any(call.startswith("subscriptions") for call in there.calls)
        mended += [drift.identity for drift in report.drifts if drift.mended]
        if MENDING not in report.unfinished:
            break
    assert sorted(set(mended)) == sorted(there.config.identities)
    assert run(there, rotation).drifts == []
    assert rotation.marks == {}


def test_time_that_runs_out_in_the_middle_of_an_identity_loses_nothing() -> None:
    """Half-done settings are found again."""
    for seconds in range(2, 12):
        there = world()
        there.drop(DOMAIN, "Bounce")
        there.drop(ADDRESS, "Complaint")
        rotation = FakeRotation()
        run(there, rotation, interval=SECOND, mending_s=seconds, looking_s=seconds + 1)
        run(there, rotation, interval=SECOND)
        run(there, rotation, interval=SECOND)
        assert there.live == world().live


def _orders() -> Iterator[tuple[str | None, list[str]]]:
    yield None, ["a", "b", "c"]
    yield "a", ["b", "c", "a"]
    yield "c", ["a", "b", "c"]
    yield "bb", ["c", "a", "b"]
    yield "zz", ["a", "b", "c"]


@pytest.mark.parametrize(("last", "order"), list(_orders()))
def test_a_round_begins_after_the_last_one(last: str | None, order: list[str]) -> None:
    """Also where the last identity has gone from the file."""
    assert rotated(["a", "b", "c"], last) == order


def test_rounds_are_kept_by_name() -> None:
    """The names are the attributes of an item: they stay what they are."""
    assert (MENDING, LOOKING) == ("mending", "looking")
