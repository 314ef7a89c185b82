"""ALSO: feedback that comes by HTTPS, from another account or region, is acted on and clears strikes like any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ses_feedback.domain.keys import Keys
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.ports import HistoryStore, Quarantine
from ses_feedback.usecases.record import record
from ses_feedback.usecases.tally import TallyRules, tally


class _NoMeter:
    """Counts nothing: a post that SNS repeats would be counted twice, and rates are those of this account's mail."""

    def emit(
        self,
        dimensions: Mapping[str, str],
        at: int,
        values: Mapping[str, int],
        *,
        sets: Sequence[Sequence[str]] | None = None,
        notes: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Do nothing."""


def receive(
    entries: Iterable[Entry],
    *,
    rules: TallyRules,
    keys: Keys,
    store: HistoryStore,
    quarantine: Quarantine,
    now: int,
) -> Outcome:
    """Record what counts against an address, then let deliveries clear strikes; return which entries must come back.

    Doing it again, wholly or in part, changes nothing.
    """
    given = tuple(entries)
    outcome = record(given, rules=rules, keys=keys, store=store, quarantine=quarantine, now=now)
    cleared = tally(given, rules=rules, store=store, quarantine=quarantine, meter=_NoMeter(), now=now)
    outcome.failed |= cleared.failed
    outcome.problems.update(cleared.problems)
    for name in ("cleared", "quarantined"):  # what both have read is counted once
        outcome.counts[name] += cleared.counts[name]
    return outcome
