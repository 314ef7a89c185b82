"""REPLAY of an archive too large for one machine: many functions, each with some of its objects, in two steps.

The first step brings strikes and decisions, the second, when all of that is done, deliveries: what each function does
joins with what any other did, in any order and however often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.history import History
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases.replay import Noted, Settling, Texts
from ses_feedback.usecases.replay_reading import Gathered, Reader

EVIDENCE, DELIVERIES = STEPS = naming.REPLAY_STEPS
# So many addresses are settled at once; more would only take memory.
_SETTLED_AT_ONCE: Final = 20_000


def replay_some(
    step: str, opened: Iterable[Texts], reader: Reader, settling: Settling, policy: Policy, transient: str
) -> Counter[str]:
    """Read objects and settle what one of ``STEPS`` takes of them; return how many could not be read, by reason.

    Raises ``RetryableError`` for an object that is unread because of ``transient``: all of it is done again.
    """
    if step not in STEPS:
        raise PermanentError(f"no step {step!r} of a replay; known: {', '.join(STEPS)}")
    unread: Counter[str] = Counter()
    for texts in opened:
        for text in texts:
            reader.read(text)
            if len(reader.gathered) >= _SETTLED_AT_ONCE:
                settling.settle(noted(step, reader.take(), policy))
        reader.skipped.update(texts.skipped)
        if texts.unread == transient:
            raise RetryableError(f"reading the archive: {texts.unread}")
        if texts.unread is None:
            reader.counts["objects"] += 1
        else:
            unread[texts.unread] += 1
    settling.settle(noted(step, reader.take(), policy))
    return unread


def noted(step: str, gathered: Gathered, policy: Policy) -> list[Noted]:
    """Return what a step takes of what was gathered."""
    if step == EVIDENCE:
        return [(who, history, {}) for who, history in gathered.evidence(policy).items()]
    return [(who, History(), delivered) for who, delivered in gathered.deliveries.items()]


Counts = dict[str, Any]


def add(one: Counts, other: Counts) -> Counts:
    """Return the sum of two counts, name by name, however deep."""
    total = dict(one)
    for name, value in other.items():
        known = total.get(name)
        if isinstance(value, dict):
            total[name] = add(known if isinstance(known, dict) else {}, value)
        elif isinstance(value, int):
            total[name] = (known if isinstance(known, int) else 0) + value
    return total
