"""``make soak``: ``EVENTS`` (a million) events under bad weather, from ``SEED`` (a new one, printed).

Exit code 1: something is wrong, and is told. Exit code 2: a variable is.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.soak.campaign import Result, campaign, fresh_seed

EVENTS = 1_000_000


def main() -> int:
    """Run the campaign and say what became of it."""
    try:
        events, seed = number("EVENTS", EVENTS), number("SEED", fresh_seed())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{events:,} events, seed {seed}: SEED={seed} make soak repeats this very run.")
    start = time.monotonic()
    results = _watched(console, seed, events)
    broken = [result for result in results if result.differences]
    for result in broken:
        console.print(f"\nWorld {result.seed} is wrong; alone: EVENTS={result.events} SEED={result.seed} make soak")
        for difference in result.differences:
            console.print(difference, markup=False)
    _sum_up(console, results, time.monotonic() - start)
    return 1 if broken else 0


def _watched(console: Console, seed: int, events: int) -> list[Result]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("events"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=events)
        return list(campaign(seed, events, lambda done: progress.update(task, completed=min(done, events))))


def _sum_up(console: Console, results: list[Result], seconds: float) -> None:
    seen: Counter[str] = Counter()
    for result in results:
        seen.update(result.seen)
    events, calls = sum(r.events for r in results), sum(r.calls for r in results)
    troubles, addresses = sum(r.troubles for r in results), sum(r.addresses for r in results)
    console.print(
        f"{events:,} events, most of them three times, of {addresses:,} addresses with a history: {seconds:.0f} s"
    )
    console.print(f"{calls:,} AWS calls, {troubles:,} of them in trouble ({troubles / max(calls, 1):.1%})")
    for name, number in seen.most_common():
        console.print(f"  {number:>9,} {name}")
    wrong = sum(bool(result.differences) for result in results)
    if wrong:
        console.print(f"{wrong} of {len(results)} worlds are wrong.")
    else:
        console.print(
            f"All {len(results)} worlds are right: nothing lost, no strike twice, metrics and quarantine within bounds."
        )


def number(name: str, default: int) -> int:
    """Return a variable's number. Raises ``ValueError``, which says what would be right."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name}={text!r}: not a whole number above 0, such as {name}={default}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
