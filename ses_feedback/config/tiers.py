"""The policy of the file: tiers given for a class replace that class's defaults, an empty list means never."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from ses_feedback.config import schema
from ses_feedback.config.problems import Problems, choices, describe, join, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.events import STRIKABLE
from ses_feedback.domain.policy import DEFAULT_POLICY, ENVIRONMENT, STREAM, Policy, Scope, Tier, bound
from ses_feedback.domain.reach import SPARE

_HIGHEST_COUNT: Final = 100
# DynamoDB takes items of at most 400 KB; a strike with its 200 letters of diagnostic takes up to 1 KB.
_MOST_STRIKES: Final = 400
# Of all classes and streams together: without texts, which go first where an item is full, they fit.
MOST_IN_ALL: Final = 2_000
_SCOPES: Final[Mapping[str, Scope]] = {"environment": ENVIRONMENT, "stream": STREAM}


def read(problems: Problems, values: Mapping[str, Any]) -> Policy:
    """Return the whole policy: the defaults, and in their place the tiers of ``values`` (class → list of tiers)."""
    policy = dict(DEFAULT_POLICY)
    for class_, tiers in values.items():
        path = join("policy", class_)
        if class_ not in STRIKABLE:
            problems.add(path, f"no class {shown(class_)} counts against an address; {choices(class_, STRIKABLE)}")
        elif not isinstance(tiers, list):
            problems.add(path, f"must be an array of tiers, written [[{path}]], not {describe(tiers)}")
        else:
            read_ = [_read_one(problems, f"{path}[{n}]", tier, class_) for n, tier in enumerate(tiers)]
            policy[class_] = tuple(tier for tier in read_ if tier is not None)
    return MappingProxyType(policy)


def check_sum(problems: Problems, policy: Policy, given: Collection[str], streams: Mapping[str, int]) -> None:
    """Report tiers that together keep more of one address than an item holds; ``streams`` by environment, how many."""
    if not given or not streams:
        return
    environment, number = max(streams.items(), key=lambda pair: (pair[1], pair[0]))
    kept = {class_: max(map(bound, tiers)) + SPARE for class_, tiers in policy.items() if tiers}
    if number * sum(kept.values()) > MOST_IN_ALL:
        largest = max((class_ for class_ in given if class_ in kept), key=lambda class_: kept[class_], default=None)
        problems.add(
            "policy" if largest is None else join("policy", largest),
            f"with the other classes, and {number} streams in {environment}, up to {number * sum(kept.values())} "
            f"strikes of an address would be kept, more than {MOST_IN_ALL}, and outgrow the 400 KB of a DynamoDB item; "
            "lower count or suppress_for, or raise within",
        )


def _read_one(problems: Problems, path: str, value: object, class_: str) -> Tier | None:
    if not isinstance(value, dict):
        problems.add(path, f'must be a tier such as {{ count = 1, suppress_for = "30d" }}, not {describe(value)}')
        return None
    before = len(problems.lines)
    table = Table(problems, path, value, schema.TIER)
    for name in ("count", "suppress_for"):
        if name not in value:
            table.missing(name)
    count = table.integer("count")
    if count is not None and not 1 <= count <= _HIGHEST_COUNT:
        table.problem("count", f"must be from 1 to {_HIGHEST_COUNT}, not {describe(count)}")
    within = table.duration("within")
    suppress_for = table.duration("suppress_for", forever=True)
    scope = table.choice("scope", tuple(_SCOPES)) or _default_scope(class_)
    if len(problems.lines) > before or count is None:
        return None
    if "within" in value and suppress_for is None:
        table.problem("within", "a tier that suppresses for ever counts every strike there ever was; leave it out")
    elif count > 1 and suppress_for is not None and within is None:
        table.problem("within", f'missing; say within which time {count} strikes suppress, such as "14d"')
    if len(problems.lines) > before:
        return None
    # The first strike needs no others: there is nothing to count within any time.
    tier = Tier(count, within if count > 1 else None, suppress_for, _SCOPES[scope])
    if bound(tier) > _MOST_STRIKES:
        problems.add(
            path,
            f"would keep {bound(tier)} strikes of an address, more than {_MOST_STRIKES}, and outgrow the 400 KB of "
            f"a DynamoDB item; lower count or suppress_for, or raise within",
        )
        return None
    return tier


def _default_scope(class_: str) -> str:
    tiers = DEFAULT_POLICY.get(class_)
    return tiers[0].scope if tiers else ENVIRONMENT
