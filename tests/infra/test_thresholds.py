"""Thresholds of the file: the rules made of them, in the templates, on the dashboards and in the backtest."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.alarms.kinds import BOUNCE_RATE, COMPLAINT_RATE, PAGE, WARN
from infra.alarms.rules import RateRule, levels, rate_rules
from infra.cost import monthly
from infra.dashboards import dashboards
from ses_feedback.config import Config, parse
from ses_feedback.config.model import Thresholds
from tests.infra.synthesis import Assembly, synthesise
from tests.infra.test_backtest import BEGUN, lines, minute, run, steady

HOUR, DAY = 3_600, 86_400
DEFAULTS = (
    RateRule(BOUNCE_RATE, PAGE, ("bounce", "page", "fast"), 5_400, 50, 0.04, ("bounce", "warn")),
    RateRule(BOUNCE_RATE, PAGE, ("bounce", "page", "slow"), DAY, 30, 0.04, ("bounce", "days")),
    RateRule(BOUNCE_RATE, WARN, ("bounce", "warn"), DAY, 30, 0.025, ("bounce", "days")),
    RateRule(BOUNCE_RATE, None, ("bounce", "days"), 3 * DAY, 30, 0.02),
    RateRule(COMPLAINT_RATE, PAGE, ("complaint", "page", "fast"), 6 * HOUR, 20, 0.0008, ("complaint", "day")),
    RateRule(COMPLAINT_RATE, PAGE, ("complaint", "page", "slow"), 3 * DAY, 15, 0.0008, ("complaint", "week")),
    RateRule(COMPLAINT_RATE, WARN, ("complaint", "warn"), 3 * DAY, 15, 0.0005, ("complaint", "week")),
    RateRule(COMPLAINT_RATE, None, ("complaint", "day"), DAY, 20, 0.0005),
    RateRule(COMPLAINT_RATE, None, ("complaint", "week"), 7 * DAY, 15, 0.0005),
)
FILE = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
[identities."news.example.com"]
[identities."dev@example.com"]
environment = "dev"
"""
THRESHOLDS = """
[thresholds.bounce]
warn = "2%"
page = "3%"
fast_window = "3h"
[thresholds.complaint]
slow_window = "2d"
[identities."news.example.com".thresholds]
bounce = { page = "2.25%", fast_floor = 40 }
complaint = { fast_window = "12h", slow_floor = 10 }
"""
_BOUNCE = "IF(FILL(b,0) >= {}, FILL(b,0) / (FILL(b,0) + FILL(d,0)), 0)"
_COMPLAINT = "IF(FILL(c,0) >= {} AND FILL(r,0) > 0, FILL(c,0) / FILL(r,0), 0)"
# Period, threshold, expression and words of each alarm.
OF_ALL = {
    "bounce page fast": (3 * HOUR, 0.03, _BOUNCE.format(50), "3% within 3 h (and 50 or more)"),
    "bounce page slow": (DAY, 0.03, _BOUNCE.format(30), "3% within 24 h (and 30 or more)"),
    "bounce warn": (DAY, 0.02, _BOUNCE.format(30), "2% within 24 h (and 30 or more)"),
    "bounce days": (3 * DAY, 0.016, _BOUNCE.format(30), "1.6% within 72 h (and 30 or more)"),
    "complaint page fast": (6 * HOUR, 0.0008, _COMPLAINT.format(20), "0.08% within 6 h (and 20 or more)"),
    "complaint page slow": (2 * DAY, 0.0008, _COMPLAINT.format(15), "0.08% within 48 h (and 15 or more)"),
    "complaint warn": (2 * DAY, 0.0005, _COMPLAINT.format(15), "0.05% within 48 h (and 15 or more)"),
    "complaint day": (DAY, 0.0005, _COMPLAINT.format(20), "0.05% within 24 h (and 20 or more)"),
    "complaint week": (7 * DAY, 0.0005, _COMPLAINT.format(15), "0.05% within 168 h (and 15 or more)"),
}
OF_NEWS = {
    **OF_ALL,
    "bounce page fast": (3 * HOUR, 0.0225, _BOUNCE.format(40), "2.25% within 3 h (and 40 or more)"),
    "bounce page slow": (DAY, 0.0225, _BOUNCE.format(30), "2.25% within 24 h (and 30 or more)"),
    "complaint page fast": (12 * HOUR, 0.0008, _COMPLAINT.format(20), "0.08% within 12 h (and 20 or more)"),
    "complaint page slow": (2 * DAY, 0.0008, _COMPLAINT.format(10), "0.08% within 48 h (and 10 or more)"),
    "complaint warn": (2 * DAY, 0.0005, _COMPLAINT.format(10), "0.05% within 48 h (and 10 or more)"),
    "complaint week": (7 * DAY, 0.0005, _COMPLAINT.format(10), "0.05% within 168 h (and 10 or more)"),
}


def config_of(text: str) -> Config:
    return parse(_joined(tomllib.loads(FILE), tomllib.loads(text)))


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for key, value in other.items():
        both[key] = _joined(both[key], value) if isinstance(both.get(key), dict) else value
    return both


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesise(config_of(THRESHOLDS), tmp_path_factory.mktemp("thresholds"))


def test_the_defaults_are_the_rules_that_the_backtest_decided_on() -> None:
    """All nine, to the last digit."""
    assert rate_rules(Thresholds()) == DEFAULTS


@pytest.mark.parametrize(
    ("text", "label", "period"),
    [
        ('bounce = { slow_window = "2d" }', "bounce days", 6 * DAY),
        ('bounce = { slow_window = "84h" }', "bounce days", 7 * DAY),
        ('bounce = { slow_window = "6h" }', "bounce days", 3 * DAY),
        ('complaint = { fast_window = "2h" }', "complaint day", DAY),
        ('complaint = { fast_window = "12h" }', "complaint day", DAY),
        ('complaint = { fast_window = "13h" }', "complaint day", 26 * HOUR),
        ('complaint = { fast_window = "83h", slow_window = "84h" }', "complaint day", 166 * HOUR),
        ('complaint = { slow_window = "84h" }', "complaint week", 7 * DAY),
    ],
)
def test_conditions_follow_their_windows(text: str, label: str, period: int) -> None:
    """At least twice as long, never less than by default, never more than CloudWatch's week."""
    rules = {" ".join(r.label): r for r in rate_rules(config_of(f"[thresholds]\n{text}").thresholds)}
    assert rules[label].period_s == period


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("example.com", OF_ALL),
        ("news.example.com", OF_NEWS),
        ("dev@example.com", OF_ALL),
        ("environment production", OF_ALL),
        ("deployment", OF_ALL),
    ],
)
def test_the_template_carries_them(
    stated: Assembly, subject: str, expected: dict[str, tuple[int, float, str, str]]
) -> None:
    """An identity's own for that identity only; those of all for the others and for all that is over several."""
    alarms = {f.properties["AlarmName"]: f.properties for f in stated.find("AWS::CloudWatch::Alarm")}
    for label, (period, threshold, expression, words) in expected.items():
        properties = alarms[f"ses-feedback {subject} {label}"]
        assert properties["Threshold"] == threshold
        (math,) = [m["Expression"] for m in properties["Metrics"] if "Expression" in m]
        assert math == expression
        assert {m["MetricStat"]["Period"] for m in properties["Metrics"] if "MetricStat" in m} == {period}
        assert words in properties["AlarmDescription"]
    composites = {f.properties["AlarmName"]: f.properties for f in stated.find("AWS::CloudWatch::CompositeAlarm")}
    page, warn = (composites[f"ses-feedback {subject} {severity}"]["AlarmDescription"] for severity in (PAGE, WARN))
    paged = "2.25%" if expected is OF_NEWS else "3%"
    assert f"{paged} hard bounces or 0.08% complaints, or more." in page
    assert "2% hard bounces or 0.05% complaints, or more." in warn


def test_levels_of_aws_stay(stated: Assembly) -> None:
    """Its own rates are another figure, with levels of their own."""
    alarms = {f.properties["AlarmName"]: f.properties for f in stated.find("AWS::CloudWatch::Alarm")}
    assert alarms["ses-feedback account reputation bounce page"]["Threshold"] == 0.04
    assert alarms["ses-feedback account reputation bounce warn"]["Threshold"] == 0.03


def test_environments_have_those_of_all() -> None:
    """Where there are alarms of environments only, the message of each says so too."""
    thresholds = config_of('[deployment]\nalarms = "environment"\n[thresholds.bounce]\npage = "3.3333%"').thresholds
    assert levels(thresholds, PAGE) == "3.3333% hard bounces or 0.08% complaints, or more"


def test_thresholds_cost_nothing() -> None:
    """As many alarms, of as many metrics."""
    assert monthly(config_of(THRESHOLDS)) == monthly(config_of(""))


def test_dashboards_draw_where_on_call_is_paged() -> None:
    """By the thresholds of all where mail is together; of identities side by side, each that one of them has."""
    drawn: dict[str, list[dict[str, list[float]]]] = {}
    for dashboard in dashboards(config_of(THRESHOLDS)):
        for widget in dashboard.body["widgets"]:
            for line in widget["properties"].get("annotations", {}).get("horizontal", ()):
                if line["label"] == "on-call is paged":
                    title = re.sub(r".*(bounce|complaint) rate.*", r"\1", widget["properties"]["title"])
                    drawn.setdefault(dashboard.name, []).append({title: line["value"]})
    for name, found in drawn.items():
        own = name == "ses-feedback-identities-1"
        assert {line["bounce"] for line in found if "bounce" in line} == ({2.25, 3} if own else {3})
        assert {line["complaint"] for line in found if "complaint" in line} == {0.08}
    assert set(drawn) == {"ses-feedback", "ses-feedback-identities-1"}


def test_the_backtest_plays_the_thresholds_of_its_file(tmp_path: Path) -> None:
    """A list that rots: with a lower page it pages days earlier, of that identity alone."""
    rows = steady("example.com", 20 * 1_440)
    # 500 mails an hour, of which ever more bounce: 0.2 percentage points more each day, from 1%.
    for hour in range(20 * 24):
        bad = 5 + hour // 24
        rows.append(f"{minute(hour * 60)},news.example.com,{500 - bad},{bad},0")
    own = '[identities."news.example.com".thresholds]\nbounce = { page = "3%" }\n'
    file = FILE.replace('[identities."news.example.com"]\n', own)
    paged: list[str] = []
    for text in (FILE, file):
        found = lines(run(tmp_path, rows, file=text))
        pages = [line for line in found if line["alarm"] == "ses-feedback news.example.com page"]
        paged.append(next(line["time"] for line in pages if line["state"] == "ALARM"))
        assert not [line for line in found if line["alarm"] == "ses-feedback example.com page"]
    days = [(datetime.fromisoformat(time) - BEGUN).days for time in paged]
    assert 14 <= days[0] <= 16  # 4% is that of the sixteenth day
    assert 9 <= days[1] <= 11  # 3% that of the eleventh
