"""How version 0.2 compared and stored addresses, as it stood there: what its tables hold must stay found."""

from __future__ import annotations

import re
from typing import Final

from ses_feedback.domain.errors import InvalidAddress

# RFC 5321, 4.5.3.1: 64 octets of local part; a path of 256 octets with its angle brackets, hence 254 of address.
MAX_LOCAL: Final = 64
MAX_ADDRESS: Final = 254

_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
# What nearly every address is: ASCII, nothing to unwrap. Dots may stand anywhere: some receivers gave such names out.
_PLAIN: Final = rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,{MAX_LOCAL}}}@{_DOMAIN}"
_is_plain: Final = re.compile(_PLAIN).fullmatch
_ASCII_DOMAIN: Final = re.compile(rf"{_DOMAIN}|\[[0-9a-z.:-]{{1,100}}\]")
# RFC 6531 lets any non-ASCII letter into a local part; surrogates, spaces and control characters are none.
_LOCAL: Final = re.compile(r"""[^\x00-\x20"(),:;<>@\[\\\]\x7f-\xa0\s\ud800-\udfff]+""")
_QUOTED_LOCAL: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\[\x20-\x7e])*+"')
# A quoted string, closed or running to the end, or an angle bracket outside of one. Matches at every quote: linear.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[<>]', re.DOTALL)
_LONGEST_ENCODED: Final = 2_000


def normalise(text: object) -> str:
    """Return the form of an address in which it compares with others: ``Jörg <J@EXAMPLE.com>`` is ``j@example.com``.

    Raises ``InvalidAddress`` where it is no text that holds exactly one address within the limits of RFC 5321.
    """
    if not isinstance(text, str):
        raise InvalidAddress("there is none")
    lowered = text.lower()
    if _is_plain(lowered) and len(lowered) <= MAX_ADDRESS:
        return lowered
    try:
        return _normalise(_unwrap(text))
    except InvalidAddress:
        decoded = _decode_words(text)
        if decoded is None:
            raise
        return _normalise(_unwrap(decoded))


def normalise_domain(text: str) -> str:
    """Return a domain lower-cased, then NFC, in ASCII by IDNA 2008. Raises ``InvalidAddress``."""
    domain = text.strip().lower()
    if not domain.isascii():
        domain = _to_ascii(domain)
    if len(domain) > MAX_ADDRESS - 2 or not _ASCII_DOMAIN.fullmatch(domain):
        raise InvalidAddress("its domain is not one" if domain else "it has no domain")
    return domain


def _normalise(address: str) -> str:
    if not address:
        raise InvalidAddress("it is empty")
    local, at, domain = address.rpartition("@")
    if not at:
        raise InvalidAddress("it has no @")
    local = _nfc(local.lower())
    if not local:
        raise InvalidAddress("nothing stands before its @")
    if not (_LOCAL.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        raise InvalidAddress("what stands before its @ holds characters that need quotes")
    if len(local.encode()) > MAX_LOCAL:
        raise InvalidAddress(f"more than {MAX_LOCAL} octets stand before its @")
    address = f"{local}@{normalise_domain(domain)}"
    if len(address.encode()) > MAX_ADDRESS:
        raise InvalidAddress(f"it is longer than {MAX_ADDRESS} octets")
    return address


def _unwrap(text: str) -> str:
    """Return what stands between the angle brackets, or the text without a stray ``>`` and a comment at its end."""
    text = text.strip()
    angles = _angles(text)
    opening = next((i for i in reversed(angles) if text[i] == "<"), None)
    if opening is None:
        text = text.rstrip("> \t\r\n")
        if text.endswith(")") and not text.startswith('"'):
            text = text.partition("(")[0]
        return text.strip()
    if any(i < opening and text[i] == ">" for i in angles):
        raise InvalidAddress("it holds more than one address")
    closing = next((i for i in angles if i > opening), len(text))
    if text[closing:].strip("> \t\r\n"):
        raise InvalidAddress("something follows its angle bracket")
    return text[opening + 1 : closing].strip()


def _angles(text: str) -> list[int]:
    """Return where angle brackets stand outside quoted strings; a quote that nothing closes is only a character."""
    found = []
    for token in _TOKEN.finditer(text):
        start = token.start()
        if text[start] != '"':
            found.append(start)
        elif not token[1]:
            found += [i for i in range(start + 1, len(text)) if text[i] in "<>"]
    return found


def _decode_words(text: str) -> str | None:
    """Return the text with its MIME words (RFC 2047) decoded, or ``None`` where it has none that can be read.

    Some mailers encode name and address together; then there is no address to see before decoding.
    """
    if "=?" not in text or len(text) > _LONGEST_ENCODED:
        return None
    from email.errors import MessageError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(text)))
    except (ValueError, LookupError, MessageError):  # e.g. a charset whose name is no ASCII
        return None


def _nfc(text: str) -> str:
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)


def _to_ascii(domain: str) -> str:
    if len(domain) > MAX_ADDRESS:
        raise InvalidAddress(f"it is longer than {MAX_ADDRESS} octets")
    import idna

    try:
        return idna.encode(_nfc(domain)).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise InvalidAddress("its domain is not one by IDNA 2008") from None
