"""Whom a mail may still go to: the question before every send of an application, remembered for seconds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from ses_feedback.domain.errors import FeedbackError, describe
from ses_feedback.domain.history import Suppression, covering
from ses_feedback.domain.recipients import Recipient, recipients
from ses_feedback.domain.times import format_time
from ses_feedback.usecases.ports import Stored

AT_ONCE: Final = 100
_REMEMBERED: Final = 10_000
_NOTHING: Final[tuple[Suppression, ...]] = ()

Who = tuple[str, str]
Known = Mapping[str, tuple[Suppression, ...]]


class Reader(Protocol):
    """The suppression table, opened: a question of up to a hundred is one call."""

    def get_many(self, wanted: Sequence[Who]) -> Mapping[Who, Stored]:
        """Return what is known of (environment, address) pairs. Raises ``FeedbackError``."""


class Removed(NamedTuple):
    """A recipient that a mail does not go to, as the mail named it, and why."""

    recipient: str
    suppression: Suppression


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a guard made of the recipients of one call.

    ``left`` maps each text that named recipients to what is left of it; ``unreadable`` are recipients that could not be
    looked up because they cannot be read as addresses, and ``refused`` those of them that the mail does not go to.
    ``trouble`` says why the table could not be read, in one line without addresses: whoever was not remembered then
    counts as not suppressed.
    """

    environment: str
    stream: str
    left: Mapping[str, tuple[str, ...]]
    removed: tuple[Removed, ...] = ()
    unreadable: tuple[str, ...] = ()
    trouble: str | None = None
    refused: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether the mail goes to fewer recipients than it named."""
        return bool(self.removed or self.refused)

    @property
    def nobody_left(self) -> bool:
        """Whether there were recipients, and the mail goes to none of them."""
        return self.loses and not any(self.left.values())

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many recipients were removed, by reason."""
        return Counter(removed.suppression.reason for removed in self.removed)

    def keep(self, texts: Iterable[Any]) -> list[Any]:
        """Return a list of recipients without those it loses; what the guard was not asked about stays."""
        return [kept for text in texts for kept in (self.left.get(text, (text,)) if isinstance(text, str) else (text,))]

    def record(self) -> dict[str, Any]:
        """Return this as JSON values. Times are UTC; an end of ``None`` is no end."""
        return {
            "environment": self.environment,
            "stream": self.stream,
            "sent": not self.nobody_left,
            "removed": [
                {
                    "recipient": recipient,
                    "reason": found.reason,
                    "scope": found.scope,
                    "until": None if found.until is None else format_time(found.until),
                    "since": format_time(found.since),
                }
                for recipient, found in self.removed
            ],
            "unreadable": list(self.unreadable),
            "trouble": self.trouble,
        }


class Lookups:
    """Answers from memory what was asked within ``remember_s`` seconds, everything else in one call.

    ``open_reader`` is called at the first question, and again after it failed. Safe for threads; a question to the
    table holds no lock, so that sends never wait for each other.
    """

    def __init__(self, open_reader: Callable[[], Reader], *, remember_s: float, seconds: Callable[[], float]) -> None:
        self._open = open_reader
        self._remember_s = remember_s
        self._seconds = seconds
        self._reader: Reader | None = None
        self._lock = threading.Lock()
        self._memory: dict[Who, tuple[float, tuple[Suppression, ...]]] = {}

    def find(self, environment: str, addresses: Iterable[str]) -> tuple[Known, str | None]:
        """Return the suppressions of normalised addresses, and what went wrong if some are not known for it."""
        wanted = list(dict.fromkeys(addresses))
        found = self._recall(environment, wanted)
        missing = [address for address in wanted if address not in found]
        try:
            for start in range(0, len(missing), AT_ONCE):
                part = missing[start : start + AT_ONCE]
                stored = self._opened().get_many([(environment, address) for address in part])
                for address in part:
                    known = stored.get((environment, address))
                    found[address] = known.suppressions if known else _NOTHING
                self._remember(environment, {address: found[address] for address in part})
        except FeedbackError as error:
            return found, " ".join(str(error).split())
        except Exception as error:  # noqa: BLE001 - a defect must not decide whether mail goes: the guard's option does
            return found, f"unexpected {describe(error)}"
        return found, None

    def _opened(self) -> Reader:
        reader = self._reader
        if reader is None:  # threads that come at once may open it twice, but none waits for another's timeout
            self._reader = reader = self._open()
        return reader

    def _recall(self, environment: str, addresses: Iterable[str]) -> dict[str, tuple[Suppression, ...]]:
        now = self._seconds()
        found = {}
        with self._lock:
            for address in addresses:
                end, known = self._memory.get((environment, address), (now, _NOTHING))
                if end > now:
                    found[address] = known
        return found

    def _remember(self, environment: str, found: Known) -> None:
        if self._remember_s <= 0:
            return
        end = self._seconds() + self._remember_s
        with self._lock:
            for address, known in found.items():
                self._memory.pop((environment, address), None)  # put last: the oldest stand first, and go first
                self._memory[environment, address] = (end, known)
            while len(self._memory) > _REMEMBERED:
                del self._memory[next(iter(self._memory))]


def screen(
    lookups: Lookups, environment: str, stream: str, texts: Iterable[str], now: int, *, refuses: bool = True
) -> Outcome:
    """Return what is left of the recipients that texts name, for mail in a stream of an environment at ``now`` ms.

    ``refuses``: whether who cannot be read as an address is left out.
    """
    named = {text: recipients(text) for text in dict.fromkeys(texts)}
    everybody = [recipient for found in named.values() for recipient in found]
    known, trouble = lookups.find(environment, (mailbox for r in everybody for mailbox in r.mailboxes))
    removed: dict[str, Removed] = {}
    unreadable: list[str] = []
    gone: set[Recipient] = set()
    for recipient in everybody:
        against = covering([s for mailbox in recipient.mailboxes for s in known.get(mailbox, _NOTHING)], stream, now)
        if against is not None:
            removed.setdefault(recipient.address or recipient.text, Removed(recipient.text, against))
            gone.add(recipient)
        elif recipient.address is None:
            unreadable.append(recipient.text)
            if refuses:
                gone.add(recipient)
    return Outcome(
        environment,
        stream,
        {text: _left(text, found, gone) for text, found in named.items()},
        tuple(removed.values()),
        tuple(unreadable),
        trouble,
        tuple(unreadable) if refuses else (),
    )


def _left(text: str, named: Sequence[Recipient], gone: Set[Recipient]) -> tuple[str, ...]:
    left = tuple(recipient.text for recipient in named if recipient not in gone)
    return (text,) if len(left) == len(named) else left
