"""[endpoint]: from which topics posts are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ses_feedback.config import schema
from ses_feedback.config.model import Endpoint
from ses_feedback.config.problems import Problems, shown
from ses_feedback.config.table import Table
from ses_feedback.domain.topics import pattern_reason


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
    return Endpoint(topics)
