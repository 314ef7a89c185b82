"""What SNS takes as the endpoint of each protocol (`SNS API reference, Subscribe`), and what is wrong with another.

Every check returns a reason, or ``None`` where the endpoint is right; ``region`` is the deployment's, ``None`` while it
is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ses_feedback.config import names
from ses_feedback.config.arns import ARN_RULES, topic_reason
from ses_feedback.config.problems import shown

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]+", re.ASCII)
_PRINTABLE: Final = re.compile(r"[!-~]+", re.ASCII)

Check = Callable[[str, str | None], str | None]


def reason(protocol: str, endpoint: str, region: str | None) -> str | None:
    """Return what is wrong with an endpoint of a protocol of ``PROTOCOLS``."""
    return topic_reason(endpoint, region) or _CHECKS[protocol](endpoint, region)


LONGEST_ADDRESS: Final = 120  # an alarm's description takes 1,024 letters, and may name two runbooks


def address_reason(text: str) -> str | None:
    """Return what is wrong with an address that others are made from by adding a page, such as that of a wiki."""
    right = (
        "right is an address of the web that file names are added to, such as https://wiki.example.com/docs/runbooks"
    )
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(_HOST.fullmatch(parts.hostname or ""))
        known = (
            known and bool(_PRINTABLE.fullmatch(text)) and not (parts.query or parts.fragment or "@" in parts.netloc)
        )
    except ValueError:
        known = False
    if not known:
        return f"{shown(text)} cannot begin the addresses of runbooks; {right}"
    if len(text) > LONGEST_ADDRESS:
        return f"is {len(text)} letters long; an alarm has room for {LONGEST_ADDRESS}"
    return None


def _http(text: str, region: str | None) -> str | None:
    return _url("http", text)


def _https(text: str, region: str | None) -> str | None:
    return _url("https", text)


def _url(scheme: str, text: str) -> str | None:
    right = f"right is a URL such as {scheme}://hooks.example.com/ses"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return f"{shown(text)} is not a URL; {right}"
    if "@" in parts.netloc:
        # Not shown: what stands before the @ is a password.
        return f"the URL holds a user name or password, which templates and consoles would show; {right}"
    if parts.scheme in ("http", "https") and parts.scheme != scheme:
        return f'{shown(text)} is {parts.scheme}, not {scheme}; give {scheme}, or use the key "{parts.scheme}"'
    if not text.lower().startswith(f"{scheme}://") or port == 0 or not _has_host(parts):
        return f"{shown(text)} is not an {scheme} URL with a host; {right}"
    if not _PRINTABLE.fullmatch(text):
        return f"{shown(text)} has letters that no request can carry; percent-encode them; {right}"
    return f"{shown(text)} has a fragment (#…), which is never sent; leave it out; {right}" if "#" in text else None


def _has_host(parts: SplitResult) -> bool:
    return parts.hostname is not None and _HOST.fullmatch(parts.hostname) is not None


def _email(text: str, region: str | None) -> str | None:
    try:
        names.address(text)
    except ValueError as error:
        return str(error)
    return None


def _sms(text: str, region: str | None) -> str | None:
    if _E164.fullmatch(text):
        return None
    digits = re.sub(r"[\s().-]", "", text[:40])
    meant = f"; did you mean {shown(digits)}?" if _E164.fullmatch(digits) else ""
    return f"{shown(text)} is not a telephone number in E.164 form such as +12065550100{meant}"


_CHECKS: Final[Mapping[str, Check]] = {
    "http": _http,
    "https": _https,
    "email": _email,
    "email_json": _email,
    "sms": _sms,
    **{rule.protocol: rule.reason for rule in ARN_RULES},
}
