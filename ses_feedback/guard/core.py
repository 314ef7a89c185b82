"""The guard itself: its options, the question, and what follows from the answer. Who calls it is in other files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from ses_feedback.adapters.sending_reader import open_reader
from ses_feedback.adapters.troubles import Place
from ses_feedback.config import directory, load
from ses_feedback.domain.identities import Directory
from ses_feedback.guard.errors import Misconfigured, NobodyLeft, TableUnreadable
from ses_feedback.usecases.guarding import Lookups, Outcome, Reader, screen

NobodyLeftChoice = Literal["raise", "report"]
UnreadableChoice = Literal["send", "refuse"]
MalformedChoice = Literal["refuse", "send"]

_log = logging.getLogger("ses_feedback.guard")


class Options(NamedTuple):
    """How a guard behaves.

    ``nobody_left``: where every recipient is suppressed, ``raise`` ``NobodyLeft``, or send nothing and only ``report``.
    ``malformed``: who cannot be read as an e-mail address is left out (``refuse``), or is for SES to judge (``send``).
    ``unreadable``: where the table cannot be read, ``send`` to whoever is not known to be suppressed, or ``refuse``.
    ``remember_s``: how many seconds an answer is remembered, 0 for not at all. ``timeout_s``: how long each of two
    tries waits for AWS. ``report`` is called with the outcome of every call, before anything is sent. ``session``: of
    boto3 or botocore, whose credentials may read the table.
    """

    nobody_left: NobodyLeftChoice = "raise"
    unreadable: UnreadableChoice = "send"
    remember_s: float = 5.0
    timeout_s: float = 1.0
    report: Callable[[Outcome], None] | None = None
    session: Any = None
    malformed: MalformedChoice = "refuse"


_CHOICES: Final = {
    "nobody_left": get_args(NobodyLeftChoice),
    "malformed": get_args(MalformedChoice),
    "unreadable": get_args(UnreadableChoice),
}
_NUMBERS: Final = {"remember_s": 0.0, "timeout_s": 0.001}


def options(given: dict[str, Any]) -> Options:
    """Return options from keywords. Raises ``Misconfigured``, which says what would be right."""
    for name, value in given.items():
        if name not in Options._fields:
            raise Misconfigured(f'no option "{name}"; known: {", ".join(Options._fields)}')
        if name in _CHOICES and value not in _CHOICES[name]:
            raise Misconfigured(f"{name}: must be one of {', '.join(_CHOICES[name])}, not {value!r}")
        if name in _NUMBERS and not _is_seconds(value, _NUMBERS[name]):
            raise Misconfigured(f"{name}: must be a number of seconds, at least {_NUMBERS[name]:g}, not {value!r}")
        if name == "report" and value is not None and not callable(value):
            raise Misconfigured(f"report: must be callable with an outcome, not {value!r}")
    return Options(**given)


def _is_seconds(value: object, least: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= cast("float", value) < float("inf")


class Where(NamedTuple):
    """How a guard finds the environment and stream of a mail: named ones, else those of the identity it is from."""

    environment: str | None
    stream: str | None
    directory: Directory | None = None
    streams: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, sender: str | None, arn: str | None) -> tuple[str, str]:
        """Return environment and stream. Raises ``Misconfigured``."""
        if self.environment is not None and self.stream is not None:
            return self.environment, self.stream
        place = self.directory.resolve(arn, sender, None) if self.directory else None
        if place is not None and self.environment in (None, place.environment):
            return place.environment, self.stream or place.stream
        if self.environment is not None:
            streams = dict(self.streams)[self.environment]
            if len(streams) == 1:
                return self.environment, streams[0]
            raise Misconfigured(
                f"no identity of environment {self.environment} covers this sender{_domain(sender)}: name the guard's "
                f"stream; known: {', '.join(streams)}"
            )
        raise Misconfigured(
            f"no identity of the configuration covers this sender{_domain(sender)}: add it, or name the guard's "
            f"environment and stream; known environments: {', '.join(name for name, _ in self.streams)}"
        )


def _domain(sender: str | None) -> str:
    domain = (sender or "").rpartition("@")[2].rstrip("> ")
    return f' of domain "{domain[:253]}"' if domain.isprintable() and domain else ""


class Guard:
    """Takes suppressed recipients off mail before it is sent. Made once for a process, and safe for threads."""

    def __init__(
        self,
        open_table: Callable[[], Reader],
        where: Where,
        chosen: Options = Options(),  # noqa: B008 - a named tuple does not change
        *,
        deployment: str,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deployment = deployment
        self.options = chosen
        self._where = where
        self._clock = clock
        self._lookups = Lookups(open_table, remember_s=chosen.remember_s, seconds=seconds)

    @classmethod
    def from_file(
        cls,
        path: str | Path = "feedback.toml",
        *,
        environment: str | None = None,
        stream: str | None = None,
        **given: Any,
    ) -> Guard:
        """Return the guard of the deployment that a configuration file describes.

        A mail belongs to the environment and stream of the identity it is sent from, unless they are named here.
        ``given`` are ``Options``. Raises ``Misconfigured`` or ``ConfigError``; asks nothing of AWS yet.
        """
        config = load(Path(path))
        streams = tuple((name, config.streams(name)) for name in config.environments())
        _known("environment", environment, [name for name, _ in streams])
        if stream is not None:
            _known("stream", stream, [s for e, all_ in streams if environment in (None, e) for s in all_])
        where = Where(environment, stream, directory(config), streams)
        place = Place(config.deployment.name, config.deployment.region)
        return cls._opened(place, where, options(given))

    @classmethod
    def of(cls, deployment: str, *, region: str, environment: str, stream: str = "default", **given: Any) -> Guard:
        """Return the guard of a deployment without its file, for mail of one stream. ``given`` are ``Options``."""
        return cls._opened(Place(deployment, region), Where(environment, stream), options(given))

    @classmethod
    def _opened(cls, place: Place, where: Where, chosen: Options) -> Guard:
        return cls(
            lambda: open_reader(place, chosen.session, chosen.timeout_s), where, chosen, deployment=place.deployment
        )

    def __deepcopy__(self, _memo: Any) -> Guard:
        """Return this guard: what holds one may be copied (Django's mail in tests is), and still shares its memory."""
        return self

    def attach(self, client: Any) -> Any:
        """Guard every sending call of a boto3 client of ``ses`` or ``sesv2``, and return the client."""
        from ses_feedback.guard.boto import attach  # noqa: PLC0415 - it needs this module

        return attach(self, client)

    def check(self, recipients: Iterable[str], *, sender: str | None = None, sender_arn: str | None = None) -> Outcome:
        """Return what is left of recipients for a mail from ``sender``, and report it; nothing is raised for anybody.

        Raises ``Misconfigured`` where environment and stream are not clear, ``TableUnreadable`` where the guard is to
        refuse then.
        """
        environment, stream = self._where.of(sender, sender_arn)
        texts = (recipients,) if isinstance(recipients, str) else recipients  # one text is no list of letters
        refuses = self.options.malformed == "refuse"
        outcome = screen(self._lookups, environment, stream, texts, self._clock(), refuses=refuses)
        self._tell(outcome)
        if outcome.trouble is not None and self.options.unreadable == "refuse":
            raise TableUnreadable(outcome)
        return outcome

    def screen(self, recipients: Iterable[str], *, sender: str | None = None, sender_arn: str | None = None) -> Outcome:
        """Do as ``check``, and raise ``NobodyLeft`` where nobody is left and the guard is to raise then."""
        outcome = self.check(recipients, sender=sender, sender_arn=sender_arn)
        if outcome.nobody_left and self.options.nobody_left == "raise":
            raise NobodyLeft(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        if outcome.trouble is not None:
            does = "sending unchecked" if self.options.unreadable == "send" else "refusing to send"
            _log.warning("the suppression table cannot be read, %s: %s", does, outcome.trouble)
        if outcome.removed:
            _log.info("suppressed recipients removed: %s", dict(outcome.reasons))
        if outcome.refused:
            _log.warning("recipients left out that cannot be read as e-mail addresses: %d", len(outcome.refused))
        if self.options.report is not None:
            try:
                self.options.report(outcome)
            except Exception:  # noqa: BLE001 - what an application does with a report must not decide whether mail goes out
                _log.exception("the guard's report failed")


def _known(what: str, named: str | None, known: Iterable[str]) -> None:
    known = sorted(set(known))
    if named is not None and named not in known:
        raise Misconfigured(f'{what}: no {what} "{named}"; known: {", ".join(known)}')
