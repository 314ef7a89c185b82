"""What changed in the table, as the rest of the world hears of it: operators' decisions, for the archive.

They are taken from the table's own changes, so that what is archived is what was written, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from ses_feedback.domain.archive import RELEASE, SUPPRESS, decision_line
from ses_feedback.domain.history import History, every_decision, without_texts
from ses_feedback.domain.keys import keyed
from ses_feedback.usecases.ports import Stored


def decisions(before: History, after: Stored, key: str) -> Iterator[str]:
    """Yield the archive's line of each decision that an item holds and did not hold ``before``; ``key`` is the item's.

    Seen twice, a change gives the same lines: readers take them as one. An item without an address has been erased:
    what is decided about it since is archived under its key, for a replay must not lose it.
    """
    erased = after.history.erased
    if not after.environment or not (erased or after.address):
        return
    who = after.environment, keyed(key) if erased else after.address
    known = every_decision(without_texts(before) if erased else before)
    for past in sorted(every_decision(after.history) - known, key=lambda past: (past.ruling.at, past.scope)):
        yield decision_line(*who, past.scope, RELEASE if past.released else SUPPRESS, past.ruling, erased)
