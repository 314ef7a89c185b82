"""Log lines become metric values by the embedded metric format's specification."""

from __future__ import annotations

import io
import json

import pytest

from local.emf import metrics_in
from ses_feedback import naming
from ses_feedback.adapters.emf import EmfMeter


def test_what_the_product_writes_is_what_cloudwatch_reads() -> None:
    """The product's own meter, read back: every metric, its dimensions, its time in seconds."""
    stream = io.StringIO()
    dimensions = {naming.DIMENSION_DEPLOYMENT: "d", naming.DIMENSION_IDENTITY: "example.com"}
    EmfMeter(stream).emit(dimensions, 1_795_497_180_000, {"Delivered": 7, "HardBounced": 0})
    found = metrics_in(stream.getvalue())
    assert [(d.namespace, d.name, d.values) for d in found] == [
        (naming.METRIC_NAMESPACE, "Delivered", [7.0]),
        (naming.METRIC_NAMESPACE, "HardBounced", [0.0]),
    ]
    assert all(d.dimensions == dimensions and d.at == 1_795_497_180 for d in found)


def test_each_dimension_set_and_each_value_of_an_array_counts() -> None:
    """Two dimension sets make two metrics; an array of values is as many measurements."""
    directive = {"Namespace": "N", "Dimensions": [["A"], []], "Metrics": [{"Name": "m", "Unit": "Count"}]}
    line = json.dumps({"_aws": {"Timestamp": 1000, "CloudWatchMetrics": [directive]}, "A": "x", "m": [1, 2]})
    assert [(d.dimensions, d.values, d.unit) for d in metrics_in(line)] == [
        ({"A": "x"}, [1.0, 2.0], "Count"),
        ({}, [1.0, 2.0], "Count"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "an ordinary line",
        '{"message":"done"}',
        '{"CloudWatchMetrics": cut',
        '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N","Metrics":[{"Name":"absent"}]}]}}',
        '{"_aws":{"CloudWatchMetrics":[]}}',
        '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"N","Metrics":[{"Name":"m"}]}]},"m":"text"}',
    ],
)
def test_line_that_is_no_metric_is_just_a_line(line: str) -> None:
    """Anything CloudWatch would not take leaves no metric and no error."""
    assert metrics_in(line) == []
