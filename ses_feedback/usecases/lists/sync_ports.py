"""What keeping SES's list and ours in step needs from outside, and what it remembers between two runs."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from ses_feedback.domain.errors import PermanentError
from ses_feedback.usecases.lists.ses_list import Entry

Action = Literal["PUT", "DELETE"]
PUTTING: Final[Action] = "PUT"
DELETING: Final[Action] = "DELETE"


class StaleToken(PermanentError):
    """SES does not know any more where a listing was: it has to begin anew."""


class Refused(PermanentError):
    """SES does not take this one address; ``str(error)`` says why."""


class TooManyJobs(PermanentError):
    """SES takes no more bulk jobs for now."""


class Row(NamedTuple):
    """An address for SES's list as it is to be spelled there, and the reason; empty where it is to be removed."""

    address: str
    reason: str = ""


class Job(NamedTuple):
    """A bulk job that SES was given: its id, what for, how many addresses, and the object they stand in."""

    id: str
    action: str
    rows: int
    key: str


class JobState(NamedTuple):
    """How a job stands. ``failed`` is how many were not taken; ``error`` is why the job as a whole was not."""

    done: bool
    failed: int = 0
    error: str = ""


class SesListGateway(Protocol):
    """SES's own list in one region. A call is one request; all may raise ``RetryableError`` and ``PermanentError``."""

    @property
    def region(self) -> str:
        """The region."""

    def page(self, token: str | None) -> tuple[Sequence[Entry], str | None]:
        """Return up to a thousand entries, and the token of the next page. Raises ``StaleToken``."""

    def put(self, row: Row) -> None:
        """Put an address on the list. Raises ``Refused``."""

    def remove(self, address: str) -> None:
        """Take an address, spelled so, off the list; one that is not there is off."""

    def start(self, action: str, url: str) -> str:
        """Hand SES an object of rows; return the job's id. Raises ``TooManyJobs`` and ``Refused``."""

    def job(self, id_: str) -> JobState:
        """Return how a job stands; one that SES does not know any more is done."""


class PutNotes(Protocol):
    """Which addresses we put on SES's list, by region and spelling. They name nobody: keys are keyed hashes."""

    def noted(self, region: str, addresses: Sequence[str]) -> Mapping[str, int]:
        """Return when each was put, in ms; what was not put by us is absent."""

    def note(self, region: str, addresses: Sequence[str], at: int) -> None:
        """Note that they are being put: before SES is asked, so that a crash leaves nothing unknown there."""

    def forget(self, region: str, addresses: Sequence[str]) -> None:
        """Forget that they were put."""


@dataclass(slots=True)
class Round:
    """One comparison of the two lists in one region, and how far it is.

    ``seen`` are marks of what SES's list has in our spelling, sorted. ``ended`` is when the former round ended, 0 for
    never; ``began`` is 0 between two rounds. ``singly``: SES could not read our bulk lists here.
    """

    began: int = 0
    ended: int = 0
    listed: bool = False
    token: str | None = None
    seen: array[int] = field(default_factory=lambda: array("Q"))
    removals: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    jobs: list[Job] = field(default_factory=list)
    singly: bool = False


class RoundStore(Protocol):
    """Where rounds are kept, and the lists that SES reads."""

    def load(self, region: str) -> Round:
        """Return how far the round of a region is; a new one where there is none."""

    def save(self, region: str, found: Round) -> None:
        """Keep it."""

    def upload(self, region: str, action: str, rows: Sequence[Row], at: int) -> tuple[str, str]:
        """Write an object of rows for SES to read; return its key and its URL."""

    def drop(self, key: str) -> None:
        """Delete such an object."""
