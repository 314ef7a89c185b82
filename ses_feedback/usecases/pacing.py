"""One SES call at a time: SES allows one a second over the whole account, and a deployment wires many identities.

Limit: SES API reference, "You can execute this operation no more than once per second", at each identity operation.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from ses_feedback.domain.errors import RetryableError

T = TypeVar("T")

FIRST_PAUSE_MS: Final = 1_000
LONGEST_PAUSE_MS: Final = 30_000
# A throttled call is tried as long as there is time; an unreachable or failing service is given up after this many.
TRIES: Final = 6


class OutOfTime(RetryableError):
    """The time a function has did not suffice; ``str(error)`` says for what."""


class Throttled(RetryableError):
    """The service asks for fewer calls."""


class Clock(Protocol):
    """Time, in milliseconds since 1970."""

    def now(self) -> int:
        """Return the present."""

    def sleep(self, ms: int) -> None:
        """Let a duration pass."""


class Slots(Protocol):
    """The points in time at which a call may be made, shared by every function of the account."""

    def take(self, now: int, interval: int, latest: int) -> int | None:
        """Return a point in time from ``now`` to ``latest`` that nobody else is ever given, ``None`` if none is left.

        Two slots are at least ``interval`` ms apart. A slot that is taken and not used delays nobody but itself.
        """


class Pacer:
    """Makes calls in their slots until a deadline ``until`` (ms since 1970). ``interval`` 0 needs no slots."""

    def __init__(
        self,
        slots: Slots,
        clock: Clock,
        *,
        interval: int,
        until: int,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._slots = slots
        self._clock = clock
        self._interval = interval
        self._until = until
        self._jitter = jitter

    def run(self, what: str, call: Callable[[], T]) -> T:
        """Make a call in a slot of its own and return what it returns.

        A throttled call is repeated, with growing pauses, while there is time; another ``RetryableError`` a few times.
        Raises ``OutOfTime``, the last ``RetryableError``, and whatever else ``call`` raises. ``what`` names the call.
        """
        tries = 0
        while True:
            self._wait_for_slot(what)
            try:
                return call()
            except RetryableError as error:
                tries += 1
                if not isinstance(error, Throttled) and tries >= TRIES:
                    raise
                self._pause(what, tries, error)

    def _wait_for_slot(self, what: str) -> None:
        now = self._clock.now()
        if now >= self._until:
            raise OutOfTime(f"no time left for {what}: deploy again, what is done stays done")
        if not self._interval:
            return
        slot = self._slots.take(now, self._interval, self._until)
        if slot is None:
            raise OutOfTime(
                f"no time left for {what}: SES takes one call every {self._interval} ms and too many are waiting;"
                " deploy again with fewer stacks at once (--concurrency 4)"
            )
        if slot > now:
            self._clock.sleep(slot - now)

    def _pause(self, what: str, tries: int, error: RetryableError) -> None:
        longest = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(tries, 10))
        # Half fixed, half random, so that functions throttled together do not come back together.
        pause = int(longest * (1 + self._jitter()) / 2)
        if self._clock.now() + pause >= self._until:
            raise OutOfTime(f"no time left for {what}, after {tries} tries: {error}") from error
        self._clock.sleep(pause)
