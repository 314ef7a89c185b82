"""A deployment whose alarms, metrics and log say what a test gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ses_feedback import naming
from ses_feedback.config import Config, parse
from ses_feedback.domain.alarm_notice import Series, Watch, read_watch
from ses_feedback.domain.alarm_text import Message
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.explaining import Document, Sources, explain

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
NEWS = "news.example.com"
THROTTLED = RetryableError("asking CloudWatch: ThrottlingException")

CONFIG: Config = parse(
    {
        "on_call": {"page": [{"email": "oncall@example.com"}]},
        "teams": {"marketing": {"notify": [{"email": "crm@example.com"}]}},
        "identities": {
            NEWS: {"team": "marketing", "stream": "marketing", "breaker": True, "configuration_set": True},
            "example.com": {},
            "dev@example.com": {"environment": "dev"},
        },
    }
)


class FakeAlarms:
    """``AlarmBook`` of what was put into it."""

    def __init__(self, *alarms: Watch) -> None:
        self.alarms = {alarm.name: alarm for alarm in alarms}
        self.trouble: Exception | None = None

    def watches(self, names: Sequence[str]) -> Mapping[str, Watch]:
        if self.trouble:
            raise self.trouble
        return {name: self.alarms[name] for name in names if name in self.alarms}


class FakeGauges:
    """``Gauges``: what metrics add up to, and the newest value, by name."""

    def __init__(self, **values: float) -> None:
        self.values = values
        self.newest_at = NOW - 3_600_000
        self.trouble: Exception | None = None
        self.asked: list[tuple[Series, int]] = []

    def sums(self, series: Sequence[Series], start: int, end: int) -> Sequence[float]:
        if self.trouble:
            raise self.trouble
        self.asked += [(one, end - start) for one in series]
        return [self.values.get(one.name, 0.0) for one in series]

    def newest(self, series: Sequence[Series], start: int, end: int) -> Sequence[tuple[int, float] | None]:
        if self.trouble:
            raise self.trouble
        names = [one.name.replace(".", "") for one in series]
        return [(self.newest_at, self.values[name]) if name in self.values else None for name in names]


class FakeJournal:
    """``Journal`` of documents, each with the time (ms) it was logged at; reading takes ``slow`` ms of ``clock``."""

    def __init__(self, clock: FakeClock) -> None:
        self.documents_at: list[tuple[int, Document]] = []
        self.trouble: Exception | None = None
        self.slow = 0
        self.spans: list[tuple[int, int]] = []
        self._clock = clock

    def log(self, at: int, **document: Any) -> None:
        self.documents_at.append((at, {"Deployment": "ses-feedback", **document}))

    def documents(
        self, dimensions: Mapping[str, str], metric: str, start: int, end: int, until: int
    ) -> Sequence[Document] | None:
        if self.trouble:
            raise self.trouble
        self._clock.ms += self.slow
        if self._clock.ms > until:
            return None
        self.spans.append((start, end))
        return [
            document
            for at, document in self.documents_at
            if start <= at < end and dimensions.items() <= document.items() and document.get(metric)
        ]


class FakeClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = NOW

    def now(self) -> int:
        return self.ms


class World:
    """Everything that an explanation is made from."""

    def __init__(self, *alarms: Watch, config: Config = CONFIG, **values: float) -> None:
        self.config = config
        self.clock = FakeClock()
        self.alarms = FakeAlarms(*alarms)
        self.gauges = FakeGauges(**values)
        self.journal = FakeJournal(self.clock)

    @property
    def sources(self) -> Sources:
        return Sources(self.alarms, self.gauges, self.journal, self.clock.now)

    def explain(
        self, text: object, severity: str = "page", subject: str | None = "ALARM: as CloudWatch says"
    ) -> Message:
        """Return the message about a notice, or about any other text."""
        told = text if isinstance(text, str) else json.dumps(text)
        return explain(self.config, self.sources, severity, subject, told)


def watch(name: str, series: Mapping[str, Series], threshold: float, expression: str, on: bool = True) -> Watch:
    """Return a metric alarm as DescribeAlarms would tell of it."""
    rate = name.split()[1]
    description = f"WHAT: w\nLOOK: `list --environment E --reason {rate}`\nDO: stop\nRUNBOOK: docs/{rate}.md"
    found = read_watch(
        {
            "AlarmName": f"ses-feedback {name}",
            "AlarmDescription": description,
            "StateValue": "ALARM" if on else "OK",
            "Threshold": threshold,
            "EvaluationPeriods": 1,
            "Metrics": [
                {"Id": "e", "Expression": expression, "ReturnData": True},
                *(
                    {
                        "Id": id_,
                        "MetricStat": {
                            "Metric": {
                                "Namespace": one.namespace,
                                "MetricName": one.name,
                                "Dimensions": [{"Name": n, "Value": v} for n, v in one.dimensions],
                            },
                            "Period": one.period_s,
                            "Stat": one.stat,
                        },
                    }
                    for id_, one in series.items()
                ),
            ],
        }
    )
    assert found is not None
    return found


def own(metric: str, period_s: int = 3_600, **dimensions: str) -> Series:
    """Return one of the deployment's metrics."""
    pairs = tuple(sorted({"Deployment": "ses-feedback", **dimensions}.items()))
    return Series(naming.METRIC_NAMESPACE, metric, "Sum", period_s, pairs)


def bounces(name: str = f"{NEWS} bounce page fast", period_s: int = 3_600, on: bool = True, **dimensions: str) -> Watch:
    """Return an alarm on a bounce rate."""
    of = dimensions or {"Identity": NEWS}
    series = {"b": own("HardBounced", period_s, **of), "d": own("Delivered", period_s, **of)}
    return watch(name, series, 0.04, "IF(FILL(b,0) >= 50, FILL(b,0) / (FILL(b,0) + FILL(d,0)), 0)", on)


def complaints(name: str = f"{NEWS} complaint page slow", period_s: int = 259_200, on: bool = True) -> Watch:
    """Return an alarm on a complaint rate."""
    series = {
        "c": own("Complained", period_s, Identity=NEWS),
        "r": own("DeliveredReporting", period_s, Identity=NEWS),
    }
    return watch(name, series, 0.0008, "IF(FILL(c,0) >= 15 AND FILL(r,0) > 0, FILL(c,0) / FILL(r,0), 0)", on)


def composite(name: str, *below: str) -> dict[str, Any]:
    """Return CloudWatch's notice of a composite alarm over others."""
    return {
        "AlarmName": f"ses-feedback {name}",
        "AlarmDescription": "WHAT: too high\nLOOK: at the rates\nDO: as they say\nRUNBOOK: docs/rates.md",
        "NewStateValue": "ALARM",
        "NewStateReason": "a child is on",
        "StateChangeTime": "2027-01-15T07:55:00.000+0000",
        "AlarmRule": " OR ".join(f'ALARM("ses-feedback {one}")' for one in below),
    }
