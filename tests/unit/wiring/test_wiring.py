"""The use case: what happens to an identity's settings, in which order, and what comes back."""

from __future__ import annotations

import pytest

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.settings import SetForwarding, Settings, SetTopic, after, steps_to_restore
from ses_feedback.usecases.pacing import OutOfTime
from ses_feedback.usecases.wiring_ports import (
    PENDING,
    RESTORED,
    WIRED,
    IdentityRejected,
    Rejected,
    TopicRejected,
)
from tests.unit.wiring.fakes import (
    IDENTITY,
    OURS,
    WISH,
    FakeMemory,
    FakeSes,
    Faults,
    Time,
    settings,
    topic,
    topics,
    wiring,
)

FORMER = settings(topic("old_bounce"), topic("old_complaint"), headers=["Complaint"], forwarding=False)
WIRED_SETTINGS = settings(*OURS.values(), headers=["Bounce", "Complaint"], forwarding=False)


def test_wires_topics_then_headers_then_forwarding_off() -> None:
    """A new identity gets topics first, then headers, and loses email forwarding last: feedback always has a way."""
    ses, memory = FakeSes(), FakeMemory()
    outcome = wiring(ses, memory).wire(IDENTITY, WISH)
    assert outcome.status == WIRED
    assert ses.calls == [
        "read settings",
        "read verification",
        f"Bounce topic {OURS['Bounce']}",
        f"Complaint topic {OURS['Complaint']}",
        f"Delivery topic {OURS['Delivery']}",
        "Bounce headers on",
        "Complaint headers on",
        "e-mail forwarding off",
    ]
    assert list(outcome.changes) == ses.writes
    assert ses.state == WIRED_SETTINGS
    assert memory.records[IDENTITY].status == WIRED


def test_right_already_is_one_read_and_no_write() -> None:
    """Wiring what is wired costs one SES read and writes nothing anywhere."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.calls.clear()
    memory.writes = 0
    assert wiring(ses, memory).wire(IDENTITY, WISH).status == WIRED
    assert ses.calls == ["read settings"]
    assert memory.writes == 0


def test_wire_repairs_only_what_is_wrong() -> None:
    """After SES dropped a topic, one run sets that topic and forwarding again; the former settings stay the former."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.drop("Bounce")
    ses.calls.clear()
    wiring(ses, memory).wire(IDENTITY, WISH)
    assert ses.writes == [f"Bounce topic {OURS['Bounce']}", "e-mail forwarding off"]
    assert memory.records[IDENTITY].former == FORMER


def test_unwire_gives_former_settings_back() -> None:
    """Delete restores topics, headers and forwarding exactly, and forgets."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    assert wiring(ses, memory).unwire(IDENTITY).status == RESTORED
    assert ses.state == FORMER
    assert memory.records == {}


def test_unwire_turns_forwarding_on_before_it_clears_topics() -> None:
    """With no former topics, forwarding comes first and topics are cleared after their headers are off."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.calls.clear()
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.writes == [
        "e-mail forwarding on",
        "Bounce headers off",
        "Bounce topic none",
        "Complaint headers off",
        "Complaint topic none",
        "Delivery topic none",
    ]
    assert ses.state == Settings()


def test_unwire_leaves_a_topic_that_is_no_longer_ours() -> None:
    """Somebody set another bounce topic since: it stays with its headers, the rest goes back."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    theirs = topic("theirs")
    ses.state = after(ses.state, SetTopic("Bounce", theirs))
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state.topics == {"Bounce": theirs, "Complaint": topic("old_complaint"), "Delivery": None}
    assert ses.state.headers["Bounce"]
    assert not ses.state.forwarding


def test_unwire_leaves_forwarding_when_both_feedback_topics_are_theirs() -> None:
    """Who took both feedback topics over also owns forwarding: only our delivery topic goes."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    for type_ in ("Bounce", "Complaint"):
        ses.state = after(ses.state, SetTopic(type_, topic("theirs")))
    ses.calls.clear()
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.writes == ["Delivery topic none"]
    assert not ses.state.forwarding


def test_restore_never_leaves_feedback_without_a_way() -> None:
    """A former setting of forwarding off is not restored where a feedback topic would be missing."""
    live = settings(OURS["Bounce"], OURS["Complaint"], forwarding=False)
    former = settings(None, topic("old_complaint"), forwarding=False)
    assert steps_to_restore(live, former, set(OURS.values()))[0] == SetForwarding(True)


def test_unwire_of_something_never_wired_changes_nothing() -> None:
    """A rollback's Delete of an identity that was never touched does not ask SES."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    assert wiring(ses, memory).unwire(IDENTITY).status == RESTORED
    assert ses.calls == []
    assert memory.writes == 0


def test_unwire_without_memory_touches_nothing() -> None:
    """What is not remembered is nobody's business here, even where topics bear our name: SES is not even asked."""
    live = settings(OURS["Bounce"], OURS["Complaint"], topic("theirs"), headers=["Bounce"], forwarding=False)
    ses = FakeSes(state=live)
    outcome = wiring(ses, FakeMemory()).unwire(IDENTITY)
    assert (ses.state, ses.calls) == (live, [])
    assert "nothing of ours is remembered" in outcome.left[0]


@pytest.mark.parametrize("knows_none", [True, False])
def test_unwire_when_the_identity_is_gone(knows_none: bool) -> None:
    """An identity deleted in SES is forgotten, whether SES answers nothing or a new identity's settings for it."""
    ses, memory = FakeSes(state=FORMER, knows_none=knows_none), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.status = None
    outcome = wiring(ses, memory).unwire(IDENTITY)
    assert outcome.status == RESTORED
    assert outcome.left
    assert memory.records == {}


def test_unwire_of_an_unverified_identity_keeps_what_was_before() -> None:
    """SES takes no settings while verification is lost: Delete succeeds, says so, and still knows the former ones."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.status = "Failed"
    outcome = wiring(ses, memory).unwire(IDENTITY)
    assert "not verified" in outcome.left[0]
    assert memory.records[IDENTITY].former == FORMER


def test_a_verified_identity_that_takes_nothing_fails_delete() -> None:
    """SES says verified and refuses all the same: the Delete fails rather than leave our topics behind unsaid."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.faults = Faults(1, error=lambda: IdentityRejected("not verified"))
    with pytest.raises(IdentityRejected):
        wiring(ses, memory).unwire(IDENTITY)
    assert memory.records[IDENTITY].former == FORMER


def test_former_topic_that_is_gone_is_cleared_instead() -> None:
    """A Delete does not fail for ever because a former topic was deleted meanwhile: forwarding comes on instead."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.gone_topics = frozenset({topic("old_bounce")})
    outcome = wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == settings(None, topic("old_complaint"), headers=["Complaint"])
    assert "old_bounce" in outcome.left[0]


def test_headers_of_a_dropped_topic_do_not_block_delete() -> None:
    """SES dropped our topic, kept its headers on and lets nobody switch them off: Delete still succeeds."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.drop("Bounce")
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state.topics == Settings().topics
    assert memory.records == {}


def test_unknown_refusal_on_delete_is_raised() -> None:
    """What SES refuses for no known reason is not swallowed: the Delete fails and can be repeated."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.faults.at, ses.faults.error = 1, lambda: Rejected("SES says no")
    with pytest.raises(Rejected, match="SES says no"):
        wiring(ses, memory).unwire(IDENTITY)
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == Settings()


@pytest.mark.parametrize("status", ["Pending", "Failed", "NotStarted"])
def test_unverified_identity_is_pending(status: str) -> None:
    """An identity that is not verified succeeds as pending, is remembered so, and nothing changes in SES."""
    ses, memory = FakeSes(status=status), FakeMemory()
    assert wiring(ses, memory).wire(IDENTITY, WISH).status == PENDING
    assert ses.writes == []
    assert memory.records[IDENTITY].status == PENDING
    memory.writes = 0
    assert wiring(ses, memory).wire(IDENTITY, WISH).status == PENDING
    assert memory.writes == 0


@pytest.mark.parametrize("knows_none", [True, False])
def test_unknown_identity_is_pending(knows_none: bool) -> None:
    """So is an identity that SES has never heard of, with a configuration set as well."""
    ses, memory = FakeSes(status=None, knows_none=knows_none), FakeMemory()
    assert wiring(ses, memory).wire(IDENTITY, WISH).status == PENDING
    assert wiring(ses, memory).wire(IDENTITY, WISH._replace(configuration_set="set-a")).status == PENDING


def test_pending_identity_is_wired_once_verified_and_remembers_what_is_then() -> None:
    """The settings at the moment of wiring are the former ones, not those at the time it was pending."""
    ses, memory = FakeSes(status="Pending"), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.status, ses.state = "Success", FORMER
    assert wiring(ses, memory).wire(IDENTITY, WISH).status == WIRED
    assert memory.records[IDENTITY].status == WIRED
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == FORMER


def test_ses_has_the_last_word_on_verification() -> None:
    """SES says verified and yet refuses the first setting: pending, and nothing is remembered as former."""
    ses, memory = FakeSes(), FakeMemory()
    ses.faults.at, ses.faults.error = 2, lambda: IdentityRejected("not verified")
    assert wiring(ses, memory).wire(IDENTITY, WISH).status == PENDING
    assert memory.records[IDENTITY].former is None
    assert memory.records[IDENTITY].status == PENDING


def test_identity_recreated_in_ses_starts_afresh() -> None:
    """Former settings of an identity that was deleted in SES do not come back to the one created under its name."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.status = None
    wiring(ses, memory).wire(IDENTITY, WISH)
    ses.status, ses.state = "Success", Settings()
    wiring(ses, memory).wire(IDENTITY, WISH)
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == Settings()


def test_changed_topics_do_not_become_former() -> None:
    """An Update to other topics replaces ours; Delete still returns to what was before both."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    renamed = WISH._replace(topics=topics("renamed"))
    wiring(ses, memory).wire(IDENTITY, renamed)
    assert ses.state.topics == renamed.topics
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == FORMER


def test_failed_create_undoes_itself() -> None:
    """A Create that fails half way leaves the former settings, and its error."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    ses.gone_topics = frozenset({OURS["Delivery"]})
    work = wiring(ses, memory)
    with pytest.raises(TopicRejected, match="ses-feedback_delivery"):
        work.wire_or_undo(IDENTITY, WISH, work)
    assert ses.state == FORMER
    assert memory.records == {}


def test_failed_undo_is_noted_on_the_error() -> None:
    """Where undoing fails too, the first error tells so, and what to restore is still remembered."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    ses.gone_topics = frozenset({OURS["Delivery"]})
    with pytest.raises(TopicRejected) as caught:
        wiring(ses, memory).wire_or_undo(IDENTITY, WISH, wiring(ses, memory, until=0))
    assert "undoing it failed too: no time left" in caught.value.__notes__[0]
    assert memory.records[IDENTITY].former == FORMER


def test_undo_before_anything_was_remembered_calls_nothing() -> None:
    """A Create that failed before its first change has nothing to undo in SES."""
    ses, memory = FakeSes(), FakeMemory()
    ses.faults.at, ses.faults.error = 0, lambda: PermanentError("denied")
    work = wiring(ses, memory)
    with pytest.raises(PermanentError, match="denied"):
        work.wire_or_undo(IDENTITY, WISH, work)
    assert ses.calls == ["read settings"]


def test_one_call_a_second_is_never_throttled() -> None:
    """With slots a second apart, a SES that throttles two calls within a second is never made to."""
    clock = Time()
    ses = FakeSes(clock=clock)
    wiring(ses, FakeMemory(), clock, interval=1_000).wire(IDENTITY, WISH)
    assert ses.state == WIRED_SETTINGS
    assert len(ses.calls) == 8
    assert sum(clock.slept) == 7_000


def test_throttling_is_waited_out() -> None:
    """Without slots, throttled calls come back after a pause until all is done."""
    clock = Time()
    ses = FakeSes(clock=clock)
    wiring(ses, FakeMemory(), clock).wire(IDENTITY, WISH)
    assert ses.state == WIRED_SETTINGS


def test_running_out_of_time_is_an_error_that_says_so() -> None:
    """A deadline in the middle ends the work with one clear line; the next run completes it."""
    clock = Time()
    ses, memory = FakeSes(clock=clock), FakeMemory()
    with pytest.raises(OutOfTime, match="no time left for setting Delivery topic"):
        wiring(ses, memory, clock, interval=1_000, until=clock.now() + 3_500).wire(IDENTITY, WISH)
    clock.sleep(1_000)
    wiring(ses, memory, clock, interval=1_000).wire(IDENTITY, WISH)
    assert ses.state == WIRED_SETTINGS


def test_lost_answer_after_remembering_is_healed() -> None:
    """The table kept the former settings but its answer was lost: the next run does not take ours for former."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    memory.faults = Faults(at=1, late=True, error=lambda: PermanentError("lost"))
    with pytest.raises(PermanentError, match="lost"):
        wiring(ses, memory).wire(IDENTITY, WISH)
    wiring(ses, memory).wire(IDENTITY, WISH)
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == FORMER


def test_ours_are_never_remembered_as_former() -> None:
    """The memory was lost while all was wired: wiring again does not take our own topics for former ones."""
    ses, memory = FakeSes(state=WIRED_SETTINGS), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    renamed = WISH._replace(topics=topics("renamed"))
    wiring(ses, memory).wire(IDENTITY, renamed)
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == Settings()
