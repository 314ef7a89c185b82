"""``make fuzz``: ``INPUTS`` (240,000) inputs through every entry point, from ``SEED`` (a new one, printed).

Exit code 1: an input broke something; it is told, and kept in a file. Exit code 2: a variable is wrong.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.fuzz.campaign import GROWTH_MB, Result, campaign
from tests.soak.__main__ import number
from tests.soak.campaign import fresh_seed

INPUTS = 240_000


def main() -> int:
    """Run the inputs and say what became of them."""
    try:
        inputs, seed = number("INPUTS", INPUTS), number("SEED", fresh_seed())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{inputs:,} inputs, seed {seed}: SEED={seed} make fuzz repeats this very run.")
    start = time.monotonic()
    results = _watched(console, seed, inputs)
    tried = sum((result.tried for result in results), Counter[str]())
    for name, times in tried.most_common():
        console.print(f"  {times:>9,} {name}")
    failures = [failure for result in results for failure in result.failures]
    for failure in failures:
        console.print(
            f"{failure.entry}, input {failure.number}: {failure.what}\n  kept in {failure.file}", markup=False
        )
    growth, slowest = max(result.growth for result in results), max(result.slowest for result in results)
    grown = growth > GROWTH_MB
    console.print(
        f"{sum(tried.values()):,} inputs in {time.monotonic() - start:.0f} s: {len(failures)} broke something; "
        f"the slowest took {slowest:.2f} s of CPU, "
        f"memory grew by {growth} MB{f', more than {GROWTH_MB}' if grown else ''}."
    )
    return 1 if failures or grown else 0


def _watched(console: Console, seed: int, inputs: int) -> list[Result]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("inputs"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=inputs)
        return list(campaign(seed, inputs, lambda done: progress.update(task, completed=done)))


if __name__ == "__main__":
    sys.exit(main())
