"""Metric values out of log lines: CloudWatch's embedded metric format. Pure.

*Specification: Embedded metric format*: a log event that is a JSON object with ``_aws.CloudWatchMetrics`` is metrics;
every directive's dimension sets times its metric names, values from the root of the object, the time from
``_aws.Timestamp``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Datum(NamedTuple):
    """One measurement: its metric, the dimensions, the values, the unit, and when (seconds since 1970)."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    values: list[float]
    unit: str
    at: float


def metrics_in(line: str) -> list[Datum]:
    """Return the measurements in a log line; an ordinary line, or a document CloudWatch would not take, has none."""
    if '"CloudWatchMetrics"' not in line:
        return []
    try:
        document = json.loads(line)
        aws = document["_aws"]
        return list(_measured(document, aws["CloudWatchMetrics"], float(aws["Timestamp"]) / 1000))
    except (ValueError, KeyError, TypeError):
        return []


def _measured(document: dict[str, Any], directives: list[dict[str, Any]], at: float) -> Iterator[Datum]:
    for directive in directives:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                values = [float(v) for v in (value if isinstance(value, list) else [value])]
                unit = metric.get("Unit", "None")
                yield Datum(directive["Namespace"], metric["Name"], dimensions, values, unit, at)
