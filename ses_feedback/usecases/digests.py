"""TELL: what waits for a team becomes one readable message, at most one in five minutes, and nothing is lost.

A run takes a team's turn, receives what waits, composes, publishes, and only then deletes. Whatever breaks on the way
leaves the notifications in the queue, hidden for a while: the worst that happens is that a message comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, Protocol

from ses_feedback import naming
from ses_feedback.domain import canary
from ses_feedback.domain.digest_answers import Known
from ses_feedback.domain.digest_text import Digest, Facts, Reader, compose
from ses_feedback.domain.digests import Gathered, in_detail, read_items
from ses_feedback.domain.errors import RetryableError, describe
from ses_feedback.domain.events import BOUNCE, COMPLAINT, DELIVERY, Fault
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.handling import Rules
from ses_feedback.usecases.ports import HistoryStore, Quarantine

# Between two messages to a team: the five minutes that were promised, and the time that publishing may take.
GAP: Final = 5 * MINUTE + 30 * SECOND
# Longer than a run may take: what is received and not told comes back after it, and never within.
HIDDEN: Final = 6 * MINUTE
# Notifications of a message: SQS lets 120,000 of a queue be received and not yet deleted (SQS quotas, in flight).
MOST: Final = 100_000
# Of a team's time: for receiving. As much is needed to delete, and the rest to publish.
_RECEIVING: Final = 0.45
AT_ONCE: Final = 100  # addresses of one read
# What telephones show has to be short.
SHORT_PROTOCOLS: Final = ("sms", "application")
# Kinds that are recorded or counted, where what cannot be read is quarantined; of the others only people hear.
_KEPT_ELSEWHERE: Final = (BOUNCE, COMPLAINT, DELIVERY)


class Waiting(NamedTuple):
    """A message of a digest queue: its body, and what it is deleted by."""

    body: str
    receipt: str


class DigestQueue(Protocol):
    """Notifications that wait for a team. Every call may raise ``RetryableError``; what is received is hidden."""

    def look(self) -> Sequence[Waiting]:
        """Return a few messages, at once; none is no proof that none wait."""

    def drain(self, most: int, until: int) -> Iterator[Sequence[Waiting]]:
        """Yield messages until none come, about ``most`` have come, or it is ``until`` (ms)."""

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages. Raises where any stayed."""

    def show_again(self, receipts: Sequence[str]) -> None:
        """Hide messages no longer. What cannot be shown comes back by itself."""


class Turns(Protocol):
    """When each team was last told, or its message begun. Every call may raise ``RetryableError``."""

    def last(self, teams: Sequence[str]) -> Mapping[str, int]:
        """Return the time in ms of each team that has one."""

    def take(self, team: str, before: int | None, now: int) -> bool:
        """Put ``now`` in place of ``before`` (``None``: there is none); return whether that was still there."""


class Press(Protocol):
    """Publishes to people."""

    def publish(self, team: str, recipient: str, subject: str, text: str) -> None:
        """Hand a message over for one destination, by its ``naming.recipient_key``. One try. May raise anything."""


class Recipient(NamedTuple):
    """A destination of people: its ``naming.recipient_key``, its kinds, and whether it takes only a short text."""

    key: str
    kinds: tuple[str, ...]
    short: bool


@dataclass(slots=True)
class Told:
    """What became of a run: counts for the log, and what went wrong, without any address."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)


class Team(NamedTuple):
    """One team that has something waiting: the first of it, and when it was last told (ms)."""

    name: str
    recipients: Sequence[Recipient]
    queue: DigestQueue
    first: Sequence[Waiting]
    last: int | None


@dataclass(frozen=True, slots=True)
class Newsroom:
    """Tells teams what waits for them. ``clock`` returns the time in ms; ``open_queue`` opens a team's queue."""

    rules: Rules
    keys: Keys
    store: HistoryStore
    quarantine: Quarantine
    turns: Turns
    press: Press
    open_queue: Callable[[str], DigestQueue]
    clock: Callable[[], int]

    def tell(self, teams: Mapping[str, Sequence[Recipient]], until: int) -> Told:
        """Tell every team whose turn it is, and be done by ``until`` (ms): less than ``GAP`` from now.

        A team's failure does not keep the others from being told.
        """
        told = Told()
        waiting = self._look(teams, told)
        for number, team in enumerate(waiting):
            now = self.clock()
            share = max(until - now, 0) // (len(waiting) - number)
            self._attempt(told, partial(self._tell_one, team, now + share, told))
        return told

    def _look(self, teams: Mapping[str, Sequence[Recipient]], told: Told) -> list[Team]:
        """Return the teams whose turn it is and for whom something waits."""
        found: list[Team] = []

        def look(name: str, recipients: Sequence[Recipient]) -> None:
            queue = self.open_queue(name)
            first = queue.look()
            if first:
                found.append(Team(name, recipients, queue, first, last.get(name)))

        last: Mapping[str, int] = {}
        try:
            last = self.turns.last(list(teams))
        except Exception as error:  # noqa: BLE001 - named in the log; the next run is a minute away
            told.problems[describe(error)] += 1
            return []
        now = self.clock()
        for name, recipients in teams.items():
            if name in last and now < last[name] + GAP:
                told.counts["too_soon"] += 1
            else:
                self._attempt(told, partial(look, name, recipients))
        return found

    def _attempt(self, told: Told, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - named in the log; what waited comes back by itself
            told.problems[describe(error)] += 1

    def _tell_one(self, team: Team, until: int, told: Told) -> None:
        begun = self.clock()
        receipts = [waiting.receipt for waiting in team.first]
        if not self.turns.take(team.name, team.last, begun):
            team.queue.show_again(receipts)  # another run was faster
            told.counts["taken"] += 1
            return
        gathered = Gathered()
        self._gather(team.first, gathered, told)
        enough = begun + int((until - begun) * _RECEIVING)
        for more in team.queue.drain(MOST - len(receipts), enough):
            receipts += [waiting.receipt for waiting in more]
            self._gather(more, gathered, told)
        rest = len(receipts) >= MOST or self.clock() >= enough
        digests = self._compose(team, gathered, rest)
        # The gap counts from here. Nobody else can have taken the turn, unless this run outlived its time.
        now = self.clock()
        if not self.turns.take(team.name, begun, now):
            team.queue.show_again(receipts)
            told.counts["taken"] += 1
            return
        self._publish(team, digests, told)
        team.queue.delete(receipts)
        told.counts["told"] += bool(digests)
        told.counts["notifications"] += len(receipts)

    def _gather(self, messages: Iterable[Waiting], gathered: Gathered, told: Told) -> None:
        now = self.clock()
        for message in messages:
            try:
                items, faults = read_items(message.body, self.rules.directory, now)
            except Exception as error:  # noqa: BLE001 - a bug of reading: it is kept whole, and holds up nobody
                items, faults = [], [Fault(message.body, describe(error))]
            gathered.add(i for i in items if canary.recognise(self.rules.deployment, i.event.recipient) is None)
            gathered.unreadable += len(faults)
            for fault in faults:
                if _kind(fault) not in _KEPT_ELSEWHERE:
                    told.counts["quarantined"] += self.quarantine.keep(fault, now)

    def _compose(self, team: Team, gathered: Gathered, more: bool) -> dict[tuple[str, ...], Digest]:
        """Return the digest of each set of kinds that somebody of the team is told of, where it has any news."""
        wanted = {recipient.kinds for recipient in team.recipients}
        who = {
            (item.event.environment, item.event.recipient): None
            for kinds in wanted
            for item in in_detail(gathered.of(kinds))
        }
        known: dict[tuple[str, str], Known] = {}
        addresses = list(who)
        for start in range(0, len(addresses), AT_ONCE):
            stored = self.store.get_many(addresses[start : start + AT_ONCE])
            known |= {key: Known(value.history, value.suppressions) for key, value in stored.items()}
        facts = Facts(known, self.rules.policy, self.keys, self.clock(), more)
        composed = {kinds: compose(gathered, Reader(team.name, kinds), facts) for kinds in wanted}
        return {kinds: digest for kinds, digest in composed.items() if digest is not None}

    def _publish(self, team: Team, digests: Mapping[tuple[str, ...], Digest], told: Told) -> None:
        """Publish to each destination; where one fails the others are told, and then nothing is deleted."""
        failed: Counter[str] = Counter()
        for recipient in team.recipients:
            digest = digests.get(recipient.kinds)
            if digest is None:
                continue
            text = digest.short if recipient.short else digest.text
            try:
                self.press.publish(team.name, recipient.key, digest.subject, text)
            except Exception as error:  # noqa: BLE001 - counted, and raised below
                failed[describe(error)] += 1
            else:
                told.counts["messages"] += 1
        if failed:
            raise RetryableError(f"{sum(failed.values())} messages were not published: {'; '.join(failed)}")


def _kind(fault: Fault) -> str | None:
    """Return the kind of a notification that could not be read: as read so far, else as its topic's name says."""
    if fault.kind is not None:
        return fault.kind
    return naming.kind_of_topic((fault.topic or "").rpartition(":")[2])
