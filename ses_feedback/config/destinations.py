"""Lists of destinations: of teams, who choose their kinds, and of on-call, whom alarms reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ses_feedback.config import endpoints, schema, unconfirmed
from ses_feedback.config.arns import role_reason, topic_reason
from ses_feedback.config.delivery import HTTP
from ses_feedback.config.model import KINDS, PROTOCOLS, Destination, Format
from ses_feedback.config.problems import Problems, describe, known_names
from ses_feedback.config.table import Table
from ses_feedback.domain.events import BOUNCE, COMPLAINT

_DEFAULT_ON: Final = (BOUNCE, COMPLAINT)
_FEEDBACK_ONLY: Final = {
    "on": "on-call is reached by alarms, not by kinds of feedback; leave it out",
    "raw": "on-call gets alarms in the form that paging services read; leave it out",
}
_ON_CALL: Final = tuple(key for key in schema.DESTINATION if key.name not in _FEEDBACK_ONLY)
# `SNS developer guide, Amazon SNS raw message delivery`; of the others SNS takes no such attribute.
_TAKE_RAW: Final = ("http", "https", "sqs", "firehose")
_MOST_PER_SECOND: Final = 1_000
_FORMATS: Final = ("json", "text")
_NEVER_TEXT: Final = {
    "email_json": 'email_json is JSON by its nature; leave it out, or use the key "email"',
    "firehose": "firehose stores notifications for programs, and text is for people; leave it out",
}
# Who reads by themselves, and not by a program that turns JSON into something to read.
_READERS: Final[Mapping[bool, tuple[str, ...]]] = {True: ("email",), False: ("email", "sms")}


def read(
    problems: Problems, path: str, values: Sequence[Any], region: str | None, *, team: bool
) -> tuple[Destination, ...]:
    """Return the destinations of a list that are right; what is wrong with the others is added to ``problems``.

    ``team``: whether a destination may say which kinds it wants.
    """
    if not values:
        problems.add(path, 'empty; name at least one destination, such as { email = "oncall@example.com" }')
    found: dict[tuple[str, str], int] = {}
    destinations = []
    for number, value in enumerate(values):
        destination = _read_one(problems, f"{path}[{number}]", value, region, team=team)
        if destination is None:
            continue
        mail = destination.protocol.startswith("email")
        endpoint = destination.endpoint.lower() if mail else destination.endpoint
        first = found.setdefault((destination.protocol, endpoint), number)
        if first != number:
            once = 'give it once, with all its kinds in "on"' if team else "give it once"
            problems.add(f"{path}[{number}]", f"the same destination as {path}[{first}]; {once}")
        destinations.append(destination)
    return tuple(destinations)


def _read_one(problems: Problems, path: str, value: object, region: str | None, *, team: bool) -> Destination | None:
    if not isinstance(value, dict):
        problems.add(path, f'must be a destination such as {{ email = "oncall@example.com" }}, not {describe(value)}')
        return None

    def explain(name: str, given: object) -> str | None:
        if name in _FEEDBACK_ONLY:
            return _FEEDBACK_ONLY[name]
        return topic_reason(given, region) if isinstance(given, str) else None

    before = len(problems.lines)
    table = Table(problems, path, value, schema.DESTINATION if team else _ON_CALL, explain)
    on = table.strings("on", KINDS) if team else None
    role = table.string("role")
    given = [name for name in PROTOCOLS if name in value]
    if len(given) > 1:
        problems.add(path, f"has {' and '.join(given)}; a destination has one of them: give each its own {{ … }}")
        return None
    if not given:
        meant = any(isinstance(v, str) and topic_reason(v, region) for v in value.values())
        if not meant and not table.misspelt & {*PROTOCOLS}:
            problems.add(path, f"says nowhere to deliver to; give one of: {known_names(PROTOCOLS)}")
        return None
    protocol = given[0]
    endpoint = table.string(protocol)
    if endpoint is not None:
        reason = endpoints.reason(protocol, endpoint, region)
        reason = reason or unconfirmed.reason(protocol, endpoint, "team" if team else "on_call")
        if reason:
            table.problem(protocol, reason)
    check_role(table, protocol, role, region)
    format_ = _read_format(table, protocol, team=team)
    raw = read_raw(table, protocol) if team else protocol == "firehose"
    limit = read_limit(table, protocol, digested=team and format_ == "text")
    subscribed = read_subscribe(table, protocol)
    if endpoint is None or len(problems.lines) > before:
        return None
    return Destination(protocol, endpoint, on or _DEFAULT_ON, role, raw, format_, limit, subscribed)


def _read_format(table: Table, protocol: str, *, team: bool) -> Format:
    given = table.choice("format", _FORMATS)
    if given == "text" and protocol in _NEVER_TEXT:
        table.problem("format", _NEVER_TEXT[protocol])
    return "text" if (given or ("text" if protocol in _READERS[team] else "json")) == "text" else "json"


def read_raw(table: Table, protocol: str) -> bool:
    """Return whether the bare message is wanted; report where the protocol has no such choice."""
    if "raw" in table.values and protocol not in _TAKE_RAW:
        table.problem("raw", f"only {_all(_TAKE_RAW)} take the bare message, {protocol} does not; leave it out")
        return False
    raw = table.boolean("raw")
    return protocol == "firehose" if raw is None else raw


def read_limit(table: Table, protocol: str, *, digested: bool) -> int | None:
    """Return the most per second; report one that is wrong, or of what is no HTTP or, ``digested``, of text."""
    if "max_per_second" not in table.values:
        return None
    if protocol not in HTTP:
        table.problem("max_per_second", f"SNS limits deliveries to {_all(HTTP)} only; leave it out")
        return None
    limit = table.integer("max_per_second")
    if digested:
        table.problem("max_per_second", "text comes as a digest, at most one in five minutes; leave it out")
    elif limit is not None and not 1 <= limit <= _MOST_PER_SECOND:
        table.problem("max_per_second", f"must be from 1 to {_MOST_PER_SECOND}, not {describe(limit)}")
    return limit


def read_subscribe(table: Table, protocol: str) -> bool:
    """Return whether the deployment subscribes it; report where nothing could keep it from doing so."""
    given = table.boolean("subscribe")
    if given is False and protocol not in HTTP:
        table.problem("subscribe", f"only {_all(HTTP)} may be down when they are subscribed; leave it out")
    return given is not False


def _all(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def check_role(table: Table, protocol: str, role: str | None, region: str | None) -> None:
    """Report a role that is missing, wrong, or of what takes none."""
    if "role" not in table.values:
        if protocol == "firehose":
            table.problem(
                "role", f"missing; SNS needs a role to write to Firehose, such as {table.keys['role'].example}"
            )
    elif protocol != "firehose":
        table.problem("role", f"only firehose takes a role, {protocol} does not; leave it out")
    elif role is not None:
        reason = role_reason(role, region)
        if reason:
            table.problem("role", reason)
