"""Lists as files: CSV in the encodings and with the separators that exports have, and what the AWS command line prints.

Whatever a file holds, each of its lines is read exactly once or said to be unreadable: one stray quote must not swallow
the rest of a million rows.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.lists.formats import SES, Format, recognise
from ses_feedback.usecases.lists.importing import Line

_LONGEST_LINE: Final = 100_000
_LONGEST_ROW: Final = 50  # lines; a receiver's answer in quotes has a few
_SEPARATORS: Final = (",", ";", "\t")
_EXCEL: Final = re.compile(r"sep=[,;\t]", re.ASCII)  # the line that Excel writes and wants before the header
_BINARY: Final = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet: unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "compressed: unpack it first (gunzip)",
    b"\xd0\xcf\x11\xe0": "a spreadsheet: save the sheet as CSV",
    b"%PDF": "a PDF document",
}
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NO_QUOTE_ENDS: Final = "a quote is opened and never closed"
TOO_LONG: Final = "its line is too long"
TOO_MANY_COLUMNS: Final = "it has more columns than the first line"
NO_OBJECT: Final = "it is no JSON object"
# SES API v2, `ListSuppressedDestinations`: a page, and NextToken where there are more; the AWS CLI does not follow it.
GOES_ON: Final = "SES's list goes on after it (NextToken): append the next page to the file"
_MORE: Final = object()


class ListFile(NamedTuple):
    """A list that was opened: whose it is, and its rows, each with the line it begins at (of JSON, its number)."""

    format: Format
    lines: Iterator[Line]


def lines_in(path: Path) -> int:
    """Return about how many lines a file has, for a progress bar. Raises ``PermanentError``."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise _unreadable(path, error) from error


@contextmanager
def open_list(path: Path) -> Iterator[ListFile]:
    """Open a list. Raises ``PermanentError`` where it is none that is known, and for a file that cannot be read."""
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
        for magic, what in _BINARY.items():
            if start.startswith(magic):
                raise PermanentError(f"{path} is {what}")
        encoding = "utf-16" if start[:2] in _UTF_16 else "utf-8-sig"
        # What is no UTF-8 stays visible in its row: a name in another encoding does not matter, an address does.
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        with path.open(encoding=encoding, errors=errors, newline="") as file:
            yield _read(path, file)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> PermanentError:
    return PermanentError(f"{path} cannot be read: {error.strerror or error}")


def _read(path: Path, file: IO[str]) -> ListFile:
    feed = _Feed(file)
    first = feed.first()
    while first and (not first.strip() or _EXCEL.fullmatch(first.strip())):
        feed.skip()
        first = feed.first()
    if first.lstrip()[:1] in ("{", "["):
        return ListFile(SES, _json_rows(path, file, first))
    if not first.strip():
        raise PermanentError(f"{path} is empty: its first line must name the columns")
    if _is_bulk(first):
        return ListFile(SES, _rows(feed, ",", ["EmailAddress", "Reason"]))
    error: PermanentError | None = None
    for separator in _SEPARATORS:
        header = next(csv.reader([first], delimiter=separator), [])
        try:
            found = recognise(header)
        except PermanentError as unknown:
            error = error if error is not None and len(header) == 1 else unknown
            continue
        feed.skip()
        return ListFile(found, _rows(feed, separator, header))
    raise PermanentError(f"{path}: {error}")


def _is_bulk(first: str) -> bool:
    """Return whether a first line is a row of SES's bulk files, which have no header: ``jane@example.com,BOUNCE``."""
    address, _, reason = first.partition(",")
    return "@" in address and reason.strip().upper() in ("BOUNCE", "COMPLAINT")


class _Feed:
    """Gives the lines of a file to a CSV reader, some of them a second time, and never too many for one row."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._back: list[str] = []
        self._next = 1
        self.taken: list[str] = []
        self.starved = False  # the reader wanted another line, within a row, and got none
        self.cut = False  # a line was longer than any row

    def first(self) -> str:
        """Return the first line, and leave it there."""
        line = self._line()
        self._back.append(line)
        return line

    def skip(self) -> None:
        """Take the line that comes next."""
        self._back.pop(0)
        self._next += 1

    def begin(self) -> int:
        """Begin a row; return the number of its first line."""
        self.taken = []
        self.starved = self.cut = False
        return self._next

    def end(self, lines: int) -> None:
        """End a row that has so many lines; those that were taken besides come again."""
        self._back[:0] = self.taken[lines:]
        self._next += lines

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = "" if len(self.taken) == _LONGEST_ROW else (self._back.pop(0) if self._back else self._line())
        if not line:
            self.starved = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        return line

    def _line(self) -> str:
        line = self._file.readline(_LONGEST_LINE)
        rest = line
        while len(rest) == _LONGEST_LINE and not rest.endswith("\n"):
            self.cut = True
            rest = self._file.readline(_LONGEST_LINE)
        return line


def _rows(feed: _Feed, separator: str, header: Sequence[str]) -> Iterator[Line]:
    columns = [name.strip().lower() for name in header]
    reader = csv.reader(feed, delimiter=separator)
    while True:
        number = feed.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            feed.end(1)
            yield Line(number, TOO_LONG)
            continue
        if feed.starved:
            feed.end(1)
            yield Line(number, NO_QUOTE_ENDS)
            continue
        feed.end(len(feed.taken))
        if feed.cut:
            yield Line(number, TOO_LONG)
        elif any(cell.strip() for cell in row[len(columns) :]):
            yield Line(number, TOO_MANY_COLUMNS)
        elif any(row):
            yield Line(number, dict(zip(columns, [*row, *[""] * (len(columns) - len(row))], strict=False)))


def _json_rows(path: Path, file: IO[str], first: str) -> Iterator[Line]:
    """Yield the rows of ``aws sesv2 list-suppressed-destinations``, or of a bulk file with a JSON object a line."""
    whole = _parsed(first)
    if isinstance(whole, dict) and "SuppressedDestinationSummaries" not in whole:
        objects: Iterator[object] = _json_lines(file, whole)
    else:
        file.seek(0)  # the first line may be the whole list, and longer than any row
        objects = _summaries(path, file.read())
    for number, found in enumerate(objects, 1):
        if found is _MORE:
            yield Line(number, GOES_ON)
        elif isinstance(found, dict):
            yield Line(number, {str(name).lower(): str(value) for name, value in found.items() if value is not None})
        else:
            yield Line(number, NO_OBJECT)


def _summaries(path: Path, text: str) -> Iterator[object]:
    """Yield what the pages in a text list, one after another, and ``_MORE`` where the last is not the last of SES."""
    more = False
    for page in _documents(path, text):
        found = page.get("SuppressedDestinationSummaries") if isinstance(page, dict) else page
        if not isinstance(found, list):
            raise PermanentError(
                f"{path} is JSON, but not what aws sesv2 list-suppressed-destinations prints: "
                "it has no SuppressedDestinationSummaries"
            )
        yield from cast("list[object]", found)
        more = isinstance(page, dict) and bool(page.get("NextToken"))
    if more:
        yield _MORE


def _documents(path: Path, text: str) -> list[object]:
    decoder, found, at = json.JSONDecoder(), [], 0
    text = text.strip()
    try:
        while at < len(text):
            document, at = decoder.raw_decode(text, at)
            found.append(document)
            at += len(text[at : at + 1_000]) - len(text[at : at + 1_000].lstrip())
    except (ValueError, RecursionError):
        raise PermanentError(f"{path} is neither CSV nor JSON that can be read") from None
    return found


def _parsed(text: str) -> object:
    """Return what a line of JSON says; ``None`` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json_lines(file: IO[str], first: object) -> Iterator[object]:
    yield first
    for line in file:
        if line.strip():
            yield _parsed(line)
