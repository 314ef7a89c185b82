"""Whatever happens to both lists, and wherever a sync is cut short: they meet, and our own echo is never evidence."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR
from ses_feedback.usecases.lists.erasing import erase
from ses_feedback.usecases.lists.ses_list import belongs
from ses_feedback.usecases.lists.sync_ports import Row
from ses_feedback.usecases.questions import release, suppress
from tests.fakes import FakeLists
from tests.unit.law.builders import struck
from tests.unit.lists.ses_world import ENVIRONMENT, NOW, Ses, World

WHO = ("a@example.net", "b@example.net")
REGIONS = ("us-east-1", "eu-west-1")
ADDRESSES = st.sampled_from(WHO)
DEEDS = st.one_of(
    st.tuples(st.sampled_from(["bounce", "complaint", "suppress", "release", "erase"]), ADDRESSES),
    st.tuples(
        st.sampled_from(["listed", "complained", "unlisted"]),
        st.tuples(ADDRESSES, st.sampled_from(REGIONS), st.booleans()),
    ),
    st.tuples(st.just("wait"), st.sampled_from([HOUR, 2 * DAY])),
    # A sync that fails at a call of SES, or not at all, or that a release of each address it puts crosses on its way.
    st.tuples(st.just("sync"), st.tuples(st.sampled_from(["page", "put", "remove", "race", ""]), st.integers(0, 2))),
)


class Crossing(Ses):
    """SES's list where an operator may be faster than a put that is on its way."""

    release: Callable[[str], None] | None = None

    def put(self, row: Row) -> None:
        if self.release is not None:
            self.release(row.address)
        super().put(row)


class Story:
    """Deeds one after the other; ``evidence`` are the addresses that SES itself ever put on a list."""

    def __init__(self) -> None:
        self.world = World()
        self.lists = [Crossing(self.world, region, page_size=1) for region in REGIONS]
        self.evidence: set[str] = set()
        self.deeds = 0

    def do(self, deed: str, what: object) -> None:
        self.deeds += 1
        self.world.at += 1_000
        store = self.world.store
        store.clock = self.world.at
        common = {"environment": ENVIRONMENT, "address": str(what), "scope": "*", "why": "asked"}
        if deed in ("bounce", "complaint"):
            class_ = ev.HARD_BOUNCE if deed == "bounce" else ev.COMPLAINT
            store.learn(str(what), struck(f"s{self.deeds}", class_, self.world.at, stream="marketing"))
        elif deed == "suppress":
            suppress(store, DEFAULT_POLICY, duration=None, **common)  # type: ignore[arg-type]
        elif deed == "release":
            # SES's lists refuse to let go: only a sync can.
            release(store, DEFAULT_POLICY, FakeLists(), **common)  # type: ignore[arg-type]
        elif deed == "erase":
            erase(store, DEFAULT_POLICY, ENVIRONMENT, str(what))
        elif deed == "wait":
            self.world.at += int(str(what))
        elif deed == "sync":
            call, number = what  # type: ignore[misc]
            for ses in self.lists:
                ses.troubles = {call: [None] * number + [RetryableError("gone")] * 6} if call else {}
                ses.release = self.crossing if call == "race" else None
            self.world.sync(*self.lists)
        else:
            address, region, capital = what  # type: ignore[misc]
            (ses,) = [ses for ses in self.lists if ses.region == region]
            spelling = address.capitalize() if capital else address
            if deed == "unlisted":
                ses.entries.pop(spelling, None)
            elif spelling not in ses.entries:  # SES sends no mail to whom it lists, and learns nothing new of them
                ses.add(spelling, "BOUNCE" if deed == "listed" else "COMPLAINT")
                self.evidence.add(address)

    def crossing(self, address: str) -> None:
        self.do("release", address)
        self.world.at += 1_000

    def meet(self) -> None:
        """Let the lists meet: a round that was cut short ends, and then one more hears of all it did."""
        for ses in self.lists:
            ses.troubles, ses.release = {}, None
        for _ in range(4):
            self.world.at += HOUR
            self.world.store.clock = self.world.at
            assert all(outcome.finished for outcome in self.world.sync(*self.lists))


@settings(max_examples=150, deadline=None)
@example([("suppress", WHO[0]), ("sync", ("race", 0))])
@example([("bounce", WHO[0]), ("sync", ("", 0)), ("wait", HOUR), ("erase", WHO[0])])
@given(st.lists(DEEDS, max_size=14))
def test_both_lists_meet_and_nothing_of_ours_comes_back(deeds: list[tuple[str, object]]) -> None:
    """What holds everywhere and without end is on each list; what is left there holds; ``ses`` is SES's own word."""
    story = Story()
    for deed, what in deeds:
        story.do(deed, what)
    story.meet()
    store = story.world.store
    for address in WHO:
        stored = store.items.get((ENVIRONMENT, address))
        for ses in story.lists:
            if belongs(stored) is not None:
                assert address in ses.entries
            if stored is None or not stored.suppressions:
                assert not {address, address.capitalize()} & set(ses.entries)
        if stored is not None and address not in story.evidence:
            assert not any(reason == ev.SES for _, reason in stored.history.rulings)
    story.world.differences.clear()
    assert [outcome.counts.get("same") for outcome in story.world.sync(*story.lists)] == [
        len(ses.entries) or None for ses in story.lists
    ]
    assert not story.world.differences
    assert story.world.at > NOW
