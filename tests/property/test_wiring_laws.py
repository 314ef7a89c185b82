"""The laws of wiring: whatever fails and however often it is tried, the former settings come back exactly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.settings import FEEDBACK_TYPES, NOTIFICATION_TYPES, Settings, SetTopic, Wish, after
from ses_feedback.usecases.wiring import RESTORED, WIRED
from tests.unit.wiring.fakes import IDENTITY, Crash, FakeMemory, FakeSes, Faults, topic, topics, wiring

WISHES = st.builds(
    Wish, st.sampled_from([topics("ours"), topics("renamed")]), st.sampled_from([None, None, "set-a", "set-b"])
)
ERRORS: list[Callable[[], BaseException]] = [
    Crash,
    lambda: PermanentError("refused"),
    lambda: RetryableError("timed out"),
    lambda: ValueError("a bug"),
]


@st.composite
def initial_settings(draw: st.DrawFn) -> Settings:
    """Any settings that SES's rules allow: headers only with a topic, forwarding off only with both feedback topics."""
    topics_ = {t: draw(st.sampled_from([None, topic(f"old_{t}"), topic("old_shared")])) for t in NOTIFICATION_TYPES}
    headers = {t: topics_[t] is not None and draw(st.booleans()) for t in NOTIFICATION_TYPES}
    both = all(topics_[t] for t in FEEDBACK_TYPES)
    return Settings(topics_, headers, forwarding=not both or draw(st.booleans()))


@st.composite
def faults(draw: st.DrawFn) -> Faults:
    """One failing call among the next thirty, before or after it took effect."""
    return Faults(draw(st.integers(0, 30)), draw(st.booleans()), draw(st.sampled_from(ERRORS)))


FAKES = st.builds(
    FakeSes,
    state=initial_settings(),
    default_set=st.sampled_from([None, "former-set"]),
    clearing_resets_headers=st.booleans(),
    headers_off_need_a_topic=st.booleans(),
)
# An action with the failures of its attempts; a last attempt succeeds.
STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete"]), WISHES, st.lists(faults(), max_size=3)), max_size=6
)


def attempt(action: str, ses: FakeSes, memory: FakeMemory, wish: Wish) -> str:
    work = wiring(ses, memory)
    if action == "create":
        return work.wire_or_undo(IDENTITY, wish, work).status
    return (work.wire(IDENTITY, wish) if action == "update" else work.unwire(IDENTITY, wish)).status


def assert_wired(ses: FakeSes, wish: Wish, former_set: str | None) -> None:
    assert ses.state.topics == wish.topics
    assert all(ses.state.headers[t] for t in FEEDBACK_TYPES)
    assert not ses.state.forwarding
    assert ses.default_set == (wish.configuration_set or former_set)


@given(FAKES, STEPS, st.lists(faults(), max_size=3))
def test_former_settings_come_back_exactly(
    ses: FakeSes, steps: list[tuple[str, Wish, list[Faults]]], last: list[Faults]
) -> None:
    """After any creates, updates and deletes, each failing anywhere and repeated, a Delete restores everything.

    And each Create or Update that succeeds leaves the settings as wished.
    """
    memory = FakeMemory()
    initial, initial_set = ses.state, ses.default_set
    wish = Wish(topics("ours"))
    for action, wanted, failures in [*steps, ("delete", None, last)]:
        wish = wanted if wanted is not None and action != "delete" else wish
        for failure in failures:
            ses.faults = memory.faults = failure
            with suppress(Crash, PermanentError, RetryableError, ValueError):
                attempt(action, ses, memory, wish)
        ses.faults = memory.faults = Faults()
        status = attempt(action, ses, memory, wish)
        if action == "delete":
            assert status == RESTORED
            assert (ses.state, ses.default_set) == (initial, initial_set)
            assert memory.records == {}
        else:
            assert status == WIRED
            assert_wired(ses, wish, initial_set)


@given(FAKES, WISHES, faults())
def test_failed_create_leaves_what_was_there(ses: FakeSes, wish: Wish, failure: Faults) -> None:
    """A Create that reports failure has already put everything back, wherever it failed."""
    failure.error = lambda: PermanentError("refused")
    memory = FakeMemory()
    initial, initial_set = ses.state, ses.default_set
    ses.faults = memory.faults = failure
    work = wiring(ses, memory)
    try:
        work.wire_or_undo(IDENTITY, wish, work)
    except PermanentError:
        assert (ses.state, ses.default_set) == (initial, initial_set)
        assert memory.records == {}
    else:
        assert_wired(ses, wish, initial_set)


@given(FAKES, WISHES, st.sets(st.sampled_from(NOTIFICATION_TYPES), min_size=1), st.lists(faults(), max_size=2))
def test_a_topic_that_is_theirs_is_never_touched(
    ses: FakeSes, wish: Wish, theirs: set[str], failures: list[Faults]
) -> None:
    """Types to which somebody gave another topic keep it, with headers; feedback never loses its way."""
    memory = FakeMemory()
    initial = ses.state
    wiring(ses, memory).wire(IDENTITY, wish)
    for type_ in theirs:
        ses.state = after(ses.state, SetTopic(type_, topic("theirs")))
    for failure in failures:
        ses.faults = memory.faults = failure
        with suppress(Crash, PermanentError, RetryableError, ValueError):
            attempt("delete", ses, memory, wish)
    ses.faults = memory.faults = Faults()
    attempt("delete", ses, memory, wish)
    for type_ in NOTIFICATION_TYPES:
        assert ses.state.topics[type_] == (topic("theirs") if type_ in theirs else initial.topics[type_])
        if type_ in FEEDBACK_TYPES:
            assert ses.state.headers[type_] == (True if type_ in theirs else initial.headers[type_])
    assert ses.state.forwarding or all(ses.state.topics[t] for t in FEEDBACK_TYPES)


@given(FAKES, WISHES)
def test_wiring_twice_writes_once(ses: FakeSes, wish: Wish) -> None:
    """A second run of the same wish only reads."""
    memory = FakeMemory()
    wiring(ses, memory).wire(IDENTITY, wish)
    before = len(ses.writes), memory.writes
    wiring(ses, memory).wire(IDENTITY, wish)
    assert (len(ses.writes), memory.writes) == before


def test_the_fault_injector_injects() -> None:
    """The laws above mean something: the injected failure of a call does reach the use case."""
    ses = FakeSes(faults=Faults(3, late=True, error=Crash))
    with pytest.raises(Crash):
        attempt("update", ses, FakeMemory(), Wish(topics("ours")))
    assert ses.state.topics["Complaint"] is not None
    assert ses.state.topics["Delivery"] is None
