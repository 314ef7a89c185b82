"""Dashboards: within CloudWatch's limits at any size, and showing what is really measured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.alarms.blocked import BlockedAlarms
from infra.alarms.rollups import RollUps
from infra.alarms.together import MOST_ROLL_UPS
from infra.dashboards import MOST_METRICS, MOST_METRICS_OF_A_WIDGET, dashboards
from infra.deployment import new_app
from infra.overview_stack import OverviewStack, dealt
from ses_feedback import naming
from ses_feedback.config import Config, parse
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly

# Who is told late concerns the team, and there are as many of these alarms as teams need.
DIGESTS = {"ses-feedback digests late"}


def metrics(widget: dict[str, Any]) -> list[list[Any]]:
    """The metrics of a graph, a dot being what stands in the line above."""
    found: list[list[Any]] = []
    for entry in widget["properties"].get("metrics", ()):
        if not isinstance(entry[0], dict):
            found.append([found[-1][n] if part == "." else part for n, part in enumerate(entry)])
    return found


def graphs(config: Config) -> Iterator[dict[str, Any]]:
    for dashboard in dashboards(config):
        yield from (widget for widget in dashboard.body["widgets"] if widget["type"] == "metric")


@pytest.mark.parametrize("alarms", ["identity", "environment"])
@pytest.mark.parametrize("number", [1, 30, 500, 1_000])
def test_dashboards_keep_the_limits_of_cloudwatch(number: int, alarms: str) -> None:
    """500 widgets, 500 metrics in one and 2,500 in all; and all of them in the one megabyte of a template."""
    found = dashboards(configs.many(number, alarms=alarms))
    for dashboard in found:
        widgets = dashboard.body["widgets"]
        assert 0 < len(widgets) <= 500
        assert all(len(metrics(widget)) <= MOST_METRICS_OF_A_WIDGET for widget in widgets)
        assert sum(len(widget["properties"].get("metrics", ())) for widget in widgets) <= MOST_METRICS
    for _, members in dealt(configs.many(number, alarms=alarms)):
        assert sum(len(json.dumps(member.body, separators=(",", ":"))) for member in members) < 900_000
    pages = 0 if alarms == "environment" else -(-number // 100)
    assert [d.name for d in found] == ["ses-feedback", *(f"ses-feedback-identities-{n + 1}" for n in range(pages))]


def test_every_identity_and_environment_has_both_rates_and_its_volume() -> None:
    """Nobody is left out, wherever the pages are cut."""
    config = configs.many(260)
    shown = {tuple(metric[:-1]) for widget in graphs(config) for metric in metrics(widget)}
    subjects = [(naming.DIMENSION_IDENTITY, name) for name in config.identities]
    subjects += [(naming.DIMENSION_ENVIRONMENT, name) for name in config.environments()]
    for subject in (*subjects, ()):
        for metric in naming.RATE_METRICS:
            own = (naming.METRIC_NAMESPACE, metric, naming.DIMENSION_DEPLOYMENT, "ses-feedback", *subject)
            assert own in shown, own


def test_expressions_read_the_metrics_beside_them() -> None:
    """Every variable of an expression is the id of a hidden metric of the same graph, and ids are unique there."""
    for widget in graphs(configs.full()):
        entries = widget["properties"]["metrics"]
        ids = [entry[-1]["id"] for entry in entries if isinstance(entry[-1], dict) and "id" in entry[-1]]
        assert len(ids) == len(set(ids))
        for entry in entries:
            if isinstance(entry[0], dict):
                assert set(re.findall(r"FILL\((\w+),0\)", entry[0]["expression"])) <= set(ids)


def test_rates_are_drawn_against_the_lines_of_aws() -> None:
    """A rate shows where AWS reviews, where it may stop, and where on-call is paged, in the unit of its axis."""
    drawn = {
        widget["properties"]["title"]: [line["value"] for line in widget["properties"]["annotations"]["horizontal"]]
        for widget in graphs(configs.small())
        if "annotations" in widget["properties"]
    }
    assert drawn["all mail: bounce rate, by hour, and AWS's own"][:2] == [10, 5]
    assert drawn["all mail: complaint rate, by hour, and AWS's own"][:2] == [0.5, 0.1]
    for values in drawn.values():
        assert values[2] < values[1]


def test_the_rate_of_all_mail_is_beside_that_of_aws() -> None:
    """Both in percent, in one graph: what AWS measures is a fraction of its own, an average and no sum."""
    drawn = {widget["properties"]["title"]: widget["properties"] for widget in graphs(configs.many(30))}
    for rate, metric in (("bounce", "BounceRate"), ("complaint", "ComplaintRate")):
        entries = drawn[f"all mail: {rate} rate, by hour, and AWS's own"]["metrics"]
        labels = {entry[0]["label"]: entry[0]["expression"] for entry in entries if isinstance(entry[0], dict)}
        assert set(labels) == {"all mail", "AWS's own, of the account"}
        (aws,) = [entry for entry in entries if entry[0] == "AWS/SES"]
        assert aws[1] == f"Reputation.{metric}"
        assert (aws[2]["stat"], aws[2]["visible"]) == ("Average", False)
        assert labels["AWS's own, of the account"] == f"100 * {aws[2]['id']}"
        (first,) = [entry for entry in entries if entry[0] == naming.METRIC_NAMESPACE]
        assert first[2:-1] == [naming.DIMENSION_DEPLOYMENT, "ses-feedback"]


def environments(number: int) -> Config:
    identities = {f"d{n}.example.com": {"environment": f"e{n:03d}"} for n in range(number)}
    return parse({"on_call": {"page": [{"email": "oncall@example.com"}]}, "identities": identities})


@pytest.mark.parametrize(
    ("number", "rows"), [(1, ["all mail"]), (2, ["all mail", "e000", "e001"]), (150, ["all mail"])]
)
def test_environments_have_a_row_each_or_share_graphs(number: int, rows: list[str]) -> None:
    """One environment is all mail; many share graphs; blocked mail is always shown, and the limits are kept."""
    config = environments(number)
    (body, *_) = [dashboard.body for dashboard in dashboards(config)]
    texts = [widget["properties"]["markdown"] for widget in body["widgets"] if widget["type"] == "text"]
    assert [text.removeprefix("## ") for text in texts if text.startswith("## ")] == [*rows, "The loop itself"]
    shown = [metric for widget in body["widgets"] if widget["type"] == "metric" for metric in metrics(widget)]
    for name in config.environments():
        assert sum(metric[1] == naming.METRIC_BLOCKED and name in metric for metric in shown) == 1
    assert len(body["widgets"]) <= 500
    assert sum(len(widget["properties"].get("metrics", ())) for widget in body["widgets"]) <= MOST_METRICS
    for widget in body["widgets"]:
        assert len(widget["properties"].get("alarms", ())) <= 100


def test_a_dashboard_never_moves_to_another_stack() -> None:
    """However many identities join: the stack that lost it would delete it."""
    before: dict[str, int] = {}
    for size in (1, 100, 101, 250, 500, 1_000):
        now = {d.name: number for number, members in dealt(configs.many(size)) for d in members}
        assert now.items() >= before.items()
        before = now
    assert before["ses-feedback"] == before["ses-feedback-identities-1"] == 1
    assert set(before.values()) == {1, 2, 3, 4}


def test_the_first_stack_holds_the_most_there_can_be(tmp_path: Path) -> None:
    """Twenty environments with roll-ups, each in fifty cells, and the longest names there can be."""
    names = [f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 50}.d{n:03d}.example.com" for n in range(100)]
    identities = {name: {"environment": f"environment-{n % MOST_ROLL_UPS:02d}"} for n, name in enumerate(names)}
    config = parse({"on_call": {"page": [{"email": "oncall@example.com"}]}, "identities": identities})
    app = new_app(outdir=str(tmp_path))
    (number, members), *_ = dealt(config)
    stack = OverviewStack(app, deployment="ses-feedback", number=number, members=members, runbooks="r" * 120)
    BlockedAlarms(stack, "Blocked", config=config)
    environments = config.environments()
    RollUps(stack, "RollUps", config=config, cells=dict.fromkeys(range(50), environments))
    app.synth()
    template = (tmp_path / "ses-feedback-overview.template.json").read_text()
    assert len(template.encode()) < 1_048_576
    assert len(json.loads(template)["Resources"]) < 500


def test_metrics_are_measured() -> None:
    """What is ours is emitted under this name by a function, what is AWS's by AWS."""
    ours = {value for name, value in vars(naming).items() if name.startswith("METRIC_") and value != "SesFeedback"}
    ours -= {naming.METRIC_GUARD_REMOVED, naming.METRIC_GUARD_UNREADABLE}  # of applications, where they ask for them
    aws = {
        "AWS/SES": {"Send", "Reputation.BounceRate", "Reputation.ComplaintRate"},
        "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
        "AWS/Lambda": {"Errors", "Throttles"},
    }
    shown = {(metric[0], metric[1]) for widget in graphs(configs.full()) for metric in metrics(widget)}
    for namespace, metric in shown:
        assert metric in aws.get(namespace, ours if namespace == naming.METRIC_NAMESPACE else set())
    assert {metric for namespace, metric in shown if namespace == naming.METRIC_NAMESPACE} == ours


def test_widgets_do_not_overlap() -> None:
    """Each has its own place on a grid 24 wide."""
    for dashboard in dashboards(configs.full()):
        taken: set[tuple[int, int]] = set()
        for w in dashboard.body["widgets"]:
            assert w["x"] + w["width"] <= 24
            cells = {(x, y) for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])}
            assert not cells & taken
            taken |= cells


def test_dashboards_show_alarms_and_functions_that_exist(full: Assembly) -> None:
    """The deployed body names alarms and functions of the templates, with account and partition filled in."""
    found = {
        f.properties["DashboardName"]: f.properties["DashboardBody"] for f in full.find("AWS::CloudWatch::Dashboard")
    }
    assert set(found) == {"ses-feedback", "ses-feedback-identities-1"}
    assert {f.stack for f in full.find("AWS::CloudWatch::Dashboard")} == {"ses-feedback-overview"}
    body = json.loads(found["ses-feedback"])
    types = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = {f.properties["AlarmName"]: f.properties for f in full.find(*types)}
    prefix = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:"
    shown = [arn for widget in body["widgets"] if widget["type"] == "alarm" for arn in widget["properties"]["alarms"]]
    names = {arn.removeprefix(prefix) for arn in shown}
    assert names <= set(alarms)
    # Whoever looks sees all that tells on-call, or the alarm over all identities in which it shows.
    of_identities = tuple(f"ses-feedback {identity} " for identity in full.config.identities)
    told = {name for name, alarm in alarms.items() if alarm.get("AlarmActions") and not name.startswith(of_identities)}
    assert told - names == DIGESTS
    functions = {f.properties["FunctionName"] for f in full.find("AWS::Lambda::Function")}
    text = found["ses-feedback"]
    assert set(re.findall(r'"FunctionName","([^"]+)"', text)) <= functions
    assert set(re.findall(r"SOURCE '/aws/lambda/([^']+)'", text)) <= functions
    queues = {f.properties["QueueName"] for f in full.find("AWS::SQS::Queue")}
    assert set(re.findall(r'"QueueName","([^"]+)"', text)) <= queues
    assert "${" not in text


def test_awss_own_rate_is_among_the_alarms_shown_of_any_number_of_environments() -> None:
    """CloudWatch shows a hundred alarms, and each environment of one identity has that one's page in it."""
    values = {"page": [{"email": "a@example.com"}]}
    identities = {f"d{n}.example.com": {"environment": f"e{n:03d}"} for n in range(150)}
    body = dashboards(parse({"on_call": values, "identities": identities}))[0].body
    shown = next(w["properties"]["alarms"] for w in body["widgets"] if w["type"] == "alarm")
    assert any(arn.endswith("account reputation page") for arn in shown)
