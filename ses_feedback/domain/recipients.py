"""The recipients in a text that may name several, as mail programs write them: ``Jane <j@example.net>, joe@x.org``.

Stray commas, semicolons between addresses and names that hold a comma are common, and mailed all the same: the text is
parted here, for ``email.utils`` gives a whole list up where it doubts one part of it, and recurses for each colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ses_feedback.domain.mailboxes import Mailboxes, by_email_utils, mailboxes

# What a comma may stand in without parting anything (a quoted string may run to the end), or what parts. Linear. The
# first two are for a text whose comments are closed, outside of comments and within; the third is for every other.
_OUTSIDE: Final = re.compile(r'"(?:[^"\\]|\\.)*+("?)|<[^<>]*+>|[(),;]', re.DOTALL)
_INSIDE: Final = re.compile(r"\\.|[()]", re.DOTALL)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+("?)|\([^()]*+\)|<[^<>]*+>|[,;]', re.DOTALL)
_PARTS: Final = re.compile("[,;]")
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_IS_INTRICATE: Final = re.compile(r'["(\\]')
_LONGEST: Final = 10_000
_GROUP: Final = re.compile(r'\A[^"<>@:]*+:\s*')


class Recipient(NamedTuple):
    """One recipient: ``text`` as it can be mailed, ``address`` as it compares, ``None`` where it cannot be read.

    ``others`` are mailboxes that some reader of the text delivers to besides or instead.
    """

    text: str
    address: str | None
    others: tuple[str, ...] = ()

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """Everybody whom the text may reach, as they compare."""
        return self.others if self.address is None else (self.address, *self.others)


def recipients(text: str) -> list[Recipient]:
    """Return who a text names, each by itself; what cannot be read is one recipient without address.

    A text that names one is kept as it is. A group without members (``undisclosed-recipients:;``) names nobody.
    """
    if "," not in text and ";" not in text:
        return [Recipient(text, *mailboxes(text))]
    named = [_recipient(part.strip()) for part in _parts(text) if _may_name(part)]
    if len(named) > 1:
        return named + [Recipient(*found) for found in _overlooked(text, named)]
    read = [mailboxes(text), *(Mailboxes(part.address, part.others) for part in named)]
    address = next((one.address for one in read if one.address is not None), None)
    others = dict.fromkeys(found for one in read for found in one.all if found != address)
    return [Recipient(text, address, tuple(others))] if address or others or "@" in text else []


def _may_name(part: str) -> bool:
    return "@" in part or (("=?" in part or not part.isascii()) and any(mailboxes(part).all))


def _overlooked(text: str, named: list[Recipient]) -> Iterator[tuple[str, str]]:
    """Yield whom Python's own reader sees in a text whose quotes, comments or escapes it takes in another way."""
    if _IS_INTRICATE.search(text) and len(text) <= _LONGEST:
        known = {address for recipient in named for address in recipient.mailboxes}
        for written in by_email_utils(text):
            address = mailboxes(written).address
            if address is not None and address not in known:
                known.add(address)
                yield written, address


def _parts(text: str) -> Iterable[str]:
    """Return what stands between commas and semicolons, outside of quotes and comments."""
    parts, start, depth = [], 0, 0
    token = _OUTSIDE.search(text)
    while token is not None:
        if token[0] in (",", ";"):
            parts.append(text[start : token.start()])
            start = token.end()
        elif token[0] in ("(", ")"):
            depth += 1 if token[0] == "(" else -1
        if depth < 0 or (token[0].startswith('"') and not token[1]):
            return _parts_of_any(text)
        token = (_INSIDE if depth else _OUTSIDE).search(text, token.end())
    return _parts_of_any(text) if depth else [*parts, text[start:]]


def _parts_of_any(text: str) -> Iterator[str]:
    """Yield the parts; a quote or parenthesis that nothing closes is only a character."""
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
        found = mailboxes(written)
        if found.address is not None:
            return Recipient(written, *found)
    return Recipient(part, *mailboxes(part))
