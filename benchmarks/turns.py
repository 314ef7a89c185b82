"""CPU time of several ways to do a thing, each called in turn in another order: what else the machine does hits all."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

RUNS: Final = 400
WARM_UP: Final = 40
CALLS: Final = RUNS + WARM_UP  # of each way


def cpu_s(ways: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median seconds of this process's CPU that a call of each way takes, after a warm-up."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    order = random.Random(7)
    for _ in range(CALLS):
        for name in order.sample(list(ways), len(ways)):
            begun = time.process_time()
            ways[name]()
            spent[name].append(time.process_time() - begun)
    return {name: statistics.median(times[WARM_UP:]) for name, times in spent.items()}
