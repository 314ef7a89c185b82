"""What a command works with: how to open a deployment, and what the time is. Tests bring their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress, PermanentError

if TYPE_CHECKING:
    from ses_feedback.config import Config
    from ses_feedback.usecases.doctor import Inventory, Places
    from ses_feedback.usecases.pausing import Desk
    from ses_feedback.usecases.ports import AccountLists, QuarantineStore, QuestionStore, WorkQueue


class Deployment(Protocol):
    """A deployment that was opened."""

    @property
    def store(self) -> QuestionStore:
        """What is known of addresses."""

    @property
    def quarantine(self) -> QuarantineStore:
        """What could not be read."""

    @property
    def inventory(self) -> Inventory:
        """What SES and AWS say of the deployment, and what mends it."""

    @property
    def places(self) -> Places:
        """Its own stores, as doctor asks them."""

    @property
    def pauses(self) -> Desk:
        """What pauses and resumes identities."""

    @property
    def caller(self) -> str:
        """The ARN of whoever runs the command."""

    def queue(self, name: str) -> WorkQueue:
        """Return a queue by its name."""

    def lists(self, *spellings: str) -> AccountLists:
        """Return SES's own lists, on which an address may be spelled otherwise."""


def connect(config: Config) -> AbstractContextManager[Deployment]:
    """Open the configured deployment in AWS."""
    # boto costs 200 ms: a command that needs no AWS does not import it.
    from ses_feedback.adapters.connection import connect as open_deployment  # noqa: PLC0415

    return open_deployment(config)


def wall_clock() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


class Session(NamedTuple):
    """The outside of every command."""

    connect: Callable[[Config], AbstractContextManager[Deployment]] = connect
    now: Callable[[], int] = wall_clock


def read_address(text: str) -> str:
    """Return an address argument in the form in which it compares. Raises ``PermanentError``, which names it."""
    try:
        return normalise(text)
    except InvalidAddress as error:
        raise PermanentError(f"{quoted(text)} is not an e-mail address: {error}") from None


def quoted(text: str) -> str:
    """Return what was typed, in quotes, for an error on one line."""
    shown = text if len(text) <= 80 else text[:79] + "…"
    return '"' + "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown) + '"'
