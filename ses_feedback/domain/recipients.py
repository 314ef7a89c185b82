"""The recipients in a text that may name several, as mail programs write them: ``Jane <j@example.net>, joe@x.org``.

Stray commas, semicolons between addresses and names that hold a comma are common, and mailed all the same: the text is
parted here, for ``email.utils`` gives a whole list up where it doubts one part of it, and recurses for each colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress

# What a comma may stand in without parting anything (a quoted string may run to the end), or what parts. Linear.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+("?)|\([^()]*+\)|<[^<>]*+>|[,;]', re.DOTALL)
_PARTS: Final = re.compile("[,;]")
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_GROUP: Final = re.compile(r'\A[^"<>@:]*+:\s*')


class Recipient(NamedTuple):
    """One recipient: ``text`` as it can be mailed, ``address`` as it compares, ``None`` where it cannot be read."""

    text: str
    address: str | None


def recipients(text: str) -> list[Recipient]:
    """Return who a text names, each by itself; what cannot be read is one recipient without address.

    A text that names one is kept as it is. A group without members (``undisclosed-recipients:;``) names nobody.
    """
    if "," not in text and ";" not in text:
        return [Recipient(text, _compared(text))]
    named = [_recipient(part.strip()) for part in _parts(text) if "@" in part]
    if len(named) > 1:
        return named
    whole = _compared(text) or (named[0].address if named else None)
    return [] if whole is None and "@" not in text else [Recipient(text, whole)]


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between commas and semicolons; a quote that nothing closes is only a character."""
    start, end = 0, len(text)
    for token in _TOKEN.finditer(text):
        if token[0] in (",", ";"):
            yield text[start : token.start()]
            start = token.end()
        elif token[1] == "":
            end = token.start()
    head, tail = text[start:end], text[end:]
    first, *others = _PARTS.split(tail)
    yield head + first
    yield from others


def _recipient(part: str) -> Recipient:
    """Return who a part names: what follows the name of a group, and what it is without comments."""
    bare = _GROUP.sub("", part, count=1)
    for written in (part, bare, _COMMENT.sub("", bare).strip()):
        address = _compared(written)
        if address is not None:
            return Recipient(written, address)
    return Recipient(part, None)


def _compared(text: str) -> str | None:
    try:
        return normalise(text)
    except (InvalidAddress, ModuleNotFoundError):  # a non-ASCII domain needs `idna`, which an application may lack
        return None
