"""Runs inputs by seed: input n of a seed is always the same, whoever runs it. Limits CPU and memory of each."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from tests.fuzz.entries import Entries, Wrong, opened
from tests.fuzz.mutators import Mutator
from tests.soak.campaign import with_ticks

CPU_S: Final = 5.0  # of one input; the longest have 512 KB and take a second where most take milliseconds
GROWTH_MB: Final = 256  # of a process, at its peak, over all its inputs
FAILURES: Final = Path(".build/fuzz")
_MOST_FAILURES: Final = 5
_SHARE: Final = 5_000


class TooLong(BaseException):
    """An input took more CPU than any may."""


class Failure(NamedTuple):
    """An input that broke something: which entry point, what happened, and the file that holds the input."""

    seed: int
    number: int
    entry: str
    what: str
    file: str


class Result(NamedTuple):
    """What became of some inputs. ``growth`` is by how many MB the process grew at its peak."""

    inputs: int
    tried: Counter[str]
    failures: list[Failure]
    growth: int
    slowest: float


def fuzz(
    seed: int, numbers: range, progress: Callable[[int], None] = lambda _n: None, failures: Path = FAILURES
) -> Result:
    """Run inputs ``numbers`` of a seed; keep those that fail in the folder ``failures``."""
    tried: Counter[str] = Counter()
    found: list[Failure] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as entries:
        by_name = entries.entries()
        names, weights = list(by_name), [weight for weight, _ in by_name.values()]
        before = None
        for done, number in enumerate(numbers):
            chance = random.Random(f"{seed}:{number}")
            (name,) = chance.choices(names, weights)
            start = _cpu()
            try:
                with _limited():
                    by_name[name][1](Mutator(chance))
            except (Exception, TooLong) as error:  # noqa: BLE001 - that is what is looked for
                found.append(_kept(failures, seed, number, name, error, entries))
                if len(found) >= _MOST_FAILURES:
                    break
            tried[name] += 1
            slowest = max(slowest, _cpu() - start)
            if done == len(numbers) // 10:
                before = _peak_mb()  # everything is imported, every cache has been filled once
            if done % 100 == 99:
                progress(done + 1)
    growth = _peak_mb() - before if before is not None else 0
    return Result(sum(tried.values()), tried, found, growth, slowest)


def _kept(folder: Path, seed: int, number: int, name: str, error: BaseException, entries: Entries) -> Failure:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name.replace(' ', '-')}-{seed}-{number}"
    file.write_bytes(entries.tried)
    if isinstance(error, Wrong):
        what = str(error)
    elif isinstance(error, TooLong):
        what = f"more than {CPU_S:g} s of CPU"
    else:
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {str(error)[:200]} at {Path(where.filename).name}:{where.lineno}"
    return Failure(seed, number, name, what, str(file))


@contextmanager
def _limited() -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


# --- over the cores there are -----------------------------------------------------------------------------------------


def campaign(seed: int, inputs: int, progress: Callable[[int], None]) -> Iterator[Result]:
    """Yield what became of each share of the inputs, as they end; ``progress`` is told how many are done."""
    shares = [(seed, start, min(start + _SHARE, inputs)) for start in range(0, inputs, _SHARE)]
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    with context.Pool(min(os.cpu_count() or 1, len(shares)), _remember, (done,)) as pool:
        yield from with_ticks(pool.imap_unordered(_fuzz, shares), len(shares), lambda: progress(done.value))


_done: Any = None


def _remember(done: Any) -> None:
    global _done  # noqa: PLW0603 - how a pool hands its processes something that cannot be pickled
    _done = done


def _fuzz(share: tuple[int, int, int]) -> Result:
    seed, start, end = share
    last = 0

    def note(inputs: int) -> None:
        nonlocal last
        with _done.get_lock():
            _done.value += inputs - last
        last = inputs

    return fuzz(seed, range(start, end), note)
