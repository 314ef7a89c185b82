"""What changed in the table, as the rest of the world hears of it: operators' decisions, for the archive.

They are taken from the table's own changes, so that what is archived is what was written, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from ses_feedback.domain.archive import RELEASE, SUPPRESS, decision_line
from ses_feedback.domain.history import History
from ses_feedback.usecases.ports import Stored


def decisions(before: History, after: Stored) -> Iterator[str]:
    """Yield the archive's line of each decision that an item holds and did not hold ``before``.

    Seen twice, a change gives the same lines: readers take them as one. An item without an address has been erased.
    """
    if not after.address or not after.environment:
        return
    who = after.environment, after.address
    for scope, ruling in sorted(after.history.releases.items()):
        if before.releases.get(scope) != ruling:
            yield decision_line(*who, scope, RELEASE, ruling)
    for (scope, reason), ruling in sorted(after.history.rulings.items()):
        if before.rulings.get((scope, reason)) != ruling:
            yield decision_line(*who, scope, SUPPRESS, ruling)
