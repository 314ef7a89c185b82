"""[lookup]: the HTTP API that answers whether addresses may be mailed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ses_feedback.config import schema
from ses_feedback.config.model import Lookup
from ses_feedback.config.problems import Problems
from ses_feedback.config.table import Table

# What an account may have at once in a region, all its APIs together (API Gateway developer guide, `Quotas`).
_MOST: Final = 10_000


def read(problems: Problems, values: Mapping[str, Any]) -> Lookup:
    """Return the lookup of the file."""
    table = Table(problems, "lookup", values, schema.LOOKUP)
    enabled, rate = table.boolean("enabled"), table.integer("requests_per_second")
    if rate is not None and not 1 <= rate <= _MOST:
        table.problem("requests_per_second", f"must be from 1 to {_MOST}, not {rate}")
    if enabled is False and rate is not None:
        table.problem("requests_per_second", "would do nothing: enabled = false makes no API; leave one of them out")
    return Lookup(enabled is not False, Lookup().requests_per_second if rate is None else rate)
