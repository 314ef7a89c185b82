"""What ``prove`` needs from outside. Every call may raise ``FeedbackError``; ``RetryableError`` where it may pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ses_feedback.usecases.checks.live import AwsReader, SesReader
from ses_feedback.usecases.pacing import Clock, Pacer
from ses_feedback.usecases.ports import AccountLists, QuestionStore


class Heard(NamedTuple):
    """A message of a topic (ARN)."""

    topic: str
    text: str


class Archived(NamedTuple):
    """That a line of the archive tells of a mail's feedback: its message id, and the kind."""

    message_id: str
    kind: str


class Mailer(Protocol):
    """Sends probes."""

    def rate(self) -> float:
        """Return how many mails a second SES takes of the account at most."""

    def send(self, identity: str, recipient: str) -> str:
        """Mail one recipient from an identity; return SES's message id. Raises ``canaries.Refused``, ``Throttled``."""


class Ear(Protocol):
    """Listens to topics for a while, by a queue of its own."""

    def open(self, topics: Sequence[str], until: int) -> None:
        """Begin to listen; what runs before left behind is removed. By ``until`` (ms) it is closed."""

    def hear(self, wait_s: int) -> Sequence[Heard]:
        """Return what has come, waiting for the first for so long."""

    def close(self) -> None:
        """Leave nothing behind. Raises ``PermanentError`` that names what stayed."""


class Shelf(Protocol):
    """The archive, as it grows."""

    def arrived(self, since: int) -> Iterable[Archived]:
        """Yield what lines say of objects that were written since a time (ms) and not yielded before."""

    def put_aside(self, since: int) -> int:
        """Return how many objects Firehose has put aside since: it failed on what they hold."""


class Counts(Protocol):
    """The metrics that say what was counted."""

    def proved(self, identities: Sequence[str], start: int, end: int) -> Mapping[str, Mapping[str, int]]:
        """Return by identity and kind when the newest probe was sent that was counted (seconds since 1970)."""


class Bell(Protocol):
    """The alarm of drills."""

    def ring(self, reason: str) -> None:
        """Set it off, giving a reason."""

    def failures(self, since: int) -> Sequence[str]:
        """Return what CloudWatch could not do about it since a time (ms), in its own words."""


class Parts(NamedTuple):
    """All of it. ``by`` is who runs it, as it is kept with a release. ``stop`` says whether somebody wants the end."""

    ses: SesReader
    aws: AwsReader
    pacer: Pacer
    store: ProvingStore
    lists: AccountLists
    mailer: Mailer
    ear: Ear
    shelf: Shelf
    counts: Counts
    bell: Bell
    clock: Clock
    by: str


class ProvingStore(QuestionStore, Protocol):
    """The table of suppressions, and AWS's clock."""

    def clock(self) -> int:
        """Return AWS's clock in ms. Verifies too."""


Stop = Callable[[], bool]
