"""What the use cases need from outside, as small protocols: adapters implement them, tests fake them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ses_feedback.domain.events import Fault
from ses_feedback.domain.history import History, Suppression


class Stored(NamedTuple):
    """An address's history as it stands in the table, with the suppressions that followed from it when it was written.

    ``version`` is a random token of that write. ``read_at`` is AWS's clock when it was read, in ms.
    """

    environment: str
    address: str
    history: History
    suppressions: tuple[Suppression, ...]
    version: str
    read_at: int = 0


class Listed(NamedTuple):
    """One line of a listing: an address and its strongest suppression. ``address`` is ``None`` once it was erased."""

    address: str | None
    suppression: Suppression


class HistoryStore(Protocol):
    """Histories by environment and address. Every call may raise ``RetryableError`` or ``PermanentError``."""

    def put_new(self, environment: str, address: str, history: History) -> Stored | None:
        """Store the history of an unknown address; return what is there instead, ``None`` when stored."""

    def replace(self, stored: Stored, history: History) -> Stored | None:
        """Store a history in place of ``stored``; return what is there if somebody was faster, ``None`` when stored.

        Where the item is gone by now (expired), the history is stored as new.
        """

    def get_many(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Stored]:
        """Return what is known of (environment, address) pairs; one call for each hundred."""


class QuestionStore(HistoryStore, Protocol):
    """What operators and senders ask beyond that."""

    def get(self, environment: str, address: str) -> tuple[Stored | None, int]:
        """Return what is known of an address, read consistently, and AWS's clock in ms. Verifies too."""

    def verify(self) -> None:
        """Raise ``PermanentError`` unless the table was filled under the key at hand."""

    def listing(self, environment: str, reasons: Iterable[str], since: int, now: int) -> Iterator[Listed]:
        """Yield the suppressed of an environment, newest ``since`` first, from ``since`` on (0: all)."""


class Quarantine(Protocol):
    """Keeps what could not be read, whole."""

    def keep(self, fault: Fault, now: int) -> bool:
        """Store a fault; return whether it is new. Storing it again changes nothing. Raises ``RetryableError``."""


class Meter(Protocol):
    """Takes measurements."""

    def emit(self, dimensions: Mapping[str, str], at: int, values: Mapping[str, int]) -> None:
        """Take the values of several metrics with the same dimensions at a time in ms."""


class AccountLists(Protocol):
    """SES's own account-level suppression lists."""

    def remove(self, address: str) -> Mapping[str, str | None]:
        """Take an address off the list of each region; return region to ``None``, or to what went wrong there."""
