"""The hourly check: is SES still as the file says? What it dropped is set again, what was verified since is wired.

Two rounds over all identities, each going on where the last run of its kind stopped. The first reads the settings of a
hundred identities in one call, and mends: a dropped topic costs feedback by the minute. The second reads what takes a
call for each identity: default configuration sets, event destinations, subscriptions. SES takes one call a second, so
that the second round of a thousand identities may take several runs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, Protocol

from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.settings import Settings
from ses_feedback.usecases.checks.expected import Expected, ExpectedIdentity, Feed
from ses_feedback.usecases.checks.identities import default_set_is, wiring_findings
from ses_feedback.usecases.checks.live import MOST_IDENTITIES, IdentityReader, SetReader, SubscriptionReader
from ses_feedback.usecases.checks.sets import check_destinations, missing_set
from ses_feedback.usecases.checks.subscriptions import check_feed
from ses_feedback.usecases.pacing import OutOfTime, Pacer
from ses_feedback.usecases.wiring import Wiring
from ses_feedback.usecases.wiring_ports import CREATED, PENDING, VERIFIED, IdentityRejected, Memory, Record

# A dropped topic is looked for first, and may not take all the time there is.
MENDING: Final = "mending"
LOOKING: Final = "looking"
PEOPLE: Final = "people"  # the topics of on-call and of digests, which belong to no identity


class Rotation(Protocol):
    """Remembers how far the rounds got. Both may raise ``RetryableError``."""

    def last(self) -> dict[str, str]:
        """Return by round the identity that was looked at last; a round that was finished is absent."""

    def keep(self, round_: str, last: str | None) -> None:
        """Keep it; ``None``: the round was finished."""


class Drift(NamedTuple):
    """What was found to be other than the file says. ``mended``: what was done about it, ``None`` where nothing was.

    Neither text has anybody's address in it.
    """

    identity: str
    what: str
    mended: str | None = None


@dataclass(slots=True)
class Report:
    """What a run found. ``wired``: pending identities that are wired now; ``pending``: those that still are.

    ``waiting`` are in the file and not deployed yet. ``failures`` are what could not be looked at, for the log.
    ``unfinished`` names the rounds that the next run goes on with.
    """

    drifts: list[Drift] = field(default_factory=list)
    wired: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    waiting: int = 0
    checked: int = 0
    failures: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


class Readers(NamedTuple):
    """What is read: of identities and sets in SES, of topics in SNS."""

    identities: IdentityReader
    sets: SetReader
    topics: SubscriptionReader


class Paces(NamedTuple):
    """The pace of each round's calls to SES, and of those to SNS, each with its deadline."""

    mending: Pacer
    looking: Pacer
    topics: Pacer


class CheckLoop:
    """Checks the loops of one deployment. ``wiring`` makes the use case that mends, at a pace."""

    def __init__(
        self,
        expected: Expected,
        readers: Readers,
        memory: Memory,
        rotation: Rotation,
        *,
        paces: Paces,
        wiring: Callable[[Pacer], Wiring],
    ) -> None:
        self._expected = expected
        self._readers = readers
        self._memory = memory
        self._rotation = rotation
        self._mending, self._looking, self._topics = paces
        self._wiring = wiring

    def run(self) -> Report:
        """Check as much as there is time for. Raises ``FeedbackError`` where nothing can be read at all."""
        report = Report()
        last = self._rotation.last()
        self._round(MENDING, last.get(MENDING), partial(self._mend, report), report)
        try:
            self._people(report)
        except OutOfTime:
            report.unfinished.append(PEOPLE)
        self._round(LOOKING, last.get(LOOKING), partial(self._look, report), report)
        return report

    def _round(
        self, name: str, last: str | None, work: Callable[[Sequence[str]], Iterator[str]], report: Report
    ) -> None:
        """Work on all identities, from the one after ``last`` on, and keep where it ended if time ran out."""
        done = last
        try:
            for done in work(rotated(sorted(self._expected.identities), last)):  # noqa: B007 - kept below
                pass
        except OutOfTime:
            report.unfinished.append(name)
            self._rotation.keep(name, done)
        else:
            if last is not None:
                self._rotation.keep(name, None)

    # --- the first round ----------------------------------------------------------------------------------------------

    def _mend(self, report: Report, names: Sequence[str]) -> Iterator[str]:
        for start in range(0, len(names), MOST_IDENTITIES):
            batch = list(names[start : start + MOST_IDENTITIES])
            ses = self._readers.identities
            verifications = self._mending.run("reading verifications", partial(ses.verifications, batch))
            verified = [name for name in batch if verifications.get(name) in VERIFIED]
            settings = self._mending.run("reading settings", partial(ses.all_settings, verified)) if verified else {}
            for name in batch:
                identity = self._expected.identities[name]
                if verifications.get(name) in VERIFIED:
                    self._settings(report, identity, settings.get(name) or Settings())
                else:
                    self._unverified(report, identity, verifications.get(name))
                report.checked += 1
                yield name

    def _settings(self, report: Report, identity: ExpectedIdentity, live: Settings) -> None:
        # The default configuration set is read in the second round: here it counts as right.
        findings = wiring_findings(self._expected, identity, live, identity.configuration_set)
        wrong = "; ".join(finding.what for finding in findings)
        if wrong:
            self._rewire(report, identity, wrong, self._mending)

    def _unverified(self, report: Report, identity: ExpectedIdentity, status: str | None) -> None:
        record = self._memory.recall(identity.name)
        if record is None or record.status is None:
            report.waiting += 1
        elif _was_wired(record):
            said = "SES no longer knows it" if status is None else f"it is no longer verified: SES says {status}"
            report.drifts.append(Drift(identity.name, said))
        else:
            report.pending.append(identity.name)

    def _rewire(self, report: Report, identity: ExpectedIdentity, wrong: str, pacer: Pacer) -> None:
        """Wire an identity that is wired or pending; nothing is remembered of one not deployed yet."""
        record = self._memory.recall(identity.name)
        if record is None or record.status is None:
            report.waiting += 1
            return
        pending = not _was_wired(record)
        try:
            outcome = self._wiring(pacer).wire(identity.name, identity.wish()._replace(create=False))
        except OutOfTime:
            raise
        except PermanentError as error:
            report.drifts.append(Drift(identity.name, f"{wrong}; it cannot be set right: {error}"))
        except RetryableError as error:
            report.failures.append(f"{identity.name}: {error}")
        else:
            if outcome.status == PENDING:
                report.pending.append(identity.name)
            elif pending:
                report.wired.append(identity.name)
            elif outcome.changes:
                report.drifts.append(Drift(identity.name, wrong, "; ".join(outcome.changes)))

    # --- the second round ---------------------------------------------------------------------------------------------

    def _people(self, report: Report) -> None:
        for feed in (*self._expected.on_call, *self._expected.digests, self._expected.changes):
            self._tolerant(report, PEOPLE, partial(self._feed, report, PEOPLE, feed))

    def _look(self, report: Report, names: Sequence[str]) -> Iterator[str]:
        for name in names:
            identity = self._expected.identities[name]
            record = self._memory.recall(name)
            if record is not None and record.status is not None:
                if identity.configuration_set is not None and _was_wired(record):
                    self._tolerant(report, name, partial(self._set, report, identity, identity.configuration_set))
                for feed in identity.feeds:
                    self._tolerant(report, name, partial(self._feed, report, name, feed))
            yield name

    def _set(self, report: Report, identity: ExpectedIdentity, own: str) -> None:
        name = identity.name
        ses = self._readers.identities
        try:
            live = self._looking.run(f"reading the set of {name}", partial(ses.default_set, name))
        except IdentityRejected:
            return  # it is gone: the first round says so
        if live != own:
            self._rewire(report, identity, default_set_is(identity, live), self._looking)
        destinations = self._looking.run(
            f"reading the events of {own}", partial(self._readers.sets.event_destinations, own)
        )
        found = [missing_set("", own)] if destinations is None else check_destinations(identity, destinations)
        report.drifts += [Drift(name, finding.what) for finding in found]

    def _feed(self, report: Report, whose: str, feed: Feed) -> None:
        live = self._topics.run(
            f"reading {feed.kind} of {whose}", partial(self._readers.topics.subscriptions, feed.topic)
        )
        found = check_feed(self._expected, whose, feed, live, private=True)
        report.drifts += [Drift(whose, finding.what) for finding in found]

    @staticmethod
    def _tolerant(report: Report, whose: str, work: Callable[[], None]) -> None:
        """Go on with the others where one cannot be read; that time is over is for the round to know."""
        try:
            work()
        except OutOfTime:
            raise
        except FeedbackError as error:
            report.failures.append(f"{whose}: {error}")


def rotated(names: Sequence[str], last: str | None) -> list[str]:
    """Return sorted names, beginning with the first after ``last``, which need not be among them any more."""
    start = bisect_right(names, last) if last is not None else 0
    return [*names[start:], *names[:start]]


def _was_wired(record: Record) -> bool:
    return record.status not in (PENDING, CREATED)
