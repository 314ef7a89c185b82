"""The recipients in a text that may name several, as mail programs write them: ``Jane <j@example.net>, joe@x.org``."""

from __future__ import annotations

from email.utils import formataddr, getaddresses
from typing import NamedTuple

from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress


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
    named = [(name, address) for name, address in getaddresses([text]) if "@" in address]
    if len(named) > 1:
        return [Recipient(formataddr((name, address)), _compared(address)) for name, address in named]
    whole = _compared(text) or (_compared(named[0][1]) if named else None)
    return [] if whole is None and "@" not in text else [Recipient(text, whole)]


def _compared(text: str) -> str | None:
    try:
        return normalise(text)
    except (InvalidAddress, ModuleNotFoundError):  # a non-ASCII domain needs `idna`, which an application may lack
        return None
