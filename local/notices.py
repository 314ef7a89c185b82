"""What CloudWatch tells when an alarm changes state: the message to a topic, the event for a function. Pure.

Fields as in real notifications (Amazon CloudWatch User Guide, *Notifying users on alarm changes*): a metric alarm
carries its ``Trigger``, a composite alarm its rule and the children that triggered it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

Alarm = Mapping[str, Any]
_REGIONS: Final = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-north-1": "EU (Stockholm)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "sa-east-1": "South America (Sao Paulo)",
}
STATE_ACTIONS: Final = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


def stamp(at: datetime) -> str:
    """Return a time as CloudWatch writes it in notices: ``2026-01-27T14:59:38.237+0000``."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def notice(alarm: Alarm, old: str, new: str, reason: str, *, account: str, region: str, at: datetime) -> dict[str, Any]:
    """Return the notice of one change of state, as the subscribers of the alarm's topic receive it."""
    common: dict[str, Any] = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": account,
        "NewStateValue": new,
        "NewStateReason": reason,
        "StateChangeTime": stamp(at),
        "Region": _REGIONS.get(region, region),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old,
        "OKActions": list(alarm.get("OKActions") or []),
        "AlarmActions": list(alarm.get("AlarmActions") or []),
        "InsufficientDataActions": list(alarm.get("InsufficientDataActions") or []),
    }
    if "AlarmRule" in alarm:
        data = json.loads(alarm.get("StateReasonData") or "{}")
        children = [
            {"Arn": t["arn"], "State": {"Value": t["state"]["value"], "Timestamp": t["state"]["timestamp"]}}
            for t in data.get("triggeringAlarms", [])
        ]
        return {**common, "AlarmRule": alarm["AlarmRule"], "TriggeringChildren": children}
    return {**common, "Trigger": _trigger(alarm)}


def function_event(
    alarm: Alarm, old: str, new: str, reason: str, *, account: str, region: str, at: datetime
) -> dict[str, Any]:
    """Return what a function that is an alarm's action is invoked with.

    Source: CloudWatch user guide, *Invoke a Lambda function from an alarm*.
    """
    state = {"value": new, "reason": reason, "reasonData": alarm.get("StateReasonData") or "{}", "timestamp": stamp(at)}
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription") or ""}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
        for key in ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"):
            if alarm.get(key) is not None:
                configuration[key[0].lower() + key[1:]] = alarm[key]
    else:
        configuration["metrics"] = alarm.get("Metrics") or []
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": account,
        "time": stamp(at),
        "region": region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": state,
            "previousState": {"value": old},
            "configuration": configuration,
        },
    }


def subject(alarm: Alarm, new: str, region: str) -> str:
    """Return the subject of the notice, at most 100 letters as SNS takes them."""
    return f'{new}: "{alarm["AlarmName"]}" in {_REGIONS.get(region, region)}'[:100]


def _trigger(alarm: Alarm) -> dict[str, Any]:
    judged = {
        "EvaluationPeriods": alarm.get("EvaluationPeriods", 1),
        "DatapointsToAlarm": alarm.get("DatapointsToAlarm", alarm.get("EvaluationPeriods", 1)),
        "ComparisonOperator": alarm.get("ComparisonOperator", ""),
        "Threshold": alarm.get("Threshold", 0),
        "TreatMissingData": alarm.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": "",
    }
    if alarm.get("Metrics"):
        return {**judged, "Metrics": [_query(query) for query in alarm["Metrics"]]}
    dimensions = [{"name": d["Name"], "value": d["Value"]} for d in alarm.get("Dimensions") or []]
    return {
        "MetricName": alarm.get("MetricName"),
        "Namespace": alarm.get("Namespace"),
        "StatisticType": "Statistic",
        "Statistic": str(alarm.get("Statistic", "")).upper(),
        "Unit": alarm.get("Unit"),
        "Dimensions": dimensions,
        "Period": alarm.get("Period", 60),
        **judged,
    }


def _query(query: Alarm) -> dict[str, Any]:
    shown = {key: value for key, value in query.items() if key != "MetricStat"}
    stat = query.get("MetricStat")
    if stat:
        metric = stat["Metric"]
        dimensions = [{"name": d["Name"], "value": d["Value"]} for d in metric.get("Dimensions") or []]
        named = {"Dimensions": dimensions, "MetricName": metric["MetricName"], "Namespace": metric["Namespace"]}
        shown["MetricStat"] = {"Metric": named, "Period": stat["Period"], "Stat": stat["Stat"]}
    return shown
