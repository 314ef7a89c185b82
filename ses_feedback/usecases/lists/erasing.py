"""Forgetting a person: what is kept of the address tells nobody whose it is, and it still is not mailed."""

from __future__ import annotations

from typing import NamedTuple

from ses_feedback.domain.history import History, Suppression, every_decision
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases.merging import merge_into
from ses_feedback.usecases.ports import QuestionStore, Stored


class Erased(NamedTuple):
    """What became of an address in an environment.

    ``known``: whether anything was; ``before``: whether it was erased already. ``strikes`` and ``decisions`` are how
    many lose their texts, ``suppressions`` what goes on to hold. ``at`` is AWS's clock, in ms.
    """

    environment: str
    known: bool
    before: bool
    strikes: int
    decisions: int
    suppressions: tuple[Suppression, ...]
    at: int


def erase(
    store: QuestionStore,
    policy: Policy,
    environment: str,
    address: str,
    former: str | None = None,
    *,
    dry_run: bool = False,
) -> Erased:
    """Drop the address, message ids and all texts of what is known of it, for good.

    Times, classes, streams and keys stay: a later bounce, import or question finds what it needs, and what it adds is
    kept without texts as well. Doing it again changes nothing. What earlier versions stored under another form of the
    address (``former``) goes in the same way; it is what is told of where nothing else is known.
    """
    if former is not None:
        found = erase(store, policy, environment, former, dry_run=dry_run)
        if store.get(environment, address)[0] is None:
            return found
    stored, clock = store.get(environment, address)
    if stored is None:
        return Erased(environment, False, False, 0, 0, (), clock)
    before = bool(stored.history.erased)
    if not before and not dry_run:
        merge_into(store, stored, History(erased=max(clock, 1)), policy)
    return _told(stored, before, clock)


def _told(stored: Stored, before: bool, clock: int) -> Erased:
    history = stored.history
    live = tuple(found for found in stored.suppressions if found.until is None or found.until > clock)
    decisions = len(every_decision(history))
    return Erased(stored.environment, True, before, len(history.strikes), decisions, live, clock)
