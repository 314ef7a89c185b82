"""COUNT: notifications become rates, and deliveries clear strikes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from ses_feedback import naming
from ses_feedback.domain import events as ev
from ses_feedback.domain.canary import COUNT
from ses_feedback.domain.history import History, clears
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.probe import is_probe
from ses_feedback.domain.said import most, said
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND
from ses_feedback.usecases.handling import Batch, Entry, Outcome, Returned, Rules
from ses_feedback.usecases.merging import merge_into
from ses_feedback.usecases.ports import HistoryStore, Meter, Quarantine, Stored

# CloudWatch takes no value older than two weeks (PutMetricData, Timestamp).
TOO_LATE = 14 * DAY
# How late an event is counted for CloudWatch to show it hours or days later still (PutMetricData: time stamps of 3 or
# 24 hours ago), less what a log line may take until it is a metric.
_UNTIL_A_METRIC = 10 * MINUTE
_LATE = {naming.METRIC_LATE: 3 * HOUR - _UNTIL_A_METRIC, naming.METRIC_DAYS_LATE: DAY - _UNTIL_A_METRIC}
# What CloudWatch is given is a whole minute, and takes a while through the log.
ON_THE_WAY = 5 * MINUTE
AT_ONCE = 100  # keys of one BatchGetItem

Who = tuple[str, str]
Subject = tuple[tuple[str, str], ...]  # dimensions and their values
Noted = tuple[Subject | str, int]  # whose, of all mail or (an environment) of blocked mail, and which minute
Notes = dict[str, Counter[str]]
Once = tuple[str | int, str, str | frozenset[str], str]


class TallyRules(Rules, Protocol):
    """The rules, and what the deployment's metrics are told apart by."""

    @property
    def alarms(self) -> str:
        """``identity`` or ``environment``."""


def tally(
    entries: Iterable[Entry],
    *,
    rules: TallyRules,
    store: HistoryStore,
    quarantine: Quarantine,
    meter: Meter,
    now: int,
    returned: Returned | None = None,
) -> Outcome:
    """Let deliveries clear strikes, then count the entries that need not come back.

    Canaries clear nothing and count for nothing, not even as tallied: they must not break the silence that an alarm
    watches for. ``returned`` is told of them. Probes (``domain.probe``) break the silence, and stand in no rate: that
    they were counted is a metric of its own. Counting comes last and only for what is done, so that a batch that dies
    on the way counts nothing; strikes do not mind a repetition.
    """
    batch = Batch(entries, rules, quarantine, now)
    _clear_strikes(batch, store, rules)
    batch.tell_canaries(COUNT, returned)
    _count_probes(batch, rules, meter)
    _count(batch, rules, meter, now)
    return batch.outcome


def _clear_strikes(batch: Batch, store: HistoryStore, rules: Rules) -> None:
    delivered: dict[Who, dict[str, int]] = {}
    sources: dict[Who, set[str]] = {}
    for entry, reading in batch.readings.items():
        for event in reading.events:
            if event.kind == ev.DELIVERY:
                sources.setdefault(deliver(event, delivered), set()).add(entry)
    for wanted in _chunks(list(delivered)):
        known: dict[Who, Stored] = {}
        ids = set().union(*(sources[who] for who in wanted))
        if not batch.attempt(ids, partial(_read_into, known, store, wanted)):
            continue
        for who, stored in known.items():
            news = clearing(delivered[who], stored.history)
            if news.deliveries:
                batch.attempt(sources[who], partial(_clear, batch, store, stored, news, rules.policy))


def deliver(event: ev.Event, delivered: dict[Who, dict[str, int]]) -> Who:
    """Add a delivery to the newest ones by address and stream; return whose it is."""
    who = (event.environment, event.recipient)
    streams = delivered.setdefault(who, {})
    streams[event.stream] = max(event.occurred_at, streams.get(event.stream, 0))
    return who


def clearing(delivered: Mapping[str, int], known: History) -> History:
    """Return those of the newest deliveries by stream that forget a strike of what is known: only they are kept."""
    return History(deliveries={stream: at for stream, at in delivered.items() if clears(known, stream, at)})


def _clear(batch: Batch, store: HistoryStore, stored: Stored, news: History, policy: Policy) -> None:
    batch.outcome.counts["cleared"] += merge_into(store, stored, news, policy)


def _read_into(known: dict[Who, Stored], store: HistoryStore, wanted: Sequence[Who]) -> None:
    known.update(store.get_many(wanted))


def _chunks(wanted: Sequence[Who]) -> Iterator[Sequence[Who]]:
    for start in range(0, len(wanted), AT_ONCE):
        yield wanted[start : start + AT_ONCE]


def _count(batch: Batch, rules: TallyRules, meter: Meter, now: int) -> None:
    rates: dict[tuple[Subject, int], Counter[str]] = {}
    blocked: Counter[tuple[str, int]] = Counter()
    notes: dict[Noted, Notes] = {}
    seen: set[Once] = set()
    tallied = 0
    late: Counter[str] = Counter()
    for entry, reading in batch.readings.items():
        if entry in batch.outcome.failed:
            continue
        tallied += bool(reading.events)
        complained = _complained(reading.events)
        for event in reading.events:
            metrics = _metrics(event)
            once = _once(event, complained)
            nothing = not (metrics or event.class_ == ev.BLOCKED)
            if nothing or once in seen or is_probe(rules.deployment, event.recipient):
                continue
            seen.add(once)
            minute = event.occurred_at // MINUTE * MINUTE
            if minute <= now - TOO_LATE + ON_THE_WAY:
                batch.outcome.counts["late"] += 1
                continue
            late.update(metric for metric, age in _LATE.items() if now - minute >= age)
            if event.class_ == ev.BLOCKED:
                blocked[event.environment, minute] += 1
                _note(notes, (event.environment, minute), event, naming.NOTE_BLOCKED_AT, naming.NOTE_BLOCKED_SAID)
            if metrics:
                subject = _subject(event, rules)
                rates.setdefault((subject, minute), Counter(dict.fromkeys(naming.RATE_METRICS, 0))).update(metrics)
                if event.counts_as_bounce:
                    _note(notes, (subject, minute), event, naming.NOTE_BOUNCED_AT, naming.NOTE_BOUNCED_SAID)
                elif event.counts_as_complaint:
                    _note(notes, (subject, minute), event, naming.NOTE_COMPLAINED_AT)
    for (subject, minute), values in rates.items():
        dimensions = {naming.DIMENSION_DEPLOYMENT: rules.deployment, **dict(subject)}
        # Each subject, and all of them together: a roll-up is the sum of the very same counts.
        sets = [[naming.DIMENSION_DEPLOYMENT], *([naming.DIMENSION_DEPLOYMENT, name] for name, _ in subject)]
        meter.emit(dimensions, minute, values, sets=sets, notes=_kept(notes, (subject, minute)))
    for (environment, minute), number in blocked.items():
        dimensions = {naming.DIMENSION_DEPLOYMENT: rules.deployment, naming.DIMENSION_ENVIRONMENT: environment}
        notes_of = _kept(notes, (environment, minute))
        # The share that is blocked is of what was delivered besides: a metric that must exist where nothing ever was.
        with_mail = {naming.METRIC_BLOCKED: number, naming.METRIC_DELIVERED: 0}
        meter.emit(dimensions, minute, with_mail, notes=notes_of)
    if tallied:
        meter.emit({naming.DIMENSION_DEPLOYMENT: rules.deployment}, now, {naming.METRIC_TALLIED: tallied, **late})
    batch.outcome.counts["tallied"] = tallied


def _complained(events: Sequence[ev.Event]) -> dict[str | int, frozenset[str]]:
    """Return all that a complaint about a message may have come from: it counts once, for whichever is named first."""
    found: dict[str | int, set[str]] = {}
    for event in events:
        if event.class_ == ev.COMPLAINT:
            found.setdefault(event.message_id or event.occurred_at, set()).add(event.recipient)
    return {message: frozenset(recipients) for message, recipients in found.items()}


def _once(event: ev.Event, complained: Mapping[str | int, frozenset[str]]) -> Once:
    """Return what copies of an event agree in: a copy of a complaint may name its recipients in another order."""
    message = event.message_id or event.occurred_at
    who = complained[message] if event.counts_as_complaint else event.recipient
    return message, event.kind, who, event.class_


def _count_probes(batch: Batch, rules: TallyRules, meter: Meter) -> None:
    """Emit when the newest probe of each kind was sent, by identity and the minute of its feedback."""
    proved: dict[tuple[str, int], dict[str, int]] = {}
    for entry, reading in batch.readings.items():
        for event in reading.events if entry not in batch.outcome.failed else ():
            metric = naming.METRICS_PROVED.get(event.kind)
            if metric is None or not is_probe(rules.deployment, event.recipient):
                continue
            sent = (event.occurred_at if event.sent_at is None else event.sent_at) // SECOND
            newest = proved.setdefault((event.identity, event.occurred_at // MINUTE * MINUTE), {})
            newest[metric] = max(sent, newest.get(metric, 0))
    for (identity, minute), values in proved.items():
        dimensions = {naming.DIMENSION_DEPLOYMENT: rules.deployment, naming.DIMENSION_IDENTITY: identity}
        meter.emit(dimensions, minute, values)


def _note(notes: dict[Noted, Notes], of: Noted, event: ev.Event, at: str, words: str = "") -> None:
    """Note a bad event for whoever has to explain the rate: the receiver's domain, and under ``words`` its answer."""
    found = notes.setdefault(of, {})
    found.setdefault(at, Counter())[event.recipient.rpartition("@")[2]] += 1
    if words:
        found.setdefault(words, Counter())[said(event.diagnostic, event.status)] += 1


def _kept(notes: Mapping[Noted, Notes], of: Noted) -> Mapping[str, Mapping[str, int]] | None:
    return {name: most(counts) for name, counts in notes[of].items()} if of in notes else None


def _subject(event: ev.Event, rules: TallyRules) -> Subject:
    """Return the dimensions, besides the deployment, under which the rates of an event's mail are watched."""
    environment = (naming.DIMENSION_ENVIRONMENT, event.environment)
    return ((naming.DIMENSION_IDENTITY, event.identity), environment) if rules.alarms == "identity" else (environment,)


def _metrics(event: ev.Event) -> Mapping[str, int]:
    if event.kind == ev.DELIVERY:
        return {naming.METRIC_DELIVERED: 1, naming.METRIC_DELIVERED_REPORTING: int(event.reports_complaints)}
    if event.counts_as_bounce:
        return {naming.METRIC_HARD_BOUNCED: 1}
    if event.counts_as_complaint:
        return {naming.METRIC_COMPLAINED: 1}
    return {}
