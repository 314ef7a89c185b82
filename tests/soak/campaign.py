"""Many worlds, each with a seed of its own, over the cores there are."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from ses_feedback.domain.policy import Policy
from tests.soak.cloud import BAD, Weather
from tests.soak.functions import loaded
from tests.soak.loop import Loop
from tests.soak.traffic import POLICIES
from tests.soak.verdict import verdict

# One world holds this many events, so that a failure can be repeated alone and in half a minute.
WORLD: Final = 50_000
_WRITERS: Final = 4
_SHOWN: Final = 3


class Result(NamedTuple):
    """What became of one world: its seed, what differed (the first few), and what happened in it."""

    seed: int
    events: int
    differences: list[str]
    seen: Counter[str]
    calls: int
    troubles: int
    addresses: int


def world(
    seed: int,
    events: int,
    weather: Weather = BAD,
    progress: Callable[[int], None] = lambda _events: None,
    meddle: Callable[[Loop], None] = lambda _loop: None,
) -> Result:
    """Let one world run to its end and judge it; ``meddle`` may break something first."""
    policy: Policy = POLICIES[seed % len(POLICIES)]
    alarms = "environment" if seed // len(POLICIES) % 2 else "identity"
    with loaded() as handlers:
        loop = Loop(
            handlers,
            seed=seed,
            events=events,
            policy=policy,
            alarms=alarms,
            weather=weather,
            writers=_WRITERS,
            progress=progress,
        )
        meddle(loop)
        loop.run()
        differences = list(islice(verdict(loop), _SHOWN))
    cloud = loop.cloud
    calls, troubles = sum(cloud.calls.values()), sum(cloud.troubles.values())
    return Result(seed, loop.traffic.events, differences, loop.seen, calls, troubles, len(cloud.dynamo.items) - 1)


def campaign(seed: int, events: int, progress: Callable[[int], None]) -> Iterator[Result]:
    """Yield the result of each world, as they end. World n has the seed ``seed`` + n: running it alone repeats it."""
    worlds = [(seed + n, min(WORLD, events - n * WORLD)) for n in range(-(-events // WORLD))]
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    with context.Pool(min(os.cpu_count() or 1, len(worlds)), _remember, (done,)) as pool:
        yield from with_ticks(pool.imap_unordered(_world, worlds), len(worlds), lambda: progress(done.value))


def with_ticks(results: Any, count: int, tick: Callable[[], None]) -> Iterator[Any]:
    """Yield ``count`` results of a pool, and ``tick`` twice a second meanwhile."""
    while count:
        tick()
        with contextlib.suppress(multiprocessing.TimeoutError):
            yield results.next(timeout=0.5)
            count -= 1
    tick()


_done: Any = None


def _remember(done: Any) -> None:
    global _done  # noqa: PLW0603 - how a pool hands its processes something that cannot be pickled
    _done = done


def _world(asked: tuple[int, int]) -> Result:
    last = 0

    def note(events: int) -> None:
        nonlocal last
        with _done.get_lock():
            _done.value += events - last
        last = events

    return world(*asked, progress=note)


def fresh_seed() -> int:
    """Return a seed that was not used before."""
    return time.time_ns() // 1_000_000 % 10**9
