"""CloudWatch asked about alarms and metrics, for whoever explains an alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.alarm_notice import Series, Watch, read_watch
from ses_feedback.domain.times import DAY

_AT_ONCE: Final = 100  # names of one DescribeAlarms
# Sums of short periods, so that it does not matter where CloudWatch lets a long one begin. Values of a minute are kept
# for 15 days, of five minutes for 63 (CloudWatch user guide, `Metrics retention`).
_FINE_S: Final = 60
_COARSE_S: Final = 300


class CloudWatchAlarms:
    """Implements ``AlarmBook``. ``client`` is a botocore client of ``cloudwatch``. Needs ``DescribeAlarms``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def watches(self, names: Sequence[str]) -> Mapping[str, Watch]:
        """See ``AlarmBook``."""
        found: dict[str, Watch] = {}
        for start in range(0, len(names), _AT_ONCE):
            some = list(names[start : start + _AT_ONCE])
            with aws_errors("asking CloudWatch for alarms"):
                answer = self._client.describe_alarms(AlarmNames=some, AlarmTypes=["MetricAlarm"], MaxRecords=_AT_ONCE)
            for alarm in answer.get("MetricAlarms", ()):
                watch = read_watch(alarm)
                if watch is not None:
                    found[watch.name] = watch
        return found


class CloudWatchGauges:
    """Implements ``Gauges``. ``client`` is a botocore client of ``cloudwatch``. Needs ``GetMetricData``."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def sums(self, series: Sequence[Series], start: int, end: int) -> Sequence[float]:
        """See ``Gauges``."""
        period_s = _FINE_S if end - start <= DAY else _COARSE_S
        found = self._data(series, [period_s] * len(series), start, end)
        return [sum(value for _, value in points) for points in found]

    def newest(self, series: Sequence[Series], start: int, end: int) -> Sequence[tuple[int, float] | None]:
        """See ``Gauges``."""
        found = self._data(series, [one.period_s for one in series], start, end)
        return [max(points, default=None) for points in found]

    def _data(
        self, series: Sequence[Series], periods: Sequence[int], start: int, end: int
    ) -> list[list[tuple[int, float]]]:
        queries = [
            {"Id": f"m{number}", "ReturnData": True, "MetricStat": _stat(one, period_s)}
            for number, (one, period_s) in enumerate(zip(series, periods, strict=True))
        ]
        found: list[list[tuple[int, float]]] = [[] for _ in series]
        with aws_errors("asking CloudWatch for metrics"):
            # One page has 100,800 values, more than the longest window here has minutes.
            answer = self._client.get_metric_data(
                MetricDataQueries=queries, StartTime=_time(start), EndTime=_time(end), ScanBy="TimestampDescending"
            )
        for result in answer.get("MetricDataResults", ()):
            points = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=False)
            found[int(result["Id"][1:])] += [(round(at.timestamp() * 1_000), float(value)) for at, value in points]
        return found


def _stat(series: Series, period_s: int) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions]
    metric = {"Namespace": series.namespace, "MetricName": series.name, "Dimensions": dimensions}
    return {"Metric": metric, "Period": period_s, "Stat": series.stat}


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)
