"""Every mailbox that a text may be delivered to, whoever reads it: the question before a send is asked about them all.

Feedback is about the one mailbox that it names, and ``normalise`` says which. A text that is about to be sent is read
once more by whoever sends it: one decodes MIME words, another maps full-width letters or deletes what has no width, a
third takes an address out of a display name. So it is asked about in each of these readings, and in the form under
which earlier versions stored it. Nobody else is hit by that: what is *stored* is only what feedback and people name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ses_feedback.domain.addresses import decode_words, former, normalise, plain
from ses_feedback.domain.errors import InvalidAddress

# An address with its names and comments is shorter, and whoever writes one text for many recipients uses commas.
_LONGEST: Final = 2_000
_MOST: Final = 8
_LONGEST_DOMAIN: Final = 254
# A display name that no reader takes for anything else, before angle brackets.
_is_named: Final = re.compile(
    r"""\s*(?:[^\x00-\x1f"(),.:;<=>@\[\\\]\x7f-\x9f][^\x00-\x1f"(),:;<=>@\[\\\]\x7f-\x9f]*"""
    r"""|"[^\x00-\x1f"<=>@\\\x7f-\x9f]*"\s*)<([^<>]+)>\s*"""
).fullmatch
_WORD: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=(?:\s+(?==\?))?")
# Unicode's Default_Ignorable_Code_Point: nobody sees them. UTS 46 and IDNA 2003 delete most of them.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class Mailboxes(NamedTuple):
    """``address`` is the one a text names, ``None`` where it cannot be read; ``others`` are whom else it may reach."""

    address: str | None
    others: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return self.others if self.address is None else (self.address, *self.others)


def mailboxes(text: str) -> Mailboxes:
    """Return whom a text of one recipient may reach. Never raises; ordinary addresses cost one regular expression.

    A non-ASCII domain needs ``idna``, which an application may lack: then it cannot be read.
    """
    address = plain(text)
    if address is None:
        named = _is_named(text)
        address = None if named is None else plain(named[1])
    return _doubted(text) if address is None else Mailboxes(address)


def _doubted(text: str) -> Mailboxes:
    if len(text) > _LONGEST:
        return Mailboxes(None)
    address = _normalised(text)
    found = dict.fromkeys(other for other in _readings(text) if other != address)
    if len(found) > _MOST:
        return Mailboxes(None)
    return Mailboxes(address, tuple(found))


def _readings(text: str) -> Iterator[str]:
    try:
        stored = former(text)
    except ModuleNotFoundError:
        stored = None
    if stored is not None:
        yield stored
    forms = dict.fromkeys((text, _folded(text)))
    for form in tuple(forms):
        for decoded in (decode_words(form), _WORD.sub(_decoded, form)):
            if decoded is not None:
                forms |= dict.fromkeys((decoded, _folded(decoded)))
    for form in forms:
        for written in (form, *by_email_utils(form)):
            for spelled in (written, *_by_idna_2003(written)):
                address = _normalised(spelled)
                if address is not None:
                    yield address


def _normalised(text: str) -> str | None:
    try:
        return normalise(text)
    except (InvalidAddress, ModuleNotFoundError):
        return None


def _decoded(word: re.Match[str]) -> str:
    """Return a MIME word (RFC 2047) decoded where it stands, in an address as well, where none is allowed."""
    return decode_words(word[0].strip()) or word[0]


def _folded(text: str) -> str:
    """Return a text with the letters that full-width or otherwise dressed ones stand for, without invisible ones."""
    if text.isascii():
        return text
    from unicodedata import normalize  # noqa: PLC0415 - a big table, needed for few addresses

    return _INVISIBLE.sub("", normalize("NFKC", _INVISIBLE.sub("", text)))


def by_email_utils(text: str) -> list[str]:
    """Return the addresses that ``smtplib`` and Python's other mailers see, in doubt more of them than they use."""
    from email.utils import getaddresses  # noqa: PLC0415 - needed for few addresses

    try:
        try:
            found = getaddresses([text], strict=False)
        except TypeError:  # Python before 3.11.10 and 3.12.6 is never strict
            found = getaddresses([text])
    except (RecursionError, IndexError):  # it calls itself for every colon, and trips over some ends
        return []
    return [address for _, address in found if "@" in address]


def _by_idna_2003(text: str) -> list[str]:
    """Return an address with its domain as Python's own codec encodes it, and Django with it: ``ß`` becomes ``ss``."""
    local, _, domain = text.rpartition("@")
    domain = domain.rstrip("> \t\r\n")
    if domain.isascii() or len(domain) > _LONGEST_DOMAIN:
        return []
    try:
        return [f"{local}@{domain.encode('idna').decode()}".rpartition("<")[2]]
    except UnicodeError:
        return []
