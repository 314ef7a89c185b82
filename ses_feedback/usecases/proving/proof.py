"""A run of ``prove``: send probes, look until each leg has shown them or is out of time, and release them again.

One loop sends, looks and gives up, so that a thousand identities take as many calls as their feedback does, a hundred
in each. Whatever ends a run, what it made suppressed is released and what it listened by is removed; what a run that
was killed left behind, the next one clears.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ses_feedback import naming
from ses_feedback.config.model import Config, Identity
from ses_feedback.domain import probe
from ses_feedback.domain.canary import LOCAL_PARTS
from ses_feedback.domain.errors import FeedbackError, RetryableError
from ses_feedback.domain.history import EVERY_STREAM, covering
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases import questions
from ses_feedback.usecases.canaries import Refused
from ses_feedback.usecases.checks.expected import Expected, expected
from ses_feedback.usecases.checks.live import MOST_IDENTITIES
from ses_feedback.usecases.pacing import Throttled
from ses_feedback.usecases.proving import drills, sightings
from ses_feedback.usecases.proving.legs import (
    ACTED,
    ARCHIVED,
    CHANGE,
    COUNTED,
    DIGEST,
    FAILED,
    KINDS,
    LEGS,
    LIMITS,
    NONE,
    ON_CALL_LEGS,
    PENDING,
    PROVED,
    RELEASED,
    SENT,
    SUPPRESSED,
    WAITING,
    Leg,
    OnCall,
    Subject,
)
from ses_feedback.usecases.proving.ports import Parts, Stop
from ses_feedback.usecases.proving.reasons import Reasons
from ses_feedback.usecases.proving.sightings import Topics
from ses_feedback.usecases.wiring_ports import VERIFIED

Advance = Callable[[int], None]

WHY: Final = "ses-feedback prove: a probe of SES's simulator"
# Half of what SES takes of the account: other mail goes out meanwhile.
_SHARE: Final = 0.5
_MOST_A_SECOND: Final = 20.0
_TRIES: Final = 3
_LONGEST_PAUSE: Final = 30 * SECOND
# Who stops a run waits so long for what is on its way: a release forgets only what is older than itself.
GRACE: Final = 15 * SECOND
_STEP: Final = 500
_EVERY: Final = {COUNTED: 5 * SECOND, ARCHIVED: 5 * SECOND}


@dataclass(slots=True)
class Proved:
    """What came of a run. ``untidy``: what could not be put back as it was, each with what to do."""

    subjects: list[Subject] = field(default_factory=list)
    on_call: list[OnCall] = field(default_factory=list)
    untidy: list[str] = field(default_factory=list)
    interrupted: bool = False

    def legs(self) -> list[Leg]:
        """Return all legs."""
        of_identities = [leg for subject in self.subjects for leg in subject.legs.values()]
        return of_identities + [leg for line in self.on_call for leg in line.legs.values()]

    @property
    def whole(self) -> bool:
        """Whether at least one identity was proved, and nothing was not."""
        some = any(subject.legs[SENT].state == PROVED for subject in self.subjects)
        return some and not self.untidy and all(leg.state != FAILED for leg in self.legs())


def steps(config: Config, identities: Sequence[Identity]) -> int:
    """Return how many legs there are, for a bar of progress."""
    return len(identities) * len(LEGS) + len(config.on_call.severities()) * len(ON_CALL_LEGS)


class Proof:
    """One run over some identities of a deployment. ``timeout`` (ms): no leg waits longer, whatever its own limit."""

    def __init__(
        self, config: Config, parts: Parts, identities: Sequence[Identity], *, drill: bool, timeout: int, stop: Stop
    ) -> None:
        self._config = config
        self._parts = parts
        self._drill = drill
        self._timeout = timeout
        self._stop = stop
        deployment = config.deployment.name
        self.done = Proved(
            [Subject(i, {k: probe.recipient(deployment, k, i.name) for k in KINDS}) for i in identities],
            [OnCall(severity) for severity in config.on_call.severities()],
        )
        self._outbox: deque[tuple[Subject, str]] = deque()
        self._next_mail = 0
        self._tries = 0
        self._due: dict[str, int] = {}
        self._blind: dict[str, str] = {}
        self._deaf: str | None = None
        self._rang_at = 0
        self._decided = 0

    def run(self, advance: Advance) -> Proved:
        """Do all of it. ``advance`` is told of each leg that is decided.

        Raises ``FeedbackError`` where nothing can be proved: no credentials, no such deployment.
        """
        parts = self._parts
        wanted = expected(self._config, parts.aws.home())
        self._begun_here = parts.clock.now()
        self._begun = parts.store.clock()
        self._verify()
        self._clear_leftovers()
        self._interval = SECOND / max(min(parts.mailer.rate() * _SHARE, _MOST_A_SECOND), 1.0)
        self._topics = _topics(wanted, self.done.on_call, drill=self._drill)
        try:
            self._listen()
            drills.check_confirmed(self.done.on_call, wanted, parts.aws)
            if self._drill:
                self._ring()
            self._outbox.extend((s, k) for s in self._subjects() for k in LOCAL_PARTS)
            self._loop(advance)
        finally:
            # Ctrl-C and an error of AWS included.
            self._tidy()
        self._explain(wanted)
        advance(sum(leg.state != WAITING for leg in self.done.legs()) - self._decided)
        return self.done

    def _subjects(self) -> list[Subject]:
        return [s for s in self.done.subjects if s.legs[SENT].state == WAITING]

    # --- before

    def _verify(self) -> None:
        """Put those aside that SES has not verified: they are pending, and nothing is wrong about that."""
        names = [subject.identity.name for subject in self.done.subjects]
        found: dict[str, str] = {}
        for start in range(0, len(names), MOST_IDENTITIES):
            some = names[start : start + MOST_IDENTITIES]
            found |= self._parts.pacer.run("the verification", partial(self._parts.ses.verifications, some))
        for subject in self.done.subjects:
            status = found.get(subject.identity.name)
            if status in VERIFIED:
                subject.legs[SENT].wait(set(KINDS), self._begun_here)
                continue
            for leg in subject.legs.values():
                leg.state = PENDING
                leg.what = "SES does not know it" if status is None else f"SES has not verified it ({status})"

    def _clear_leftovers(self) -> None:
        """Release what a run that was killed left suppressed, before this one does it anew."""
        store, whose = self._parts.store, [(s, who) for s in self._subjects() for who in s.whose()]
        for start in range(0, len(whose), questions.AT_ONCE):
            some = whose[start : start + questions.AT_ONCE]
            found = store.get_many([who for _, who in some])
            for subject, who in some:
                stored = found.get(who)
                if stored and covering(stored.suppressions, subject.identity.stream, self._begun):
                    self._release_one(*who)

    def _listen(self) -> None:
        topics = self._topics
        wanted = [topics.changes, *topics.digests.values(), *topics.alarms.values(), *topics.words.values()]
        until = self._begun + self._patience() + sum(len(KINDS) for _ in self._subjects()) * int(self._interval)
        try:
            self._parts.ear.open(wanted, until + 10 * MINUTE)
        except FeedbackError as error:
            self._deaf = str(error)

    def _patience(self) -> int:
        return min(max(LIMITS.values()), self._timeout)

    def _ring(self) -> None:
        now = self._parts.clock.now()
        self._token = f"{self._begun:x}"
        if self._deaf is not None:
            problem: str | None = f"nobody listens to on-call's topics: {self._deaf}"
        else:
            problem = drills.ring(self._parts.bell, self._token, self._parts.by)
        self._rang_at = self._parts.clock.now()
        drills.expect(self.done.on_call, self._topics, now, self._timeout, problem)

    # --- the loop

    def _loop(self, advance: Advance) -> None:
        clock = self._parts.clock
        while self._outbox or any(leg.state == WAITING for leg in self.done.legs()):
            if self._stop():
                self.done.interrupted = True
                return
            begun = clock.now()
            # Mail goes out at its own pace; a step of looking is taken between two mails, twice a second.
            while self._outbox and clock.now() < begun + _STEP and not self._stop():
                self._send()
                if self._outbox and clock.now() < min(self._next_mail, begun + _STEP):
                    clock.sleep(min(self._next_mail, begun + _STEP) - clock.now())
            self._look()
            self._expire()
            for subject in self.done.subjects:
                if _ready(subject):
                    self._release(subject)
            decided = sum(leg.state != WAITING for leg in self.done.legs())
            advance(decided - self._decided)
            self._decided = decided
            left = begun + _STEP - clock.now()
            if left > 0 and decided < len(self.done.legs()):
                clock.sleep(left)

    def _send(self) -> None:
        """Send the next probe, if it is due."""
        clock = self._parts.clock
        if not self._outbox or clock.now() < self._next_mail:
            return
        subject, kind = self._outbox[0]
        began = clock.now()
        try:
            subject.ids[kind] = self._parts.mailer.send(subject.identity.name, subject.addresses[kind])
        except FeedbackError as error:
            self._tries += 1
            passing = isinstance(error, Throttled) or (isinstance(error, RetryableError) and self._tries < _TRIES)
            if passing and not isinstance(error, Refused) and self._tries < 10 * _TRIES:
                self._next_mail = clock.now() + min(SECOND << min(self._tries, 10), _LONGEST_PAUSE)
                return
            self._refuse(subject, str(error))
            return
        now = clock.now()
        self._tries, self._next_mail = 0, began + int(self._interval)
        self._outbox.popleft()
        # Feedback takes less than a second: what the first mail brings must find its legs waiting.
        if not subject.taken:
            self._await(subject)
        subject.taken[kind] = now
        subject.legs[SENT].see(kind, now - began)
        for leg in subject.legs.values():
            leg.until = now + leg.limit

    def _refuse(self, subject: Subject, why: str) -> None:
        self._tries = 0
        self._outbox = deque((s, k) for s, k in self._outbox if s is not subject)
        for leg in subject.legs.values():
            leg.state, leg.wanted, leg.what = NONE, set(), None
        subject.legs[SENT].fail(why, mend="ses-feedback doctor")

    def _await(self, subject: Subject) -> None:
        suppressing = {kind for kind in ACTED if sightings.suppresses(self._config.policy, kind)}
        told = self._told_kinds(subject.identity)
        wanted = {
            SUPPRESSED: set(ACTED),
            COUNTED: set(KINDS),
            ARCHIVED: set(KINDS),
            CHANGE: suppressing,
            DIGEST: told,
        }
        for name, pieces in wanted.items():
            if pieces:
                subject.legs[name].wait(pieces, self._begun_here, min(LIMITS[name], self._timeout))
        if not suppressing:
            subject.legs[CHANGE].what = "the policy suppresses nobody at a first bounce or complaint"
        if not told:
            subject.legs[DIGEST].what = "nobody of a team of its reads digests of bounces or complaints"
        subject.legs[RELEASED].wait({RELEASED}, 0)

    def _told_kinds(self, identity: Identity) -> set[str]:
        if identity.team is None:
            return set()
        readers = [d for d in self._config.teams[identity.team].notify if d.format == "text"]
        return {kind for kind in ACTED for reader in readers if kind in reader.on}

    # --- looking

    def _look(self) -> None:
        done, parts = self.done.subjects, self._parts
        now = parts.clock.now()
        offset = self._begun - self._begun_here
        if self._is_due(SUPPRESSED, _STEP * (1 + len(done) // 50)):
            look = partial(sightings.look_at_table, parts.store, self._config.policy, self._open(SUPPRESSED), now)
            self._try(SUPPRESSED, look)
        if self._is_due(COUNTED, _EVERY[COUNTED]):
            span = (self._begun - SECOND, now + offset + MINUTE)
            self._try(
                COUNTED, partial(sightings.look_at_counts, parts.counts, self._open(COUNTED), *span, parts.clock.now())
            )
        if self._is_due(ARCHIVED, _EVERY[ARCHIVED]):
            arrived = partial(parts.shelf.arrived, self._begun - MINUTE)
            self._try(
                ARCHIVED,
                lambda: sightings.look_at_archive(arrived(), self._open(ARCHIVED), parts.clock.now()),
            )
        self._hear()

    def _open(self, leg: str) -> list[Subject]:
        return [s for s in self.done.subjects if s.legs[leg].state == WAITING]

    def _is_due(self, leg: str, every: int) -> bool:
        now = self._parts.clock.now()
        if now < self._due.get(leg, 0) or not self._open(leg):
            return False
        self._due[leg] = now + every
        return True

    def _try(self, leg: str, look: Callable[[], object]) -> None:
        """Look. What may pass is tried again until the leg is out of time; what may not ends the leg at once."""
        try:
            look()
        except RetryableError as error:
            self._blind[leg] = str(error)
        except FeedbackError as error:
            for subject in self._open(leg):
                subject.legs[leg].fail(f"nobody could look: {error}")
        else:
            self._blind.pop(leg, None)

    def _hear(self) -> None:
        waiting = [leg for leg in self.done.legs() if leg.name in _HEARD and leg.state == WAITING]
        if not waiting:
            return
        if self._deaf is not None:
            for leg in waiting:
                leg.fail(f"nobody could listen to its topic: {self._deaf}")
            return
        try:
            # Nobody waits here while mail has to go out, or the quickest leg is measured.
            heard = self._parts.ear.hear(0 if self._outbox or self._open(SUPPRESSED) else 1)
        except RetryableError as error:
            self._blind[CHANGE] = self._blind[DIGEST] = str(error)
            return
        except FeedbackError as error:
            self._deaf = str(error)
            return
        now = self._parts.clock.now()
        sightings.listen(heard, self._topics, self.done.subjects, now)
        if self._drill and heard:
            sightings.hear_drill(heard, self._topics, self.done.on_call, self._token, now - self._rang_at)

    def _expire(self) -> None:
        now = self._parts.clock.now()
        for leg in self.done.legs():
            if leg.state == WAITING and leg.name not in (SENT, RELEASED) and now > leg.until:
                leg.fail()
                if leg.name in self._blind:
                    leg.what = f"nobody could look: {self._blind[leg.name]}"

    # --- after

    def _release(self, subject: Subject) -> None:
        began = self._parts.clock.now()
        leg = subject.legs[RELEASED]
        for who in subject.whose():
            problem = self._release_one(*who)
            if problem is not None:
                leg.fail(problem, mend=_command(*who))
        leg.see(RELEASED, self._parts.clock.now() - began)

    def _release_one(self, environment: str, address: str) -> str | None:
        """Release an address; return why it is not, if it is not."""
        parts = self._parts
        try:
            decided = questions.release(
                parts.store,
                self._config.policy,
                parts.lists,
                environment=environment,
                address=address,
                scope=EVERY_STREAM,
                why=WHY,
                by=parts.by,
            )
        except FeedbackError as error:
            return f"{address} was not released: {error}"
        held = decided.answer.suppression
        if held is not None:
            return f"{address} is still suppressed, by {held.reason}"
        refused = [f"{region}: {problem}" for region, problem in decided.lists.items() if problem]
        return f"{address} is still on SES's own list: {'; '.join(refused)}" if refused else None

    def _tidy(self) -> None:
        """Release whatever is not released yet, after a moment for what is on its way, and stop listening."""
        try:
            self._settle()
        finally:
            try:
                self._parts.ear.close()
            except FeedbackError as error:
                self.done.untidy.append(str(error))

    def _settle(self) -> None:
        self._outbox.clear()
        left = [s for s in self.done.subjects if s.taken and s.legs[RELEASED].state in (WAITING, NONE)]
        until = self._parts.clock.now() + GRACE
        while any(kind not in s.struck for s in left for kind in ACTED if kind in s.ids):
            look = partial(sightings.look_at_table, self._parts.store, self._config.policy, left)
            self._try(SUPPRESSED, partial(look, self._parts.clock.now()))
            if self._parts.clock.now() >= until:
                break
            self._parts.clock.sleep(_STEP)
        for subject in left:
            subject.legs[RELEASED].wait({RELEASED}, 0)
            self._release(subject)
            if self.done.interrupted and subject.legs[RELEASED].what is not None:
                self.done.untidy.append(f"{subject.legs[RELEASED].what}; {subject.legs[RELEASED].mend}")

    def _explain(self, wanted: Expected) -> None:
        if not self.done.interrupted:
            Reasons(self._config, self._parts, wanted, self._begun_here).explain(self.done.subjects, self.done.on_call)


_HEARD: Final = (CHANGE, DIGEST, *(name for name in ON_CALL_LEGS if name in LIMITS))


def _ready(subject: Subject) -> bool:
    """Return whether a subject can be released: all that its suppression shows has been seen, or given up."""
    if subject.legs[RELEASED].state != WAITING or subject.legs[SENT].state == WAITING:
        return False
    return all(subject.legs[name].state != WAITING for name in (SUPPRESSED, COUNTED, CHANGE, DIGEST))


def _command(environment: str, address: str) -> str:
    return f"ses-feedback release {address} --environment {environment} --why prove"


def _topics(wanted: Expected, lines: Sequence[OnCall], *, drill: bool) -> Topics:
    home, name = wanted.home, wanted.deployment
    digests = {feed.subscribers[0].whose.removeprefix("team "): feed.topic for feed in wanted.digests}
    severities = [line.severity for line in lines] if drill else []
    feeds = {feed.topic for feed in wanted.on_call}
    alarms = {s: home.arn("sns", naming.on_call_topic_name(name, s)) for s in severities}
    words = {s: home.arn("sns", naming.on_call_text_topic_name(name, s)) for s in severities}
    return Topics(wanted.changes.topic, digests, alarms, {s: topic for s, topic in words.items() if topic in feeds})
