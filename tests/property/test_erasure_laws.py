"""The law holds across an erasure: whenever it comes, no suppression changes, and no text survives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.adapters.items import from_item, to_item
from ses_feedback.domain.history import History, join, settle, suppressions, without_texts
from ses_feedback.domain.policy import Policy
from tests.property.facts import situations
from tests.property.model import Fact, Released, Ruled, Seen

ERASED = 1_900_000_000_000
SECRET = "jane"


def named(fact: Fact) -> History:
    """A fact with texts that tell of the person in every place that holds one, and that decide among equal times."""
    if isinstance(fact, Seen):
        strike = fact.strike._replace(
            message_id=f"{SECRET}-{fact.key}",
            identity=SECRET,
            status="5.1.1",
            diagnostic=f"{SECRET}: no such user",
            detail=f"{SECRET}{fact.strike.at % 7}",
        )
        return Seen(fact.key, strike).learn()
    if isinstance(fact, Ruled):
        return fact._replace(why=f"{SECRET} {fact.until}", by=f"{SECRET} {fact.by}").learn()
    if isinstance(fact, Released):
        return fact._replace(why=f"{SECRET} {fact.why}", by=f"{SECRET} {fact.by}").learn()
    return fact.learn()


@given(situations, st.integers(0, 60), st.integers(0, 60))
def test_an_erasure_at_any_point_changes_no_suppression(
    situation: tuple[Policy, list[Fact]], first: int, second: int
) -> None:
    """Facts before, between and after two erasures: the same suppressions as without, the same history in the end."""
    policy, known = situation
    parts = [named(fact) for fact in known]
    plain = History()
    for part in parts:
        plain = join(plain, part, policy)
    erased = History()
    for number, part in enumerate(parts):
        if number in (first % (len(parts) + 1), second % (len(parts) + 1)):
            erased = join(erased, History(erased=ERASED), policy)
        erased = join(erased, part, policy)
    erased = join(erased, History(erased=ERASED), policy)
    assert suppressions(erased, policy) == suppressions(plain, policy)
    late = join(plain, History(erased=ERASED), policy)
    assert erased == late
    assert without_texts(plain).strikes == erased.strikes
    assert settle(erased, policy) == erased
    assert SECRET not in str(erased)


@given(situations, st.integers(0, 2**32))
def test_an_erased_item_is_read_back_and_names_nobody(situation: tuple[Policy, list[Fact]], seed: int) -> None:
    """As it stands in the table: no address, no text; with the address that was asked for when it is read."""
    policy, known = situation
    history = History(erased=ERASED + seed)
    for fact in known:
        history = join(history, named(fact), policy)
    item = to_item("key", "production", f"{SECRET}@example.net", history, policy, "version")
    assert SECRET not in str(item)
    stored = from_item(item, address=f"{SECRET}@example.net")
    assert stored.history == history
    assert stored.address == f"{SECRET}@example.net"
