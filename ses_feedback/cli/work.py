"""Work that takes a while: a bar in a terminal, and Ctrl-C that ends it between two steps."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

Rate = Annotated[
    str, typer.Option("--rate", metavar="N", help="At most so many a second, such as 50 or 50/s; at most 10000.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
DEFAULT_RATE = "100"

Advance = Callable[[int], None]


@contextmanager
def progress(what: str, total: int | None = None, *, sizes: bool = False) -> Iterator[Advance]:
    """Show a bar on standard error while the block works, if that is a terminal; yield what moves it on.

    ``sizes``: what is counted are bytes.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda number: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    counted = DownloadColumn() if sizes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counted, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Let the first Ctrl-C within the block set the event that is yielded, and a second one end everything at once."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        stop.set()

    signal.signal(signal.SIGINT, first)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
