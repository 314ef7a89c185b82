"""[changes]: the systems that follow what changes in the suppressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ses_feedback.config import endpoints, schema, unconfirmed
from ses_feedback.config.arns import topic_reason
from ses_feedback.config.destinations import check_role, read_limit, read_raw, read_subscribe
from ses_feedback.config.model import Changes, Destination, Follower, Identity
from ses_feedback.config.problems import Problems, describe, known_names
from ses_feedback.config.table import Table
from ses_feedback.domain.changes import TYPES

_FOR_PROGRAMS: Final = "changes are JSON for programs, and this is for people; have a program tell them"
# SNS developer guide, `Filter policy constraints`. What holds for every stream is always one value more.
_MOST_COMBINATIONS: Final = 150
_EXPLAINED: Final[Mapping[str, str]] = {
    "email": 'changes are JSON for programs; use the key "email_json" where one reads mail',
    "sms": _FOR_PROGRAMS,
    "application": _FOR_PROGRAMS,
    "format": "changes are always JSON; leave it out",
    "on": 'of changes there are types, not kinds of feedback; use the key "types"',
}


def read(
    problems: Problems, values: Mapping[str, Any] | None, region: str | None, identities: Mapping[str, Identity]
) -> Changes:
    """Return who follows the changes; without the table nobody does."""
    if values is None:
        return Changes()
    table = Table(problems, "changes", values, schema.CHANGES)
    if "notify" not in values:
        table.missing("notify")
    given = table.array("notify")
    if given is None:
        return Changes()
    if not given:
        table.problem("notify", f"empty; name at least one destination, such as {schema.CHANGES[0].example}")
    return Changes(tuple(_followers(problems, given, region, identities)))


def _followers(
    problems: Problems, given: Sequence[Any], region: str | None, identities: Mapping[str, Identity]
) -> list[Follower]:
    found: list[Follower] = []
    first: dict[tuple[str, str], int] = {}
    for number, value in enumerate(given):
        path = f"changes.notify[{number}]"
        follower = _read_one(problems, path, value, region, identities)
        if follower is None:
            continue
        where = follower.destination.protocol, follower.destination.endpoint
        if first.setdefault(where, number) != number:
            once = f"the same destination as changes.notify[{first[where]}]; SNS keeps one of it: give it once"
            problems.add(path, once)
        found.append(follower)
    return found


def _read_one(
    problems: Problems, path: str, value: object, region: str | None, identities: Mapping[str, Identity]
) -> Follower | None:
    if not isinstance(value, dict):
        example = schema.CHANGES[0].example[1:-1]
        problems.add(path, f"must be a destination such as {example}, not {describe(value)}")
        return None

    def explain(name: str, given: object) -> str | None:
        special = topic_reason(given, region) if isinstance(given, str) else None
        return _EXPLAINED.get(name) or special

    before = len(problems.lines)
    table = Table(problems, path, value, schema.FOLLOWER, explain)
    protocols = [name for name in schema.FOLLOWING if name in value]
    if len(protocols) != 1:
        _report_protocols(table, protocols)
        return None
    protocol = protocols[0]
    endpoint, role = table.string(protocol), table.string("role")
    if endpoint is not None:
        reason = endpoints.reason(protocol, endpoint, region) or unconfirmed.reason(protocol, endpoint, "changes")
        if reason:
            table.problem(protocol, reason)
    check_role(table, protocol, role, region)
    raw, limit = read_raw(table, protocol), read_limit(table, protocol, digested=False)
    subscribed = read_subscribe(table, protocol)
    narrowed = _narrowed(table, identities)
    if endpoint is None or len(problems.lines) > before:
        return None
    return Follower(Destination(protocol, endpoint, (), role, raw, "json", limit, subscribed), *narrowed)


def _report_protocols(table: Table, protocols: Sequence[str]) -> None:
    if protocols:
        has = " and ".join(protocols)
        table.problems.add(table.path, f"has {has}; a destination has one of them: give each its own {{ … }}")
    elif not table.misspelt & {*schema.FOLLOWING} and not table.values.keys() & {"email", "sms", "application"}:
        table.problems.add(table.path, f"says nowhere to deliver to; give one of: {known_names(schema.FOLLOWING)}")


def _narrowed(
    table: Table, identities: Mapping[str, Identity]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the types, environments and streams that are wanted; a stream must be one of these environments."""
    types = table.strings("types", TYPES) or ()
    known = tuple(sorted({identity.environment for identity in identities.values()}))
    environments = table.strings("environments", known or None) or ()
    within = environments or known
    streams = tuple(sorted({i.stream for i in identities.values() if i.environment in within}))
    chosen = table.strings("streams", streams or None) or ()
    combinations = (len(types) or 1) * (len(environments) or 1) * (len(chosen) + 1)
    if combinations > _MOST_COMBINATIONS:
        table.problem(
            "streams",
            f"types, environments and streams combine in {combinations} ways, and SNS compares {_MOST_COMBINATIONS}: "
            "leave one of them out, or give fewer",
        )
    return types, environments, chosen
