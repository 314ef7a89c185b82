"""EMF documents: by the specification, one a line."""

from __future__ import annotations

import io
import json

import pytest

from ses_feedback import naming
from ses_feedback.adapters.emf import EmfMeter
from tests.unit.law.builders import T0


def test_a_document_is_one_line_by_the_specification() -> None:
    stream = io.StringIO()
    EmfMeter(stream).emit({"Deployment": "d", "Identity": "example.com"}, T0, {"Delivered": 3, "Complained": 0})
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": T0,
            "CloudWatchMetrics": [
                {
                    "Namespace": naming.METRIC_NAMESPACE,
                    "Dimensions": [["Deployment", "Identity"]],
                    "Metrics": [{"Name": "Delivered", "Unit": "Count"}, {"Name": "Complained", "Unit": "Count"}],
                }
            ],
        },
        "Deployment": "d",
        "Identity": "example.com",
        "Delivered": 3,
        "Complained": 0,
    }


def test_several_sets_of_dimensions_share_one_document() -> None:
    """CloudWatch counts the values once for each set, and each log line is billed once."""
    stream = io.StringIO()
    sets = [["Deployment"], ["Deployment", "Identity"], ["Deployment", "Environment"]]
    subject = {"Deployment": "d", "Identity": "example.com", "Environment": "production"}
    EmfMeter(stream).emit(subject, T0, {"Delivered": 3}, sets=sets)
    (line,) = stream.getvalue().splitlines()
    document = json.loads(line)
    (declared,) = document["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == sets
    assert {name: document[name] for name in (*subject, "Delivered")} == {**subject, "Delivered": 3}


def test_each_document_has_a_line_of_its_own_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch Logs takes one document an event; Lambda makes an event of each line."""
    meter = EmfMeter()
    meter.emit({"Deployment": "d"}, T0, {"Tallied": 1})
    meter.emit({"Deployment": "d"}, T0 + 1, {"Tallied": 2})
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["Tallied"] for line in lines] == [1, 2]
