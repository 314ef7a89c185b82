"""The headers of a MIME message as the most lenient of readers would find them.

Mail programs differ in what ends a line, a header or the head, and nobody knows how SES reads a head that is not as
RFC 5322 says. Here every line that may be a header is one.
"""

from __future__ import annotations

import re
from email.parser import HeaderParser
from typing import Final

Message = bytes | bytearray | str

# What Python's parser is given: the rest of a longer head is only for the lenient reader.
_LONGEST: Final = 1 << 20
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_HEAD_END: Final = re.compile(rb"\r\n\r\n|\n\n|\n\r\n|\r\r")
# A mark of byte order, and what else stands before a head though nothing should.
_BEFORE: Final = b"\xef\xbb\xbf\0 \t\r\n"
_HEADER: Final = re.compile(r"[\0\ufeff]*([!-9;-~]+)[ \t\0]*:(.*)", re.DOTALL)
_FOLDS: Final = (" ", "\t")


def headers(message: Message | None, *names: str) -> list[str]:
    """Return the values of headers, unfolded, by name and then in their order."""
    found: list[tuple[str, list[str]]] = []
    for line in _head(_bytes(message)):
        header = None if line.startswith(_FOLDS) else _HEADER.match(line)
        if header is not None:
            found.append((header[1].lower(), [header[2]]))
        elif found and line.startswith(_FOLDS):
            found[-1][1].append(line)
    values = [(name, " ".join(" ".join(lines).split())) for name, lines in found]
    return [value for wanted in names for name, value in values if name == wanted and value]


def read_alike(message: Message | None, *names: str) -> bool:
    """Return whether Python's own parser, which ends a head at the first line that is no header, finds the same."""
    head = _bytes(message)[:_LONGEST].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    # Bytes that are no ASCII the parser would spoil, and with them addresses of non-ASCII domains.
    parsed = HeaderParser().parsestr(head.decode("utf-8", "replace") + "\n\n")
    values = [" ".join(str(value).split()) for name in names for value in parsed.get_all(name, ())]
    return [value for value in values if value] == headers(message, *names)


def _bytes(message: Message | None) -> bytes:
    return message.encode("utf-8", "surrogateescape") if isinstance(message, str) else bytes(message or b"")


def _head(message: bytes) -> list[str]:
    """Return the lines before the first that is empty, in whichever way lines end."""
    message = message.lstrip(_BEFORE)
    end = _HEAD_END.search(message)
    return _LINE_END.split(message[: end.start() if end else None].decode("utf-8", "replace"))
