"""E-mail addresses in the one form in which they compare.

What RFC 5321 and 5322 call one mailbox is one text: without display name, angle brackets, comments, route and needless
quotes, lower-cased, then NFC, the domain in ASCII by UTS 46 and IDNA 2008. Plus tags and dots are kept: they can be
different people. Feedback brings addresses mangled (display names, MIME words, a trailing ``>``), so what is
unambiguous is understood, and everything else is refused. No message here quotes the address, for it may end in a log
line. Where else a text may be delivered to is in ``mailboxes``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from ses_feedback.domain.errors import InvalidAddress

# RFC 5321, 4.5.3.1: 64 octets of local part; a path of 256 octets with its angle brackets, hence 254 of address.
MAX_LOCAL: Final = 64
MAX_ADDRESS: Final = 254

_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
# What nearly every address is: ASCII, nothing to unwrap. Dots may stand anywhere: some receivers gave such names out.
_PLAIN: Final = rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,{MAX_LOCAL}}}@{_DOMAIN}"
_is_plain: Final = re.compile(_PLAIN).fullmatch
_are_plain: Final = re.compile(rf"{_PLAIN}(?:\n{_PLAIN})*").fullmatch
_ASCII_DOMAIN: Final = re.compile(rf"{_DOMAIN}|\[[0-9a-z.:-]{{1,100}}\]")
# RFC 6531 lets any non-ASCII letter into a local part; surrogates, spaces and control characters are none.
_LOCAL: Final = re.compile(r"""[^\x00-\x20"(),:;<>@\[\\\]\x7f-\xa0\s\ud800-\udfff]+""")
_QUOTED_LOCAL: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\[\x20-\x7e])*+"')
# Where an address is more than two texts and an @; and what it is made of then, besides comments.
_is_unusual: Final = re.compile(r'["\\()\s]|\A@|\.\Z').search
_PIECE: Final = re.compile(
    rf'(?P<quoted>{_QUOTED_LOCAL.pattern})|\\(?P<escaped>[!-~])|(?P<space>[ \t]++)|(?P<open>\()|(?P<at>@)|[^"\\()@\s]++'
)
_ROUTE: Final = re.compile(r'@[^:"<>()\\]*+:')
_ESCAPE: Final = re.compile(r"\\(.)")
_NEEDS_ESCAPE: Final = re.compile(r'["\\]')
_IN_COMMENT: Final = re.compile(r"[^()\\]++|\\.|[()]", re.DOTALL)
# A quoted string, closed or running to the end, or an angle bracket outside of one. Matches at every quote: linear.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[<>]', re.DOTALL)
_UNCLOSED: Final = "it holds a quote or parenthesis that nothing closes"
_LONGEST_ENCODED: Final = 2_000


def plain(text: str) -> str | None:
    """Return an address that nobody can read in two ways, lower-cased; ``None`` for every other text."""
    lowered = text.lower()
    return lowered if _is_plain(lowered) and len(lowered) <= MAX_ADDRESS and "=?" not in lowered else None


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
        return _read(text)
    except InvalidAddress:
        decoded = decode_words(text)
        if decoded is None:
            raise
        return _read(decoded)


def former(text: str) -> str | None:
    """Return the form in which versions before 0.3 compared and stored the address, where that is another one.

    They kept the quotes of ``"jo.doe"@example.com``. ``None`` as well for what they could not read.
    """
    if _is_plain(text.lower()):
        return None
    try:
        now = normalise(text)
    except InvalidAddress:
        now = None
    for form in (text, decode_words(text)):
        try:
            local, at, domain = _cut("" if form is None else form).rpartition("@")
            known = _joined(_nfc(local.lower()), at, domain)
        except InvalidAddress:
            continue
        return known if known != now else None
    return None


def spellings(text: str, address: str) -> list[str]:
    """Return the address as ``text`` spells it, where only capitals or quotes make that another than ``address``.

    SES's own lists mind them. ``address`` is what ``normalise`` made of the text.
    """
    for form in (text, decode_words(text)):
        try:
            typed = "" if form is None else _cut(form)
            local, _, domain = typed.rpartition("@")
            if typed.lower() == address or (_QUOTED_LOCAL.fullmatch(local) and normalise_domain(domain)):
                return [typed] if typed != address and _normalise(typed) == address else []
        except InvalidAddress:
            continue
    return []


def normalise_all(texts: Sequence[Any]) -> list[str]:
    """Return what ``normalise`` gives for each of the texts, at once. Raises ``InvalidAddress`` where one is bad."""
    try:
        joined = "\n".join(texts).lower()
    except TypeError:
        raise InvalidAddress("there is none") from None
    if _are_plain(joined):
        lowered = joined.split("\n")
        if len(lowered) == len(texts) and (len(joined) <= MAX_ADDRESS or len(max(lowered, key=len)) <= MAX_ADDRESS):
            return lowered
    return [normalise(text) for text in texts]


def normalise_domain(text: str) -> str:
    """Return a domain lower-cased, then NFC, in ASCII by IDNA 2008. Raises ``InvalidAddress``."""
    domain = text.strip().lower()
    if not domain.isascii():
        domain = _to_ascii(domain)
    if len(domain) > MAX_ADDRESS - 2 or not _ASCII_DOMAIN.fullmatch(domain):
        raise InvalidAddress("its domain is not one" if domain else "it has no domain")
    return domain


def normalise_identity(text: str) -> str:
    """Return the form in which an SES identity, an address or a domain, compares. Raises ``InvalidAddress``."""
    return normalise(text) if "@" in text else normalise_domain(text)


def _read(text: str) -> str:
    inner = _unwrap(text)
    try:
        return _normalise(inner)
    except InvalidAddress:
        cut = _cut(text)
        if cut == inner:
            raise
        return _normalise(cut)


def _normalise(address: str) -> str:
    if not address:
        raise InvalidAddress("it is empty")
    return _joined(*_parted(address))


def _joined(local: str, at: str, domain: str) -> str:
    if not at:
        raise InvalidAddress("it has no @")
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


def _parted(address: str) -> tuple[str, str, str]:
    """Return local part, @ and domain, without what means nothing by RFC 5321 and 5322 or what every reader lets go.

    That is: quotes and escapes around what needs none, comments, spaces beside a dot, the @ or an end, a route, the
    final dot of the domain.
    """
    if not _is_unusual(address):
        local, at, domain = address.rpartition("@")
        return _nfc(local.lower()), at, domain
    parts, quoted = _pieces(address)
    if len(parts) != 2:
        problem = "it has no @" if len(parts) == 1 else "what stands before its @ holds characters that need quotes"
        raise InvalidAddress(problem)
    local, domain = _nfc(parts[0].lower()), parts[1]
    if quoted and not _LOCAL.fullmatch(local):
        local = f'"{_NEEDS_ESCAPE.sub(lambda found: chr(92) + found[0], local)}"'
    return local, "@", domain.removesuffix(".")


def _pieces(address: str) -> tuple[list[str], bool]:
    """Return what stands before, between and after each @ outside of quotes; and whether there were quotes."""
    route = _ROUTE.match(address)
    position = route.end() if route else 0
    parts, quoted, spaced = [""], False, False
    while position < len(address):
        piece = _PIECE.match(address, position)
        if piece is None:
            raise InvalidAddress(_UNCLOSED if address[position] in '"\\()' else "it holds a character of no address")
        position = piece.end()
        if piece["open"]:
            position = _after_comment(address, position)
        elif piece["space"]:
            spaced = True
        elif piece["at"]:
            parts.append("")
            spaced = False
        else:
            literal = piece["quoted"] or piece["escaped"]
            if literal is None and not _LOCAL.fullmatch(piece[0]) and len(parts) == 1:
                raise InvalidAddress("what stands before its @ holds characters that need quotes")
            if literal is not None and len(parts) > 1:
                raise InvalidAddress("its domain is not one")
            word = piece[0] if literal is None else _ESCAPE.sub(r"\1", literal[1:-1] if piece["quoted"] else literal)
            if spaced and parts[-1] and not parts[-1].endswith(".") and not word.startswith("."):
                raise InvalidAddress("it holds a space")
            quoted = quoted or literal is not None
            parts[-1] += word
            spaced = False
    return parts, quoted


def _after_comment(address: str, position: int) -> int:
    """Return where a comment ends that began before ``position``; comments may hold comments."""
    depth = 1
    for piece in _IN_COMMENT.finditer(address, position):
        depth += (piece[0] == "(") - (piece[0] == ")")
        if depth == 0:
            return piece.end()
    raise InvalidAddress(_UNCLOSED)


def _unwrap(text: str) -> str:
    """Return what stands between the angle brackets, or the text without a stray ``>`` at its end."""
    text = text.strip()
    angles = _angles(text)
    opening = next((i for i in reversed(angles) if text[i] == "<"), None)
    if opening is None:
        return text.rstrip("> \t\r\n")
    if any(i < opening and text[i] == ">" for i in angles):
        raise InvalidAddress("it holds more than one address")
    closing = next((i for i in angles if i > opening), len(text))
    if text[closing:].strip("> \t\r\n"):
        raise InvalidAddress("something follows its angle bracket")
    return text[opening + 1 : closing].strip()


def _cut(text: str) -> str:
    """Return what ``_unwrap`` does, without a comment at the end, of whatever form."""
    inner = _unwrap(text)
    if inner.endswith(")") and not inner.startswith('"') and "<" not in text:
        return inner.partition("(")[0].strip()
    return inner


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


def decode_words(text: str) -> str | None:
    """Return the text with its MIME words (RFC 2047) decoded, or ``None`` where it has none that can be read.

    Some mailers encode name and address together; then there is no address to see before decoding.
    """
    if "=?" not in text or len(text) > _LONGEST_ENCODED:
        return None
    from email.errors import MessageError  # noqa: PLC0415 - needed for one address in a million
    from email.header import decode_header, make_header  # noqa: PLC0415

    try:
        return str(make_header(decode_header(text)))
    except (ValueError, LookupError, MessageError):  # e.g. a charset whose name is no ASCII
        return None


def _nfc(text: str) -> str:
    if text.isascii():
        return text
    from unicodedata import normalize  # noqa: PLC0415 - a big table, needed for few addresses

    return normalize("NFC", text)


def _to_ascii(domain: str) -> str:
    if len(domain) > MAX_ADDRESS:
        raise InvalidAddress(f"it is longer than {MAX_ADDRESS} octets")
    import idna  # noqa: PLC0415 - loaded for a non-ASCII domain only, it costs a cold start 30 ms

    try:
        return idna.encode(_nfc(domain), uts46=True).decode("ascii").lower().removesuffix(".")
    except (idna.IDNAError, UnicodeError):
        raise InvalidAddress("its domain is not one by IDNA 2008") from None
