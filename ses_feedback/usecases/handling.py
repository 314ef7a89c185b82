"""What every use case that handles a batch shares: entries in, an outcome out, nothing swallowed.

The deployment's own canaries are taken out here, in the one place, so that no use case can count or list them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

from ses_feedback.domain import canary
from ses_feedback.domain.errors import PermanentError, describe
from ses_feedback.domain.events import Event, Fault
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.reading import Reading, read
from ses_feedback.usecases.ports import Quarantine

# Told of a canary that came back: its identity, its round, the piece (``canary.PIECES``), and when (ms).
Returned = Callable[[str, int, str, int], None]


class Rules(Protocol):
    """What of the configuration decides about feedback."""

    @property
    def deployment(self) -> str:
        """The deployment's name, by which it knows its own canaries."""

    @property
    def directory(self) -> Directory:
        """Which identity mail belongs to."""

    @property
    def policy(self) -> Policy:
        """What follows from strikes."""


class Entry(NamedTuple):
    """One piece of a batch, by the id under which it comes back if it fails. ``payload``: text, or decoded JSON."""

    id: str
    payload: object


@dataclass(slots=True)
class Outcome:
    """What became of a batch: the ids that must come back, why (without any address), and counts for the log."""

    failed: set[str] = field(default_factory=set)
    problems: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)


class Batch:
    """Reads the entries of a batch, keeps what cannot be read, takes canaries aside, and notes what fails."""

    def __init__(self, entries: Iterable[Entry], rules: Rules, quarantine: Quarantine, now: int) -> None:
        self.outcome = Outcome()
        self.readings: dict[str, Reading] = {}
        self._payloads: dict[str, object] = {}
        self._canaries: dict[str, list[tuple[Event, canary.Canary]]] = {}
        self._quarantine = quarantine
        self._now = now
        for entry in entries:
            self._payloads[entry.id] = entry.payload
            reading = self._without_canaries(entry.id, self._read(entry, rules.directory), rules.deployment)
            self.readings[entry.id] = reading
            counts = self.outcome.counts
            counts["notifications"] += 1
            counts["events"] += len(reading.events)
            counts["setups"] += len(reading.setups)
            # Faults of one notification share its text: it is kept once, however many of its recipients are unreadable.
            for fault in {fault.raw: fault for fault in reversed(reading.faults)}.values():
                self.attempt([entry.id], partial(self._keep, fault))

    def _read(self, entry: Entry, directory: Directory) -> Reading:
        """Reading never raises; should it do so by a bug, this entry comes back alone and the others are done."""
        try:
            return read(entry.payload, directory, self._now)
        except Exception as error:  # noqa: BLE001 - unknown: named in the log, and the entry comes back
            self.outcome.problems[describe(error)] += 1
            self.outcome.failed.add(entry.id)
            return Reading([], [], [])

    def _without_canaries(self, entry: str, reading: Reading, deployment: str) -> Reading:
        own = [(e, found) for e in reading.events if (found := canary.recognise(deployment, e.recipient)) is not None]
        if not own:
            return reading
        self._canaries[entry] = own
        self.outcome.counts["canaries"] += len(own)
        aside = {id(event) for event, _ in own}
        return reading._replace(events=[event for event in reading.events if id(event) not in aside])

    def tell_canaries(self, way: str, returned: Returned | None) -> None:
        """Tell of every canary that came back by a way (``canary.ACT`` or ``COUNT``), if anybody wants to know.

        An entry whose canary could not be noted comes back; what else it held is done already, and may be again.
        """
        if returned is None:
            return
        for entry, own in self._canaries.items():
            for event, found in own:
                piece = canary.piece(way, found, event.kind)
                if piece is not None:
                    self.attempt([entry], partial(returned, event.identity, found.round, piece, self._now))

    def _keep(self, fault: Fault) -> None:
        self.outcome.counts["quarantined"] += self._quarantine.keep(fault, self._now)

    def attempt(self, ids: Iterable[str], action: Callable[[], None]) -> bool:
        """Do something on behalf of entries; return whether it worked.

        A permanent error puts the entries into quarantine: trying again cannot help. Any other makes them come back.
        """
        try:
            action()
        except PermanentError as error:
            for entry in ids:
                fault = Fault(_as_text(self._payloads[entry]), describe(error))
                self.attempt_to_keep(entry, fault)
            return False
        except Exception as error:  # noqa: BLE001 - retryable or unknown: named in the log, and the entry comes back
            self.outcome.problems[describe(error)] += 1
            self.outcome.failed.update(ids)
            return False
        return True

    def attempt_to_keep(self, entry: str, fault: Fault) -> None:
        """Put an entry into quarantine; where that fails as well, it comes back."""
        try:
            self._keep(fault)
        except Exception as error:  # noqa: BLE001 - as above
            self.outcome.problems[describe(error)] += 1
            self.outcome.failed.add(entry)


def _as_text(payload: object) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, default=str)


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts worth a log field: those above zero."""
    return {name: number for name, number in counts.items() if number}
