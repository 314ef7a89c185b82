"""Wiring: point an identity's notifications at its topics, and give back what was there before.

The former settings are remembered before the first change and never overwritten, so every step here may be cut short,
repeated, or answered into the void: the next run finds out where things stand and goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from ses_feedback.domain.errors import FeedbackError, PermanentError
from ses_feedback.domain.settings import (
    FEEDBACK_TYPES,
    NOTIFICATION_TYPES,
    SetForwarding,
    SetHeaders,
    Settings,
    SetTopic,
    Step,
    Wish,
    after,
    steps_to_restore,
    steps_to_wire,
)
from ses_feedback.usecases.pacing import Pacer

WIRED: Final = "wired"
PENDING: Final = "pending"
RESTORED: Final = "restored"

# VerificationStatus in the SES API. TemporaryFailure: verified before, its DNS record not seen just now.
_VERIFIED: Final = ("Success", "TemporaryFailure")
_TOPIC_ARN: Final = re.compile(r"arn:[a-z-]+:sns:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_-]{1,256})")


class Rejected(PermanentError):
    """SES does not take a setting; ``str(error)`` says which and what to do."""


class IdentityRejected(Rejected):
    """SES takes no settings for this identity: it is not verified, or gone."""


class TopicRejected(Rejected):
    """SES cannot publish to this topic."""


class ConfigurationSetRejected(Rejected):
    """SES knows no such configuration set."""


class NotPermitted(PermanentError):
    """The function lacks a permission; ``str(error)`` names it."""


class InvalidWish(PermanentError):
    """What is wished cannot be; ``str(error)`` says what would be right."""


class SesGateway(Protocol):
    """SES's calls, one request each. All may raise ``Rejected``, ``NotPermitted``, ``RetryableError``."""

    def settings(self, identity: str) -> Settings | None:
        """Return an identity's notification settings, ``None`` if SES does not know it (it may say defaults, too)."""

    def verification(self, identity: str) -> str | None:
        """Return an identity's ``VerificationStatus``, ``None`` if SES does not know it."""

    def set_topic(self, identity: str, type_: str, topic: str | None) -> None:
        """Set or clear the topic of a notification type. Raises ``TopicRejected``, ``IdentityRejected``."""

    def set_headers(self, identity: str, type_: str, enabled: bool) -> None:
        """Switch headers in a type's notifications."""

    def set_forwarding(self, identity: str, enabled: bool) -> None:
        """Switch the forwarding of feedback by e-mail."""

    def configuration_set(self, identity: str) -> str | None:
        """Return an identity's default configuration set. Raises ``IdentityRejected`` if SES knows no such identity."""

    def set_configuration_set(self, identity: str, name: str | None) -> None:
        """Set or clear it. Raises ``ConfigurationSetRejected``, ``IdentityRejected``."""


@dataclass(frozen=True, slots=True)
class FormerSet:
    """The default configuration set before ours (``name``, ``None`` for none), and every one that was ever ours."""

    name: str | None
    ours: frozenset[str]


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered: ``former`` settings (``None``: never wired), topics that were ever ours, status."""

    former: Settings | None = None
    ours: frozenset[str] = frozenset()
    former_set: FormerSet | None = None
    status: str | None = None


class Memory(Protocol):
    """Remembers, by identity. Each call is one atomic write or consistent read; all may raise ``RetryableError``."""

    def recall(self, identity: str) -> Record | None:
        """Return what is remembered."""

    def remember(self, identity: str, former: Settings, ours: Collection[str]) -> Record:
        """Keep ``former`` unless one is kept already, add to the topics that are ours, and return the whole."""

    def remember_set(self, identity: str, former: str | None, ours: str) -> Record:
        """Do the same for the default configuration set."""

    def forget_set(self, identity: str) -> None:
        """Forget the configuration set's part."""

    def note(self, identity: str, status: str) -> None:
        """Keep the status, ``WIRED`` or ``PENDING``."""

    def forget(self, identity: str) -> None:
        """Forget an identity; nothing happens if it is not remembered."""


class Outcome(NamedTuple):
    """``status`` is ``WIRED``, ``PENDING`` or ``RESTORED``; ``changes`` say what was done, ``left`` what could not."""

    status: str
    changes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def check_wish(wish: Wish, region: str, account: str) -> None:
    """Raise ``InvalidWish`` unless every topic is one SES could use here: Standard, in this region and account."""
    for type_ in NOTIFICATION_TYPES:
        topic = wish.topics.get(type_)
        if not topic:
            raise InvalidWish(f"Topics.{type_} is missing: it must be the ARN of an SNS topic in {region}")
        found = _TOPIC_ARN.fullmatch(topic)
        if found is None:
            raise InvalidWish(f"Topics.{type_}: {topic[:300]!r} is not the ARN of a standard SNS topic")
        if found[1] != region or found[2] != account:
            raise InvalidWish(
                f"Topics.{type_}: {topic} is in {found[1]} of account {found[2]}; an identity in {region} of account"
                f" {account} needs a topic there"
            )


class Wiring:
    """Wires identities and gives them back. ``pacer`` decides when each call to SES is made and how long to try."""

    def __init__(self, ses: SesGateway, memory: Memory, pacer: Pacer) -> None:
        self._ses = ses
        self._memory = memory
        self._pacer = pacer

    def wire(self, identity: str, wish: Wish) -> Outcome:
        """Make an identity's settings what is wished; one read and no write to SES where they are already.

        An identity that SES does not know or has not verified is ``PENDING``, and nothing in SES changes. Raises what
        the ports raise, and ``OutOfTime``; then the settings may be half done, and ``undo``, ``unwire`` or another
        ``wire`` mends them.
        """
        before = self._memory.recall(identity) or Record()
        live = self._settings(identity)
        if live is None:
            return self._pending(identity, before, known=False)
        live_set: str | None = None
        if wish.configuration_set is not None or before.former_set is not None:
            try:
                live_set = self._configuration_set(identity)
            except IdentityRejected:
                return self._pending(identity, before, known=False)
        steps = steps_to_wire(live, wish.topics)
        next_set = _next_set(wish.configuration_set, live_set, before.former_set)
        if steps or next_set != live_set:
            verification = self._verification(identity)
            if verification not in _VERIFIED:
                return self._pending(identity, before, known=verification is not None)

        topics = frozenset(wish.topics.values())
        if before.former is None or not topics <= before.ours:
            self._memory.remember(identity, _former(live, topics | before.ours), topics)
        changes: list[str] = []
        for step in steps:
            try:
                self._take(identity, step)
            except IdentityRejected:
                if changes:
                    raise
                # SES had the last word: not verified. What was remembered a moment ago was for nothing.
                if before.former is None:
                    self._memory.forget(identity)
                    before = Record()
                return self._pending(identity, before, known=True)
            changes.append(str(step))
        changes += self._wire_set(identity, wish.configuration_set, live_set, next_set, before.former_set)
        if before.status != WIRED:
            self._memory.note(identity, WIRED)
        return Outcome(WIRED, tuple(changes))

    def wire_or_undo(self, identity: str, wish: Wish, undoing: Wiring) -> Outcome:
        """Wire an identity; where that fails, ``undoing`` (the same with a later deadline) gives it back first.

        Raises what ``wire`` raises, with a note where undoing failed as well.
        """
        try:
            return self.wire(identity, wish)
        except Exception as error:
            try:
                undoing.undo(identity, wish)
            except FeedbackError as second:
                error.add_note(f"undoing it failed too: {second}")
            raise

    def undo(self, identity: str, wish: Wish) -> Outcome:
        """Give an identity back if ``wire`` got as far as to remember it; else nothing has changed: no call to SES."""
        record = self._memory.recall(identity)
        if record is None or record.former is None:
            return Outcome(RESTORED)
        return self.unwire(identity, wish)

    def unwire(self, identity: str, wish: Wish) -> Outcome:
        """Give an identity back: former settings return wherever ours are still there. ``wish`` is what it was last.

        Nothing happens where nothing of ours is left, or SES no longer knows the identity. A former topic or
        configuration set that has gone meanwhile is replaced by none (and ``left`` or ``changes`` say so). Raises what
        the ports raise, and ``OutOfTime``; repeating it goes on where it stopped.
        """
        recalled = self._memory.recall(identity)
        record = recalled or Record()
        changes: list[str] = []
        left: list[str] = []
        live = self._settings(identity)
        if live is None:
            if recalled is not None:
                self._memory.forget(identity)
            return Outcome(RESTORED, left=(f"SES no longer knows {identity}",))
        try:
            self._restore(identity, live, record.former, record.ours | set(wish.topics.values()), changes, left)
            self._restore_set(identity, wish.configuration_set, record.former_set, changes, left)
        except IdentityRejected as error:
            verification = self._verification(identity)
            if verification in _VERIFIED:
                raise
            left.append(str(error))
            if verification is not None:
                # Not verified any more, yet still there: should it come back to life, its former settings are known.
                return Outcome(RESTORED, tuple(changes), tuple(left))
        if recalled is not None:
            self._memory.forget(identity)
        return Outcome(RESTORED, tuple(changes), tuple(left))

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
                self._take(identity, step)
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
        self, identity: str, wished: str | None, live: str | None, wanted: str | None, former: FormerSet | None
    ) -> list[str]:
        if wished is not None:
            if former is None or wished not in former.ours:
                self._memory.remember_set(identity, None if live == wished else live, wished)
            if live == wished:
                return []
            self._set_configuration_set(identity, wished)
            return [f"default configuration set {wished}"]
        changes: list[str] = []
        if former is not None:
            if wanted != live:
                changes.append(self._give_back_set(identity, wanted))
            self._memory.forget_set(identity)
        return changes

    def _restore_set(
        self, identity: str, wished: str | None, former: FormerSet | None, changes: list[str], left: list[str]
    ) -> None:
        ours = (former.ours if former else frozenset()) | ({wished} if wished else set())
        if not ours:
            return
        try:
            live = self._configuration_set(identity)
        except IdentityRejected as error:
            left.append(str(error))
            return
        if live in ours:
            changes.append(self._give_back_set(identity, former.name if former else None))

    def _give_back_set(self, identity: str, name: str | None) -> str:
        """Set the former default configuration set, or none where that is gone: with a missing one every send fails."""
        try:
            self._set_configuration_set(identity, name)
        except ConfigurationSetRejected:
            self._set_configuration_set(identity, None)
            return f"default configuration set none ({name} is gone)"
        return f"default configuration set {name or 'none'}"

    def _pending(self, identity: str, record: Record, *, known: bool) -> Outcome:
        if not known and record.former is not None:
            # What is remembered belongs to an identity that was deleted in SES: one that returns starts afresh.
            self._memory.forget(identity)
            record = Record()
        if record.status != PENDING:
            self._memory.note(identity, PENDING)
        return Outcome(PENDING)

    def _settings(self, identity: str) -> Settings | None:
        return self._pacer.run(f"reading the settings of {identity}", lambda: self._ses.settings(identity))

    def _verification(self, identity: str) -> str | None:
        return self._pacer.run(f"reading the verification of {identity}", lambda: self._ses.verification(identity))

    def _configuration_set(self, identity: str) -> str | None:
        what = f"reading the configuration set of {identity}"
        return self._pacer.run(what, lambda: self._ses.configuration_set(identity))

    def _set_configuration_set(self, identity: str, name: str | None) -> None:
        what = f"setting the configuration set of {identity}"
        self._pacer.run(what, lambda: self._ses.set_configuration_set(identity, name))

    def _take(self, identity: str, step: Step) -> None:
        self._pacer.run(f"setting {step} of {identity}", lambda: self._call(identity, step))

    def _call(self, identity: str, step: Step) -> None:
        match step:
            case SetTopic(type_, topic):
                self._ses.set_topic(identity, type_, topic)
            case SetHeaders(type_, enabled):
                self._ses.set_headers(identity, type_, enabled)
            case SetForwarding(enabled):
                self._ses.set_forwarding(identity, enabled)


def _former(live: Settings, ours: Collection[str]) -> Settings:
    """Return what to remember of live settings: topics of ours are never former ones, whoever set them before us."""
    stale = [t for t in NOTIFICATION_TYPES if live.topics[t] in ours]
    forwarding = live.forwarding or any(t in FEEDBACK_TYPES for t in stale)
    former = replace(live, forwarding=forwarding)
    for t in stale:
        former = after(after(former, SetTopic(t, None)), SetHeaders(t, False))
    return former


def _next_set(wished: str | None, live: str | None, former: FormerSet | None) -> str | None:
    if wished is not None:
        return wished
    return former.name if former is not None and live in former.ours else live
