"""The laws of wiring: whatever fails and however often it is tried, the former settings come back exactly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.settings import FEEDBACK_TYPES, NOTIFICATION_TYPES, Settings, SetTopic, Wish, after
from ses_feedback.usecases.wiring_ports import FOREIGN, PENDING, RESTORED, WIRED, ForeignSetting
from tests.unit.wiring.fakes import IDENTITY, Crash, FakeMemory, FakeSes, Faults, topic, topics, wiring

WISHES = st.builds(
    Wish,
    st.sampled_from([topics("ours"), topics("renamed")]),
    st.sampled_from([None, None, "set-a", "set-b"]),
    st.just(True),
    st.booleans(),
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
    return (work.wire(IDENTITY, wish) if action == "update" else work.unwire(IDENTITY)).status


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


CAREFUL = WISHES.map(lambda wish: wish._replace(overwrite=False))
SOMEBODY = st.sampled_from([*NOTIFICATION_TYPES, "set"])
# What happens to an identity over the years: we act, with the failures of our attempts, or somebody sets something.
YEARS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["create", "update", "delete"]), WISHES, st.lists(faults(), max_size=2)),
        st.tuples(SOMEBODY, st.integers(1, 3), st.none()),
    ),
    max_size=8,
)


def somebody_sets(ses: FakeSes, what: str, number: int) -> None:
    if what == "set":
        ses.default_set = f"their-set-{number}"
    else:
        ses.state = after(ses.state, SetTopic(what, topic(f"theirs-{number}")))


@given(FAKES, YEARS)
def test_what_somebody_set_last_is_what_a_delete_leaves(ses: FakeSes, years: list[tuple[str, Any, Any]]) -> None:
    """With `overwrite`, whatever was replaced how often: each topic and set is at last the newest that is not ours."""
    ses.sets |= {f"their-set-{n}" for n in (1, 2, 3)}
    memory, wish = FakeMemory(), Wish(topics("ours"), overwrite=True)
    theirs, their_set = dict(ses.state.topics), ses.default_set
    for action, what, failures in years:
        if failures is None:
            somebody_sets(ses, action, what)
            if action == "set":
                their_set = ses.default_set
            else:
                theirs[action] = ses.state.topics[action]
            continue
        wish = what if action != "delete" else wish
        for failure in [*failures, Faults()]:
            ses.faults = memory.faults = failure
            with suppress(Crash, PermanentError, RetryableError, ValueError):
                attempt(action, ses, memory, wish)
        ses.faults = memory.faults = Faults()
        if action != "delete":
            assert ses.state.topics == wish.topics
    attempt("delete", ses, memory, wish)
    assert (ses.state.topics, ses.default_set) == (theirs, their_set)
    assert ses.state.forwarding or all(ses.state.topics[t] for t in FEEDBACK_TYPES)
    assert memory.records == {}


@given(FAKES, CAREFUL, faults())
def test_without_overwrite_nothing_of_theirs_changes(ses: FakeSes, wish: Wish, failure: Faults) -> None:
    """Any topic or wished-for set that is foreign: an error, no write to SES, before and after failures; else wired."""
    memory = FakeMemory()
    initial, initial_set = ses.state, ses.default_set
    foreign = any(initial.topics.values()) or (wish.configuration_set is not None and initial_set is not None)
    ses.faults = memory.faults = failure
    with suppress(Crash, PermanentError, RetryableError, ValueError):
        attempt("create", ses, memory, wish)
    ses.faults = memory.faults = Faults()
    if foreign:
        with pytest.raises(ForeignSetting):
            attempt("create", ses, memory, wish)
        assert ses.writes == []
        assert (ses.state, ses.default_set) == (initial, initial_set)
    else:
        assert attempt("create", ses, memory, wish) == WIRED
        assert_wired(ses, wish, initial_set)


@given(WISHES, st.booleans(), st.lists(SOMEBODY, max_size=3), WISHES, st.booleans(), faults())
def test_a_failed_update_always_rolls_back(
    before: Wish, careful: bool, theirs: list[str], wanted: Wish, overwrite: bool, failure: Faults
) -> None:
    """Whatever somebody set meanwhile and wherever an Update failed, the Update back succeeds, if it can be noted."""
    failure.error = lambda: PermanentError("refused")
    ses, memory = FakeSes(), FakeMemory()
    before = before._replace(overwrite=not careful)
    wiring(ses, memory).wire(IDENTITY, before)
    for what in theirs:
        somebody_sets(ses, what, 1)
    ses.sets |= {"their-set-1"}
    ses.faults = failure
    with suppress(PermanentError):
        wiring(ses, memory).update(
            IDENTITY, wanted._replace(overwrite=overwrite), properties="new", former_properties="old"
        )
    failed = (memory.records[IDENTITY].refused) == "new"
    ses.faults = Faults()
    if failed:
        outcome = wiring(ses, memory).update(IDENTITY, before, properties="old", former_properties="new")
        assert outcome.status in (WIRED, FOREIGN)
        ours = set(before.topics.values())
        assert all(t in ours or t == topic("theirs-1") for t in ses.state.topics.values())


@given(st.booleans(), CAREFUL, st.lists(faults(), max_size=3), faults())
def test_creating_is_undone_or_done_once(knows_none: bool, wish: Wish, crashes: list[Faults], failure: Faults) -> None:
    """A Create that reports failure leaves no identity; one that succeeds, after any crashes, leaves one for good."""
    wish = wish._replace(create=True)
    ses, memory = FakeSes(status=None, knows_none=knows_none), FakeMemory()
    for crash in crashes:
        crash.error = Crash
        ses.faults = memory.faults = crash
        with suppress(Crash):
            attempt("create", ses, memory, wish)
    failure.error = lambda: PermanentError("refused")
    ses.faults = memory.faults = failure
    try:
        status = attempt("create", ses, memory, wish)
    except PermanentError:
        assert (ses.status, memory.records) == (None, {})
        return
    ses.faults = memory.faults = Faults()
    assert (status, ses.status) == (PENDING, "Pending")
    ses.calls.clear()
    attempt("delete", ses, memory, wish)
    assert (ses.status, ses.writes, memory.records) == ("Pending", [], {})


def test_the_fault_injector_injects() -> None:
    """The laws above mean something: the injected failure of a call does reach the use case."""
    ses = FakeSes(faults=Faults(3, late=True, error=Crash))
    with pytest.raises(Crash):
        attempt("update", ses, FakeMemory(), Wish(topics("ours")))
    assert ses.state.topics["Complaint"] is not None
    assert ses.state.topics["Delivery"] is None
