"""Storage keeps the law: any history is read back as it was, and expiry forgets nothing that could still matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ses_feedback import naming
from ses_feedback.adapters.items import from_item, from_listing, to_item
from ses_feedback.domain import events as ev
from ses_feedback.domain.history import AFTERLIFE, History, covering, expires_at, join, strongest, suppressions
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import SECOND
from tests.property.facts import SCOPES, START, STREAMS, UNIT, situations, two_parts
from tests.property.model import Fact, Facts, Released, Ruled, Seen, end, instants
from tests.property.test_law import learn

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(situations, st.lists(st.tuples(texts, texts, texts, texts, texts), min_size=20, max_size=20))
def test_any_history_is_read_back_as_it_was_written(
    situation: tuple[Policy, list[Fact]], evidence: list[tuple[str | None, ...]]
) -> None:
    """Strikes with any texts, deliveries, releases, rulings, and the suppressions that follow."""
    policy, known = situation
    plain = learn(known, policy)
    strikes = {
        key: strike._replace(message_id=m, identity=i, status=s, diagnostic=d, detail=t)
        for (key, strike), (m, i, s, d, t) in zip(plain.strikes.items(), evidence, strict=False)
    }
    history = History(strikes, plain.deliveries, plain.releases, plain.rulings, past=plain.past)
    item = to_item("key", "production", "jane@example.net", history, policy, "version")
    stored = from_item(item)
    assert stored.history == history
    assert list(stored.suppressions) == suppressions(history, policy)
    top = strongest(stored.suppressions)
    assert (top is None) == (naming.ATTRIBUTE_LISTING_KEY not in item)
    if top is not None:
        carried = {name: item[name] for name in naming.LISTING_ATTRIBUTES if name in item}
        assert from_listing(carried, top.since).suppression == top


@given(two_parts)
def test_what_expired_could_not_have_mattered_any_more(
    situation: tuple[Policy, list[Fact], list[Fact]],
) -> None:
    """Once only the afterlife is left, nobody is suppressed, and no later feedback is judged otherwise.

    ``AFTERLIFE`` itself is for feedback from before that moment that arrives late.
    """
    policy, known, more = situation
    history = learn((fact for fact in known if not isinstance(fact, Released)), policy)
    found = suppressions(history, policy)
    expires = expires_at(history, found, policy)
    if expires is None:
        return
    over = (expires + 1) * SECOND - AFTERLIFE
    for stream in STREAMS:
        assert covering(found, stream, over) is None
    shift = over + 1 - START + 1
    later = [
        Seen(f"new-{fact.key}", fact.strike._replace(at=fact.strike.at + shift, sent=fact.strike.sent + shift))
        for fact in more
        if isinstance(fact, Seen)
    ]
    without = learn(later, policy)
    with_it = join(history, without, policy)
    newest = max((strike.at for strike in Facts(later).strikes.values()), default=over)
    for now in instants(later, policy):
        if now >= newest:
            for stream in STREAMS:
                one = covering(suppressions(with_it, policy), stream, now)
                other = covering(suppressions(without, policy), stream, now)
                assert (one is None) == (other is None)
                assert one is None or other is None or end(one.until) == end(other.until)


@given(situations, st.sampled_from(SCOPES), st.sampled_from((ev.IMPORT, ev.SES)), st.integers(0, 41))
def test_no_older_list_suppresses_anew_once_all_has_expired(
    situation: tuple[Policy, list[Fact]], scope: str, reason: str, unit: int
) -> None:
    """A row that a newer one has ended finds that newer one, however late it is taken over."""
    policy, known = situation
    history = learn((fact for fact in known if not isinstance(fact, Released)), policy)
    older = Ruled(scope, reason, START + unit * UNIT, None).learn()
    joined = join(history, older, policy)
    expires = expires_at(history, suppressions(history, policy), policy)
    if expires is not None:
        for stream in (*STREAMS, "third"):
            now = (expires + 1) * SECOND
            kept, gone = (suppressions(h, policy) for h in (joined, older))
            assert covering(kept, stream, now) == covering(gone, stream, now)
