"""``make bench``: every figure that has a target, in one table. ``python -m benchmarks cli synth`` takes only some."""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.figure import Figure, NotMeasured


def _parse() -> list[Figure]:
    from benchmarks import corpus, parse

    messages = corpus.envelopes(corpus.SIZE)
    rates = parse.measure({parse.FLOOR: parse.floor, **parse.ours(), **parse.anymail()}, messages, repeats=5)
    mine, least = (statistics.median(rates[name]) for name in (parse.OURS, parse.FLOOR))
    ratio = statistics.median(parse.ratios(rates, parse.OURS))
    reference = f"{least:,.0f}/s: two json.loads and dictionary access"
    return [
        Figure(
            "parse and decide, per CPU-second", f"{mine:,.0f} messages/s", reference, ratio, parse.TARGET, at_least=True
        )
    ]


def _module(name: str) -> Callable[[], list[Figure]]:
    def measure() -> list[Figure]:
        figures: list[Figure] = importlib.import_module(f"benchmarks.{name}").measure()
        return figures

    return measure


BENCHMARKS: Final[dict[str, Callable[[], list[Figure]]]] = {
    "parse": _parse,
    "coldstart": _module("coldstart"),
    "asset": _module("asset"),
    "cli": _module("cli"),
    "synth": _module("synth"),
    "urgent": _module("urgent"),
    "guard": _module("guard"),
    "cost": _module("cost"),
    "endpoint": _module("endpoint"),
    "posts": _module("posts"),
    "lookup": _module("lookup"),
    "replay": _module("replay"),
    "imports": _module("imports"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table. Returns 0, also where a target is missed; 1 where a figure could not be taken."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed and size against peers and limits."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of: {', '.join(BENCHMARKS)}")
    names = parser.parse_args(arguments).names or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    table = Table(title="Medians; a ratio is to the peer or to the limit")
    for column in ("figure", "measured", "against"):
        table.add_column(column, overflow="fold")
    for column in ("ratio", "target"):
        table.add_column(column, justify="right")
    table.add_column("")
    code = 0
    with console.status("") as status:
        for name in names:
            status.update(f"measuring {name}")
            try:
                figures = BENCHMARKS[name]()
            except NotMeasured as problem:
                table.add_row(name, str(problem), "", "", "", "[red]not measured[/]")
                code = 1
                continue
            for figure in figures:
                verdict = "[green]pass[/]" if figure.met else "[red]FAIL[/]"
                row = (figure.name, figure.measured, figure.reference, f"{figure.ratio:.2f}", figure.bound, verdict)
                table.add_row(*row)
    console.print(table)
    return code


if __name__ == "__main__":
    sys.exit(main())
