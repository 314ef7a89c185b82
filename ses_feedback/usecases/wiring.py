"""Wiring: point an identity's notifications at its topics, and give back what was there before.

The former settings are remembered before the first change and never overwritten, so every step here may be cut short,
repeated, or answered into the void: the next run finds out where things stand and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.settings import (
    SetHeaders,
    Settings,
    SetTopic,
    Wish,
    after,
    steps_to_restore,
    steps_to_wire,
)
from ses_feedback.usecases.foreign import (
    Foreign,
    foreign_settings,
    former_again,
    former_of,
    ours_among,
    refusal,
)
from ses_feedback.usecases.paced_ses import PacedSes
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.wiring_ports import (
    CREATED,
    FOREIGN,
    PENDING,
    RESTORED,
    VERIFIED,
    WIRED,
    ConfigurationSetRejected,
    DkimRecord,
    FormerSet,
    IdentityRejected,
    Memory,
    Outcome,
    Record,
    Rejected,
    SesGateway,
)


class _Live(NamedTuple):
    """What SES knows of an identity."""

    settings: Settings
    configuration_set: str | None
    dkim: tuple[DkimRecord, ...]


class Wiring:
    """Wires identities and gives them back. ``pacer`` decides when each call to SES is made and how long to try."""

    def __init__(self, ses: SesGateway, memory: Memory, pacer: Pacer) -> None:
        self._ses = PacedSes(ses, pacer)
        self._memory = memory

    def wire(self, identity: str, wish: Wish) -> Outcome:
        """Make an identity's settings what is wished; one read and no write to SES where they are already.

        An identity that SES does not know or has not verified is ``PENDING``, and nothing in SES changes, but that
        ``wish.create`` creates the one it does not know. Where somebody else set a topic or default configuration set,
        and ``wish.overwrite`` is off: ``ForeignSetting``, and nothing changes either. Raises what the ports raise, and
        ``OutOfTime``; then the settings may be half done, and ``undo``, ``unwire`` or another ``wire`` mends them.

        Fit to be repeated at any time, as the hourly check does: a dropped topic is set again, a pending identity is
        wired once it is verified. The check leaves ``create`` off, since an identity that vanished is news.
        """
        return self._wire(identity, wish, lenient=False)

    def update(self, identity: str, wish: Wish, *, properties: str, former_properties: str) -> Outcome:
        """Wire for CloudFormation's Update from one set of properties to another, each given as a fingerprint.

        CloudFormation rolls a failed Update back by an Update from the properties that failed. That one must not fail
        on the same foreign setting again, or the whole stack is stuck: it leaves it where it is (``FOREIGN``).
        """
        refused = (self._memory.recall(identity) or Record()).refused
        rolls_back = refused is not None and refused == former_properties
        try:
            outcome = self._wire(identity, wish, lenient=rolls_back)
        except Exception as error:
            if not rolls_back:
                self._also(error, "noting the failure", lambda: self._memory.refuse(identity, properties))
            raise
        if refused is not None and not rolls_back:
            self._memory.refuse(identity, None)
        return outcome

    def wire_or_undo(self, identity: str, wish: Wish, undoing: Wiring) -> Outcome:
        """Wire an identity; where that fails, ``undoing`` (the same with a later deadline) gives it back first.

        Raises what ``wire`` raises, with a note where undoing failed as well.
        """
        try:
            return self.wire(identity, wish)
        except Exception as error:
            self._also(error, "undoing it", lambda: undoing.undo(identity))
            raise

    def undo(self, identity: str) -> Outcome:
        """Give an identity back if ``wire`` got as far as to remember it; else nothing has changed: no call to SES.

        An identity that ``wire`` created is deleted, unless it is verified by now: then there may be mail already.
        """
        record = self._memory.recall(identity) or Record()
        if record.former is not None:
            return self.unwire(identity)
        if record.status != CREATED:
            return Outcome(RESTORED)
        verification = self._ses.verification(identity)
        unverified = verification is not None and verification not in VERIFIED
        if unverified:
            self._ses.delete(identity)
        self._memory.forget(identity)
        return Outcome(RESTORED, (f"deleted {identity}",) if unverified else ())

    def unwire(self, identity: str) -> Outcome:
        """Give an identity back: former settings return wherever ours are still there.

        What is ours is what the memory says, and nothing that a caller claims: an identity of which nothing is
        remembered is none of ours, and SES is not called. Nor does anything happen where nothing of ours is left, or
        SES no longer knows the identity. A former topic or configuration set that has gone meanwhile is replaced by
        none (and ``left`` or ``changes`` say so). An identity stays in SES, whoever created it. Raises what the ports
        raise, and ``OutOfTime``; repeating it goes on where it stopped.
        """
        record = self._memory.recall(identity)
        if record is None:
            return Outcome(RESTORED, left=(f"nothing of ours is remembered of {identity}",))
        changes: list[str] = []
        left: list[str] = []
        live = self._ses.settings(identity)
        if live is None:
            self._memory.forget(identity)
            return Outcome(RESTORED, left=(f"SES no longer knows {identity}",))
        try:
            self._restore(identity, live, record.former, ours_among(live, identity, Wish({}), record), changes, left)
            self._restore_set(identity, record.former_set, changes, left)
        except IdentityRejected as error:
            verification = self._ses.verification(identity)
            if verification in VERIFIED:
                raise
            left.append(str(error))
            if verification is not None:
                # Not verified any more, yet still there: should it come back to life, its former settings are known.
                return Outcome(RESTORED, tuple(changes), tuple(left))
        self._memory.forget(identity)
        return Outcome(RESTORED, tuple(changes), tuple(left))

    def _wire(self, identity: str, wish: Wish, *, lenient: bool) -> Outcome:
        """Do what ``wire`` says; ``lenient``: what is foreign stays in place instead of being an error."""
        before = self._memory.recall(identity) or Record()
        live = self._live(identity, wish, before)
        if live is None:
            return self._missing(identity, wish, before)
        ours = ours_among(live.settings, identity, wish, before)
        foreign = foreign_settings(live.settings, ours, live.configuration_set, wish, before)
        if foreign and not wish.overwrite and not lenient:
            raise refusal(identity, foreign)
        kept = Foreign({}, None) if wish.overwrite else foreign
        topics = {t: topic for t, topic in wish.topics.items() if t not in kept.topics}
        steps = steps_to_wire(live.settings, topics)
        next_set = live.configuration_set
        if kept.configuration_set is None:
            next_set = _next_set(wish.configuration_set, live.configuration_set, before.former_set)
        if steps or next_set != live.configuration_set:
            verification = self._ses.verification(identity)
            if verification is None:
                return self._missing(identity, wish, before)
            if verification not in VERIFIED:
                return self._pending(identity, before, f"SES has not verified it: {verification}", live.dkim)

        self._remember(identity, live.settings, ours, topics, foreign, before)
        changes: list[str] = []
        for step in steps:
            try:
                self._ses.take(identity, step)
            except IdentityRejected as error:
                if changes:
                    raise
                # SES had the last word: not verified. What was remembered a moment ago was for nothing.
                if before.former is None:
                    self._memory.forget(identity)
                    before = Record()
                return self._pending(identity, before, str(error), live.dkim)
            changes.append(str(step))
        if kept.configuration_set is None:
            changes += self._wire_set(identity, wish.configuration_set, live, next_set, foreign, before.former_set)
        status = FOREIGN if kept else WIRED
        if before.status != status:
            self._memory.note(identity, status)
        left = tuple(f"{name} is not ours and stays" for name in kept.names())
        return Outcome(status, tuple(changes), left, dkim=live.dkim)

    def _live(self, identity: str, wish: Wish, before: Record) -> _Live | None:
        """Return what SES knows of an identity, ``None`` if nothing (it may also say defaults)."""
        found = self._ses.settings(identity)
        if found is None:
            return None
        try:
            own_set = wish.configuration_set is not None or before.former_set is not None
            name = self._ses.configuration_set(identity) if own_set else None
            return _Live(found, name, self._dkim(identity, wish))
        except IdentityRejected:
            return None

    def _dkim(self, identity: str, wish: Wish) -> tuple[DkimRecord, ...]:
        return self._ses.dkim(identity) if wish.create and "@" not in identity else ()

    def _missing(self, identity: str, wish: Wish, before: Record) -> Outcome:
        """Create an identity that SES does not know, if that is wished."""
        if before.former is not None:
            # What is remembered belongs to an identity that was deleted in SES: one that returns starts afresh.
            self._memory.forget(identity)
            before = Record()
        if not wish.create:
            # SES developer guide: the name of an address compares by letter case, that of a domain does not.
            return self._pending(identity, before, f"SES knows no {identity}, in these very letters")
        if before.status != CREATED:
            self._memory.note(identity, CREATED)
        self._ses.create(identity)
        before = Record(status=CREATED)
        return self._pending(identity, before, "created just now, to be verified", self._dkim(identity, wish))

    def _pending(self, identity: str, record: Record, why: str, dkim: tuple[DkimRecord, ...] = ()) -> Outcome:
        if record.status not in (PENDING, CREATED):
            self._memory.note(identity, PENDING)
        return Outcome(PENDING, why=why, dkim=dkim)

    def _remember(
        self,
        identity: str,
        live: Settings,
        ours: frozenset[str],
        topics: Mapping[str, str],
        foreign: Foreign,
        before: Record,
    ) -> None:
        """Keep what is needed to give the identity back, before anything changes: topics of ours, and former settings.

        What somebody set after us, and is now replaced, is what comes back for these types.
        """
        wanted = frozenset(topics.values())
        if before.former is None:
            former, again = former_of(live, ours), False
        else:
            replaced = {t: topic for t, topic in foreign.topics.items() if t in topics}
            former = former_again(before.former, live, Foreign(replaced, None))
            again = former != before.former
        if wanted and (again or before.former is None or not wanted <= before.ours):
            self._memory.remember(identity, former, wanted, again=again)

    @staticmethod
    def _also(error: Exception, what: str, work: Callable[[], object]) -> None:
        """Do something because of an error; where that fails too, a note on the error says so."""
        try:
            work()
        except FeedbackError as second:
            error.add_note(f"{what} failed too: {second}")

    def _restore(
        self,
        identity: str,
        live: Settings,
        former: Settings | None,
        ours: Collection[str],
        changes: list[str],
        left: list[str],
    ) -> None:
        steps = steps_to_restore(live, former, ours)
        while steps:
            step = steps.pop(0)
            try:
                self._ses.take(identity, step)
            except IdentityRejected:
                raise
            except Rejected as error:
                if isinstance(step, SetTopic) and step.topic is not None and former is not None:
                    # The former topic is gone: clear ours, as if there had been none, and see what else follows.
                    former = after(former, SetTopic(step.type, None))
                    steps = steps_to_restore(live, former, ours)
                elif not (isinstance(step, SetHeaders) and live.topics[step.type] is None):
                    raise
                # Headers of a type without a topic say nothing: whether SES lets them be set then is left to SES.
                left.append(str(error))
                continue
            live = after(live, step)
            changes.append(str(step))

    def _wire_set(
        self,
        identity: str,
        wished: str | None,
        live: _Live,
        wanted: str | None,
        foreign: Foreign,
        former: FormerSet | None,
    ) -> list[str]:
        now = live.configuration_set
        if wished is not None:
            again = former is not None and foreign.configuration_set not in (None, former.name)
            if again or former is None or wished not in former.ours:
                self._memory.remember_set(identity, None if now == wished else now, wished, again=again)
            if now == wished:
                return []
            self._ses.set_configuration_set(identity, wished)
            return [f"default configuration set {wished}"]
        changes: list[str] = []
        if former is not None:
            if wanted != now:
                changes.append(self._give_back_set(identity, wanted))
            self._memory.forget_set(identity)
        return changes

    def _restore_set(self, identity: str, former: FormerSet | None, changes: list[str], left: list[str]) -> None:
        if former is None:
            return
        try:
            live = self._ses.configuration_set(identity)
        except IdentityRejected as error:
            left.append(str(error))
            return
        if live in former.ours:
            changes.append(self._give_back_set(identity, former.name))

    def _give_back_set(self, identity: str, name: str | None) -> str:
        """Set the former default configuration set, or none where that is gone: with a missing one every send fails."""
        try:
            self._ses.set_configuration_set(identity, name)
        except ConfigurationSetRejected:
            self._ses.set_configuration_set(identity, None)
            return f"default configuration set none ({name} is gone)"
        return f"default configuration set {name or 'none'}"


def _next_set(wished: str | None, live: str | None, former: FormerSet | None) -> str | None:
    if wished is not None:
        return wished
    return former.name if former is not None and live in former.ours else live
