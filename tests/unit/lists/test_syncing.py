"""SES's own list and ours are made alike: what comes in, what goes there, what leaves it, and what never comes back."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History, Ruling, covering
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from ses_feedback.usecases.lists import comparing, syncing
from ses_feedback.usecases.lists.erasing import erase
from ses_feedback.usecases.lists.sync_ports import JobState, Refused, Round, TooManyJobs
from ses_feedback.usecases.questions import release
from tests.fakes import FakeLists
from tests.unit.law.builders import released, ruled, struck
from tests.unit.lists.ses_world import ENVIRONMENT, NOW, TERMS, Ses, World

JANE = "jane@example.net"


@pytest.fixture
def world() -> World:
    made = World()
    made.store.clock = NOW
    return made


@pytest.fixture
def ses(world: World) -> Ses:
    return Ses(world)


def known(world: World, *parts: History, address: str = JANE) -> None:
    for part in parts:
        world.store.learn(address, part)


# --- theirs ---------------------------------------------------------------------------------------------------------


def test_what_ses_has_and_we_lack_comes_in_with_its_date(world: World, ses: Ses) -> None:
    """A bounce holds in every stream, a complaint in the stream the file names; without end, by reason ``ses``."""
    ses.add("a@example.net", "BOUNCE", NOW - 9 * DAY)
    ses.add("b@example.net", "COMPLAINT", NOW - 3 * DAY)
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.problem) == (True, None)
    assert world.rulings("a@example.net") == {
        ("*", "ses"): Ruling(NOW - 9 * DAY, None, "ses", "SES's list in us-east-1: BOUNCE")
    }
    assert set(world.rulings("b@example.net")) == {("marketing", "ses")}
    assert (outcome.counts["entries"], outcome.counts["take"]) == (2, 2)
    (again,) = world.sync(ses)
    assert (again.counts["same"], again.counts.get("take", 0)) == (2, 0)
    assert ses.calls == ["page", "page"]


def test_what_holds_already_costs_no_write(world: World, ses: Ses) -> None:
    """Whatever its reason; a complaint of another stream is none of this one."""
    known(world, struck("a", ev.HARD_BOUNCE, NOW - DAY))
    known(world, ruled("transactional", NOW - DAY, None), address="b@example.net")
    ses.add(JANE)
    ses.add("b@example.net", "COMPLAINT", NOW - DAY)
    writes = world.store.writes
    (outcome,) = world.sync(ses)
    assert (outcome.counts["same"], outcome.counts["take"]) == (1, 1)
    assert world.store.writes == writes + 1


def test_a_list_of_two_spellings_is_one_address_and_ours_is_put_as_we_spell_it(world: World, ses: Ses) -> None:
    """SES compares letter by letter: mail to the lower-case spelling is not stopped by another one."""
    ses.add("Jane@Example.NET", at=NOW - 2 * DAY)
    ses.add("JANE@example.net", at=NOW - 3 * DAY)
    world.sync(ses)
    assert world.rulings(JANE)["*", "ses"].at == NOW - 2 * DAY
    assert set(ses.entries) == {"Jane@Example.NET", "JANE@example.net", JANE}
    (again,) = world.sync(ses)
    assert again.counts == {"entries": 3, "same": 3}


@pytest.mark.parametrize(
    ("address", "reason", "at", "why"),
    [
        ("nobody", "BOUNCE", NOW, "its address is none"),
        (JANE, "OTHER", NOW, "its reason is neither BOUNCE nor COMPLAINT"),
        (JANE, "BOUNCE", NOW + 2 * HOUR, "its date is in the future"),
    ],
)
def test_entries_that_cannot_be_read_are_counted(
    world: World, ses: Ses, address: str, reason: str, at: int, why: str
) -> None:
    """The rest is done all the same."""
    ses.add(address, reason, at)
    ses.add("good@example.net")
    (outcome,) = world.sync(ses)
    assert outcome.passed == {why: 1}
    assert (outcome.counts["unreadable"], outcome.counts["take"]) == (1, 1)


def test_every_region(world: World) -> None:
    """What one region's list has goes to the other's; what one refuses leaves the others as they are."""
    here, broken, there = Ses(world), Ses(world, "eu-central-1"), Ses(world, "eu-west-1")
    here.add(JANE, at=NOW - DAY)
    broken.troubles["page"] = [PermanentError("denied")]
    outcomes = world.sync(here, broken, there)
    assert [(o.region, o.finished, o.problem) for o in outcomes] == [
        ("us-east-1", True, None),
        ("eu-central-1", False, "denied"),
        ("eu-west-1", True, None),
    ]
    assert set(there.entries) == {JANE}
    assert world.sync(here, broken, there)[1].finished
    assert set(broken.entries) == {JANE}


# --- ours -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "goes"),
    [
        (struck("a", ev.HARD_BOUNCE, NOW), "BOUNCE"),
        (ruled("*", NOW, None), "BOUNCE"),
        (ruled("*", NOW, None, reason=ev.IMPORT), "BOUNCE"),
        (ruled("*", NOW, NOW + DAY), None),
        (ruled("marketing", NOW, None), None),
        (struck("a", ev.COMPLAINT, NOW, stream="marketing"), None),
        (struck("a", ev.ALREADY_SUPPRESSED, NOW), None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_only_what_holds_in_every_stream_and_without_end_goes_to_ses(
    world: World, ses: Ses, history: History, goes: str | None
) -> None:
    """SES's list knows neither: a complaint about marketing there would stop password resets."""
    known(world, history)
    world.sync(ses)
    assert {entry.reason for entry in ses.entries.values()} == ({goes} if goes else set())


def test_nothing_of_another_environment_goes_there(world: World, ses: Ses) -> None:
    """SES's list is one for the whole account."""
    world.store.learn(JANE, struck("a", ev.HARD_BOUNCE, NOW), environment="dev")
    world.sync(ses)
    assert not ses.entries


def test_what_we_put_there_never_comes_back_as_evidence(world: World, ses: Ses) -> None:
    """Not even where it holds here no more: released without SES's list being cleared, it leaves it."""
    known(world, ruled("*", NOW - DAY, None))
    world.sync(ses)
    assert ses.entries[JANE].at == NOW
    known(world, released("*", NOW - HOUR))  # before it was put: by its date alone the entry would be newer
    (outcome,) = world.sync(ses)
    assert (outcome.counts["remove"], ses.entries) == (1, {})
    assert not world.rulings(JANE)
    assert world.differences[-1].why == (
        "it was put there by us, and does not hold in every stream and without end any more"
    )
    assert not world.put_at


def test_what_ses_itself_adds_much_later_is_its_own_again(world: World, ses: Ses) -> None:
    """A day after we put it, an entry of a newer date is no echo."""
    known(world, ruled("*", NOW - DAY, None))
    world.sync(ses)
    known(world, released("*", NOW + HOUR))
    ses.entries.clear()
    world.at = NOW + 3 * DAY
    ses.add(JANE)
    world.sync(ses)
    assert world.rulings(JANE)["*", "ses"].at == world.at


def test_it_is_noted_before_it_is_put(world: World, ses: Ses) -> None:
    """Whatever happens to the answer, what stands on SES's list is known to be ours."""
    known(world, ruled("*", NOW - DAY, None))

    def lost(row: object) -> None:
        Ses.put(ses, row)  # type: ignore[arg-type]
        raise PermanentError("the answer was lost")

    ses.put = lost  # type: ignore[method-assign]
    (outcome,) = world.sync(ses)
    assert outcome.problem == "the answer was lost"
    del ses.put  # type: ignore[method-assign]
    known(world, released("*", NOW - HOUR))
    assert world.sync(ses)[0].finished  # the round that was cut short
    world.sync(ses)
    assert not ses.entries
    assert not world.rulings(JANE)


def test_who_was_released_a_moment_ago_is_not_put(world: World, ses: Ses) -> None:
    """The listing may be behind: the item itself is asked."""
    known(world, ruled("*", NOW - DAY, None))
    listed = list(world.store.listing(ENVIRONMENT, ev.REASONS, 0, NOW))
    known(world, released("*", NOW))

    def stale(*_: object) -> Iterator[object]:
        return iter(listed)

    world.store.listing = stale  # type: ignore[method-assign, assignment]
    world.sync(ses)
    assert not ses.entries


# --- releases and erasures ------------------------------------------------------------------------------------------


def test_a_release_clears_both_in_every_spelling(world: World, ses: Ses) -> None:
    """What a release did not know of SES's spelling, or could not clear, the next sync clears."""
    ses.add("Jane@Example.net", at=NOW - DAY)
    world.sync(ses)
    release(
        world.store, DEFAULT_POLICY, FakeLists(), environment=ENVIRONMENT, address=JANE, scope="*", why="works again"
    )
    (outcome,) = world.sync(ses)
    assert (outcome.counts["remove"], set(ses.entries)) == (2, set())
    assert {d.why for d in world.differences if d.what == "remove"} == {
        "it was released since",
        "it was put there by us, and does not hold in every stream and without end any more",
    }
    stored = world.store.items[ENVIRONMENT, JANE]
    assert covering(stored.suppressions, "transactional", NOW) is None
    assert not world.sync(ses)[0].counts.get("take")


def test_a_release_of_another_stream_leaves_it(world: World, ses: Ses) -> None:
    """A bounce on SES's list holds in every stream."""
    ses.add(JANE, at=NOW - DAY)
    known(world, released("marketing", NOW - HOUR))
    (outcome,) = world.sync(ses)
    assert outcome.counts["take"] == 1


def test_who_was_erased_leaves_ses_list_and_stays_suppressed(world: World, ses: Ses) -> None:
    """Whoever put the name there; it is not put again, and what SES adds later is its own affair."""
    known(world, struck("a", ev.HARD_BOUNCE, NOW - DAY))
    ses.add("Jane@example.net", at=NOW - DAY)
    world.sync(ses)
    world.store.clock = world.at = NOW + HOUR
    erase(world.store, DEFAULT_POLICY, ENVIRONMENT, JANE)
    world.sync(ses)
    assert not ses.entries
    assert world.differences[-1].why == "the person was erased"
    assert world.sync(ses)[0].counts == {}
    ses.add(JANE, at=NOW + 3 * DAY)
    world.at = NOW + 3 * DAY
    assert world.sync(ses)[0].counts["same"] == 1
    assert covering(world.store.items[ENVIRONMENT, JANE].suppressions, "x", world.at) is not None


# --- a dry run ------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_every_difference_and_changes_neither(world: World, ses: Ses) -> None:
    """The same as the run that follows then does."""
    ses.add("theirs@example.net")
    ses.add("back@example.net", at=NOW - 2 * DAY)
    known(world, released("*", NOW - DAY), address="back@example.net")
    known(world, ruled("*", NOW - DAY, None), address="ours@example.net")
    before, writes = dict(ses.entries), world.store.writes
    (dry,) = world.sync(ses, dry_run=True)
    told = list(world.differences)
    assert {(d.address, d.what) for d in told} == {
        ("theirs@example.net", "take"),
        ("back@example.net", "remove"),
        ("ours@example.net", "put"),
    }
    assert (ses.entries, world.store.writes, world.put_at, world.rounds) == (before, writes, {}, {})
    world.differences.clear()
    (done,) = world.sync(ses)
    assert world.differences == told
    assert done.counts == dry.counts
    assert world.sync(ses, dry_run=True)[0].counts == {"entries": 2, "same": 2}


# --- many -----------------------------------------------------------------------------------------------------------


def many(world: World, number: int) -> list[str]:
    names = [f"a{n:04}@example.net" for n in range(number)]
    for name in names:
        known(world, ruled("*", NOW - DAY, None), address=name)
    return names


def test_many_go_as_lists_that_ses_works_through(world: World, ses: Ses, monkeypatch: pytest.MonkeyPatch) -> None:
    """In as few as SES allows; until it is through nothing is compared, and afterwards all is the same."""
    monkeypatch.setattr(syncing, "MOST_PUT", 300)
    names = many(world, 710)
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.waiting, outcome.counts["bulk"], outcome.counts["put"]) == (True, 710, 710, 710)
    assert [len(rows) for rows in world.objects.values()] == [300, 300, 110]
    assert "put" not in ses.calls
    (waiting,) = world.sync(ses)
    assert (waiting.finished, waiting.waiting, waiting.problem) == (False, 710, None)
    ses.work()
    (done,) = world.sync(ses)
    assert (done.finished, done.counts) == (True, {"entries": 710, "same": 710})
    assert set(ses.entries) == set(names)
    assert not world.objects


def test_many_leave_as_lists_and_do_not_come_back_where_ses_fails(world: World, ses: Ses) -> None:
    """What SES did not take is counted, and tried again one by one where it cannot read our lists at all."""
    names = many(world, 150)
    world.sync(ses)
    ses.work()
    for name in names:
        known(world, released("*", NOW), address=name)
    (outcome,) = world.sync(ses)
    assert (outcome.counts["remove"], outcome.counts["bulk"], outcome.waiting) == (150, 150, 150)
    ses.work(JobState(True, 0, "access denied"))
    (again,) = world.sync(ses)
    assert again.passed == {"bulk list of 150 not read: access denied": 1}
    assert ses.calls.count("remove") == 150
    assert not ses.entries
    assert not any(world.rulings(name) for name in names)


def test_what_ses_takes_of_a_list_in_part_is_counted(world: World, ses: Ses) -> None:
    """And put again by the next round."""
    names = many(world, 101)
    world.sync(ses)
    ses.work(JobState(True, 3))
    for name in names[:3]:
        del ses.entries[name]
    (outcome,) = world.sync(ses)
    assert outcome.counts["failed"] == 3
    assert outcome.passed == {"SES did not take it from a bulk list": 3}
    assert set(ses.entries) == set(names)


def test_a_list_that_ses_does_not_take_goes_one_by_one(world: World, ses: Ses) -> None:
    """Too many jobs: later. Refused: without lists from now on, in this region."""
    names = many(world, 101)
    ses.troubles["start"] = [TooManyJobs("too many")]
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.problem, world.objects) == (False, None, {})
    ses.troubles["start"] = [Refused("the bucket is in another region")]
    (outcome,) = world.sync(ses)
    assert outcome.finished
    assert set(ses.entries) == set(names)
    assert world.rounds["us-east-1"].singly


def test_an_address_that_ses_refuses_is_counted_and_all_of_them_are_a_problem(world: World, ses: Ses) -> None:
    """Of one address it says something about the address; of each, about the account."""
    many(world, 8)
    ses.troubles["put"] = [None, Refused("not an address")]
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.counts["refused"], outcome.counts["put"]) == (True, 1, 7)
    many(world, 20)
    ses.troubles["put"] = [Refused("in the sandbox")] * 20
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.problem) == (False, "in the sandbox")


# --- cut short ------------------------------------------------------------------------------------------------------


def test_a_round_that_is_cut_short_anywhere_goes_on_from_there(world: World) -> None:
    """Stopped after each single call, or failing at it, it comes to the same, and reads no page twice but one."""
    reference, there = World(), Ses(World())
    for target, ses in ((reference, Ses(reference, page_size=3)), (world, Ses(world, page_size=3))):
        for n in range(10):
            ses.add(f"t{n}@example.net", at=NOW - DAY)
        many(target, 5)
        known(target, released("*", NOW), address="t7@example.net")
        there = ses
        if target is reference:
            target.sync(ses)
            whole = set(ses.entries), {who: s.history for who, s in target.store.items.items()}
    runs = 0
    while True:
        runs += 1
        allowed = iter([True] * 4)
        world.going = lambda allowed=allowed: next(allowed, False)  # type: ignore[misc]
        if runs % 3 == 0:
            there.troubles["page"] = [RetryableError("gone")] * 6
        outcomes = world.sync(there)
        there.troubles.clear()
        if outcomes and outcomes[0].finished:
            break
        assert runs < 60
    assert runs > 3
    assert (set(there.entries), {who: s.history for who, s in world.store.items.items()}) == whole


def test_a_token_that_ses_has_forgotten_begins_the_listing_anew(world: World) -> None:
    """Nothing is counted twice, and what was taken stays."""
    ses = Ses(world, page_size=2)
    for n in range(5):
        ses.add(f"t{n}@example.net")
    ses.stale = True
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.counts["entries"]) == (True, 5)
    assert outcome.counts["take"] + outcome.counts["same"] >= 5


def test_where_time_is_up_the_rest_is_left(world: World, ses: Ses) -> None:
    """No error: the next run goes on."""
    world.until = NOW
    (outcome,) = world.sync(ses)
    assert (outcome.finished, outcome.problem) == (False, None)


def test_where_the_state_cannot_be_read_nothing_is_overwritten(world: World, ses: Ses) -> None:
    """An error of S3 must not make a round forget its lists in bulk."""
    world.rounds["us-east-1"] = Round(ended=1)

    def failing(region: str) -> Round:
        raise RetryableError("S3 fails")

    world.load = failing  # type: ignore[method-assign]
    assert world.sync(ses)[0].problem == "S3 fails"
    assert world.rounds["us-east-1"].ended == 1


def test_when_a_round_is_due() -> None:
    """Where one is not done, where SES works on lists, and once the time between two has passed."""
    assert syncing.due(Round(began=1), DAY, 2)
    assert syncing.due(Round(), DAY, NOW)
    assert not syncing.due(Round(ended=NOW), DAY, NOW + DAY - MINUTE)
    assert syncing.due(Round(ended=NOW), DAY, NOW + DAY)


def test_a_long_list_is_compared_in_bounded_memory(world: World) -> None:
    """Eight bytes for each entry, and a page: nothing grows with the list that holds an address."""
    known(world, struck("a", ev.HARD_BOUNCE, NOW))
    (stored,) = world.store.items.values()
    world.store.get_many = lambda wanted: dict.fromkeys(wanted, stored)  # type: ignore[method-assign]
    number = 60_000

    class Long(Ses):
        def page(self, token: str | None) -> tuple[list[comparing.Entry], str | None]:
            start = int(token or 0)
            rows = [comparing.Entry(f"a{n}@example.net", "BOUNCE", NOW) for n in range(start, start + 1_000)]
            return rows, str(start + 1_000) if start + 1_000 < number else None

    tracemalloc.start()
    try:
        (outcome,) = world.sync(Long(world), terms=TERMS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.counts == {"entries": number, "same": number, "put": 1}
    assert peak < number * 120
