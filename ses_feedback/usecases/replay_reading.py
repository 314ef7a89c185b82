"""What an archive says about addresses: its texts, ours or anybody's, become strikes, deliveries and decisions.

Feedback is read anew from SES's own words by the reader of live feedback, under today's configuration and rules. What
an archived line says of its events besides is only looked at to pass over mail that nothing can follow from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.archive import RELEASE, SUPPRESS, known_of, reach_of
from ses_feedback.domain.archive_columns import VERSION
from ses_feedback.domain.canary import recognise
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.history import History, Ruling, Strike, join
from ses_feedback.domain.keys import Keys, is_keyed
from ses_feedback.domain.notifications import MAX_AHEAD
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.reading import read
from ses_feedback.domain.streams import cut
from ses_feedback.domain.times import time_or_none
from ses_feedback.usecases.handling import Rules
from ses_feedback.usecases.record import Who, learn
from ses_feedback.usecases.tally import deliver

# Why something was passed over.
NEWER: Final = "lines of a newer version of the archive"
SETUPS: Final = "setup messages of SES"
CANARIES: Final = "the loop's own canaries"
BAD_DECISION: Final = "decisions that cannot be read"
FUTURE_DECISION: Final = "decisions from the future"
NO_ENVIRONMENT: Final = "decisions for an environment that the configuration does not have"
UNKNOWN_IDENTITY: Final = "not ours: no identity of the configuration covers it"
FUTURE: Final = "a time from the future"
UNTIMED: Final = "no readable time"
UNKNOWN_KIND: Final = "an unknown kind of notification"
NO_ADDRESS: Final = "a recipient that is no address"
NOT_JSON: Final = "not JSON"
NOT_FEEDBACK: Final = "JSON that is no notification"
UNREADABLE: Final = "a notification that cannot be read"

# How the reader's own reasons begin.
_REASONS: Final = (
    ("unknown identity", UNKNOWN_IDENTITY),
    ("a time from the future", FUTURE),
    ("no readable time", UNTIMED),
    ("unknown kind", UNKNOWN_KIND),
    ("no kind is named", UNKNOWN_KIND),
    ("not JSON", NOT_JSON),
    ("not readable", NOT_JSON),
    ("neither an SES notification", NOT_FEEDBACK),
    ("more than", NOT_FEEDBACK),
    ("an empty message", NOT_FEEDBACK),
)
_RECIPIENT: Final = re.compile(r"recipient \d+ of")
# Kinds that never strike anybody and are no delivery, whatever the policy.
_IDLE: Final = frozenset({ev.SEND, ev.OPEN, ev.CLICK, ev.DELAY, ev.REJECT, ev.RENDERING_FAILURE})


class Window(NamedTuple):
    """From ``since`` on and before ``until``, in ms since 1970."""

    since: int
    until: int

    def holds(self, at: int) -> bool:
        """Return whether a time lies in it."""
        return self.since <= at < self.until


# No reader takes a time after year 9999.
ALWAYS: Final = Window(0, 253_402_300_800_000)


@dataclass(slots=True)
class Gathered:
    """What was learned of addresses by (environment, address), joined with nothing yet."""

    strikes: dict[Who, dict[str, Strike]] = field(default_factory=dict)
    decisions: dict[Who, History] = field(default_factory=dict)
    deliveries: dict[Who, dict[str, int]] = field(default_factory=dict)

    def evidence(self, policy: Policy) -> dict[Who, History]:
        """Return strikes and decisions of each address."""
        found = {who: join(History(), History(strikes), policy) for who, strikes in self.strikes.items()}
        for who, decided in self.decisions.items():
            found[who] = join(found.get(who, History()), decided, policy)
        return found

    def __len__(self) -> int:
        """Return how many addresses these are at most."""
        return len(self.strikes) + len(self.decisions) + len(self.deliveries)


class Reader:
    """Reads texts of an archive and gathers what they say; ``counts`` and ``skipped`` tell of what.

    ``environments`` are those of the configuration. ``now`` in ms unmasks times from the future.
    """

    def __init__(self, rules: Rules, environments: Collection[str], keys: Keys, window: Window, now: int) -> None:
        self._rules = rules
        self._environments = environments
        self._keys = keys
        self._window = window
        self._now = now
        self.gathered = Gathered()
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def take(self) -> Gathered:
        """Return what was gathered since the last time."""
        gathered, self.gathered = self.gathered, Gathered()
        return gathered

    def read(self, text: str) -> None:
        """Gather what a text says: archive lines, and notifications in any envelope, one a line or back to back."""
        for piece in cut(text):
            if piece.trouble is not None:
                self.skipped[reason_of(piece.trouble)] += 1
            elif isinstance(piece.value, dict) and "v" in piece.value and "events" in piece.value:
                self._line(piece.value)
            else:
                self._feedback(piece.value)

    def _line(self, line: dict[str, Any]) -> None:
        if line["v"] != VERSION:
            self.skipped[NEWER] += 1
            return
        if line.get("decision") is not None:
            self._decision(line["decision"])
            return
        events, message = line["events"], line.get("message")
        if isinstance(events, list) and events and all(isinstance(e, dict) and e.get("kind") in _IDLE for e in events):
            self.counts["messages"] += 1
            self.counts["events"] += len(events)
            return
        self._feedback({"Type": "Notification", "TopicArn": line.get("topic"), "Message": message})

    def _feedback(self, payload: object) -> None:
        reading = read(payload, self._rules.directory, self._now)
        counts = self.counts
        counts["messages"] += 1
        counts["events"] += len(reading.events)
        for event in reading.events:
            if not self._window.holds(event.occurred_at):
                counts["outside"] += 1
            elif recognise(self._rules.deployment, event.recipient) is not None:
                self.skipped[CANARIES] += 1
            elif event.kind == ev.DELIVERY:
                counts["deliveries"] += 1
                deliver(event, self.gathered.deliveries)
            elif learn(event, self.gathered.strikes, self._keys, self._rules.policy) is not None:
                counts["strikes"] += 1
        if reading.setups:
            self.skipped[SETUPS] += len(reading.setups)
        for fault in reading.faults:
            self.skipped[reason_of(fault.why)] += 1

    def _decision(self, said: object) -> None:
        try:
            who, decided, at = _decision_of(said)
        except (InvalidAddress, ValueError):
            self.skipped[BAD_DECISION] += 1
            return
        if who[0] not in self._environments:
            self.skipped[NO_ENVIRONMENT] += 1
        elif at > self._now + MAX_AHEAD:
            self.skipped[FUTURE_DECISION] += 1
        elif not self._window.holds(at):
            self.counts["outside"] += 1
        else:
            self.counts["decisions"] += 1
            known = self.gathered.decisions.get(who)
            self.gathered.decisions[who] = decided if known is None else join(known, decided, self._rules.policy)


def _decision_of(said: object) -> tuple[Who, History, int]:
    """Return an archived decision. Raises ``ValueError`` or ``InvalidAddress``."""
    if not isinstance(said, dict):
        raise ValueError("no object")  # noqa: TRY004 - it is the text that is wrong
    environment, scope, why = said.get("environment"), said.get("stream"), said.get("why")
    reason = said.get("reason", ev.OPERATOR)
    at, until = time_or_none(said.get("at")), time_or_none(said.get("until"))
    if not isinstance(environment, str) or not isinstance(scope, str) or not scope or at is None:
        raise ValueError("incomplete")
    if reason not in ev.DECISION_REASONS or (until is None and said.get("until") is not None):
        raise ValueError("of no known reason, or of no readable end")
    address, erased = said.get("address"), time_or_none(said.get("erased"))
    if not isinstance(address, str) or not is_keyed(address):
        address, erased = normalise(address), 0
    elif erased is None:
        raise ValueError("of an erased address, and not when")
    who = (environment, address)
    why, by = (text if isinstance(text, str) else "" for text in (why, said.get("by")))
    ruling = Ruling(at, None if said.get("action") == RELEASE else until, reason, why, by, known_of(said))
    if said.get("action") == RELEASE:
        made, lifts = reach_of(said)
        return who, History(releases={scope: ruling._replace(made=made, lifts=lifts)}, erased=erased), at
    if said.get("action") == SUPPRESS:
        return who, History(rulings={(scope, reason): ruling}, erased=erased), at
    raise ValueError("neither release nor suppress")


def reason_of(why: str) -> str:
    """Return why something was passed over, without what differs from one to the next: reasons are counted."""
    for start, reason in _REASONS:
        if why.startswith(start):
            return reason
    return NO_ADDRESS if _RECIPIENT.match(why) else UNREADABLE
