"""Alarm transitions as JSON lines: the answer of ``make backtest TRACE=FILE``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from backtest.alarms import Alarms
from backtest.evaluator import STATES, Source, States, changes, play


class Transition(NamedTuple):
    """An alarm went into a state. ``minute`` counts from 1970 and is when CloudWatch evaluated it."""

    minute: int
    alarm: str
    identity: str | None
    severity: str | None
    rate: str | None
    state: str

    def line(self) -> str:
        """Return the transition as a line of JSON; ``time`` is UTC."""
        time = datetime.fromtimestamp(self.minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        values = {"time": time, "alarm": self.alarm, "identity": self.identity, "severity": self.severity}
        return json.dumps({**values, "rate": self.rate, "state": self.state})


def transitions(alarms: Alarms, source: Source) -> Iterator[Transition]:
    """Play and return every transition in the order of time; within a minute children come before composites."""
    about = {a.name: (a.identity, a.severity, a.rate) for a in alarms.metric}
    about |= {c.name: (alarms.identity_of(c), c.severity, alarms.rate_of(c)) for c in alarms.composite}
    rank = {name: at for at, name in enumerate(about)}
    found: list[tuple[int, int, Transition]] = []

    def keep(name: str, states: States) -> None:
        identity, severity, rate = about[name]
        for change in changes(states):
            # The minute at the index has ended when it is evaluated.
            minute = int(source.minutes[change.index]) + 1
            state = STATES[change.state]
            found.append((minute, rank[name], Transition(minute, name, identity, severity, rate, state)))

    play(alarms, source, keep)
    yield from (transition for _, _, transition in sorted(found, key=lambda entry: entry[:2]))
