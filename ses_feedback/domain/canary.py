"""Canaries: mail to SES's simulator by which an identity proves that its feedback comes back, and what a round proves.

A round of an identity is three mails, to the simulator's bounce, complaint and success address. Their label holds the
deployment's name and the round, so that this deployment knows its own canaries by the recipient alone, and takes the
simulator's mail of anybody else for what it is. Addresses, labels and what each answers: SES developer guide, `Using
the mailbox simulator`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from ses_feedback.domain.events import BOUNCE, COMPLAINT, DELIVERY
from ses_feedback.domain.times import DAY, HOUR, MINUTE

SIMULATOR: Final = "simulator.amazonses.com"
# The simulator's address for each kind of feedback that a canary asks for.
LOCAL_PARTS: Final[Mapping[str, str]] = {BOUNCE: "bounce", COMPLAINT: "complaint", DELIVERY: "success"}
MAILS: Final = len(LOCAL_PARTS)

# The two ways feedback takes: what is acted on, and what is counted.
ACT: Final = "act"
COUNT: Final = "count"
# What has to come back of a round: which kind of feedback, by which way. Deliveries are counted only.
PIECES: Final = ("act_bounce", "act_complaint", "count_bounce", "count_complaint", "count_delivery")
# In place of pieces: SES did not take the mail, so nothing can come back.
SENDING: Final = "sending"

# How often the function looks what is due, and how far from its time a round may begin, so that a daily round does not
# drift into the next look of the function each day.
LOOK: Final = 15 * MINUTE
TOLERANCE: Final = LOOK // 2
# A round that failed is repeated this soon, so that somebody who mended the loop need not wait for the next day.
REPEAT: Final = HOUR
# A round that could not be sent (throttled, crashed) for so long is as bad as one that did not come back.
UNSENT_TOO_LONG: Final = 2 * HOUR
_LEAST_A_RUN: Final = 10

_AT_SIMULATOR: Final = "@" + SIMULATOR
_MARK: Final = "-canary-"
_KINDS: Final = {local: kind for kind, local in LOCAL_PARTS.items()}
_is_token: Final = re.compile(r"[0-9a-f]{1,12}").fullmatch


class Canary(NamedTuple):
    """What a canary's recipient says: the kind of feedback it ``asks`` for, and when its round began (ms)."""

    asks: str
    round: int


def recipient(deployment: str, asks: str, round_: int) -> str:
    """Return the address of a canary: ``bounce+NAME-canary-HEX@simulator.amazonses.com``.

    ``HEX`` is the time the round began. A name has at most 32 letters, so that 64 suffice before the @ (RFC 5321).
    """
    return f"{LOCAL_PARTS[asks]}+{deployment.lower()}{_MARK}{round_:x}{_AT_SIMULATOR}"


def recognise(deployment: str, address: str) -> Canary | None:
    """Return what a normalised recipient says where it is a canary of this very deployment, else ``None``."""
    if not address.endswith(_AT_SIMULATOR):
        return None
    local, _, label = address[: -len(_AT_SIMULATOR)].partition("+")
    asks, prefix = _KINDS.get(local), deployment.lower() + _MARK
    token = label[len(prefix) :]
    if asks is None or not label.startswith(prefix) or not _is_token(token):
        return None
    return Canary(asks, int(token, 16))


def piece(way: str, canary: Canary, kind: str) -> str | None:
    """Return which of ``PIECES`` has come back with an event of a kind; ``None`` for one that proves nothing.

    Complaints come after a delivery: that delivery is not the one the round waits for.
    """
    name = f"{way}_{kind}"
    return name if kind == canary.asks and name in PIECES else None


class Round(NamedTuple):
    """The newest round of an identity. Times are ms since 1970.

    ``sent`` is when SES had taken all of it, ``None`` while it has not; ``refused`` is why SES did not. ``returned`` is
    when each piece was back. ``failed`` is what the round before lacked: it holds until this one is decided.
    ``unsent_since`` is when the first of the rounds began that could not be sent; ``timed`` whether its round-trip time
    was measured.
    """

    started: int
    sent: int | None = None
    refused: str | None = None
    returned: Mapping[str, int] = MappingProxyType({})
    failed: tuple[str, ...] = ()
    unsent_since: int | None = None
    timed: bool = False

    @property
    def unsent(self) -> bool:
        """Whether SES has neither taken nor refused it."""
        return self.sent is None and self.refused is None

    @property
    def round_trip(self) -> int | None:
        """From the last of its mails to the last piece, in ms; ``None`` before that."""
        if self.sent is None or len(self.returned) < len(PIECES):
            return None
        return max(max(self.returned.values()) - self.sent, 0)


def verdict(round_: Round, within: int, now: int) -> tuple[str, ...] | None:
    """Return what a round lacks: pieces missing or late, or ``SENDING``; none where it is good, ``None`` if undecided.

    ``within`` counts from ``sent``.
    """
    if round_.refused is not None:
        return (SENDING,)
    if round_.sent is None:
        since = round_.started if round_.unsent_since is None else round_.unsent_since
        return (SENDING,) if now - since >= UNSENT_TOO_LONG else None
    latest = round_.sent + within
    lacking = tuple(name for name in PIECES if round_.returned.get(name, latest + 1) > latest)
    return lacking if not lacking or now > latest else None


def shortfall(round_: Round, within: int, now: int) -> tuple[str, ...]:
    """Return what is known to be wrong now: the round's verdict, and that of the one before while it has none."""
    decided = verdict(round_, within, now)
    return round_.failed if decided is None else decided


def is_due(round_: Round | None, every: int, within: int, now: int) -> bool:
    """Return whether an identity shall begin a new round: regularly, and sooner where the last one failed."""
    if round_ is None:
        return True
    waited = now - round_.started
    if round_.unsent:
        return waited >= TOLERANCE  # else another run is at it
    if waited >= every - TOLERANCE:
        return True
    return bool(verdict(round_, within, now)) and waited >= REPEAT - TOLERANCE


def is_history(round_: Round, every: int, now: int) -> bool:
    """Return whether a round is so old that it says nothing: its identity has had no canaries for a while."""
    return now - round_.started > 2 * every + DAY


def per_run(identities: int, every: int) -> int:
    """Return how many identities a run may send for at most: twice what keeps up, so that none begin all at once."""
    return max(_LEAST_A_RUN, math.ceil(2 * identities * LOOK / every))


def mails_an_hour(identities: int, every: int) -> int:
    """Return how many mails canaries are within an hour, at most, ``every`` being an hour or more."""
    return MAILS * min(identities, per_run(identities, every) * (HOUR // LOOK))
