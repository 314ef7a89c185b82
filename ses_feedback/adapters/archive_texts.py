"""Objects of an archive, ours or anybody's, as texts of whole notifications: plain or gzip, one a line or back to back.

Nothing is held in memory whole but a text of about a megabyte. What is damaged or none of ours is counted by its
reason, and the rest is read: the beginning of a gzip that breaks off, the good lines around a bad one.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from typing import Any, BinaryIO, Final

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback.adapters.archive_places import GONE, UNREADABLE, Place, Unread, hour_in
from ses_feedback.domain.notifications import MAX_AHEAD
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.archive import Hours, hour_of
from ses_feedback.usecases.replay import Object
from ses_feedback.usecases.replay_reading import ALWAYS, Window

FOREIGN: Final = "objects that are neither gzip nor JSON"
TRUNCATED: Final = "gzip objects that break off, read up to there"
DAMAGED: Final = "gzip objects that are damaged, read up to there"
LONG: Final = "pieces of more than 64 MB"

# SNS tries 23 days to hand a message to Firehose ("Amazon SNS message delivery retries").
LATEST: Final = 23 * DAY
_NO_END: Final = "9999/12/31/23"
LONGEST: Final = 64 << 20
_BLOCK: Final = 1 << 20
_AHEAD: Final = 8
_AHEAD_BYTES: Final = 64 << 20
_LOOK_BACK: Final = 256
_GZIP: Final = b"\x1f\x8b"
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Between two notifications: an object ends, or a line does that no JSON could go on after, and an object begins. No
# JSON string holds this: a quote ends it, and no word follows there.
_BOUNDARY: Final = re.compile(r'(?:\}|[^,\[:\s]\s{0,64}\n)\s{0,64}(?=\{\s{0,64}"\w)')
_BEGINS: Final = re.compile(r'\{\s{0,64}"|Successfully validated SNS topic')


def hours_of(window: Window) -> Hours:
    """Return the hours of arrival in which feedback of a window can lie."""
    first = hour_of(max(window.since - MAX_AHEAD, 0))
    return Hours(first, _NO_END if window.until >= ALWAYS.until else hour_of(window.until + LATEST))


class ReplayArchive:
    """Implements ``usecases.replay.Source`` over a folder or a bucket."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def objects(self, window: Window) -> Iterator[Object]:
        """Yield the objects by whose names they may hold feedback of a window, and those whose names tell no time."""
        for piece in self._place.pieces(hours_of(window)):
            yield Object(piece.name, piece.size)

    def chosen(self, objects: Iterable[Object], window: Window) -> Iterator[Object]:
        """Yield those of some objects, however they were listed, that ``objects`` would yield."""
        hours = hours_of(window)
        for object_ in objects:
            hour = hour_in(object_.name)
            if hour is None or hours.include(hour):
                yield object_

    def open_all(self, objects: Iterable[Object]) -> Iterator[ObjectTexts]:
        """Yield objects in order, opened."""
        return open_all(self._place, objects)


class ObjectTexts:
    """One object; implements ``Texts``."""

    def __init__(self, object_: Object, content: BinaryIO | str) -> None:
        self.object = object_
        self.skipped: Counter[str] = Counter()
        self.unread: str | None = None
        self._content = content

    def __iter__(self) -> Iterator[str]:
        """Yield its texts, once."""
        if isinstance(self._content, str):
            if self._content == GONE:  # for good: nothing to come back for
                self.skipped[GONE] += 1
            else:
                self.unread = self._content
            return
        try:
            yield from _cut(_decoded(_inflated(_blocks(self._content), self.skipped)), self.skipped)
        except (OSError, BotoCoreError, ClientError):
            self.unread = UNREADABLE
        finally:
            self._content.close()


def open_all(place: Place, objects: Iterable[Object]) -> Iterator[ObjectTexts]:
    """Yield objects in order, opened; some are fetched ahead, so that small ones need not wait for each other."""
    waiting: deque[tuple[Object, Future[BinaryIO | str]]] = deque()
    held = 0
    with ThreadPoolExecutor(_AHEAD) as pool:
        try:
            for object_ in objects:
                while waiting and (len(waiting) >= _AHEAD or held + object_.size > _AHEAD_BYTES):
                    first, future = waiting.popleft()
                    held -= first.size
                    yield ObjectTexts(first, future.result())
                waiting.append((object_, pool.submit(_open, place, object_)))
                held += object_.size
            while waiting:
                first, future = waiting.popleft()
                yield ObjectTexts(first, future.result())
        finally:
            for _, future in waiting:
                future.cancel()


def _open(place: Place, object_: Object) -> BinaryIO | str:
    """Return an object to read from, all of it where it is small; else why it cannot be read."""
    try:
        opened = place.open(object_.name)
        if object_.size > _AHEAD_BYTES // _AHEAD:
            return opened
        with opened:
            return BytesIO(opened.read())
    except Unread as error:
        return str(error)
    except (OSError, BotoCoreError):
        return UNREADABLE


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    while block := content.read(_BLOCK):
        yield block


def _inflated(blocks: Iterator[bytes], skipped: Counter[str]) -> Iterator[bytes]:
    """Yield what is compressed, of any number of gzip members, in blocks; what is not, as it is."""
    first = next(blocks, b"")
    while 0 < len(first) < len(_GZIP) and (more := next(blocks, b"")):
        first += more
    if not first.startswith(_GZIP):
        yield first
        yield from blocks
        return
    inflater: Any = zlib.decompressobj(31)
    data = first
    while True:
        try:
            block = inflater.decompress(data, _BLOCK)
        except zlib.error:
            skipped[DAMAGED] += 1
            return
        if block:
            yield block
        if inflater.eof:
            data = inflater.unused_data or next(blocks, b"")
            while 0 < len(data) < len(_GZIP) and (more := next(blocks, b"")):
                data += more
            if not data.strip(b"\0"):
                return
            if not data.startswith(_GZIP):
                skipped[DAMAGED] += 1
                return
            inflater = zlib.decompressobj(31)
            continue
        data = inflater.unconsumed_tail or next(blocks, b"")
        if not data:
            skipped[TRUNCATED] += 1
            return


def _decoded(blocks: Iterator[bytes]) -> Iterator[str]:
    """Yield text. A broken byte stays, as a lone surrogate: it may sit in a subject that nobody reads."""
    decoder: codecs.IncrementalDecoder | None = None
    for block in blocks:
        if decoder is None:
            wide = block.startswith(_UTF_16)
            decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8")(
                "replace" if wide else "surrogateescape"
            )
        yield decoder.decode(block)
    if decoder is not None:
        yield decoder.decode(b"", True)


def _cut(blocks: Iterator[str], skipped: Counter[str]) -> Iterator[str]:
    """Yield texts that end between two notifications; nothing of an object that does not look like JSON."""
    rest, searched, dropping, begun = "", 0, False, False
    for block in blocks:
        rest += block
        if len(rest) - searched < _BLOCK:
            continue
        if not begun:
            if not _looks_like_json(rest):
                skipped[FOREIGN] += 1
                return
            begun = True
        end = _last_boundary(rest, searched)
        if end is None:
            if len(rest) > LONGEST or dropping:
                skipped[LONG] += not dropping
                rest, dropping = rest[-_LOOK_BACK:], True
            searched = len(rest)
            continue
        if dropping:  # up to the first boundary, all belongs to what is too long
            found = _BOUNDARY.search(rest)
            rest, end, dropping = rest[found.end() :], end - found.end(), False  # type: ignore[union-attr]
        if end:
            yield rest[:end]
        rest = rest[end:]
        searched = len(rest)
    if not rest.strip("\0 \t\r\n\ufeff"):
        return
    if dropping:
        found = _BOUNDARY.search(rest)
        rest = rest[found.end() :] if found else ""
    if rest and not begun and not _looks_like_json(rest):
        skipped[FOREIGN] += 1
    elif rest:
        yield rest


def _last_boundary(text: str, searched: int) -> int | None:
    """Return where the last notification begins in the part that was not searched yet; looked for from the end."""
    size = 1 << 16
    while True:
        start = max(len(text) - size, searched - _LOOK_BACK, 0)
        last = None
        for found in _BOUNDARY.finditer(text, start):
            last = found.end()
        if last is not None or start <= max(searched - _LOOK_BACK, 0):
            return last
        size *= 4


def _looks_like_json(text: str) -> bool:
    return "\0" not in text[:_BLOCK] and _BEGINS.search(text) is not None
