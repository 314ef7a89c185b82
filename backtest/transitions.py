"""Alarm transitions as JSON lines: the answer of ``make backtest TRACE=FILE``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from backtest.alarms import Alarms, CompositeAlarm
from backtest.evaluator import ALARM, STATES, Source, States, changes, play
from cloudwatch.alarm_rule import Both, Constant, Either, Is, Not, Rule

RATES: Final = ("bounce", "complaint")


class Transition(NamedTuple):
    """An alarm went into a state. ``minute`` counts from 1970 and is when CloudWatch evaluated it."""

    minute: int
    alarm: str
    identity: str | None
    severity: str
    rate: str | None
    state: str

    def line(self) -> str:
        """Return the transition as a line of JSON; ``time`` is UTC."""
        time = datetime.fromtimestamp(self.minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        values = {"time": time, "alarm": self.alarm, "identity": self.identity, "severity": self.severity}
        return json.dumps({**values, "rate": self.rate, "state": self.state})


def transitions(alarms: Alarms, source: Source) -> Iterator[Transition]:
    """Play, and return every transition of the alarms that tell somebody, in the order of time.

    An alarm that is only part of a composite tells nobody, and may well be on without its condition: it is left out.
    The rate of a composite over both rates is the one that put it on, or that went off last; ``None`` where both did.
    """
    told: dict[str, tuple[str | None, str, str | None]] = {
        a.name: (a.identity, a.severity, a.rate) for a in alarms.metric if a.acts and a.severity and a.rate
    }
    told |= {c.name: (alarms.identity_of(c), c.severity, None) for c in alarms.composite if c.severity}
    rank = {name: at for at, name in enumerate(told)}
    found: list[tuple[int, int, Transition]] = []
    by_rate: dict[str, States] = {}

    def keep(name: str, states: States) -> None:
        if name not in told:
            if "\0" in name:
                by_rate[name] = states
            return
        identity, severity, rate = told[name]
        parts = {of: by_rate.pop(_part(name, of)) for of in RATES if _part(name, of) in by_rate}
        for change in changes(states):
            # The minute at the index has ended when it is evaluated.
            minute = int(source.minutes[change.index]) + 1
            on = change.index if change.state == ALARM else change.index - 1
            which = [of for of, part in parts.items() if part[on] == ALARM]
            of = which[0] if len(which) == 1 else rate
            made = Transition(minute, name, identity, severity or "", of, STATES[change.state])
            found.append((minute, rank[name], made))

    play(_with_parts(alarms), source, keep)
    yield from (transition for _, _, transition in sorted(found, key=lambda entry: entry[:2]))


def _part(name: str, rate: str) -> str:
    return f"{name}\0{rate}"  # no alarm is called so


def _with_parts(alarms: Alarms) -> Alarms:
    """Return the alarms, and before each composite what it would be with one rate alone."""
    rates = {alarm.name: alarm.rate for alarm in alarms.metric} | {c.name: alarms.rate_of(c) for c in alarms.composite}
    composites: list[CompositeAlarm] = []
    for composite in alarms.composite:
        if composite.severity:
            composites += [
                dataclasses.replace(
                    composite, name=_part(composite.name, rate), rule=_alone(composite.rule, rate, rates), severity=None
                )
                for rate in RATES
            ]
        composites.append(composite)
    return Alarms(alarms.metric, tuple(composites))


def _alone(rule: Rule, rate: str, rates: Mapping[str, str | None]) -> Rule:
    """Return a rule in which no alarm about another rate is ever on."""
    match rule:
        case Is("ALARM", name) if rates[name] not in (rate, None):
            return Constant(False)
        case Not(inner):
            return Not(_alone(inner, rate, rates))
        case Both(left, right):
            return Both(_alone(left, rate, rates), _alone(right, rate, rates))
        case Either(left, right):
            return Either(_alone(left, rate, rates), _alone(right, rate, rates))
    return rule
