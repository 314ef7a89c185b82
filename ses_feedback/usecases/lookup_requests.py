"""What the lookup API is asked, read from a request's body: the first thing that is wrong is one line, with its key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress, InvalidDuration, PermanentError
from ses_feedback.domain.times import FOREVER, parse_duration

# A hundred addresses of 254 octets, each letter written as a JSON escape of six, and the keys around them.
LARGEST: Final = 256 * 1024
MOST: Final = 100
LONGEST_WHY: Final = 500
_SHOWN: Final = 60


class BadRequest(PermanentError):
    """The request cannot be answered as it is; ``str(error)`` says what is wrong and what would be right."""


class Asked:
    """The JSON object of a request, of which ``keys`` are known. Each method raises ``BadRequest``."""

    def __init__(self, body: str, keys: Iterable[str]) -> None:
        self._values = _object(body)
        known = tuple(keys)
        for name in self._values:
            if name not in known:
                raise BadRequest(f"{shown(name)}: unknown key; known: {', '.join(known)}")

    def addresses(self) -> list[str]:
        """Return the addresses to check, as they were spelled, in their order."""
        given = self._values.get("addresses")
        right = f"must be an array of 1 to {MOST} e-mail addresses"
        if not isinstance(given, list):
            raise BadRequest(f"addresses: {_state(self._values, 'addresses')}{right}")
        if not 1 <= len(given) <= MOST:
            raise BadRequest(f"addresses: {right}, not {len(given)}")
        for number, value in enumerate(given):
            if not isinstance(value, str):
                raise BadRequest(f"addresses[{number}]: not an e-mail address: there is none")
        return given

    def address(self) -> tuple[str, str]:
        """Return the one address, normalised and as it was spelled."""
        given = self._required("address", "an e-mail address")
        return _address("address", given), given

    def why(self) -> str:
        """Return the reason of a decision: one line, for whoever looks at the address later."""
        reason = self._required("why", "the reason, for whoever looks at this address later").strip()
        if not reason:
            raise BadRequest("why: empty; say why, for whoever looks at this address later")
        if len(reason) > LONGEST_WHY:
            raise BadRequest(f"why: {len(reason)} letters are too long; at most {LONGEST_WHY}")
        if not reason.isprintable():
            raise BadRequest("why: must be one line of readable text")
        return reason

    def duration(self) -> int | None:
        """Return how long a suppression lasts in ms; ``None`` is for ever, which is also what is meant unsaid."""
        given = self._optional("for")
        try:
            return parse_duration(FOREVER if given is None else given)
        except InvalidDuration:
            raise BadRequest(f"for: {shown(str(given))} is not a duration such as 12h, 30d, 2w or forever") from None

    def stream(self) -> str | None:
        """Return the stream as it was given."""
        return self._optional("stream")

    def _required(self, name: str, what: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise BadRequest(f"{name}: {_state(self._values, name)}must be a string: {what}")
        return value

    def _optional(self, name: str) -> str | None:
        if name not in self._values:
            return None
        return self._required(name, "leave it out where you mean its default")


def _object(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    except ValueError:  # Python's limit, in words about Python
        raise BadRequest("the body holds a number of too many digits") from None
    if not isinstance(values, dict):
        raise BadRequest('the body must be a JSON object such as {"addresses": ["jane@example.com"]}')
    return values


def _state(values: Mapping[str, Any], name: str) -> str:
    return "" if name in values else "missing; "


def _address(where: str, value: object) -> str:
    try:
        return normalise(value)
    except InvalidAddress as error:
        raise BadRequest(f"{where}: not an e-mail address: {error}") from None


def shown(text: str) -> str:
    """Return what a request said, in quotes, for a message of one line."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return '"' + "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut) + '"'
