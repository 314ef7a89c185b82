"""Adding what was learned of an address to what is known of it, whoever else writes at the same time."""

from __future__ import annotations

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, expires_at, join, suppressions
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases.ports import HistoryStore, Stored

LOST_RACES = 3


def merge(store: HistoryStore, environment: str, address: str, learned: History, policy: Policy) -> bool:
    """Add ``learned`` to an address's history; return whether anything changed.

    A new address costs one call. A known one costs a second, unless nothing new was learned. Because joining is
    commutative, associative and idempotent, a crash before or after any call is healed by doing it all again. Raises
    ``RetryableError`` after three lost races, and what the store raises.
    """
    found = store.put_new(environment, address, join(History(), learned, policy))
    return True if found is None else merge_into(store, found, learned, policy)


def merge_into(store: HistoryStore, found: Stored, learned: History, policy: Policy) -> bool:
    """Add ``learned`` to a history that was read already; see ``merge``."""
    for _ in range(LOST_RACES):
        joined = join(found.history, learned, policy)
        if is_up_to_date(found, joined, policy):
            return False
        faster = store.replace(found, joined)
        if faster is None:
            return True
        found = faster
    raise RetryableError(f"lost {LOST_RACES} races for one address")


def is_up_to_date(stored: Stored, joined: History, policy: Policy) -> bool:
    """Return whether an item says all that a history comes to: also what follows, and not to be deleted too early.

    Policies change: what was written under another one follows the present one from the next event on.
    """
    found = suppressions(joined, policy)
    if joined != stored.history or tuple(found) != stored.suppressions:
        return False
    expires = expires_at(joined, found, policy)
    return stored.expires is None or (expires is not None and expires <= stored.expires)
