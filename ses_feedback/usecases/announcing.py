"""What changed in the table, as the rest of the world hears of it: operators' decisions, for the archive.

They are taken from the table's own changes, so that what is archived is what was written, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from ses_feedback.domain.archive import RELEASE, SUPPRESS, decision_line
from ses_feedback.domain.history import History, every_decision
from ses_feedback.usecases.ports import Stored


def decisions(before: History, after: Stored) -> Iterator[str]:
    """Yield the archive's line of each decision that an item holds and did not hold ``before``.

    Seen twice, a change gives the same lines: readers take them as one. An item without an address has been erased.
    """
    if not after.address or not after.environment:
        return
    who = after.environment, after.address
    known = every_decision(before)
    for past in sorted(every_decision(after.history) - known, key=lambda past: (past.ruling.at, past.scope)):
        yield decision_line(*who, past.scope, RELEASE if past.released else SUPPRESS, past.ruling)
