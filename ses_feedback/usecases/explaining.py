"""An alarm becomes a message that people can act on: its figures, whose mail it is, where, and what was said.

Facts come from what is deployed and measured: the notice, the alarms it names, their metrics, and the log of counting.
What cannot be found out makes the message poorer, and the message says so; it is never the reason that none goes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain import alarm_text
from ses_feedback.domain.alarm_notice import Notice, Series, Watch, causes, named_in, read_notice
from ses_feedback.domain.alarm_text import Account, Cause, Evidence, Facts, Message, What, Whose
from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.reputation import DIMENSION_CONFIGURATION_SET, METRICS
from ses_feedback.domain.said import most
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND

# How long the log is read, and when nothing more is looked up: a message in time is better than a rich one.
READING: Final = 10 * SECOND
LOOKING: Final = 20 * SECOND
_FIRST_SLICE: Final = HOUR
_MOST_READ: Final = 3 * DAY
_LONGEST_TEXT: Final = 200_000  # letters, of what is passed on as it is; SNS takes 262,144 bytes
AWS: Final = "AWS/SES"
_BAD: Final[Mapping[str, What]] = {
    naming.METRIC_HARD_BOUNCED: "bounce",
    naming.METRIC_COMPLAINED: "complaint",
    naming.METRIC_BLOCKED: "blocked",
}
_METRIC: Final[Mapping[What, str]] = {what: metric for metric, what in _BAD.items()}
_NOTES: Final[Mapping[What, tuple[str, str]]] = {
    "bounce": (naming.NOTE_BOUNCED_AT, naming.NOTE_BOUNCED_SAID),
    "complaint": (naming.NOTE_COMPLAINED_AT, ""),
    "blocked": (naming.NOTE_BLOCKED_AT, naming.NOTE_BLOCKED_SAID),
}
_HAPPENED: Final[Mapping[What, str]] = {
    "bounce": "where mail bounced",
    "complaint": "where mail was complained about",
    "blocked": "who blocked mail",
}
Found = TypeVar("Found")
Document = Mapping[str, object]


class AlarmBook(Protocol):
    """The deployed alarms. Every call of these ports may raise ``RetryableError`` or ``PermanentError``."""

    def watches(self, names: Sequence[str]) -> Mapping[str, Watch]:
        """Return what the metric alarms of these names watch, and whether they are on; others are left out."""


class Gauges(Protocol):
    """The metrics."""

    def sums(self, series: Sequence[Series], start: int, end: int) -> Sequence[float]:
        """Return what each series adds up to from ``start`` to ``end`` (ms)."""

    def newest(self, series: Sequence[Series], start: int, end: int) -> Sequence[tuple[int, float] | None]:
        """Return each series' newest value in between and its time (ms), ``None`` where there is none."""


class Journal(Protocol):
    """The log of counting, where the documents of metrics stand."""

    def documents(
        self, dimensions: Mapping[str, str], metric: str, start: int, end: int, until: int
    ) -> Sequence[Document] | None:
        """Return the documents logged from ``start`` to ``end`` whose ``metric`` is above 0; ``None`` if not in time.

        ``until`` (ms) is when reading stops.
        """


class Crier(Protocol):
    """Reaches those on call who read text."""

    def cry(self, severity: str, message: Message) -> None:
        """Tell them. May raise ``RetryableError`` or ``PermanentError``; then they may have been told all the same."""


class Sources(NamedTuple):
    """Where facts come from. ``now`` returns ms since 1970."""

    alarms: AlarmBook
    gauges: Gauges
    journal: Journal
    now: Callable[[], int]


def explain(config: Config, sources: Sources, severity: str, subject: str | None, text: str) -> Message:
    """Return the message about what came through an on-call topic; what is no alarm of CloudWatch's stays as it is."""
    notice = read_notice(text)
    if notice is None:
        return Message(subject or "A message to on-call", text[:_LONGEST_TEXT])
    return alarm_text.compose(severity, notice, _Inquiry(config, sources).facts(notice))


class _Inquiry:
    def __init__(self, config: Config, sources: Sources) -> None:
        self._config = config
        self._sources = sources
        self._began = sources.now()
        self._missing: list[str] = []

    def facts(self, notice: Notice) -> Facts:
        watches = self._watches(notice)
        found = [(watch, cause) for watch in watches if (cause := self._cause(watch))]
        if not found:
            return Facts(watches=() if notice.rule is None else watches, missing=tuple(self._missing))
        measured = tuple(self._measured(watch, cause) for watch, cause in found)
        return Facts(
            causes=measured,
            told=tuple(watch.description for watch, _ in found),
            account=self._account(),
            evidence=tuple(self._evidence(measured)),
            missing=tuple(self._missing),
        )

    def _try(self, what: str, look: Callable[[], Found]) -> Found | None:
        """Return what a look-up finds; ``None``, and a note of what is missing and why, where it fails."""
        if self._sources.now() - self._began > LOOKING:
            self._missing.append(f"{what} (no time was left to look it up)")
            return None
        try:
            return look()
        except FeedbackError as error:
            self._missing.append(f"{what} ({error})")
            return None

    # --- which alarms, over which mail

    def _watches(self, notice: Notice) -> Sequence[Watch]:
        if notice.rule is None:
            return (notice.watch,) if notice.watch else ()
        rule, names = notice.rule, named_in(notice.rule)
        known = self._try("the alarms below it, and their figures", lambda: self._sources.alarms.watches(names))
        if known is None:
            return ()
        # Those that were on when it went off, too: it is told late where another held it back.
        on = {name for name, watch in known.items() if watch.on or name in notice.children}
        return [known[name] for name in causes(rule, on)]

    def _cause(self, watch: Watch) -> Cause | None:
        """Return the rate that an alarm watches; ``None`` where it watches something else."""
        for series in watch.series.values():
            dimensions = dict(series.dimensions)
            if series.namespace == naming.METRIC_NAMESPACE and series.name in _BAD:
                whose = self._whose(
                    dimensions.get(naming.DIMENSION_IDENTITY), dimensions.get(naming.DIMENSION_ENVIRONMENT)
                )
                return Cause(_BAD[series.name], whose, watch.threshold, watch.window_s, watch.floor)
            for what, metric in METRICS.items():
                if (series.namespace, series.name) == (AWS, metric):
                    whose = self._whose_set(dimensions.get(DIMENSION_CONFIGURATION_SET))
                    return Cause(what, whose, watch.threshold, watch.window_s, aws=True)
        return None

    def _whose(self, identity: str | None, environment: str | None = None) -> Whose:
        deployment = self._config.deployment.name
        known = self._config.identities.get(identity) if identity is not None else None
        if known is None:
            return Whose(deployment, identity, environment)
        return Whose(deployment, known.name, known.environment, known.stream, known.team, known.breaker)

    def _whose_set(self, configuration_set: str | None) -> Whose:
        deployment = self._config.deployment.name
        for identity in self._config.identities.values():
            if configuration_set == naming.configuration_set_name(deployment, identity.name):
                return self._whose(identity.name)
        return self._whose(None)

    # --- figures

    def _measured(self, watch: Watch, cause: Cause) -> Cause:
        now = self._sources.now()
        series = {one.name: one for one in watch.series.values()}
        if cause.aws:
            one = next(series[metric] for metric in METRICS.values() if metric in series)
            newest = self._try("AWS's rate", lambda: self._sources.gauges.newest([one], now - DAY, now)[0])
            return cause._replace(rate=newest[1] if newest else None)
        names = list(series)
        look = list(series.values())
        sums = self._try("the counts", lambda: self._sources.gauges.sums(look, now - cause.window_s * SECOND, now))
        if sums is None:
            return cause
        counts = {name: round(value) for name, value in zip(names, sums, strict=True)}
        bad = counts.get(_METRIC[cause.what], 0)
        whole = counts.get(naming.METRIC_DELIVERED_REPORTING, 0)
        if cause.what != "complaint":  # who complains has got the mail, and anything else was got by nobody
            whole = bad + counts.get(naming.METRIC_DELIVERED, 0)
        return cause._replace(bad=bad, whole=whole, rate=bad / whole if whole else None)

    def _account(self) -> Account | None:
        now = self._sources.now()
        series = [Series(AWS, metric, "Average", HOUR // SECOND) for metric in METRICS.values()]
        found = self._try("AWS's own rates", lambda: self._sources.gauges.newest(series, now - DAY, now))
        if found is None:
            return None
        bounce, complaint = found
        times = [one[0] for one in found if one]
        return Account(bounce and bounce[1], complaint and complaint[1], max(times, default=None))

    # --- where, and what was said

    def _evidence(self, measured: Iterable[Cause]) -> Iterable[Evidence]:
        seen: set[What] = set()
        for cause in measured:
            if cause.what in seen:
                continue
            seen.add(cause.what)
            found = self._try(_HAPPENED[cause.what], lambda cause=cause: self._read(cause))  # type: ignore[misc]
            if found is not None and found.total == 0 and not found.whole:
                self._missing.append(f"{_HAPPENED[cause.what]} (the log could not be read in time)")
            elif found is not None:
                yield found

    def _read(self, cause: Cause) -> Evidence:
        now = self._sources.now()
        until = min(now + READING, self._began + LOOKING)
        window = DAY if cause.aws else min(cause.window_s * SECOND, _MOST_READ)
        metric = _METRIC[cause.what]
        whose = cause.whose
        documents, since = self._slices(self._dimensions(whose), metric, now, window, until)
        blocked: Sequence[Document] = ()
        if cause.what == "bounce" and whose.environment is not None:
            place = {**self._dimensions(whose._replace(identity=None))}
            blocked, _ = self._slices(place, naming.METRIC_BLOCKED, now, min(window, HOUR), until)
        at, words = _NOTES[cause.what]
        return Evidence(
            what=cause.what,
            since=since,
            whole=since <= now - window,
            total=sum(_number(document, metric) for document in documents),
            domains=most(_added(documents, at)),
            said=most(_added(documents, words)) if words else {},
            identities=most(_by_identity(documents, metric)) if whose.identity is None else {},
            blocked=sum(_number(document, naming.METRIC_BLOCKED) for document in blocked),
            blocked_said=most(_added(blocked, naming.NOTE_BLOCKED_SAID)),
        )

    def _dimensions(self, whose: Whose) -> Mapping[str, str]:
        found = {naming.DIMENSION_DEPLOYMENT: whose.deployment}
        if whose.identity is not None:
            return {**found, naming.DIMENSION_IDENTITY: whose.identity}
        return {**found, naming.DIMENSION_ENVIRONMENT: whose.environment} if whose.environment is not None else found

    def _slices(
        self, dimensions: Mapping[str, str], metric: str, now: int, window: int, until: int
    ) -> tuple[list[Document], int]:
        """Return the documents of a window, and since when they are whole: the log is read from its end in slices.

        Logs are read forwards only, so that one reading of days might end before it comes to what just happened.
        """
        documents: list[Document] = []
        end, size, since = now + MINUTE, min(_FIRST_SLICE, window) + MINUTE, now
        while end > now - window and self._sources.now() < until:
            start = max(end - size, now - window)
            found = self._sources.journal.documents(dimensions, metric, start, end, until)
            if found is None:
                break
            documents += found
            end, size, since = start, 2 * size, start
        return documents, since


def _number(document: Document, name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0


def _added(documents: Iterable[Document], note: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for document in documents:
        counts = document.get(note)
        if isinstance(counts, dict):
            found.update({str(name): number for name, number in counts.items() if isinstance(number, int)})
    return found


def _by_identity(documents: Iterable[Document], metric: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for document in documents:
        identity = document.get(naming.DIMENSION_IDENTITY)
        if isinstance(identity, str):
            found[identity] += _number(document, metric)
    return found
