"""[endpoint]: from which topics posts are taken, and how many the deployment itself takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ses_feedback.config import schema
from ses_feedback.config.model import Endpoint, Identity, ListedTopic
from ses_feedback.config.problems import Problems, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.topics import pattern_reason

# What an account has at once in a region: all its APIs a second (API Gateway developer guide, `Quotas`), all functions.
_MOST_A_SECOND: Final = 10_000
_MOST_AT_ONCE: Final = 1_000


def read(problems: Problems, values: Mapping[str, Any] | None, identities: Mapping[str, Identity]) -> Endpoint:
    """Return the endpoint of the file, which has these identities; without the table, one that takes no posts."""
    if values is None:
        return Endpoint()
    table = Table(problems, "endpoint", values, schema.ENDPOINT)
    if "topics" not in values:
        table.missing("topics")
    topics = _topics(table, identities)
    default = Endpoint()
    in_stack = table.boolean("in_stack")
    rate = _number(table, "requests_per_second", 1, _MOST_A_SECOND)
    at_once = _number(table, "at_once", 0, _MOST_AT_ONCE)
    if in_stack is False:
        for name, value in (("requests_per_second", rate), ("at_once", at_once)):
            if value is not None:
                table.problem(name, "would do nothing: in_stack = false makes no API; leave one of them out")
    return Endpoint(
        topics,
        in_stack is not False,
        default.requests_per_second if rate is None else rate,
        default.at_once if at_once is None else at_once,
    )


def _topics(table: Table, identities: Mapping[str, Identity]) -> tuple[ListedTopic, ...]:
    given = table.array("topics")
    if given is not None and not given:
        table.problem("topics", f"empty; name at least one, such as {table.keys['topics'].example}")
    found: dict[str, ListedTopic] = {}
    for number, value in enumerate(given or ()):
        path = f"endpoint.topics[{number}]"
        topic = _topic(table.problems, path, value, identities)
        if topic is not None and found.setdefault(topic.arn, topic) is not topic:
            table.problems.add(path, f"{shown(topic.arn)} is named twice; once is enough")
    return tuple(found.values())


def _topic(problems: Problems, path: str, value: object, identities: Mapping[str, Identity]) -> ListedTopic | None:
    if not isinstance(value, dict):
        given = shown(value) if isinstance(value, str) and pattern_reason(value) is None else '"arn:…"'
        problems.add(
            path,
            f"must say whom the topic speaks for: {{ arn = {given}, environment = "
            f'"{_environments(identities)[0]}" }}, or identities = ["…"] in place of environment',
        )
        return None
    before = len(problems.lines)
    table = Table(problems, path, value, schema.LISTED_TOPIC)
    arn = table.string("arn")
    if "arn" not in value:
        table.missing("arn")
    reason = pattern_reason(arn) if arn is not None else None
    if reason is not None:
        table.problem("arn", f"{shown(str(arn))} {reason}")
    named = table.strings("identities", tuple(identities))
    environment = table.choice("environment", _environments(identities))
    if len({"identities", "environment"} & value.keys()) != 1 and not table.misspelt - {None, "arn"}:
        problems.add(path, 'must say whom the topic speaks for: either environment = "…" or identities = ["…"]')
    if arn is None or len(problems.lines) > before:
        return None
    return ListedTopic(arn, named or (), environment)


def _environments(identities: Mapping[str, Identity]) -> tuple[str, ...]:
    return tuple(sorted({identity.environment for identity in identities.values()})) or ("production",)


def _number(table: Table, name: str, least: int, most: int) -> int | None:
    number = table.integer(name)
    if number is None or least <= number <= most:
        return number
    table.problem(name, f"must be from {least} to {most}, not {number}")
    return None
