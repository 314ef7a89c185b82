"""Where answers go: JSON lines for programs, tables in a terminal, plain aligned text in a pipe or a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ses_feedback.domain.errors import FeedbackError

if TYPE_CHECKING:
    from rich.console import Console

GOOD = "green"
BAD = "bold red"
MILD = "yellow"
QUIET = "dim"
STRONG = "bold"


class ReaderGone(Exception):
    """Whoever read our output has enough of it (``| head``)."""


class Unwritable(FeedbackError):
    """Standard output takes nothing: it is closed, or the disk is full."""


class Styled(NamedTuple):
    """A piece of text with a rich style; the style is for terminals alone."""

    text: str
    style: str


Part = str | Styled


def clean(text: str) -> str:
    """Return a text without control characters: a receiver's diagnostic must not steer an operator's terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def tell(text: str) -> None:
    """Write one line to standard error."""
    if sys.stderr is not None:
        sys.stderr.write(" ".join(clean(text).split("\n")) + "\n")
        sys.stderr.flush()


def flush() -> None:
    """Write out what is still held back."""
    if sys.stdout is not None:
        with _writing():
            sys.stdout.flush()


def _write(text: str) -> None:
    if sys.stdout is None:
        raise Unwritable("standard output is closed")
    with _writing():
        sys.stdout.write(text)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise Unwritable(f"standard output cannot be written: {error.strerror or error}") from error


class Screen:
    """Standard output, for one command."""

    def __init__(self) -> None:
        self._terminal = sys.stdout is not None and sys.stdout.isatty()
        self._console: Console | None = None

    @property
    def terminal(self) -> bool:
        """Whether a person sees this as it is written."""
        return self._terminal

    def record(self, record: Mapping[str, Any]) -> None:
        """Write a JSON line, in ASCII: it survives every locale."""
        _write(json.dumps(record) + "\n")

    def raw(self, text: str) -> None:
        """Write a text for programs exactly as it is, in UTF-8 whatever the locale."""
        if hasattr(sys.stdout, "reconfigure") and sys.stdout.encoding.lower() != "utf-8":
            sys.stdout.reconfigure(encoding="utf-8")
        _write(text)

    def line(self, *parts: Part) -> None:
        """Write a line made of parts."""
        if not self._terminal:
            _write("".join(_plain(part) for part in parts).rstrip() + "\n")
            return
        from rich.text import Text  # noqa: PLC0415 - only a terminal pays for it

        text = Text()
        for part in parts:
            text.append(_plain(part), part.style if isinstance(part, Styled) else "")
        self._show(text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Part]]) -> None:
        """Write a table; columns that are empty in every row are left out."""
        cells = list(rows)
        used = [n for n in range(len(columns)) if any(_plain(row[n]) for row in cells)]
        if not self._terminal:
            self._plain_table([columns[n] for n in used], [[_plain(row[n]) for n in used] for row in cells])
            return
        from rich import box  # noqa: PLC0415 - only a terminal pays for it
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=box.SIMPLE_HEAD, header_style=STRONG, pad_edge=False)
        for n in used:
            table.add_column(columns[n], overflow="fold")
        for row in cells:
            table.add_row(*(Text(_plain(row[n]), _style(row[n])) for n in used))
        self._show(table)

    def paragraphs(self, columns: Sequence[str], rows: Iterable[Sequence[Part]]) -> None:
        """Write a table of long texts, which a terminal folds; elsewhere a paragraph for each row, named by column.

        The first two cells of a row are its first line.
        """
        if self._terminal:
            self.table(columns, rows)
            return
        for row in rows:
            first, second, *others = (_plain(part) for part in row)
            _write(f"  {first}: {second}\n")
            for name, text in zip(columns[2:], others, strict=True):
                if text:
                    _write(f"    {name.lower()}: {text}\n")

    def _plain_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        lines = [columns, *rows]
        widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
        for line in lines:
            _write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")

    def _show(self, thing: Any) -> None:
        if self._console is None:
            from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it

            self._console = Console(highlight=False)
        with _writing():
            self._console.print(thing, soft_wrap=not hasattr(thing, "columns"))


def _plain(part: Part) -> str:
    return clean(part.text if isinstance(part, Styled) else part)


def _style(part: Part) -> str:
    return part.style if isinstance(part, Styled) else ""
