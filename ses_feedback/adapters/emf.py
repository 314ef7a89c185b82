"""Metrics as log lines: CloudWatch's Embedded Metric Format, one document per set of dimensions and time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from ses_feedback import naming

# What is not a count.
_UNITS: Final = {
    naming.METRIC_CANARY_ROUND_TRIP: "Milliseconds",
    **dict.fromkeys(naming.METRICS_PROVED.values(), "Seconds"),
}


class EmfMeter:
    """Implements ``Meter`` by writing one line of JSON for each document; CloudWatch Logs makes metrics of them."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def emit(
        self,
        dimensions: Mapping[str, str],
        at: int,
        values: Mapping[str, int],
        *,
        sets: Sequence[Sequence[str]] | None = None,
        notes: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Write one document, stamped ``at`` ms: CloudWatch counts its values once for each set of dimensions.

        ``notes`` are properties that no directive names: they stand in the log and become no metrics.
        """
        document = {
            "_aws": {
                "Timestamp": at,
                "CloudWatchMetrics": [
                    {
                        "Namespace": naming.METRIC_NAMESPACE,
                        "Dimensions": [list(names) for names in sets or (dimensions,)],
                        "Metrics": [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values],
                    }
                ],
            },
            **dimensions,
            **values,
            **(notes or {}),
        }
        stream = self._stream or sys.stdout
        stream.write(json.dumps(document, separators=(",", ":")) + "\n")
        stream.flush()
