"""[endpoint]: from which topics posts are taken, and how many the deployment itself takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ses_feedback.config import schema
from ses_feedback.config.model import Endpoint
from ses_feedback.config.problems import Problems, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.topics import pattern_reason

# What an account has at once in a region: all its APIs a second (API Gateway developer guide, `Quotas`), all functions.
_MOST_A_SECOND: Final = 10_000
_MOST_AT_ONCE: Final = 1_000


def read(problems: Problems, values: Mapping[str, Any] | None) -> Endpoint:
    """Return the endpoint of the file; without the table, one that takes no posts."""
    if values is None:
        return Endpoint()
    table = Table(problems, "endpoint", values, schema.ENDPOINT)
    if "topics" not in values:
        table.missing("topics")
    topics = table.strings("topics") or ()
    for number, text in enumerate(topics):
        reason = pattern_reason(text)
        if reason is not None:
            problems.add(f"endpoint.topics[{number}]", f"{shown(text)} {reason}")
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


def _number(table: Table, name: str, least: int, most: int) -> int | None:
    number = table.integer(name)
    if number is None or least <= number <= most:
        return number
    table.problem(name, f"must be from {least} to {most}, not {number}")
    return None
