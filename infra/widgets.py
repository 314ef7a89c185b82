"""Widgets of a dashboard as data, in the words of CloudWatch's ``Dashboard Body Structure and Syntax``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from infra.alarms.rules import HOUR_S
from ses_feedback import naming
from ses_feedback.domain.reputation import METRICS, REVIEW, STOP, Rate

WIDTH: Final = 24  # of the grid
MOST_ALARMS: Final = 100  # in a widget of alarms

_BAD_AND_GOOD: Final[Mapping[str, tuple[str, str]]] = {
    "bounce": (naming.METRIC_HARD_BOUNCED, naming.METRIC_DELIVERED),
    "complaint": (naming.METRIC_COMPLAINED, naming.METRIC_DELIVERED_REPORTING),
}

GREEN: Final = "#2ca02c"
AMBER: Final = "#ff7f0e"
RED: Final = "#d62728"
VIOLET: Final = "#9467bd"
_GREY: Final = "#7f7f7f"

Widget = dict[str, Any]
Metrics = list[list[Any]]


class Subject(NamedTuple):
    """Whose mail is shown: what it is called, and the dimension that tells it apart; all mail has none."""

    name: str
    dimension: str | None = None


class Lines(NamedTuple):
    """Against what a rate in percent is drawn: AWS's lines of it, and the fractions from which on-call is ``paged``."""

    rate: str
    paged: Sequence[float]


class Grid:
    """Puts widgets side by side, and begins a new row where the next one does not fit."""

    def __init__(self) -> None:
        self.widgets: list[Widget] = []
        self._x = self._y = self._row = 0

    def add(self, widget: Widget, width: int, height: int) -> None:
        """Place a widget of a size in units of the grid."""
        if self._x + width > WIDTH:
            self._x, self._y, self._row = 0, self._y + self._row, 0
        self.widgets.append({**widget, "x": self._x, "y": self._y, "width": width, "height": height})
        self._x += width
        self._row = max(self._row, height)


def text(markdown: str) -> Widget:
    """Return a text without a frame."""
    return {"type": "text", "properties": {"markdown": markdown, "background": "transparent"}}


def alarm_states(title: str, region: str, names: Sequence[str]) -> Widget:
    """Return the states of alarms: the first hundred, which is CloudWatch's most."""
    arn = f"arn:${{AWS::Partition}}:cloudwatch:{region}:${{AWS::AccountId}}:alarm:"
    return {"type": "alarm", "properties": {"title": title, "alarms": [arn + name for name in names[:MOST_ALARMS]]}}


def bars_of_logs(title: str, region: str, query: str) -> Widget:
    """Return bars of what a query of Logs Insights finds."""
    return {"type": "log", "properties": {"title": title, "view": "bar", "region": region, "query": query}}


def figures(region: str, metrics: Metrics) -> Widget:
    """Return sums over the time shown, as large figures."""
    properties = {
        "title": "over the time shown",
        "view": "singleValue",
        "region": region,
        "stat": "Sum",
        "period": HOUR_S,
        "setPeriodToTimeRange": True,
        "metrics": metrics,
    }
    return {"type": "metric", "properties": properties}


def graph(
    title: str, region: str, metrics: Metrics, *, lines: Lines | None = None, stat: str = "Sum", stacked: bool = False
) -> Widget:
    """Return a graph by the hour, drawn against ``lines`` where it is of a rate."""
    axis = {"min": 0, "showUnits": False, **({"label": "%"} if lines else {})}
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "stacked": stacked,
        "region": region,
        "period": HOUR_S,
        "stat": stat,
        "metrics": metrics,
        "yAxis": {"left": axis},
    }
    if lines:
        properties["annotations"] = {
            "horizontal": [
                {"label": "AWS may stop the account", "value": _percent(STOP[lines.rate]), "color": RED},
                {"label": "AWS reviews the account", "value": _percent(REVIEW[lines.rate]), "color": AMBER},
                *({"label": "on-call is paged", "value": _percent(page), "color": _GREY} for page in lines.paged),
            ]
        }
    return {"type": "metric", "properties": properties}


def rates(deployment: str, subjects: Sequence[Subject], rate: str) -> Metrics:
    """Return a rate of each subject in percent, under its name."""
    return [
        line
        for number, subject in enumerate(subjects)
        for line in rate_of(deployment, subject, rate, subject.name, number)
    ]


def rate_of(deployment: str, subject: Subject, rate: str, label: str, number: int = 0) -> Metrics:
    """Return the expression of a rate in percent and the two hidden metrics it reads; ids end in ``number``."""
    bad, good = _BAD_AND_GOOD[rate]
    b, g = f"{rate[0]}bad{number}", f"{rate[0]}good{number}"
    whole = f"(FILL({b},0) + FILL({g},0))" if rate == "bounce" else f"FILL({g},0)"
    expression = f"IF({whole} > 0, 100 * FILL({b},0) / {whole}, 0)"
    first = own(deployment, bad, subject, id=b, visible=False)
    return [
        [{"expression": expression, "label": label, "id": f"{rate[0]}rate{number}"}],
        first,
        [".", good, *("." for _ in first[2:-1]), {"id": g, "visible": False}],  # a dot: as in the line above
    ]


def rate_of_aws(rate: Rate, label: str) -> Metrics:
    """Return AWS's own rate of the account in percent: what AWS measures is a fraction."""
    hidden = {"id": f"{rate[0]}aws", "visible": False, "stat": "Average"}
    return [
        [{"expression": f"100 * {hidden['id']}", "label": label, "id": f"{rate[0]}awsrate"}],
        ["AWS/SES", METRICS[rate], hidden],
    ]


def own(deployment: str, metric: str, subject: Subject | None = None, **options: Any) -> list[Any]:
    """Return a metric that the functions emit, of one subject's mail or, without, of the whole deployment."""
    dimensions = [naming.DIMENSION_DEPLOYMENT, deployment]
    if subject is not None and subject.dimension is not None:
        dimensions += [subject.dimension, subject.name]
    return [naming.METRIC_NAMESPACE, metric, *dimensions, options]


def _percent(fraction: float) -> float:
    return round(100 * fraction, 6)  # 100 * 0.0008 is 0.08 and a little
