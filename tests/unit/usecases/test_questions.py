"""What senders ask and operators decide."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.errors import PermanentError, RetryableError, UnknownStream
from ses_feedback.domain.history import History, Suppression
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, HOUR
from ses_feedback.usecases import questions
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.ports import Listed
from ses_feedback.usecases.questions import Answer, Decided
from tests.fakes import THROTTLE, FakeLists, FakeStore
from tests.unit.law.builders import T0, delivered, struck

ENV, JANE = "production", "jane@example.net"
NOW = T0 + DAY


@dataclass
class Places:
    known: dict[str, tuple[str, ...]]

    def environments(self) -> tuple[str, ...]:
        return tuple(sorted(self.known))

    def streams(self, environment: str) -> tuple[str, ...]:
        return self.known[environment]


def store_with(*parts: History, address: str = JANE, clock: int = NOW) -> FakeStore:
    store = FakeStore(clock=clock)
    for part in parts:
        merge(store, ENV, address, part, DEFAULT_POLICY)
    store.calls.clear()
    return store


def suppress(store: FakeStore, scope: str = "*", duration: int | None = None, reason: str = ev.OPERATOR) -> Decided:
    return questions.suppress(
        store,
        DEFAULT_POLICY,
        environment=ENV,
        address=JANE,
        scope=scope,
        duration=duration,
        why="asked",
        reason=reason,
    )


def release(store: FakeStore, scope: str = "*", lists: FakeLists | None = None) -> Decided:
    return questions.release(
        store, DEFAULT_POLICY, lists or FakeLists(), environment=ENV, address=JANE, scope=scope, why="asked"
    )


def asked(store: FakeStore, stream: str = "default", now: int = NOW) -> Answer:
    return questions.check(store, ENV, stream, [JANE], now)[0]


# --- which environment, which stream ----------------------------------------------------------------------------


def test_the_environment_is_the_named_one_else_the_only_one_else_an_error_that_names_them() -> None:
    one, two = Places({"production": ("default",)}), Places({"production": (), "dev": ()})
    assert questions.choose_environment(one, None) == "production"
    assert questions.choose_environment(two, "dev") == "dev"
    with pytest.raises(UnknownStream, match="--environment: say which environment; known: dev, production"):
        questions.choose_environment(two, None)
    with pytest.raises(UnknownStream, match='--environment: no environment "prod"; known: dev, production'):
        questions.choose_environment(two, "prod")


def test_the_stream_is_the_named_one_else_default_else_the_only_one_else_an_error() -> None:
    places = Places({"a": ("default", "marketing"), "b": ("marketing",), "c": ("x", "y")})
    assert questions.choose_stream(places, "a", None) == "default"
    assert questions.choose_stream(places, "a", "marketing") == "marketing"
    assert questions.choose_stream(places, "b", None) == "marketing"
    with pytest.raises(UnknownStream, match='--stream: say which stream in environment "c"; known: x, y'):
        questions.choose_stream(places, "c", None)
    with pytest.raises(UnknownStream, match='--stream: no stream "default" in environment "b"; known: marketing'):
        questions.choose_stream(places, "b", "default")


# --- check ------------------------------------------------------------------------------------------------------


def test_a_senders_question_is_one_call() -> None:
    store = store_with(struck("a", ev.HARD_BOUNCE, T0))
    answer = asked(store)
    assert store.calls == ["get"]
    assert answer.suppression is not None
    assert (answer.address, answer.suppression.reason) == (JANE, ev.HARD_BOUNCE)


def test_what_is_over_or_unknown_does_not_stand_against_mailing() -> None:
    assert asked(FakeStore()) == Answer(JANE, None)
    listed = store_with(struck("a", ev.ALREADY_SUPPRESSED, T0))
    assert asked(listed, now=T0 + 30 * DAY - 1).suppression is not None
    assert asked(listed, now=T0 + 30 * DAY) == Answer(JANE, None)


def test_many_addresses_are_answered_in_order_one_read_for_each_hundred_each_once() -> None:
    store = store_with(struck("a", ev.HARD_BOUNCE, T0))
    addresses = [f"user{n}@example.net" for n in range(150)] + [JANE, "user0@example.net"]
    answers = questions.check(store, ENV, "default", addresses, NOW)
    assert [answer.address for answer in answers] == addresses
    assert [answer.address for answer in answers if answer.suppression] == [JANE]
    assert store.calls == ["get_many", "get_many"]


def test_a_table_filled_under_another_key_answers_nothing() -> None:
    store = store_with(struck("a", ev.HARD_BOUNCE, T0))
    store.claimed = False
    with pytest.raises(PermanentError, match="belongs to no deployment"):
        questions.check(store, ENV, "default", [JANE, "john@example.net"], NOW)


# --- deciding ---------------------------------------------------------------------------------------------------


def test_a_suppression_counts_from_awss_clock_and_lasts_as_long_as_said() -> None:
    store = store_with()
    decided = suppress(store, duration=30 * DAY)
    assert (decided.at, decided.changed) == (NOW, True)
    found = asked(store).suppression
    assert found is not None
    assert (found.reason, found.since, found.until) == (ev.OPERATOR, NOW, NOW + 30 * DAY)
    assert decided.answer == Answer(JANE, found)


def test_a_decision_is_never_earlier_than_the_evidence_it_was_shown() -> None:
    """A bounce whose clock runs ahead is lifted by the release of someone who saw it."""
    store = store_with(struck("a", ev.HARD_BOUNCE, NOW + HOUR))
    assert release(store).at == NOW + HOUR + 1
    assert asked(store, now=NOW + 2 * HOUR) == Answer(JANE, None)
    ahead = store_with(delivered("default", NOW + 7), struck("a", ev.HARD_BOUNCE, T0))
    assert suppress(ahead).at == NOW + 8


def test_a_release_is_stored_although_nothing_is_known_yet() -> None:
    """Feedback that arrives later about mail from before it changes nothing."""
    store = store_with()
    assert release(store).changed
    merge(store, ENV, JANE, struck("late", ev.HARD_BOUNCE, T0), DEFAULT_POLICY)
    assert asked(store) == Answer(JANE, None)


def test_a_release_takes_the_address_off_sess_lists_and_shows_what_failed_there() -> None:
    store = store_with(struck("a", ev.HARD_BOUNCE, T0))
    lists = FakeLists(("eu-west-1", "us-east-1"), {"eu-west-1": "AccessDenied"})
    decided = release(store, lists=lists)
    assert decided.lists == {"eu-west-1": "AccessDenied", "us-east-1": None}
    assert lists.removed == [JANE]
    assert decided.answer == Answer(JANE, None)


def test_a_release_of_a_stream_says_what_still_holds_there() -> None:
    store = store_with(struck("a", ev.HARD_BOUNCE, T0), struck("b", ev.COMPLAINT, T0, stream="marketing"))
    decided = release(store, "marketing")
    assert decided.answer.suppression is not None
    assert decided.answer.suppression.reason == ev.HARD_BOUNCE


def test_a_suppression_after_a_release_and_a_release_after_that() -> None:
    store = store_with()
    release(store)
    store.clock += 1
    assert suppress(store, "marketing").answer.suppression is not None
    assert asked(store, "default") == Answer(JANE, None)
    assert asked(store, "marketing").suppression is not None
    assert release(store, "marketing").answer == Answer(JANE, None)


def test_decisions_within_one_second_of_awss_clock_stand_in_the_order_they_were_made() -> None:
    """AWS's clock is told in whole seconds: each decision is later than the one it was shown."""
    store = store_with()
    times = [suppress(store).at, release(store).at, suppress(store, duration=DAY).at]
    assert times == [NOW, NOW + 1, NOW + 2]
    found = asked(store).suppression
    assert found is not None
    assert found.until == NOW + 2 + DAY
    release(store)
    assert asked(store) == Answer(JANE, None)


def test_a_decision_survives_a_lost_race_with_its_first_time() -> None:
    store = store_with(struck("a", ev.SOFT_BOUNCE, T0))
    store.troubles = ["ok", lambda: merge(store, ENV, JANE, struck("b", ev.HARD_BOUNCE, NOW + 5), DEFAULT_POLICY)]
    decided = release(store)
    assert decided.at == NOW
    assert set(store.history(ENV, JANE).strikes) == {"b/default"}
    assert decided.answer.suppression is not None


def test_a_decision_that_could_not_be_written_says_so() -> None:
    store = store_with()
    store.troubles = ["ok", THROTTLE]
    with pytest.raises(RetryableError):
        suppress(store)


def test_show_returns_all_that_is_known() -> None:
    store = store_with(struck("a", ev.HARD_BOUNCE, T0))
    shown = questions.show(store, ENV, JANE)
    assert shown is not None
    assert set(shown.history.strikes) == {"a/default"}
    assert questions.show(store, "dev", JANE) is None


# --- listing ----------------------------------------------------------------------------------------------------


def filled() -> FakeStore:
    store = FakeStore(clock=NOW)
    parts = {
        "a@example.net": [struck("a", ev.HARD_BOUNCE, T0 + 1)],
        "b@example.net": [struck("b", ev.COMPLAINT, T0 + 2, stream="marketing")],
        "c@example.net": [struck("c", ev.ALREADY_SUPPRESSED, T0 - 40 * DAY)],
        "d@example.net": [
            struck("d1", ev.COMPLAINT, T0 + 3, stream="default"),
            struck("d2", ev.COMPLAINT, T0 + 4, stream="marketing"),
        ],
        "e@example.net": [struck("e", ev.SOFT_BOUNCE, T0)],
    }
    for address, known in parts.items():
        for part in known:
            merge(store, ENV, address, part, DEFAULT_POLICY)
    return store


def listed(**options: object) -> list[str | None]:
    defaults: dict[str, object] = {"stream": None, "reason": None, "since": 0, "limit": 100, "now": NOW}
    return [a.address for a in questions.listing(filled(), ENV, **{**defaults, **options})]  # type: ignore[arg-type]


def test_a_listing_names_the_suppressed_newest_first_without_what_is_over() -> None:
    assert listed() == ["d@example.net", "b@example.net", "a@example.net"]
    assert listed(now=T0 - 20 * DAY)[-1] == "c@example.net"


def test_a_listing_is_cut_by_reason_since_and_limit() -> None:
    assert listed(reason=ev.COMPLAINT) == ["d@example.net", "b@example.net"]
    assert listed(since=T0 + 2) == ["d@example.net", "b@example.net"]
    assert listed(limit=1) == ["d@example.net"]


def test_a_listing_of_a_stream_answers_for_that_stream() -> None:
    """Whoever is suppressed there, by what stands there, also where the strongest suppression is another stream's."""
    assert listed(stream="default") == ["d@example.net", "a@example.net"]
    assert listed(stream="default", reason=ev.COMPLAINT) == ["d@example.net"]
    assert listed(stream="marketing", reason=ev.HARD_BOUNCE) == ["a@example.net"]


def test_a_hundred_erased_addresses_do_not_end_a_listing_of_a_stream() -> None:
    """An erased address has no name to look up, but those after it do."""

    class PartlyErased(FakeStore):
        def listing(self, environment: str, reasons: Iterable[str], since: int, now: int) -> Iterator[Listed]:
            erased = Suppression("environment", None, ev.HARD_BOUNCE, NOW, None)
            yield from itertools.repeat(Listed(None, erased), 100)
            yield from super().listing(environment, reasons, since, now)

    store = PartlyErased(clock=NOW)
    merge(store, ENV, JANE, struck("a", ev.HARD_BOUNCE, T0), DEFAULT_POLICY)
    answers = questions.listing(store, ENV, stream="default", reason=None, since=0, limit=9, now=NOW)
    assert [answer.address for answer in answers] == [JANE]


def test_a_reason_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    with pytest.raises(PermanentError, match='no reason "bounced"; known: hard_bounce'):
        listed(reason="bounced")


def test_a_release_asks_sess_list_before_the_table_is_written() -> None:
    """Until SES has let go, our table says to nobody that they may send."""
    store = store_with(struck("a", ev.HARD_BOUNCE, T0))
    writes: list[int] = []

    class Watching(FakeLists):
        def remove(self, address: str) -> Mapping[str, str | None]:
            writes.append(store.writes)
            return super().remove(address)

    before = store.writes
    release(store, lists=Watching())
    assert (writes, store.writes) == ([before], before + 1)
