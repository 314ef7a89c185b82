"""PROVE: every identity mails SES's simulator now and then, and what does not come back in time is told.

A run sends what is due and judges what was sent. It may be cut short, repeated or overtaken by another at any call: a
round that was begun and not sent is begun anew, and feedback is only ever noted for the round it belongs to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from ses_feedback import naming
from ses_feedback.domain import canary, pauses
from ses_feedback.domain.canary import Round
from ses_feedback.domain.errors import FeedbackError, PermanentError
from ses_feedback.usecases.pacing import Clock, Throttled
from ses_feedback.usecases.ports import Meter

# What one identity's three mails may take of the time that is left, the pauses between them aside.
_ONE_ROUND_MS: Final = 15_000
_LONGEST_WHY: Final = 300


class Plan(NamedTuple):
    """Which identities have a canary, how often they send one, and how soon its feedback must be back (ms)."""

    deployment: str
    identities: tuple[str, ...]
    every: int
    within: int


class Refused(PermanentError):
    """SES does not take the mail; ``str(error)`` says why, in SES's words."""


class Rounds(Protocol):
    """What is known of the canaries of identities. Every call may raise ``RetryableError`` or ``PermanentError``."""

    def wired(self, identities: Collection[str]) -> set[str]:
        """Return those that are wired: what is pending cannot send yet, and has no topics to come back by."""

    def newest(self, identities: Collection[str]) -> Mapping[str, Round]:
        """Return the newest round of each identity that has had any."""

    def pauses(self, identities: Collection[str]) -> Mapping[str, pauses.History]:
        """Return the noted pauses of each identity that has had any."""

    def begin(self, identity: str, before: Round | None, new: Round) -> bool:
        """Put a round in place of the one ``before``; return false where another run has done so meanwhile."""

    def sent(self, identity: str, started: int, at: int) -> None:
        """Note that SES has taken all of a round, if it is still the newest."""

    def refused(self, identity: str, started: int, why: str) -> None:
        """Note that SES did not take a round, if it is still the newest."""

    def timed(self, identity: str, started: int) -> None:
        """Note that a round's time was measured, if it is still the newest."""


class Mailer(Protocol):
    """Sends mail."""

    def send(self, identity: str, recipient: str) -> None:
        """Mail one recipient from an identity. Raises ``Refused``, ``Throttled`` or another ``RetryableError``."""


@dataclass(slots=True)
class Patrol:
    """What a run did: what each identity lacks, which were sent, refused (why), how many must wait for the next run.

    ``throttled`` is what SES said where it wanted fewer calls; ``problems`` is what else went wrong, and how often.
    """

    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: int = 0
    throttled: str | None = None
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> int:
        """How many pieces of feedback are missing or late; a round that was not sent counts as one."""
        return sum(len(pieces) for pieces in self.lacking.values())


def patrol(
    plan: Plan, *, rounds: Rounds, mailer: Mailer, meter: Meter, clock: Clock, interval: int, until: int
) -> Patrol:
    """Judge the rounds that were sent, then begin those that are due, the longest waiting first.

    One mail leaves every ``interval`` ms at most, so that canaries take little of the account's sending rate, and none
    after ``until`` (ms since 1970). Raises what reading raises; what goes wrong with one identity stops no other.
    """
    run = _Run(plan, rounds, mailer, meter, clock, interval, until)
    run.judge()
    run.send()
    return run.done


class _Run:
    def __init__(
        self, plan: Plan, rounds: Rounds, mailer: Mailer, meter: Meter, clock: Clock, interval: int, until: int
    ) -> None:
        self.done = Patrol()
        self._plan = plan
        self._rounds = rounds
        self._mailer = mailer
        self._meter = meter
        self._clock = clock
        self._interval = interval
        self._until = until
        self._now = clock.now()
        self._wired = sorted(rounds.wired(plan.identities))
        self._stored = rounds.newest(self._wired)
        self._known = {i: r for i, r in self._stored.items() if not canary.is_history(r, plan.every, self._now)}
        refused = [identity for identity, newest in self._known.items() if newest.refused is not None]
        self._pauses = rounds.pauses(refused) if refused else {}
        self._whole = {naming.DIMENSION_DEPLOYMENT: plan.deployment}

    def judge(self) -> None:
        """Measure what came back, and count what did not."""
        for identity, newest in self._known.items():
            pieces = self._lacks(identity, newest, self._now)
            if pieces:
                self.done.lacking[identity] = pieces
            self._measure(identity, newest)
        self._meter.emit(self._whole, self._now, {naming.METRIC_CANARY_MISSING: self.done.missing})

    def _lacks(self, identity: str, newest: Round, now: int) -> tuple[str, ...]:
        """Return what is known to be wrong. That SES refuses what was paused on purpose says nothing of the loop."""
        if newest.refused is not None and pauses.covers(self._pauses.get(identity, ()), newest.started, _ONE_ROUND_MS):
            return newest.failed
        return canary.shortfall(newest, self._plan.within, now)

    def _measure(self, identity: str, newest: Round) -> None:
        """Emit a whole round's time, at its end. A crash before that is noted emits it twice: no maximum minds."""
        took = newest.round_trip
        if took is None or newest.timed:
            return
        self._meter.emit(self._whole, max(newest.returned.values()), {naming.METRIC_CANARY_ROUND_TRIP: took})
        try:
            self._rounds.timed(identity, newest.started)
        except FeedbackError as error:
            self.done.problems[str(error)] += 1

    def send(self) -> None:
        """Begin rounds, while there is time and SES takes the mail."""
        due = self._due()
        most = canary.per_run(len(self._plan.identities), self._plan.every)
        for number, identity in enumerate(due):
            if number == most or self._clock.now() + canary.MAILS * self._interval + _ONE_ROUND_MS > self._until:
                self.done.waiting = len(due) - number
                return
            try:
                self._begin(identity)
            except Throttled as error:
                # The next one would be throttled as well, and ordinary mail with it.
                self.done.throttled = str(error)
                self.done.waiting = len(due) - number
                return
            except FeedbackError as error:
                self.done.problems[str(error)] += 1

    def _due(self) -> list[str]:
        """Return who is due: never sent first, then by the beginning of their last round."""
        known, plan = self._known, self._plan
        due = [i for i in self._wired if canary.is_due(known.get(i), plan.every, plan.within, self._now)]
        return sorted(due, key=lambda identity: (known[identity].started if identity in known else 0, identity))

    def _begin(self, identity: str) -> None:
        """Send a round. It is noted before it is sent: feedback takes less than a second, and must find its round."""
        now = self._clock.now()
        new, before = Round(now), self._known.get(identity)
        if before is not None:
            new = new._replace(failed=self._lacks(identity, before, now))
            if before.unsent:
                new = new._replace(unsent_since=before.unsent_since or before.started)
        if not self._rounds.begin(identity, self._stored.get(identity), new):
            return
        taken = now
        for asks in canary.LOCAL_PARTS:
            try:
                self._mailer.send(identity, canary.recipient(self._plan.deployment, asks, now))
            except Refused as error:
                self.done.refused[identity] = why = str(error)[:_LONGEST_WHY]
                self._rounds.refused(identity, now, why)
                return
            taken = self._clock.now()
            if self._interval:
                self._clock.sleep(self._interval)
        self._rounds.sent(identity, now, taken)
        self.done.sent.append(identity)
