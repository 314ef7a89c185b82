"""The law holds for writers, too: any interleaving, a throttle, a lost answer or a crash at any call, all retried."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, join, suppressions
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases.merging import merge, merge_into
from tests.fakes import CRASH_BEFORE, THROTTLE, TROUBLES, Crash, FakeStore
from tests.property.facts import situations
from tests.property.model import Fact
from tests.property.test_law import assert_by_the_letter, learn

WHO = ("production", "jane@example.com")


def persist(store: FakeStore, learned: History, policy: Policy) -> None:
    """Merge, and do it all again after whatever went wrong, as SNS, the retry queue and redriving do."""
    for _ in range(200):
        try:
            merge(store, *WHO, learned, policy)
        except (RetryableError, Crash):
            continue
        return
    raise AssertionError("a writer never came to an end")


def assert_stored(store: FakeStore, known: Sequence[Fact], policy: Policy) -> None:
    """What is stored is what one careful writer would have stored, with the suppressions that follow from it."""
    assert store.history(*WHO) == learn(known, policy)
    if WHO in store.items:
        assert list(store.items[WHO].suppressions) == suppressions(store.history(*WHO), policy)
    assert_by_the_letter(store.history(*WHO), known, policy)


@given(situations, st.lists(st.sampled_from((*TROUBLES, "race")), max_size=40), st.integers(1, 3))
def test_faults_and_lost_races_at_any_call_change_nothing(
    situation: tuple[Policy, list[Fact]], plan: list[str], size: int
) -> None:
    """Groups of facts merged in turn; at any call the store throttles, loses its answer, dies, or another is faster."""
    policy, known = situation
    store = FakeStore(policy)
    pending = deque(known[start : start + size] for start in range(0, len(known), size))

    def another_writer() -> None:
        if pending:
            waiting, store.troubles = store.troubles, []
            persist(store, learn(pending.popleft(), policy), policy)
            store.troubles = waiting

    store.troubles = [another_writer if trouble == "race" else trouble for trouble in plan]
    while pending:
        persist(store, learn(pending.popleft(), policy), policy)
    assert_stored(store, known, policy)


class Stage:
    """Lets writers, each a thread, make their calls to one store in exactly the order of a script."""

    def __init__(self, store: FakeStore, script: list[int]) -> None:
        self._store = store
        self._script = script
        self._waiting: list[threading.Semaphore] = []
        self._back = threading.Semaphore(0)
        self._alive: list[int] = []
        self.problems: list[BaseException] = []

    def play(self, parts: Sequence[Callable[[FakeStore], None]]) -> None:
        """Run every part to its end, one store call at a time."""
        self._alive = list(range(len(parts)))
        self._waiting = [threading.Semaphore(0) for _ in parts]
        threads = [threading.Thread(target=self._run, args=(n, part), daemon=True) for n, part in enumerate(parts)]
        for thread in threads:
            thread.start()
            self._back.acquire()
        for turn in range(10_000):
            if not self._alive:
                break
            choice = self._script[turn % len(self._script)] if self._script else turn
            self._waiting[self._alive[choice % len(self._alive)]].release()
            self._back.acquire()
        for thread in threads:
            thread.join(timeout=10)
        if self.problems:
            raise self.problems[0]

    def _run(self, number: int, part: Callable[[FakeStore], None]) -> None:
        try:
            part(_Turns(self._store, lambda: self._turn(number)))  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 - shown by the thread that plays
            self.problems.append(error)
        finally:
            self._alive.remove(number)
            self._back.release()

    def _turn(self, number: int) -> None:
        self._back.release()
        assert self._waiting[number].acquire(timeout=30)


class _Turns:
    """A store whose every call waits for its turn."""

    def __init__(self, store: FakeStore, turn: Callable[[], None]) -> None:
        self._store = store
        self._turn = turn

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._store, name)

        def in_turn(*args: object) -> object:
            self._turn()
            return method(*args)

        return in_turn


@given(
    situations,
    st.lists(st.integers(0, 11), max_size=30),
    st.integers(2, 4),
    st.lists(st.sampled_from(TROUBLES), max_size=6),
)
def test_any_interleaving_of_writers_gives_the_same(
    situation: tuple[Policy, list[Fact]], script: list[int], writers: int, troubles: list[str]
) -> None:
    """Two to four writers, their calls interleaved in any way, with faults among them: as one writer alone."""
    policy, known = situation
    store = FakeStore(policy)
    store.troubles = list(troubles)

    def part(number: int) -> Callable[[FakeStore], None]:
        def write(turns: FakeStore) -> None:
            for fact in known[number::writers]:
                persist(turns, fact.learn(), policy)

        return write

    Stage(store, script).play([part(number) for number in range(writers)])
    assert_stored(store, known, policy)


@given(situations, st.integers(0, 20), st.integers(0, 20))
def test_a_stale_read_loses_nothing(situation: tuple[Policy, list[Fact]], cut: int, later: int) -> None:
    """Who merges into what an eventually consistent read returned, however old, loses no fact and no race for good."""
    policy, known = situation
    store = FakeStore(policy)
    for fact in known[:cut]:
        persist(store, fact.learn(), policy)
    stale = store.items.get(WHO)
    for fact in known[cut:later]:
        persist(store, fact.learn(), policy)
    rest = learn(known[max(cut, later) :], policy)
    if stale is None:
        persist(store, rest, policy)
    else:
        merge_into(store, stale, rest, policy)
    assert_stored(store, known, policy)


@given(situations, st.integers(0, 20))
def test_what_expired_meanwhile_is_stored_as_new(situation: tuple[Policy, list[Fact]], cut: int) -> None:
    """Where TTL deletes an item between its read and its write, what was read and what was learned are both stored."""
    policy, known = situation
    store = FakeStore(policy)
    persist(store, learn(known[:cut], policy), policy)
    stale = store.items[WHO]
    store.expire(*WHO)
    news = learn(known[cut:], policy)
    changed = merge_into(store, stale, news, policy)
    assert changed == (join(stale.history, news, policy) != stale.history)
    if changed:
        assert_stored(store, known, policy)


@given(situations, st.sampled_from((THROTTLE, CRASH_BEFORE)))
def test_nothing_is_reported_done_that_is_not(situation: tuple[Policy, list[Fact]], trouble: str) -> None:
    """Where the store refuses, merging raises; where merging returns, the facts are in the store."""
    policy, known = situation
    for fact in known:
        store = FakeStore(policy)
        store.troubles = [trouble]
        try:
            merge(store, *WHO, fact.learn(), policy)
        except (RetryableError, Crash):
            assert WHO not in store.items
        else:
            raise AssertionError("a refused write was reported as done")
