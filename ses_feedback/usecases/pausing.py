"""Pause and resume an identity's configuration set: by the circuit breaker on a page, by an operator on command.

The order of the steps is what makes them safe to repeat after a crash at any point. A pause is noted before SES is
asked for it: whoever resumes in between is seen by the repetition, which then leaves it at that. A resumption is noted
after SES has done it: what is noted as over is over.

A pause and a resumption may run at once. So each looks again at what the other writes, after its own last step: the
pause at the book once SES refuses mail, the resumption at SES once the end is noted. One of them sees the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, NamedTuple, Protocol

from ses_feedback.domain import pause_text, pauses
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.pauses import BREAKER, SOMEBODY, History, Pause, Resumption
from ses_feedback.domain.plain_words import moment

_TRIES: Final = 5
_LONGEST_WHY: Final = 500
PAGE: Final = "page"
WARN: Final = "warn"


class Kept(NamedTuple):
    """What is known of an identity's pauses, and the ``version`` it has; ``None`` where nothing is stored yet."""

    history: History = ()
    version: str | None = None


class PauseBook(Protocol):
    """Keeps the pauses of identities. Every call may raise ``RetryableError`` or ``PermanentError``."""

    def read(self, identity: str) -> Kept:
        """Return what is known, read consistently."""

    def histories(self, identities: Collection[str]) -> Mapping[str, History]:
        """Return the pauses of those identities that had any; the last second's may be missing."""

    def write(self, identity: str, history: History, version: str | None) -> bool:
        """Put a history in place of the version that was read; return false where somebody was faster."""


class Account(NamedTuple):
    """SES's state of the account. ``enforcement`` is ``HEALTHY``, ``PROBATION`` or ``SHUTDOWN``; empty if unknown."""

    sending: bool = True
    enforcement: str = "HEALTHY"


class SendingSwitch(Protocol):
    """What stops mail in SES. May raise ``RetryableError`` or ``PermanentError``."""

    def account(self) -> Account:
        """Return the state of the account."""

    def is_on(self, configuration_set: str) -> bool | None:
        """Return whether a configuration set sends, ``None`` if SES has no such set."""

    def turn(self, configuration_set: str, *, on: bool) -> None:
        """Have a configuration set send or refuse mail. Repeating it changes nothing."""


class OnCall(Protocol):
    """Reaches the people on call."""

    def tell(self, severity: str, subject: str, text: str) -> None:
        """Tell them. May raise ``RetryableError`` or ``PermanentError``; then they may have been told all the same."""


class Desk(NamedTuple):
    """What pausing works with. ``now`` returns ms since 1970."""

    book: PauseBook
    switch: SendingSwitch
    on_call: OnCall
    now: Callable[[], int]


class Sender(NamedTuple):
    """An identity and its own configuration set."""

    identity: str
    configuration_set: str


class Page(NamedTuple):
    """An alarm that went off: its name, when it did (as CloudWatch wrote it), and CloudWatch's words for why."""

    alarm: str
    at: str
    reason: str


Tripped = Literal["paused", "repeated", "already paused"]


class Done(NamedTuple):
    """What a command did: the pause it is about, and why on-call could not be told, if so.

    ``pause`` is ``None`` where sending was resumed that nobody had noted as paused. ``noted``: SES had been asked
    before, only the book was behind.
    """

    pause: Pause | None
    at: int
    untold: str | None = None
    noted: bool = False


def trip(desk: Desk, sender: Sender, page: Page) -> Tripped:
    """Pause a sender because of a page and tell on-call, once for each time the alarm goes off, however often told.

    Raises ``FeedbackError`` where a step failed: repeated, it goes on from there.
    """
    id_ = f"{page.alarm} {page.at}"
    for _ in range(_TRIES):
        history, version = desk.book.read(sender.identity)
        known = pauses.with_id(history, id_)
        if known is not None:
            # Told, it was done to the end; ended, somebody who knew of it has resumed: neither is to be done again.
            if known.told:
                return "repeated"
            if known.end is not None:
                _undo(desk, sender)  # a run that died after it had asked SES, though somebody had resumed by then
                return "repeated"
            break
        if not _sends(desk.switch, sender):
            return "already paused"
        known = Pause(id_, desk.now(), BREAKER, _reason(page), page.alarm)
        if desk.book.write(sender.identity, pauses.begun(history, known), version):
            break
    else:
        raise _lost(sender)
    desk.switch.turn(sender.configuration_set, on=False)
    if _was_resumed(desk, sender, id_):
        _undo(desk, sender)
        return "repeated"
    # A crash between telling and noting tells them twice, never not at all.
    desk.on_call.tell(PAGE, *pause_text.paused(*sender, known))
    _note_told(desk.book, sender, id_)
    return "paused"


def pause(desk: Desk, sender: Sender, *, id_: str, by: str, why: str) -> Done:
    """Pause a sender on somebody's word. Raises ``PermanentError`` where it is paused already."""
    new = Pause(id_, desk.now(), by, why)
    for _ in range(_TRIES):
        history, version = desk.book.read(sender.identity)
        sends = _sends(desk.switch, sender)
        there = pauses.current(history)
        if there == new:  # a write whose answer was lost
            break
        if not sends and there is not None:
            raise PermanentError(f"{sender.identity} is paused already, {told_by(there)}")
        if desk.book.write(sender.identity, pauses.begun(history, new), version):
            break
    else:
        raise _lost(sender)
    desk.switch.turn(sender.configuration_set, on=False)
    if _was_resumed(desk, sender, id_):
        _undo(desk, sender)
        raise PermanentError(
            f"somebody else resumed {sender.identity} at this very moment: ses-feedback doctor says how it is"
        )
    text = pause_text.paused(*sender, new)
    return Done(new, new.at, _untold(lambda: desk.on_call.tell(WARN, *text)), noted=not sends)


def resume(desk: Desk, sender: Sender, *, by: str, why: str) -> Done:
    """Let a sender send again. Raises ``PermanentError`` where it is not paused, or where AWS has paused the account.

    A run that ended half-way is finished by the next: what SES has done already is only noted.
    """
    _require_account(desk.switch.account())
    kept = desk.book.read(sender.identity)
    sends = _sends(desk.switch, sender)
    there = pauses.current(kept.history)
    if sends and there is None:
        raise PermanentError(f"{sender.identity} is not paused: there is nothing to resume")
    if not sends:
        desk.switch.turn(sender.configuration_set, on=True)
    at = desk.now()
    end = Resumption(at, by, why)
    for _ in range(_TRIES):
        # A pause that nobody noted is noted now, with its end: the reason to resume must not be lost.
        before = kept.history if there else pauses.begun(kept.history, Pause(f"{by} {at}", at, SOMEBODY, "not noted"))
        if desk.book.write(sender.identity, pauses.ended(before, end), kept.version):
            break
        kept = desk.book.read(sender.identity)
        if kept.history and kept.history[0].end == end:  # a write whose answer was lost
            break
        now = pauses.current(kept.history)
        if now is not None and now != there and not sends:
            desk.switch.turn(sender.configuration_set, on=False)  # a new pause, which was not ours to end
        _require_same(sender, there, now)
    else:
        raise _lost(sender)
    _undo(desk, sender)
    text = pause_text.resumed(sender.identity, there, end)
    return Done(there, at, _untold(lambda: desk.on_call.tell(WARN, *text)), noted=sends)


def _was_resumed(desk: Desk, sender: Sender, id_: str) -> bool:
    known = pauses.with_id(desk.book.read(sender.identity).history, id_)
    return known is not None and known.end is not None


def _undo(desk: Desk, sender: Sender) -> None:
    """Let a sender send that SES refuses although no pause is noted: the book has the last word."""
    if not _sends(desk.switch, sender) and pauses.current(desk.book.read(sender.identity).history) is None:
        desk.switch.turn(sender.configuration_set, on=True)


def told_by(found: Pause) -> str:
    """Return who paused, since when and why, in words."""
    return f"by {found.by} since {moment(found.at)}: {found.why}"


def _require_same(sender: Sender, there: Pause | None, now: Pause | None) -> None:
    if (there and there.id) != (now and now.id):
        raise PermanentError(
            f"somebody else paused or resumed {sender.identity} at this very moment: ses-feedback doctor says how it is"
        )


def _reason(page: Page) -> str:
    said = " ".join(page.reason.split())
    return f"the alarm {page.alarm} went off at {page.at}: {said}"[:_LONGEST_WHY]


def _sends(switch: SendingSwitch, sender: Sender) -> bool:
    on = switch.is_on(sender.configuration_set)
    if on is None:
        raise PermanentError(
            f"SES has no configuration set {sender.configuration_set}, so {sender.identity} cannot be paused or "
            "resumed: deploy (npx cdk deploy --all)"
        )
    return on


def _require_account(account: Account) -> None:
    if account.enforcement == "SHUTDOWN":
        raise PermanentError(
            "AWS has paused the whole account, and only AWS can resume it: answer its case in the AWS Support Center; "
            "nothing was changed"
        )
    if not account.sending:
        raise PermanentError(
            "sending is switched off for the whole account: resume that first (aws sesv2 "
            "put-account-sending-attributes --sending-enabled); nothing was changed"
        )


def _note_told(book: PauseBook, sender: Sender, id_: str) -> None:
    for _ in range(_TRIES):
        history, version = book.read(sender.identity)
        if book.write(sender.identity, pauses.told(history, id_), version):
            return
    raise _lost(sender)


def _untold(tell: Callable[[], None]) -> str | None:
    """Return why on-call could not be told: what a person has done stays done, and the person can tell them."""
    try:
        tell()
    except FeedbackError as error:
        return str(error)
    return None


def _lost(sender: Sender) -> RetryableError:
    return RetryableError(f"others change the pauses of {sender.identity} all the time: try again")
