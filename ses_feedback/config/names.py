"""Names in the file: identities, in the one form in which they compare, and those of environments, streams and teams.

Every function returns the normalised name, or raises ``ValueError`` that says what is wrong and what would be right.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ses_feedback.config.problems import shown
from ses_feedback.domain.addresses import normalise_domain
from ses_feedback.domain.errors import InvalidAddress

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# Dot-string of RFC 5321, 4.1.2. ASCII only: SES does not support SMTPUTF8 (API reference, `SendEmail`).
_LOCAL_PART: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?", re.ASCII)


def identity(text: str) -> str:
    """Return a domain or an address, lower-case, the domain in ASCII form (IDNA 2008, RFC 5891)."""
    return address(text) if "@" in text else domain(text)


def address(text: str) -> str:
    """Return an address ``local@domain`` in the form SES can verify: at most 64 letters, then a domain."""
    local, _, host = unicodedata.normalize("NFC", text.lower()).rpartition("@")
    if not local.isascii():
        raise ValueError(
            f"{shown(text)} has letters before the @ that SES cannot mail from: only ASCII is possible there"
        )
    if not _LOCAL_PART.fullmatch(local) or len(local) > 64:
        raise ValueError(f"{shown(text)} is not an e-mail address such as dev@example.com")
    try:
        return f"{local}@{domain(host)}"
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not an e-mail address such as dev@example.com: {error}") from None


def domain(text: str) -> str:
    """Return a domain of at least two labels and at most 253 letters."""
    host = unicodedata.normalize("NFC", text.lower())
    if host.startswith("*."):
        raise ValueError(f"{shown(text)} is a pattern; write {shown(host[2:])}: a domain covers its subdomains")
    if not host.isascii():
        try:
            host = normalise_domain(host)
        except InvalidAddress as error:
            raise ValueError(f"{shown(text)} is not a domain such as example.com: {error}") from None
    labels = host.split(".")
    if len(host) <= 253 and len(labels) >= 2 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit():
        return host
    inside = re.search(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host[:253])
    meant = f"; did you mean {shown(inside[0])}?" if inside and inside[0] != host else ""
    raise ValueError(f"{shown(text)} is not a domain such as example.com{meant}")


def plain(text: str) -> str:
    """Return the name of an environment, stream or team: 1 to 32 ASCII letters, digits and inner hyphens.

    Keys, scopes and alarm names are put together from them with ``#``, ``*`` and spaces, so these can never be allowed.
    """
    if _NAME.fullmatch(text):
        return text
    raise ValueError(
        f"{shown(text)} is not a name of 1 to 32 letters, digits and hyphens (not at either end), such as eu-west"
    )
