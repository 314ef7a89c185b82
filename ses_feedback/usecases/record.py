"""ACT: feedback becomes strikes, strikes become suppressions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ses_feedback.domain.canary import ACT
from ses_feedback.domain.events import Event
from ses_feedback.domain.history import History, Strike, copy_key, join_strikes, strike_of
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases.handling import Batch, Entry, Outcome, Returned, Rules
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.ports import HistoryStore, Quarantine

Who = tuple[str, str]


def record(
    entries: Iterable[Entry],
    *,
    rules: Rules,
    keys: Keys,
    store: HistoryStore,
    quarantine: Quarantine,
    now: int,
    returned: Returned | None = None,
) -> Outcome:
    """Add every strike among the entries to its address, all strikes of one address in one write.

    Canaries strike nobody: ``returned`` is told of them, last. Returns which entries must come back. Doing it again,
    wholly or in part, changes nothing.
    """
    batch = Batch(entries, rules, quarantine, now)
    learned: dict[Who, dict[str, Strike]] = {}
    sources: dict[Who, set[str]] = {}
    for entry, reading in batch.readings.items():
        for event in reading.events:
            who = learn(event, learned, keys, rules.policy)
            if who is not None:
                sources.setdefault(who, set()).add(entry)
    for who, strikes in learned.items():
        batch.attempt(sources[who], partial(_write, batch, store, who, History(strikes), rules.policy))
    batch.tell_canaries(ACT, returned)
    return batch.outcome


def learn(event: Event, learned: dict[Who, dict[str, Strike]], keys: Keys, policy: Policy) -> Who | None:
    """Add the strike that an event is to what was learned; return whose it is, ``None`` where it strikes nobody."""
    if not policy.get(event.class_):
        return None
    who = (event.environment, event.recipient)
    strike = strike_of(event)
    key = copy_key(keys.strike(event), strike)
    strikes = learned.setdefault(who, {})
    known = strikes.get(key)
    strikes[key] = strike if known is None else join_strikes(known, strike)
    return who


def _write(batch: Batch, store: HistoryStore, who: Who, news: History, policy: Policy) -> None:
    batch.outcome.counts["written"] += merge(store, *who, news, policy)
