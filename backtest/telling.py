"""When a composite alarm tells on-call: its states, held back by its suppressor."""

from __future__ import annotations

import numpy as np

from backtest.evaluator import ALARM, OK, STATES, States
from cloudwatch.suppression import Suppression


def told(states: States, suppressor: States | None, wait: int, extension: int) -> list[tuple[int, str]]:
    """Return when (index of the minute) an alarm's actions for which state are performed.

    ``wait`` and ``extension`` are seconds; without a suppressor actions follow at once. The alarm begins in OK, told.
    """
    if suppressor is None:
        return [(int(at), STATES[states[at]]) for at in np.flatnonzero(np.diff(states, prepend=np.int8(OK)))]
    off = suppressor != ALARM
    moved = np.diff(states, prepend=np.int8(OK)) != 0
    moved |= np.diff(off, prepend=True) != 0
    suppression = Suppression(STATES[OK], wait=wait, extension=extension)
    last = -1
    found = []
    longest = max(wait, extension) // 60 + 1
    for begin in np.flatnonzero(moved):
        # Between two changes nothing is decided later than the longer of the two periods.
        for at in range(max(int(begin), last + 1), min(int(begin) + longest + 1, len(states))):
            last = at
            due = suppression.decide(STATES[states[at]], suppressor_in_alarm=not off[at], now=at * 60)
            if due is not None:
                found.append((at, due))
    return found
