"""A world that can be paused: a book with versions, SES's switch, on-call; each call may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ses_feedback import naming
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.pauses import History
from ses_feedback.usecases.pausing import Account, Desk, Kept, Page, Sender
from tests.fakes import CRASH_AFTER, CRASH_BEFORE, OK, THROTTLE, TIMEOUT, Crash

T = TypeVar("T")
WHO = "news@example.com"
SENDER = Sender(WHO, naming.configuration_set_name("ses-feedback", WHO))
PAGE = Page("ses-feedback news@example.com page", "2026-11-24T05:00:00.000+0000", "bounce page fast went off")
LATER = PAGE._replace(at="2026-11-24T09:00:00.000+0000")
JO = "arn:aws:sts::111122223333:assumed-role/ops/jo"


@dataclass
class World:
    """Implements all of ``Desk``. ``troubles`` are used up one a call: of ``tests.fakes``, an error, or a function."""

    sending: bool | None = True
    account_: Account = field(default_factory=Account)
    time: int = 1_800_000_000_000
    histories_: dict[str, tuple[History, str]] = field(default_factory=dict)
    troubles: list[str | Exception | Callable[[], object]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    turned: list[bool] = field(default_factory=list)
    writes: int = 0

    @property
    def desk(self) -> Desk:
        return Desk(self, self, self, self.now)

    @property
    def history(self) -> History:
        return self.histories_[WHO][0] if WHO in self.histories_ else ()

    def now(self) -> int:
        self.time += 1_000
        return self.time

    def read(self, identity: str) -> Kept:
        return self._call("read", lambda: Kept(*self.histories_[identity]) if identity in self.histories_ else Kept())

    def histories(self, identities: Collection[str]) -> Mapping[str, History]:
        return {i: history for i, (history, _) in self.histories_.items() if i in identities}

    def write(self, identity: str, history: History, version: str | None) -> bool:
        def put() -> bool:
            there = self.histories_.get(identity)
            if (there[1] if there else None) != version:
                return False
            self.writes += 1
            self.histories_[identity] = (history, str(self.writes))
            return True

        return self._call("write", put)

    def account(self) -> Account:
        return self._call("account", lambda: self.account_)

    def is_on(self, configuration_set: str) -> bool | None:
        assert configuration_set == SENDER.configuration_set
        return self._call("is_on", lambda: self.sending)

    def turn(self, configuration_set: str, *, on: bool) -> None:
        def do() -> None:
            self.sending = on
            self.turned.append(on)

        assert configuration_set == SENDER.configuration_set
        self._call("turn", do)

    def tell(self, severity: str, subject: str, text: str) -> None:
        self._call("tell", lambda: self.told.append((severity, subject, text)))

    def _call(self, name: str, effect: Callable[[], T]) -> T:
        self.calls.append(name)
        trouble = self.troubles.pop(0) if self.troubles else OK
        if callable(trouble):
            trouble()
            trouble = OK
        if isinstance(trouble, Exception):
            raise trouble
        if trouble == THROTTLE:
            raise RetryableError(f"{name}: throttled")
        if trouble == CRASH_BEFORE:
            raise Crash
        result = effect()
        if trouble == TIMEOUT:
            raise RetryableError(f"{name}: timed out")
        if trouble == CRASH_AFTER:
            raise Crash
        return result
