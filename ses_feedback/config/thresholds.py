"""[thresholds], of all identities or of one: the rates at which on-call is told, and the times they are taken over.

What one identity leaves out comes from the table of all, and what that leaves out from the defaults; what two keys must
be to each other is checked of the result, and the line says where the other value comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ses_feedback.config import schema
from ses_feedback.config.model import RateThresholds, Thresholds
from ses_feedback.config.problems import Problems, describe, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.reputation import RATES, REVIEW, Rate
from ses_feedback.domain.times import DAY, MINUTE, format_duration

# `PutMetricAlarm` of the CloudWatch API reference: period times evaluation periods is at most seven days.
LONGEST_WINDOW: Final = 7 * DAY
# A condition looks back at least twice as far as what it conditions (ADR 13), and no further than CloudWatch does.
LONGEST_SLOW_WINDOW: Final = LONGEST_WINDOW // 2
# CloudWatch evaluates what looks back more than a day once an hour: such is the condition of the slow page. A fast page
# that ends before would be followed by the slow one, about the same burst.
SHORTEST_WINDOW: Final = 90 * MINUTE
HIGHEST_FLOOR: Final = 1_000_000
_PERCENTAGE: Final = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?%", re.ASCII)
_NEARLY: Final = re.compile(r"\s*([+-]?[0-9]{1,9}(?:[.,][0-9]{1,9})?|[.,][0-9]{1,9})\s*(%|percent)?\s*", re.ASCII)
_DEFAULT: Final = "by default"
_SECTIONS: Final[Mapping[Rate, schema.Section]] = {
    "bounce": schema.BOUNCE_THRESHOLDS,
    "complaint": schema.COMPLAINT_THRESHOLDS,
}


class _Value(NamedTuple):
    """A threshold and where it comes from; ``of`` is ``None`` where the file's is wrong, which is reported already."""

    of: float | None
    source: str


class Sourced(NamedTuple):
    """Thresholds that know where each value comes from. ``stated``: whether the table itself says anything."""

    values: Mapping[Rate, Mapping[str, _Value]]
    stated: bool

    def complete(self) -> Thresholds:
        """Return the thresholds; in place of a value that is wrong stands its default."""
        return Thresholds(**{rate: self._complete(rate) for rate in RATES})

    def _complete(self, rate: Rate) -> RateThresholds:
        default: RateThresholds = getattr(Thresholds(), rate)
        found = {name: value.of for name, value in self.values[rate].items() if value.of is not None}
        return RateThresholds(**{name: found.get(name, getattr(default, name)) for name in RateThresholds.__slots__})


def _defaults() -> Sourced:
    known = Thresholds()
    values = {
        rate: MappingProxyType(
            {name: _Value(getattr(getattr(known, rate), name), _DEFAULT) for name in RateThresholds.__slots__}
        )
        for rate in RATES
    }
    return Sourced(MappingProxyType(values), stated=False)


DEFAULTS: Final = _defaults()


def read(problems: Problems, path: str, values: Mapping[str, Any], base: Sourced = DEFAULTS) -> Sourced:
    """Return the thresholds of a table at ``path``: its own, and those of ``base`` for what it leaves out."""
    table = Table(problems, path, values, schema.THRESHOLDS)
    merged: dict[Rate, Mapping[str, _Value]] = {}
    stated = False
    for rate in RATES:
        given = table.table(rate) or {}
        stated = stated or bool(given)
        own = Table(problems, table.at(rate), given, _SECTIONS[rate])
        merged[rate] = _merge(own, rate, base.values[rate])
        for pair in _PAIRS_OF[rate]:
            _check(own, merged[rate], pair)
    return Sourced(merged, stated)


def _merge(table: Table, rate: Rate, base: Mapping[str, _Value]) -> Mapping[str, _Value]:
    found: dict[str, float | None] = {
        **{name: _share(table, name, REVIEW[rate]) for name in ("warn", "page")},
        **{name: _window(table, name) for name in ("fast_window", "slow_window")},
        **{name: _floor(table, name) for name in ("fast_floor", "slow_floor")},
    }
    source = f"in {table.path}"
    return {name: _Value(value, source) if name in table.values else base[name] for name, value in found.items()}


# --- one value --------------------------------------------------------------------------------------------------------
def _share(table: Table, name: str, review: float) -> float | None:
    """Return a percentage as a fraction of mail, above nothing and below the level at which AWS reviews an account."""
    value, example = table.values.get(name), table.keys[name].example
    limit = Decimal(str(review)) * 100
    allowed = f"right is above 0% and below {_percent(limit)}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        meant = " or ".join(_meant(value, limit))
        right = f"write {meant}" if meant else allowed
        table.problem(name, f"must be a string with a percent sign such as {example}, not {describe(value)}; {right}")
        return None
    text = table.string(name)
    if text is None:
        return None
    nearly = _NEARLY.fullmatch(text)
    percent = Decimal(nearly[1].replace(",", ".")) if nearly else None
    if percent is not None and percent <= 0:
        table.problem(name, f"{shown(text)} is reached by any mail, a good one too; {allowed}")
    elif percent is not None and percent >= limit:
        why = f"AWS reviews an account at {_percent(limit)}, and on-call must know before"
        table.problem(name, f"{shown(text)} is too late: {why}; {allowed}")
    elif percent is None or not _PERCENTAGE.fullmatch(text):
        tidy = "" if percent is None else _percent(percent)
        meant = f"; did you mean {shown(tidy)}?" if _PERCENTAGE.fullmatch(tidy) else ""
        table.problem(
            name, f"{shown(text)} is not a percentage such as {example}, with up to four digits after a point{meant}"
        )
    else:
        return float(percent / 100)
    return None


def _meant(number: float, limit: Decimal) -> list[str]:
    """Return the percentages below ``limit`` that a bare number may stand for: ``4`` or ``0.04`` for ``4%``."""
    try:
        exact = Decimal(str(number))
        texts = [_percent(share) for share in (exact * 100, exact) if 0 < share < limit]
    except (ValueError, ArithmeticError):  # more digits than Python prints; not a number
        return []
    return [shown(text) for text in texts if _PERCENTAGE.fullmatch(text)]


def _percent(percent: Decimal) -> str:
    text = f"{percent:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def _window(table: Table, name: str) -> int | None:
    length = table.duration(name)
    if length is None:
        return None
    longest = format_duration(LONGEST_SLOW_WINDOW)
    allowed = f"right is {format_duration(SHORTEST_WINDOW)} to {longest}"
    if length % MINUTE:
        table.problem(
            name,
            f"{shown(format_duration(length))} is not a number of whole minutes, which CloudWatch counts by; {allowed}",
        )
    elif length < SHORTEST_WINDOW:
        why = "would page twice of one burst: CloudWatch evaluates the slow page's condition once an hour"
        table.problem(name, f"{shown(format_duration(length))} {why}; {allowed}")
    elif length > LONGEST_WINDOW:
        table.problem(name, f"{shown(format_duration(length))} is longer than CloudWatch looks back, 7d; {allowed}")
    elif length > LONGEST_SLOW_WINDOW:
        why = "by which late feedback of good mail alarms nobody: CloudWatch looks back 7d"
        table.problem(
            name,
            f"{shown(format_duration(length))} leaves no room for the condition over twice that time, {why}; {allowed}",
        )
    else:
        return length
    return None


def _floor(table: Table, name: str) -> int | None:
    count = table.integer(name)
    if count is None or 1 <= count <= HIGHEST_FLOOR:
        return count
    table.problem(
        name,
        f"must be from 1 to {HIGHEST_FLOOR:,}, not {describe(count)}: it is the fewest bad events that make an alarm",
    )
    return None


# --- two values -------------------------------------------------------------------------------------------------------
class _Pair(NamedTuple):
    """Two keys of which one must be ``above`` the other, which so is ``below``; ``equal``: or the same."""

    high: str
    above: str
    low: str
    below: str
    why: str
    words: Callable[[float | None], str]
    equal: bool = False


_PAIRS: Final = (
    _Pair(
        "page",
        "above",
        "warn",
        "below",
        "on-call is warned first, and paged where it gets worse",
        lambda fraction: shown(_percent(Decimal(str(fraction)) * 100)),
    ),
    _Pair(
        "slow_window",
        "longer than",
        "fast_window",
        "shorter than",
        "the fast page counts only where a longer time is bad too",
        lambda ms: shown(format_duration(int(ms or 0))),
    ),
)
_FLOORS: Final = _Pair(
    "fast_floor",
    "no lower than",
    "slow_floor",
    "no higher than",
    "the fast page needs the warning of the slow window too, and so its floor",
    str,
    equal=True,
)
# Of complaints, the condition of the fast page has the floor of that page.
_PAIRS_OF: Final[Mapping[Rate, tuple[_Pair, ...]]] = {"bounce": (*_PAIRS, _FLOORS), "complaint": _PAIRS}


def _check(table: Table, values: Mapping[str, _Value], pair: _Pair) -> None:
    """Report two values that do not fit, at the one of them that ``table`` itself states."""
    high, low = values[pair.high], values[pair.low]
    if high.of is None or low.of is None or high.of > low.of or (pair.equal and high.of == low.of):
        return
    if pair.high in table.values:
        name, relation, other = pair.high, pair.above, pair.low
    elif pair.low in table.values:
        name, relation, other = pair.low, pair.below, pair.high
    else:  # both come from where that is reported already
        return
    against = f"{other} {pair.words(values[other].of)}"
    if other not in table.values:
        against = f"{other}, which is {pair.words(values[other].of)} {values[other].source}"
    table.problem(name, f"{pair.words(values[name].of)} must be {relation} {against}: {pair.why}")
