"""What a run of ``prove`` proves: the legs of the loop, and how each stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ses_feedback.config.model import Identity
from ses_feedback.domain.events import BOUNCE, COMPLAINT, DELIVERY
from ses_feedback.domain.times import MINUTE, SECOND

# Of an identity.
SENT: Final = "sent"
SUPPRESSED: Final = "suppressed"
COUNTED: Final = "counted"
ARCHIVED: Final = "archived"
CHANGE: Final = "change"
DIGEST: Final = "digest"
RELEASED: Final = "released"
LEGS: Final = (SENT, SUPPRESSED, COUNTED, ARCHIVED, CHANGE, DIGEST, RELEASED)
# Of on-call, for each severity.
CONFIRMED: Final = "confirmed"
ALARMED: Final = "alarmed"
WORDS: Final = "words"
ON_CALL_LEGS: Final = (CONFIRMED, ALARMED, WORDS)

State = Literal["waiting", "proved", "failed", "pending", "none"]
WAITING: Final[State] = "waiting"
PROVED: Final[State] = "proved"
FAILED: Final[State] = "failed"
# SES has not verified the identity yet: there is nothing to prove by.
PENDING: Final[State] = "pending"
# The configuration has nothing that it would prove.
NONE: Final[State] = "none"

KINDS: Final = (BOUNCE, COMPLAINT, DELIVERY)
ACTED: Final = (BOUNCE, COMPLAINT)
# How long each may take on AWS, in ms from when SES took the mail. Suppressing: a cold start, and Lambda's second try a
# minute later. Counting: CloudWatch shows a metric out of a log line within minutes. The archive: Firehose buffers for
# five minutes, and a minute more for the function that makes lines (`infra.archive`). Digests: half a minute in the
# queue, a look each minute, and five and a half minutes since the last message to the team (`usecases.digests`).
LIMITS: Final[Mapping[str, int]] = {
    SUPPRESSED: 2 * MINUTE,
    COUNTED: 5 * MINUTE,
    ARCHIVED: 10 * MINUTE,
    CHANGE: 2 * MINUTE + 30 * SECOND,
    DIGEST: 10 * MINUTE,
    ALARMED: 2 * MINUTE,
    # With the second try of the function, and then CloudWatch's own words.
    WORDS: 5 * MINUTE,
}


@dataclass(slots=True)
class Leg:
    """One leg. ``wanted`` are the pieces it waits for, until ``until`` (ms), for ``limit`` ms; it took ``seconds``.

    ``what`` is what is wrong, or why there is nothing to prove; ``read`` and ``mend`` are commands. A failed leg has
    ``wanted`` left, which says what did not come.
    """

    name: str
    state: State = NONE
    wanted: set[str] = field(default_factory=set)
    until: int = 0
    limit: int = 0
    seconds: float | None = None
    what: str | None = None
    read: str | None = None
    mend: str | None = None

    def wait(self, wanted: set[str], now: int, limit: int = 0) -> None:
        """Begin to wait for pieces, for ``limit`` ms."""
        self.state, self.wanted, self.until, self.limit = WAITING, set(wanted), now + limit, limit

    def see(self, piece: str, took: int) -> None:
        """Note that a piece came after ``took`` ms; with the last one the leg is proved."""
        if self.state != WAITING or piece not in self.wanted:
            return
        self.wanted.discard(piece)
        self.seconds = max(self.seconds or 0.0, max(took, 0) / SECOND)
        if not self.wanted:
            self.state = PROVED

    def fail(self, what: str | None = None, *, read: str | None = None, mend: str | None = None) -> None:
        """Say that it is not proved, and why where that is known already."""
        self.state, self.seconds = FAILED, None
        self.what, self.read, self.mend = what, read, mend


def _legs(names: tuple[str, ...]) -> dict[str, Leg]:
    return {name: Leg(name) for name in names}


@dataclass(slots=True)
class Subject:
    """One identity that is proved: its probes' addresses and, by kind, SES's message ids and when SES took them (ms).

    ``struck``: the kinds whose strike is in the table, whether or not it suppresses.
    """

    identity: Identity
    addresses: Mapping[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    struck: set[str] = field(default_factory=set)
    legs: dict[str, Leg] = field(default_factory=lambda: _legs(LEGS))

    def see(self, leg: str, kind: str, now: int) -> None:
        """Note that the feedback of a kind was seen by a leg."""
        if kind in self.taken:
            self.legs[leg].see(kind, now - self.taken[kind])

    def whose(self) -> Iterator[tuple[str, str]]:
        """Yield (environment, address) of the addresses that may become suppressed."""
        for kind in ACTED:
            yield self.identity.environment, self.addresses[kind]


@dataclass(slots=True)
class OnCall:
    """On-call's way of one severity."""

    severity: str
    legs: dict[str, Leg] = field(default_factory=lambda: _legs(ON_CALL_LEGS))
