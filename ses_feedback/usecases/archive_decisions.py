"""Questions to the archive about decisions: who suppressed and released whom, why, and what was known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.domain.archive_columns import DECISION_COLUMNS, DECISION_NAMES, NUMBER
from ses_feedback.usecases.archive import Filter, Question, Value

# The column of a decision that says when.
TIME: Final = "at"
_NUMBERS: Final = {name for name, kind in DECISION_COLUMNS if kind == NUMBER}


@dataclass(frozen=True, slots=True)
class DecisionQuestion(Question):
    """A question about decisions; the same one, archived twice, is one."""

    @property
    def relation(self) -> str:
        """See ``Question``."""
        return naming.ARCHIVE_DECISIONS

    def sql(self, source: str, arrived: str = "") -> str:
        """See ``Question``."""
        condition = f"{arrived} AND {self.filter.condition()}" if arrived else self.filter.condition()
        names = ", ".join(f'"{name}"' for name in DECISION_NAMES)
        return f"WITH found AS (SELECT DISTINCT {names} FROM {source} WHERE {condition}) {self.answer}"


def newest_decisions(where: Filter, limit: int) -> Question:
    """Return the question for the newest decisions; the filter's ``time`` is ``TIME``."""
    order = ", ".join(f"coalesce(\"{name}\", '')" for name in ("address", "environment", "stream", "action", "why"))
    names = ", ".join(f'"{name}"' for name in DECISION_NAMES)
    answer = f'SELECT {names} FROM found ORDER BY "{TIME}" DESC, {order} LIMIT {limit}'
    return DecisionQuestion(where, answer, DECISION_NAMES)


def decision_of(row: Sequence[Value]) -> dict[str, Any]:
    """Return a row of ``newest_decisions`` with the keys of the archive's decisions: Athena writes numbers as text."""
    found: dict[str, Any] = dict(zip(DECISION_NAMES, row, strict=True))
    return {name: int(v) if name in _NUMBERS and v not in (None, "") else v for name, v in found.items()}
