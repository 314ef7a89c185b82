"""What earlier versions stored stays found: held against the function that stored it, as it stood there."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ses_feedback.domain.addresses import former, normalise
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.events import HARD_BOUNCE, SOFT_BOUNCE
from ses_feedback.domain.history import History, Strike
from ses_feedback.domain.mailboxes import mailboxes
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.usecases import questions
from ses_feedback.usecases.lists.erasing import erase
from tests.unit.cli.fakes import NOW, MemoryStore, hard
from tests.unit.guard.fakes import FOR_EVER, Table, guard_over

from . import stored_before
from .test_spellings import spelled

# Texts near the edges of both functions, and any text in quotes.
NEAR = st.text(alphabet='ab."\\() <>@,:;=?\u00fc\uff41', max_size=20)
TEXTS = (
    spelled().map(lambda one: one[1])
    | spelled(plainly=True).map(lambda one: one[1])
    | st.builds(lambda local: f'"{local}"@example.net', NEAR)
    | st.builds(
        lambda local, end: f"{local}@example.net{end}", NEAR, st.sampled_from(["", ">", " (x)", "(a).com(b)", "."])
    )
)


def before(text: str) -> str:
    try:
        return stored_before.normalise(text)
    except InvalidAddress:
        assume(False)
        raise


@given(TEXTS)
def test_who_asks_in_a_spelling_finds_what_was_stored_for_it(text: str) -> None:
    """Whatever the former versions understood is among what is asked about; the guard and its table agree."""
    was = before(text)
    assert was in mailboxes(text).all
    assert was in (normalise(text), former(text))
    assert guard_over(Table({was: FOR_EVER})).check([text]).removed


@given(TEXTS)
def test_an_address_that_nothing_was_changed_about_is_one_key_as_before(text: str) -> None:
    """Only quotes made another key, so that nothing else has to be moved."""
    was = before(text)
    if '"' not in was and "(" not in text:
        assert normalise(text) == was and former(text) is None


@given(TEXTS, st.booleans())
def test_what_is_moved_is_found_in_every_spelling_and_released_in_every(text: str, erased: bool) -> None:
    """Feedback that was stored under quotes holds for who asks without; a release, in either spelling, lifts both."""
    was = before(text)
    store = MemoryStore()
    store.put_new("production", was, History({"k": hard()}))
    moved = list(questions.respell(store, DEFAULT_POLICY, "production", NOW))
    address = normalise(was)
    assert moved == ([(was, address)] if address != was else [])
    assert not list(questions.respell(store, DEFAULT_POLICY, "production", NOW)), "again changes nothing"
    assert held(store, address) and held(store, was)
    if erased:
        erase(store, DEFAULT_POLICY, "production", address, former(was))
        assert all(stored.history.erased for stored in store.items.values())
        assert held(store, address) and held(store, was)
    lists = NoLists()
    questions.release(
        store, DEFAULT_POLICY, lists, environment="production", address=address, former=former(was), scope="*", why="x"
    )
    assert not held(store, address) and not held(store, was)
    assert lists.asked == [address]


@given(st.integers(1, 4), st.integers(1, 4))
def test_strikes_of_both_forms_count_together_once_moved(under: int, without: int) -> None:
    """The law holds over the set of strikes: five soft bounces suppress, wherever they were stored."""
    store = MemoryStore()
    was, address = '"jo.doe"@example.net', "jo.doe@example.net"
    soft = {f"s{n}": Strike(SOFT_BOUNCE, "default", NOW - n, NOW - n) for n in range(under + without)}
    old = {key: strike for n, (key, strike) in enumerate(soft.items()) if n < under}
    store.put_new("production", was, History({**old, "h": Strike(HARD_BOUNCE, "default", NOW, NOW)}))
    store.put_new("production", address, History({key: soft[key] for key in soft if key not in old}))
    list(questions.respell(store, DEFAULT_POLICY, "production", NOW))
    assert set(store.items["production", address].history.strikes) == {*soft, "h"}


def test_a_dry_run_moves_nothing() -> None:
    store = MemoryStore()
    store.put_new("production", '"jo"@example.net', History({"k": hard()}))
    found = list(questions.respell(store, DEFAULT_POLICY, "production", NOW, dry_run=True))
    assert found == [('"jo"@example.net', "jo@example.net")] and len(store.items) == 1


@pytest.mark.parametrize("text", ['"jo"@example.net', r'Jo <"j\o"@Example.net>'])
def test_who_was_erased_under_quotes_is_found_by_who_asks_with_them(text: str) -> None:
    store = MemoryStore()
    was = stored_before.normalise(text)
    store.put_new("production", was, History({"k": hard()}))
    erase(store, DEFAULT_POLICY, "production", was)
    (answer,) = questions.check(
        store, "production", "default", [normalise(text)], NOW, {normalise(text): mailboxes(text).others}
    )
    assert answer.suppression is not None


class NoLists:
    """SES's own lists, which hold nobody."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def remove(self, address: str) -> dict[str, str | None]:
        self.asked.append(address)
        return {}


def held(store: MemoryStore, text: str) -> bool:
    others = {normalise(text): mailboxes(text).others}
    (answer,) = questions.check(store, "production", "default", [normalise(text)], NOW, others)
    return answer.suppression is not None
