"""The message on-call receives has the fields of CloudWatch's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from local import notices

AT = datetime(2026, 1, 27, 14, 59, 38, 237_000, UTC)
ARN = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"


def test_metric_alarm_carries_its_trigger() -> None:
    """A metric-math alarm shows its expression and metrics, in the spelling of notices."""
    metric = {"Namespace": "N", "MetricName": "b", "Dimensions": [{"Name": "Identity", "Value": "x"}]}
    alarm = {
        "AlarmName": "a",
        "AlarmArn": ARN,
        "AlarmDescription": "WHAT",
        "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:page"],
        "Threshold": 0.04,
        "EvaluationPeriods": 1,
        "Metrics": [
            {"Id": "e", "Expression": "b", "ReturnData": True},
            {"Id": "b", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        ],
    }
    said = notices.notice(alarm, "OK", "ALARM", "why", account="111122223333", region="us-east-1", at=AT)
    assert (said["NewStateValue"], said["OldStateValue"], said["NewStateReason"]) == ("ALARM", "OK", "why")
    assert said["StateChangeTime"] == "2026-01-27T14:59:38.237+0000"
    assert said["Region"] == "US East (N. Virginia)"
    assert said["Trigger"]["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"] == [{"name": "Identity", "value": "x"}]


def test_composite_alarm_names_the_children_that_triggered_it() -> None:
    """A composite notice has rule and triggering children, and no trigger of its own."""
    state = {"value": "ALARM", "timestamp": "2026-01-27T14:59:38.000+0000"}
    alarm = {
        "AlarmName": "page",
        "AlarmArn": ARN,
        "AlarmRule": 'ALARM("a")',
        "StateReasonData": json.dumps({"triggeringAlarms": [{"arn": ARN, "state": state}]}),
    }
    said = notices.notice(alarm, "OK", "ALARM", "why", account="1", region="eu-west-1", at=AT)
    assert said["TriggeringChildren"] == [{"Arn": ARN, "State": {"Value": "ALARM", "Timestamp": state["timestamp"]}}]
    assert "Trigger" not in said


def test_subject_fits_into_what_sns_takes() -> None:
    """A long name is cut: SNS refuses a subject above 100 letters."""
    assert notices.subject({"AlarmName": "a"}, "ALARM", "us-east-1") == 'ALARM: "a" in US East (N. Virginia)'
    assert len(notices.subject({"AlarmName": "n" * 300}, "ALARM", "us-east-1")) == 100


def test_a_function_gets_the_documented_event() -> None:
    """The keys of the user guide's example of a composite alarm, *Invoke a Lambda function from an alarm*."""
    alarm = {
        "AlarmName": "page",
        "AlarmArn": ARN,
        "AlarmRule": 'ALARM("a")',
        "StateReasonData": '{"triggeringAlarms": []}',
        "ActionsSuppressor": "late",
        "ActionsSuppressorWaitPeriod": 120,
        "ActionsSuppressorExtensionPeriod": 180,
    }
    said = notices.function_event(alarm, "OK", "ALARM", "why", account="1", region="eu-west-1", at=AT)
    assert {key: said[key] for key in ("source", "alarmArn", "accountId", "region", "time")} == {
        "source": "aws.cloudwatch",
        "alarmArn": ARN,
        "accountId": "1",
        "region": "eu-west-1",
        "time": "2026-01-27T14:59:38.237+0000",
    }
    data = said["alarmData"]
    assert (data["alarmName"], data["previousState"]["value"]) == ("page", "OK")
    assert data["state"] == {
        "value": "ALARM",
        "reason": "why",
        "reasonData": '{"triggeringAlarms": []}',
        "timestamp": "2026-01-27T14:59:38.237+0000",
    }
    assert data["configuration"] == {
        "description": "",
        "alarmRule": 'ALARM("a")',
        "actionsSuppressor": "late",
        "actionsSuppressorWaitPeriod": 120,
        "actionsSuppressorExtensionPeriod": 180,
    }
