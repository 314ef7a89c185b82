"""CloudWatch: metrics out of logs, points seen late, alarms that are judged, actions allowed, told in full, suppressed.

The emulator judges an alarm only when PutMetricData comes, over every dimension together, never back to OK for
missing data, and no metric math at all. Here a loop judges every alarm by the documented rules (``local/alarms.py``)
and changes its state as the service does, through the emulator's own SetAlarmState, so that composite alarms and
histories follow.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch, cloudwatch_logs, sns, sqs

from cloudwatch.suppression import Suppression
from local import alarms, emf, notices
from local.gaps import invocations, policies
from local.late import LatePoints

log = logging.getLogger("local.cloudwatch")

# CloudWatch judges every minute (every ten seconds at high resolution); nobody waits that long beside a laptop.
INTERVAL: Final = float(os.environ.get("LOCAL_ALARM_SECONDS", "1"))
# Suppression periods are minutes on AWS; here they pass this many times as fast.
SPEED_UP: Final = float(os.environ.get("LOCAL_SUPPRESSION_SPEED_UP", "60"))
# Points that are hours or days old when they come are seen hours or days later: at AWS's own pace, unless told.
_late = LatePoints(float(os.environ.get("LOCAL_LATE_POINTS_SPEED_UP", "1")))
_QUEUE_SAMPLE_SECONDS: Final = 2.0
_INVOKER: Final = "lambda.alarms.cloudwatch.amazonaws.com"

_suppressions: dict[str, Suppression] = {}
_lock = threading.RLock()


def install() -> None:
    """Fill the gaps and start the loop."""
    append, get_metric_data, put_alarm, store_datum = (
        cloudwatch_logs._append_log_events,
        cloudwatch._get_metric_data,
        cloudwatch._put_metric_alarm,
        cloudwatch._store_datum,
    )

    def append_and_measure(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
        append(stream, events)
        for event in events:
            for datum in emf.metrics_in(event["message"]):
                store(
                    datum.namespace, datum.name, datum.dimensions, datum.at, datum.unit, None, datum.values, None, None
                )

    def store(namespace: str, name: str, dimensions: dict[str, str], at: float, *measured: Any) -> None:
        """Keep a point, once it can be seen, in the account and region it came to."""
        account, region = get_account_id(), get_region()

        def keep() -> None:
            with request_scope(account, region):
                store_datum(namespace, name, dimensions, at, *measured)

        _late.take(at, time.time(), keep)

    def put(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if not data.get("Metrics"):
            return put_alarm(params, data, is_cbor, is_json)
        answer = put_alarm(params, {**data, "MetricName": "-", "Namespace": "-"}, is_cbor, is_json)
        record = cloudwatch._alarms.get(data.get("AlarmName"))
        if record is not None:
            for key in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
                record.pop(key, None)
            record["Metrics"] = data["Metrics"]
        return answer

    def get(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        queries = (data or {}).get("MetricDataQueries") or []
        if not any(q.get("Expression") for q in queries):
            return get_metric_data(params, data, is_cbor, is_json)
        return _math_data(data, queries, is_cbor)

    cloudwatch_logs._append_log_events = append_and_measure
    cloudwatch._store_datum = store
    cloudwatch._put_metric_alarm = put
    cloudwatch._get_metric_data = get
    cloudwatch._evaluate_alarm = lambda alarm: None
    cloudwatch._evict_old_metrics = lambda: None  # it races with the writers, and two weeks do not pass here
    cloudwatch._dispatch_alarm_actions = dispatch
    threading.Thread(target=_loop, name="local-alarms", daemon=True).start()


def _samples(metric: alarms.Metric) -> Iterator[alarms.Sample]:
    key = (metric.namespace, metric.name, cloudwatch._dims_key(dict(metric.dimensions)))
    for point in list(cloudwatch._metrics.get(key) or ()):
        count, total, least, most = cloudwatch._point_stats(point)
        yield alarms.Sample(point["Timestamp"], count, total, least, most)


# --- the loop ---------------------------------------------------------------------------------------------------------


def _loop() -> None:
    sampled = 0.0
    while True:
        time.sleep(INTERVAL)
        _late.release(time.time())
        scopes = {key[:2] for store in (cloudwatch._alarms, cloudwatch._composite_alarms) for key in list(store._data)}
        due = time.monotonic() - sampled >= _QUEUE_SAMPLE_SECONDS
        for account, region in scopes:
            with request_scope(account, region):
                if due:
                    _sample_queues()
                _judge_all()
                _settle_suppressed()
        sampled = time.monotonic() if due else sampled


def _judge_all() -> None:
    for alarm in list(cloudwatch._alarms.values()):
        try:
            verdict = alarms.judge(alarm, _samples, time.time())
        except (ValueError, KeyError) as problem:
            log.warning("%s cannot be judged: %s", alarm.get("AlarmName"), problem)
            continue
        if verdict.state != alarm["StateValue"]:
            set_state(alarm["AlarmName"], verdict)


def set_state(name: str, verdict: alarms.Verdict) -> None:
    """Change an alarm's state as the service does: history, actions, and the composite alarms above it."""
    data = {"version": "1.0", "queryDate": notices.stamp(datetime.now(UTC)), "recentDatapoints": verdict.datapoints}
    request = {
        "AlarmName": name,
        "StateValue": verdict.state,
        "StateReason": verdict.reason,
        "StateReasonData": json.dumps(data),
    }
    with _lock:
        cloudwatch._set_alarm_state({}, request, is_cbor=False, is_json=True)


def _sample_queues() -> None:
    """Write what AWS/SQS would measure of the queues that alarms watch."""
    watched = {
        dict(metric.dimensions).get("QueueName")
        for alarm in list(cloudwatch._alarms.values())
        for metric in alarms.metrics_of(alarm)
        if metric.namespace == "AWS/SQS"
    }
    now = time.time()
    for queue in list(sqs._queues.values()):
        name = queue["attributes"].get("QueueArn", "").rpartition(":")[2]
        if name not in watched:
            continue
        messages = list(queue["messages"])
        visible = sum(m["visible_at"] <= now for m in messages)
        oldest = min((m["sent_at"] for m in messages), default=now)
        for metric, value, unit in (
            ("ApproximateNumberOfMessagesVisible", visible, "Count"),
            ("ApproximateNumberOfMessagesNotVisible", len(messages) - visible, "Count"),
            ("ApproximateAgeOfOldestMessage", now - oldest, "Seconds"),
        ):
            cloudwatch.record_metric("AWS/SQS", metric, value, unit, {"QueueName": name})


# --- actions ----------------------------------------------------------------------------------------------------------


def dispatch(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
    """Perform the actions of a change of state, unless the alarm's suppressor holds them back."""
    if not alarm.get("ActionsEnabled", True):
        return
    if alarm.get("ActionsSuppressor"):
        with _lock:
            _suppression_of(alarm, old)
            _settle(alarm)
        return
    _perform(alarm, old, new, reason)


def _suppression_of(alarm: dict[str, Any], told: str) -> Suppression:
    wait, extension = (
        float(alarm.get(f"ActionsSuppressor{which}Period") or 0) / SPEED_UP for which in ("Wait", "Extension")
    )
    kept = _suppressions.setdefault(alarm["AlarmArn"], Suppression(told, wait, extension))
    kept.wait, kept.extension = wait, extension
    return kept


def _settle(alarm: dict[str, Any]) -> None:
    suppression = _suppression_of(alarm, alarm["StateValue"])
    suppressor = cloudwatch._rule_alarm_state(alarm["ActionsSuppressor"])
    told = suppression.told
    due = suppression.decide(alarm["StateValue"], suppressor_in_alarm=suppressor == alarms.ALARM, now=time.monotonic())
    if due:
        _perform(alarm, told, due, alarm["StateReason"])


def _settle_suppressed() -> None:
    with _lock:
        for alarm in list(cloudwatch._composite_alarms.values()):
            if alarm.get("ActionsSuppressor"):
                _settle(alarm)


def _perform(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
    where: dict[str, Any] = {"account": get_account_id(), "region": get_region(), "at": datetime.now(UTC)}
    for action in alarm.get(notices.STATE_ACTIONS[new]) or []:
        if cloudwatch._is_sns_action_arn(action):
            if not policies.may_publish(action, service="cloudwatch.amazonaws.com", source_arn=alarm["AlarmArn"]):
                _record_refusal(alarm, action, new, "SNS:Publish")
                continue
            message = json.dumps(notices.notice(alarm, old, new, reason, **where))
            sns.publish_internal(action, message, notices.subject(alarm, new, where["region"]))
        elif action.split(":")[2] == "lambda":
            if not policies.may_invoke(action, service=_INVOKER, source_arn=alarm["AlarmArn"]):
                _record_refusal(alarm, action, new, "lambda:InvokeFunction")
                continue
            invocations.invoke_by_arn(action, notices.function_event(alarm, old, new, reason, **where))


def _record_refusal(alarm: dict[str, Any], action: str, state: str, permission: str) -> None:
    said = f"Failed to execute action {action}"
    error = f"CloudWatch Alarms is not authorized to perform: {permission} on resource: {action}"
    log.warning("%s: %s: %s", alarm["AlarmName"], said, error)
    data = {"actionState": "Failed", "stateUpdateTimestamp": time.time_ns() // 1_000_000, "error": error}
    cloudwatch._history_entries().append(
        {
            "AlarmName": alarm["AlarmName"],
            "AlarmType": "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm",
            "Timestamp": cloudwatch._ts_iso(time.time()),
            "HistoryItemType": "Action",
            "HistorySummary": said,
            "HistoryData": json.dumps({**data, "notificationResource": action, "publishedState": state}),
        }
    )


# --- GetMetricData with expressions -----------------------------------------------------------------------------------


def _math_data(data: dict[str, Any], queries: list[dict[str, Any]], is_cbor: bool) -> Any:
    start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
    periods = [int(q["MetricStat"]["Period"]) for q in queries if q.get("MetricStat")] or [60]
    period = max(periods)
    length = max(1, int((end - start) // period))
    try:
        values = alarms.math_series(queries, _samples, end, length)
    except ValueError as problem:
        return cloudwatch._error("ValidationError", str(problem), 400, use_json=not is_cbor, use_cbor=is_cbor)
    results = []
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        points = [(end - (length - i) * period, v) for i, v in enumerate(values[query["Id"]]) if v is not None]
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label", query["Id"]),
                "Timestamps": [cloudwatch._ts_iso(at) for at, _ in points],
                "Values": [value for _, value in points],
                "StatusCode": "Complete",
            }
        )
    if is_cbor:
        return cloudwatch._cbor_ok({"MetricDataResults": [cloudwatch._cbor_metric_data_result(r) for r in results]})
    return cloudwatch._json_ok({"MetricDataResults": results})
