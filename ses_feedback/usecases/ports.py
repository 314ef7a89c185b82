"""What the use cases need from outside, as small protocols: adapters implement them, tests fake them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ses_feedback.domain.events import Fault
from ses_feedback.domain.history import History, Suppression


class Stored(NamedTuple):
    """An address's history as it stands in the table, with the suppressions that followed from it when it was written.

    ``address`` is the one that was asked for: the table has forgotten it where ``history.erased``. ``version`` is a
    random token of that write. ``read_at`` is AWS's clock when it was read, in ms. ``expires`` is when DynamoDB deletes
    it, in *seconds* since 1970; ``None``: never.
    """

    environment: str
    address: str
    history: History
    suppressions: tuple[Suppression, ...]
    version: str
    read_at: int = 0
    expires: int | None = None


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

    def emit(
        self,
        dimensions: Mapping[str, str],
        at: int,
        values: Mapping[str, int],
        *,
        sets: Sequence[Sequence[str]] | None = None,
        notes: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Take the values of several metrics at a time in ms.

        They count once for each of ``sets``, names of ``dimensions``; without them, for all dimensions together.
        ``notes`` are kept beside them, are no metrics, and cost none.
        """


class AccountLists(Protocol):
    """SES's own account-level suppression lists."""

    def remove(self, address: str) -> Mapping[str, str | None]:
        """Take an address off the list of each region; return region to ``None``, or to what went wrong there."""


class Kept(NamedTuple):
    """A piece in quarantine, as a listing knows it. ``id`` is the hash of its text, in 64 hexadecimal digits.

    ``at`` is when it was put there, in ms; ``size`` that of the stored object in bytes. ``retrying`` means that a retry
    has begun, and is not done.
    """

    id: str
    at: int
    size: int
    retrying: bool


class Piece(NamedTuple):
    """A piece in quarantine, whole. ``raw`` is ``None`` where the stored object is none of ours: ``why`` says so.

    ``stored`` is the object as it was read, and ``version`` tells it from a later one of the same text.
    """

    kept: Kept
    at: int
    why: str
    topic: str | None
    raw: str | None
    stored: bytes
    version: str


class QuarantineStore(Protocol):
    """What an operator does with the quarantine. Every call may raise ``RetryableError``.

    A piece leaves it in three steps, and may be found between any two of them: it is *held* (a copy is made for the
    retry), *withdrawn* (the original goes), and, once it was sent, *let go* (the copy goes). Withdrawing comes before
    sending, so that a piece that fails again is kept, and counted, as new. The two deletions spare a later object.
    """

    def pages(self) -> Iterator[Sequence[Kept]]:
        """Yield all that is in quarantine, in no useful order, a thousand at a time, before what is retrying."""

    def find(self, prefix: str) -> Sequence[Kept]:
        """Return the pieces whose id begins with a prefix; at most a thousand in quarantine and as many retrying."""

    def read(self, wanted: Sequence[Kept]) -> Sequence[Piece]:
        """Return pieces whole, in order, without those that are gone by now."""

    def hold(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """Copy pieces to where a retry finds them; return them as they stand there."""

    def withdraw(self, pieces: Sequence[Piece]) -> None:
        """Delete the originals of pieces, where they are still what was read."""

    def let_go(self, held: Sequence[Piece]) -> None:
        """Delete what was held, where it is still what was held."""


class Letter(NamedTuple):
    """A message of a queue. ``id`` is unique in a batch; ``receipt`` is ``None`` for one that is still to be sent.

    ``attributes`` are the message's own, as SQS has them; ``sent_at`` is when it was first sent, in ms.
    """

    id: str
    body: str
    attributes: Mapping[str, Any]
    receipt: str | None = None
    sent_at: int = 0
    receives: int = 0


class LetterSource(Protocol):
    """Where messages wait that an operator moves. Every call may raise ``RetryableError``."""

    @property
    def name(self) -> str:
        """Its name."""

    def depth(self) -> int:
        """Return how many messages are in it."""

    def receive(self, most: int, hidden_s: int) -> Sequence[Letter]:
        """Return some messages, at most ten, and others the next time; none where there are no more."""

    def delete(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """Delete received messages; return what could not be: id to the reason."""

    def show_again(self, letters: Sequence[Letter]) -> None:
        """Hide received messages no longer."""


class LetterTarget(Protocol):
    """Where they are moved to. Every call may raise ``RetryableError``."""

    @property
    def name(self) -> str:
        """Its name."""

    def depth(self) -> int:
        """Return how many messages are in it; raise where it is not there."""

    def send(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """Send messages; return what was refused: id to the reason."""


class WorkQueue(Protocol):
    """A queue as an operator works with it. Every call may raise ``RetryableError``."""

    @property
    def name(self) -> str:
        """The queue's name."""

    def largest(self) -> int:
        """Return the size in bytes of the largest message it takes, attributes included."""

    def depth(self) -> int:
        """Return how many messages are in it, hidden ones included; SQS's count may be a minute old."""

    def receive(self, most: int, hidden_s: int) -> Sequence[Letter]:
        """Return some messages, at most ten, hidden from others for a while; none where none came within seconds."""

    def send(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """Send messages; return what was refused: id to the reason."""

    def delete(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """Delete received messages; return what could not be: id to the reason."""

    def show_again(self, letters: Sequence[Letter]) -> None:
        """Hide received messages no longer. What cannot be shown comes back by itself."""
