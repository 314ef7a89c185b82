"""What each source shows of probes: the table, the metrics, the archive, and what topics tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ses_feedback.domain import events as ev
from ses_feedback.domain.changes import SUPPRESSED as WAS_SUPPRESSED
from ses_feedback.domain.digest_text import is_partial
from ses_feedback.domain.history import covering
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import SECOND
from ses_feedback.usecases.ports import HistoryStore
from ses_feedback.usecases.proving.legs import (
    ACTED,
    ALARMED,
    ARCHIVED,
    CHANGE,
    COUNTED,
    DIGEST,
    SUPPRESSED,
    WAITING,
    WORDS,
    OnCall,
    Subject,
)
from ses_feedback.usecases.proving.ports import Archived, Counts, Heard

_AT_ONCE: Final = 100
_CLASS: Final[Mapping[str, str]] = {ev.BOUNCE: ev.HARD_BOUNCE, ev.COMPLAINT: ev.COMPLAINT}


def suppresses(policy: Policy, kind: str) -> bool:
    """Return whether the policy suppresses an address at its first hard bounce, or complaint."""
    return any(tier.count == 1 for tier in policy.get(_CLASS[kind], ()))


@dataclass(frozen=True, slots=True)
class Topics:
    """Which topics (ARNs) are listened to: of changes, of digests by team, of on-call in JSON and words by severity."""

    changes: str
    digests: Mapping[str, str]
    alarms: Mapping[str, str]
    words: Mapping[str, str]


def look_at_table(store: HistoryStore, policy: Policy, subjects: Iterable[Subject], now: int) -> None:
    """See which strikes are recorded, and suppress where the policy says that the first one does."""
    waiting = [
        (s, kind)
        for s in subjects
        for kind in ACTED
        if kind in s.ids and (kind in s.legs[SUPPRESSED].wanted or kind not in s.struck)
    ]
    for start in range(0, len(waiting), _AT_ONCE):
        some = waiting[start : start + _AT_ONCE]
        found = store.get_many([(s.identity.environment, s.addresses[kind]) for s, kind in some])
        for subject, kind in some:
            stored = found.get((subject.identity.environment, subject.addresses[kind]))
            if stored is None:
                continue
            if all(strike.message_id != subject.ids[kind] for strike in stored.history.strikes.values()):
                continue
            subject.struck.add(kind)
            held = covering(stored.suppressions, subject.identity.stream, stored.read_at)
            if held is not None or not suppresses(policy, kind):
                subject.see(SUPPRESSED, kind, now)


def look_at_counts(counts: Counts, subjects: Iterable[Subject], begun: int, end: int, now: int) -> None:
    """See which kinds were counted of mail sent since ``begun``: AWS's clock in ms, as is ``end``."""
    waiting = {s.identity.name: s for s in subjects if s.legs[COUNTED].state == WAITING}
    if not waiting:
        return
    for identity, newest in counts.proved(sorted(waiting), begun, end).items():
        for kind, sent in newest.items():
            if sent >= begun // SECOND:
                waiting[identity].see(COUNTED, kind, now)


def look_at_archive(arrived: Iterable[Archived], subjects: Iterable[Subject], now: int) -> None:
    """See which mails' feedback has become lines."""
    mails = {(message_id, kind): s for s in subjects for kind, message_id in s.ids.items()}
    for message_id, kind in arrived:
        subject = mails.get((message_id, kind))
        if subject is not None:
            subject.see(ARCHIVED, kind, now)


def listen(heard: Sequence[Heard], topics: Topics, subjects: Sequence[Subject], now: int) -> None:
    """See which changes and digests tell of probes."""
    addresses = {address: (s, kind) for s in subjects for kind, address in s.addresses.items()}
    teams = {topic: team for team, topic in topics.digests.items()}
    for topic, text in heard:
        if topic == topics.changes:
            change = _object(text)
            subject, kind = addresses.get(str(change.get("address")), (None, ""))
            if subject is not None and change.get("type") == WAS_SUPPRESSED:
                subject.see(CHANGE, kind, now)
        elif topic in teams:
            _read_digest(text, [s for s in subjects if s.identity.team == teams[topic]], now)


def _read_digest(text: str, subjects: Iterable[Subject], now: int) -> None:
    # Of many only some are told one by one: then the message is all there is to see.
    partial = is_partial(text)
    for subject in subjects:
        for kind in ACTED:
            if subject.addresses[kind] in text or (partial and kind in subject.struck):
                subject.see(DIGEST, kind, now)


def hear_drill(heard: Sequence[Heard], topics: Topics, lines: Iterable[OnCall], token: str, took: int) -> None:
    """See which ways of on-call the drill with this token took."""
    for line in lines:
        for leg, where in ((ALARMED, topics.alarms), (WORDS, topics.words)):
            for topic, text in heard:
                if topic == where.get(line.severity) and token in text:
                    line.legs[leg].see(leg, took)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
