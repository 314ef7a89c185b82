"""Keys under which an address and its strikes are stored: they tell nothing to whoever lacks the secret.

HMAC-SHA256 (RFC 2104). A plain hash of an address can be guessed by trying addresses; a keyed one cannot.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

from ses_feedback.domain.events import Event

_KEYED = "key:"
_STRIKE_BYTES = 15  # 20 letters, no padding: two of a million strikes of one address never meet


class Keys:
    """Makes keys under one secret."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("an address key must not be empty")
        self._secret = secret.encode()

    def address(self, environment: str, address: str) -> str:
        """Return the key of a normalised address in an environment, 43 letters; of ``keyed``, what it was made of."""
        if is_keyed(address):
            return address.removeprefix(_KEYED)
        return self._digest(32, "address", environment, address)

    def strike(self, event: Event) -> str:
        """Return what the strikes of an event's message share of their keys, 20 letters; ``copy_key`` adds the stream.

        Message, kind, recipient and class make it: one message strikes a recipient once per class and stream.
        """
        message = event.message_id or f"@{event.occurred_at}"
        return self._digest(_STRIKE_BYTES, "strike", message, event.kind, event.recipient, event.class_)

    def fingerprint(self) -> str:
        """Return what tells this secret from another without telling the secret, 20 letters."""
        return self._digest(_STRIKE_BYTES, "fingerprint")

    def _digest(self, size: int, *parts: str) -> str:
        # NUL appears in no part: control characters are refused in addresses and never in SES's ids.
        digest = hmac.digest(self._secret, "\0".join(parts).encode("utf-8", "surrogatepass"), "sha256")[:size]
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def keyed(key: str) -> str:
    """Return what stands for an address that was erased: the key of its item, and no address."""
    return _KEYED + key


def is_keyed(address: str) -> bool:
    """Return whether a text stands for an erased address."""
    return address.startswith(_KEYED) and "@" not in address
