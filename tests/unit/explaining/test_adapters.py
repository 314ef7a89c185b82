"""CloudWatch, its logs and SNS as the function asks them: requests as AWS takes them, answers as AWS gives them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.stub import ANY, Stubber

from local.log_patterns import matcher
from ses_feedback.adapters.alarm_gauges import CloudWatchAlarms, CloudWatchGauges
from ses_feedback.adapters.count_journal import CountJournal, pattern
from ses_feedback.adapters.on_call_topics import OnCallTextTopics
from ses_feedback.domain.alarm_notice import Series
from ses_feedback.domain.alarm_text import Message
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import DAY, HOUR
from tests.unit.explaining.fakes import NOW, own

AT = datetime.fromtimestamp(NOW / 1000, UTC)


@pytest.fixture
def session() -> botocore.session.Session:
    found = botocore.session.Session()
    found.set_credentials("testing", "testing")
    return found


def client(session: botocore.session.Session, service: str) -> tuple[BaseClient, Stubber]:
    """A client that validates what it is given against AWS's model, and what it answers with too."""
    made = session.create_client(service, region_name="us-east-1")
    stubber = Stubber(made)
    stubber.activate()
    return made, stubber


def test_alarms_are_asked_for_by_name_a_hundred_at_a_time(session: botocore.session.Session) -> None:
    cloudwatch, stub = client(session, "cloudwatch")
    stat = {"Metric": {"Namespace": "N", "MetricName": "M", "Dimensions": []}, "Period": 60, "Stat": "Sum"}
    alarm = {
        "AlarmName": "n0",
        "AlarmDescription": "WHAT: w",
        "StateValue": "ALARM",
        "Threshold": 0.04,
        "EvaluationPeriods": 2,
        "Metrics": [{"Id": "e", "Expression": "IF(b >= 50, b, 0)"}, {"Id": "b", "MetricStat": stat}],
    }
    plain = {
        **alarm,
        "AlarmName": "n1",
        "StateValue": "OK",
        "Statistic": "Maximum",
        "MetricName": "M",
        "Namespace": "N",
    }
    plain |= {"Metrics": [], "Period": 300, "Dimensions": [{"Name": "QueueName", "Value": "q"}]}
    names = [f"n{number}" for number in range(120)]
    for some, found in ((names[:100], [alarm, plain]), (names[100:], [])):
        asked = {"AlarmNames": some, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100}
        stub.add_response("describe_alarms", {"MetricAlarms": found}, asked)
    watches = CloudWatchAlarms(cloudwatch).watches(names)
    assert watches.keys() == {"n0", "n1"}
    first, second = watches["n0"], watches["n1"]
    assert (first.on, first.floor, first.window_s, first.threshold, first.periods) == (True, 50, 60, 0.04, 2)
    assert first.series == {"b": Series("N", "M", "Sum", 60)}
    assert (second.on, second.floor) == (False, None)
    assert second.series == {"m": Series("N", "M", "Maximum", 300, (("QueueName", "q"),))}


@pytest.mark.parametrize(("span", "period_s"), [(HOUR, 60), (DAY, 60), (3 * DAY, 300)])
def test_sums_are_made_of_short_periods(session: botocore.session.Session, span: int, period_s: int) -> None:
    """So that it does not matter at which minute CloudWatch lets a long one begin."""
    cloudwatch, stub = client(session, "cloudwatch")
    answer = {
        "MetricDataResults": [
            {"Id": "m1", "Timestamps": [], "Values": []},
            {"Id": "m0", "Timestamps": [AT, AT], "Values": [2.0, 3.0]},
        ]
    }
    stub.add_response(
        "get_metric_data", answer, {"MetricDataQueries": ANY, "StartTime": ANY, "EndTime": AT, "ScanBy": ANY}
    )
    asked: list[Any] = []
    cloudwatch.meta.events.register("provide-client-params.*", lambda params, **_: asked.append(params))
    gauges = CloudWatchGauges(cloudwatch)
    assert gauges.sums([own("HardBounced", Identity="a"), own("Delivered", Identity="a")], NOW - span, NOW) == [5.0, 0]
    (params,) = asked
    assert params["StartTime"].timestamp() == (NOW - span) / 1000
    assert [q["MetricStat"]["Period"] for q in params["MetricDataQueries"]] == [period_s] * 2
    assert params["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"] == [
        {"Name": "Deployment", "Value": "ses-feedback"},
        {"Name": "Identity", "Value": "a"},
    ]


def test_the_newest_value_is_the_latest_one(session: botocore.session.Session) -> None:
    cloudwatch, stub = client(session, "cloudwatch")
    later = datetime.fromtimestamp(NOW / 1000 + 60, UTC)
    values = [
        {"Id": "m0", "Timestamps": [AT, later], "Values": [0.01, 0.02]},
        {"Id": "m1", "Timestamps": [], "Values": []},
    ]
    stub.add_response("get_metric_data", {"MetricDataResults": values})
    rate = Series("AWS/SES", "Reputation.BounceRate", "Average", 3_600)
    assert CloudWatchGauges(cloudwatch).newest([rate, rate], NOW - DAY, NOW) == [(NOW + 60_000, 0.02), None]


def test_a_refused_call_names_what_was_asked(session: botocore.session.Session) -> None:
    for service, operation, call in (
        ("cloudwatch", "describe_alarms", lambda c: CloudWatchAlarms(c).watches(["a"])),
        ("cloudwatch", "get_metric_data", lambda c: CloudWatchGauges(c).sums([own("a")], 0, 1)),
        ("logs", "filter_log_events", lambda c: CountJournal(c, "g", lambda: NOW).documents({}, "m", 0, 1, NOW)),
    ):
        made, stub = client(session, service)
        stub.add_client_error(operation, "Throttling")
        with pytest.raises(RetryableError, match=r"^(asking CloudWatch for|reading the log of) .*: Throttling$"):
            call(made)


def test_the_log_is_read_page_by_page(session: botocore.session.Session) -> None:
    """What is no document is passed over; a page may be empty though more come."""
    logs, stub = client(session, "logs")
    asked = {
        "logGroupName": "group",
        "startTime": 5,
        "endTime": 9,
        "filterPattern": '{ ($.Deployment = "d") && ($.Identity = "a.org") && ($.HardBounced > 0) }',
        "limit": 10_000,
    }
    events = [{"message": '{"HardBounced": 1}'}, {"message": "START RequestId"}, {"message": "[1]"}]
    stub.add_response("filter_log_events", {"events": [], "nextToken": "t"}, asked)
    stub.add_response("filter_log_events", {"events": events}, {**asked, "nextToken": "t"})
    journal = CountJournal(logs, "group", lambda: NOW)
    found = journal.documents({"Deployment": "d", "Identity": "a.org"}, "HardBounced", 5, 10, NOW)
    assert found == [{"HardBounced": 1}]
    stub.assert_no_pending_responses()


def test_reading_the_log_stops_in_time_and_after_so_many_pages(session: botocore.session.Session) -> None:
    """A slice that was not read whole is none."""
    logs, stub = client(session, "logs")
    stub.add_response("filter_log_events", {"events": [{"message": "{}"}], "nextToken": "t"})
    assert CountJournal(logs, "group", lambda: NOW + 1).documents({}, "m", 0, 10, NOW) is None
    for number in range(60):
        stub.add_response("filter_log_events", {"events": [], "nextToken": f"t{number}"})
    assert CountJournal(logs, "group", lambda: NOW).documents({}, "m", 0, 10, NOW) is None


def test_telephones_get_the_short_text_and_everybody_else_the_long_one(session: botocore.session.Session) -> None:
    sns, stub = client(session, "sns")
    topics = OnCallTextTopics(sns, deployment="d", topics="arn:aws:sns:us-east-1:1:")
    expected = {"TopicArn": "arn:aws:sns:us-east-1:1:d-on-call-warn-text", "Subject": "s"}
    by_protocol = json.dumps({"default": "long", "sms": "short"})
    stub.add_response("publish", {"MessageId": "m"}, {**expected, "Message": by_protocol, "MessageStructure": "json"})
    stub.add_response("publish", {"MessageId": "m"}, {**expected, "Message": "as it is"})
    topics.cry("warn", Message("s", "long", "short"))
    topics.cry("warn", Message("s", "as it is"))
    stub.assert_no_pending_responses()


def test_the_pattern_finds_what_it_should() -> None:
    """By the documented syntax, as the embedded AWS reads it."""
    matches = matcher(pattern({"Deployment": "d", "Identity": 'a"b.org'}, "HardBounced"))
    right = {"Deployment": "d", "Identity": 'a"b.org', "HardBounced": 2}
    assert matches(json.dumps(right))
    for wrong in ({"Deployment": "e"}, {"Identity": "b.org"}, {"HardBounced": 0}, {"HardBounced": "2"}):
        assert not matches(json.dumps({**right, **wrong}))
    assert not matches("HardBounced")
    assert not matches(json.dumps([right]))
