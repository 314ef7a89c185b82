"""Alarms: their rules, and that each reaches on-call."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from infra.alarms.kinds import KINDS, LONGEST_DESCRIPTION, RUNBOOKS
from ses_feedback import naming
from ses_feedback.config import parse
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly, Found, synthesise

ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
EVERY = pytest.mark.parametrize("name", ["small", "full", "thirty", "per_environment"])


def by_name(assembly: Assembly) -> dict[str, Found]:
    found = assembly.find(ALARM, COMPOSITE)
    named = {f.properties["AlarmName"]: f for f in found}
    assert len(named) == len(found), "two alarms of one name"
    return named


def children(alarm: Found) -> list[str]:
    return re.findall(r'ALARM\("([^"]+)"\)', alarm.properties.get("AlarmRule", ""))


def series(alarm: Found) -> list[dict[str, Any]]:
    """Return the metrics an alarm reads, each as namespace, name, dimensions, stat and period."""
    if "Metrics" not in alarm.properties:
        return [alarm.properties]
    return [
        {**m["MetricStat"]["Metric"], "Period": m["MetricStat"]["Period"], "Statistic": m["MetricStat"]["Stat"]}
        for m in alarm.properties["Metrics"]
        if "MetricStat" in m
    ]


@EVERY
def test_every_alarm_reaches_on_call(name: str, request: pytest.FixtureRequest) -> None:
    """Alarm → action → topic → topic policy → key policy: CloudWatch may publish and use the key, all the way."""
    assembly: Assembly = request.getfixturevalue(name)
    alarms = by_name(assembly)
    topics = {assembly.resolve({"Ref": t.logical_id}, t.stack): t for t in assembly.find("AWS::SNS::Topic")}
    policies = {
        p.properties["Topics"][0]: p.properties["PolicyDocument"]["Statement"]
        for p in assembly.find("AWS::SNS::TopicPolicy")
    }
    aliases = {a.properties["AliasName"]: a for a in assembly.find("AWS::KMS::Alias")}
    (key,) = assembly.find("AWS::KMS::Key")
    heard = {s.properties["TopicArn"] for s in assembly.find("AWS::SNS::Subscription")}
    composites = [alarm for alarm in alarms.values() if alarm.type == COMPOSITE]
    # What tells nobody is a part of what does, or keeps it silent.
    in_composites = {
        name for alarm in composites for name in (*children(alarm), alarm.properties.get("ActionsSuppressor"))
    }
    for alarm_name, alarm in alarms.items():
        actions = alarm.properties.get("AlarmActions") or []
        if not actions:
            assert alarm_name in in_composites, alarm_name
            continue
        assert "OKActions" not in alarm.properties
        on_call = [action for action in actions if action in topics]
        assert on_call, alarm_name
        for action in on_call:
            topic = topics[action]
            (allow,) = [s for s in policies[action] if s["Effect"] == "Allow" and "Service" in s["Principal"]]
            assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
            assert allow["Action"] == ["sns:Publish"]
            assert allow["Resource"] == action
            ours = f"arn:aws:cloudwatch:{assembly.region}:{ACCOUNT}:alarm:*"
            assert allow["Condition"] == {"ArnLike": {"aws:SourceArn": ours}}
            alias = aliases[topic.properties["KmsMasterKeyId"]]
            assert key.logical_id in alias.properties["TargetKeyId"]
            grants = [
                s
                for s in key.properties["KeyPolicy"]["Statement"]
                if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and s["Effect"] == "Allow"
            ]
            assert {"kms:Decrypt", "kms:GenerateDataKey*"} <= {a for s in grants for a in s["Action"]}
            assert action in heard


@EVERY
def test_every_alarm_explains_itself(name: str, request: pytest.FixtureRequest) -> None:
    """What happened, where to look, what to do, and a runbook of a known kind; within CloudWatch's limits."""
    assembly: Assembly = request.getfixturevalue(name)
    runbooks = {runbook for kind in KINDS for runbook in kind.runbooks()}
    for alarm_name, alarm in by_name(assembly).items():
        text = alarm.properties["AlarmDescription"]
        assert [line.split(":")[0] for line in text.splitlines()] == ["WHAT", "LOOK", "DO", "RUNBOOK"], alarm_name
        assert set(re.findall(rf"{RUNBOOKS}/\S+\.md", text)) <= runbooks
        assert re.search(rf"{RUNBOOKS}/\S+\.md$", text), "cut off"
        assert "{" not in text
        assert len(text) <= LONGEST_DESCRIPTION
        assert len(alarm_name) <= 255


def test_every_kind_of_alarm_is_deployed(full: Assembly) -> None:
    """No kind is left over that no template has, and no alarm without a kind."""
    deployed = " ".join(str(f.properties["AlarmDescription"]) for f in by_name(full).values())
    for kind in KINDS:
        assert all(runbook in deployed for runbook in kind.runbooks()), kind.name
    assert len({kind.name for kind in KINDS}) == len(KINDS)


_BOUNCE = "IF(FILL(b,0) >= {}, FILL(b,0) / (FILL(b,0) + FILL(d,0)), 0)"
_COMPLAINT = "IF(FILL(c,0) >= {} AND FILL(r,0) > 0, FILL(c,0) / FILL(r,0), 0)"
RULES = {
    ("bounce page fast", 5_400, 0.04): _BOUNCE.format(50),
    ("bounce page slow", 86_400, 0.04): _BOUNCE.format(30),
    ("bounce warn", 86_400, 0.025): _BOUNCE.format(30),
    ("bounce days", 259_200, 0.02): _BOUNCE.format(30),
    ("complaint page fast", 21_600, 0.0008): _COMPLAINT.format(20),
    ("complaint page slow", 259_200, 0.0008): _COMPLAINT.format(15),
    ("complaint warn", 259_200, 0.0005): _COMPLAINT.format(15),
    ("complaint day", 86_400, 0.0005): _COMPLAINT.format(20),
    ("complaint week", 604_800, 0.0005): _COMPLAINT.format(15),
}
METRICS = {"b": "HardBounced", "d": "Delivered", "c": "Complained", "r": "DeliveredReporting"}


@pytest.mark.parametrize(
    ("name", "subject", "dimension"),
    [
        ("small", "example.com", ["Identity", "example.com"]),
        ("full", "news@example.com", ["Identity", "news@example.com"]),
        ("full", "environment dev", ["Environment", "dev"]),
        ("full", "deployment", []),
        ("per_environment", "environment production", ["Environment", "production"]),
        ("per_environment", "environment staging", ["Environment", "staging"]),
        ("per_environment", "deployment", []),
    ],
)
def test_rate_alarms(name: str, subject: str, dimension: list[str], request: pytest.FixtureRequest) -> None:
    """The rules that the backtest decided on, to the letter, over the metrics of this identity or roll-up."""
    alarms = by_name(request.getfixturevalue(name))
    for (label_, period, threshold), expression in RULES.items():
        properties = alarms[f"ses-feedback {subject} {label_}"].properties
        (math,) = [m for m in properties["Metrics"] if "Expression" in m]
        assert math["Expression"] == expression
        assert math["ReturnData"] is True
        assert properties["Threshold"] == threshold
        assert properties["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert (properties["EvaluationPeriods"], properties["DatapointsToAlarm"]) == (1, 1)
        assert properties["TreatMissingData"] == "notBreaching"
        read = [m for m in properties["Metrics"] if "MetricStat" in m]
        assert {m["Id"] for m in read} == set(re.findall(r"FILL\((\w),0\)", expression))
        for metric in read:
            stat = metric["MetricStat"]
            assert (stat["Period"], stat["Stat"]) == (period, "Sum")
            assert stat["Metric"]["Namespace"] == naming.METRIC_NAMESPACE
            assert stat["Metric"]["MetricName"] == METRICS[metric["Id"]]
            assert stat["Metric"]["Dimensions"] == [
                {"Name": "Deployment", "Value": "ses-feedback"},
                *([{"Name": dimension[0], "Value": dimension[1]}] if dimension else []),
            ]
            assert metric["ReturnData"] is False


def test_composites_hold_back(small: Assembly) -> None:
    """Any of theirs with its condition: no page while counting is late, no warning while there is a page."""
    alarms = by_name(small)
    page, warn = alarms["ses-feedback example.com page"], alarms["ses-feedback example.com warn"]

    def both(rule: str, condition: str, more: str = "") -> str:
        return f'(ALARM("ses-feedback example.com {rule}") AND ALARM("ses-feedback example.com {condition}"){more})'

    # What looks back more than a day says nothing while that has holes.
    whole = ' AND NOT ALARM("ses-feedback cell 0001 days late")'
    assert page.properties["AlarmRule"].split(" OR ") == [
        both("bounce page fast", "bounce warn"),
        both("bounce page slow", "bounce days", whole),
        both("complaint page fast", "complaint day"),
        both("complaint page slow", "complaint week", whole),
    ]
    assert warn.properties["AlarmRule"].split(" OR ") == [
        both("bounce warn", "bounce days", whole),
        both("complaint warn", "complaint week", whole),
    ]
    assert page.properties["ActionsSuppressor"] == "ses-feedback rates held"
    assert warn.properties["ActionsSuppressor"] == "ses-feedback example.com page"
    assert children(alarms["ses-feedback rates held"]) == ["ses-feedback tally behind", "ses-feedback counted late"]
    assert children(alarms["ses-feedback cell 0001 days late"]) == ["ses-feedback counted days late"]
    for composite, severity in ((page, "page"), (warn, "warn")):
        assert composite.properties["AlarmActions"] == [
            f"arn:aws:sns:us-east-1:{ACCOUNT}:ses-feedback-on-call-{severity}"
        ]
        assert composite.properties["ActionsSuppressorWaitPeriod"] > 0
        assert composite.properties["ActionsSuppressorExtensionPeriod"] > 0
        assert len(composite.properties["AlarmRule"]) <= 10_240
        assert {alarms[child].logical_id for child in children(composite)} <= composite.after
    assert page.logical_id in warn.after


def test_alarms_per_environment(per_environment: Assembly) -> None:
    """A set for each environment and one for all, in the overview; none in the cells."""
    alarms = by_name(per_environment)
    assert {f.stack for f in alarms.values()} == {"ses-feedback-core", "ses-feedback-overview"}
    told = [
        name
        for name, f in alarms.items()
        if f.type == COMPOSITE and f.stack.endswith("overview") and f.properties.get("AlarmActions")
    ]
    subjects = ("account reputation", "deployment", "environment production", "environment staging")
    wanted = [f"ses-feedback {subject} {of}" for subject in subjects for of in ("page", "warn")]
    assert sorted(told) == sorted([*wanted, *(f"ses-feedback {subject} blocked" for subject in subjects[2:])])


@pytest.mark.parametrize(
    ("alarm", "metric", "threshold", "severity"),
    [
        ("account reputation bounce warn", "Reputation.BounceRate", 0.03, "warn"),
        ("account reputation bounce page", "Reputation.BounceRate", 0.04, "page"),
        ("account reputation complaint warn", "Reputation.ComplaintRate", 0.0005, "warn"),
        ("account reputation complaint page", "Reputation.ComplaintRate", 0.0008, "page"),
    ],
)
def test_reputation_alarms(full: Assembly, alarm: str, metric: str, threshold: float, severity: str) -> None:
    """AWS's own rates of the account, hourly averages, missing data ignored; and the same of each configuration set."""
    alarms = by_name(full)
    set_name = naming.configuration_set_name("ses-feedback", "news@example.com")
    own = alarm.replace("account", "news@example.com")
    for name, dimensions in ((alarm, []), (own, [{"Name": "ses:configuration-set", "Value": set_name}])):
        properties = alarms[f"ses-feedback {name}"].properties
        assert (properties["Namespace"], properties["MetricName"]) == ("AWS/SES", metric)
        assert properties.get("Dimensions", []) == dimensions
        assert (properties["Statistic"], properties["Period"]) == ("Average", 3_600)
        assert properties["Threshold"] == threshold
        assert properties["TreatMissingData"] == "ignore"
        assert not properties["AlarmActions"]
        subject = name.split(" ")[0]
        told = alarms[f"ses-feedback {subject} reputation {severity}"]
        assert children(told) == [
            f"ses-feedback {subject} reputation {rate} {severity}" for rate in ("bounce", "complaint")
        ]
        assert told.properties["AlarmActions"][0].endswith(f"-{severity}")


def test_a_set_without_alarms_of_its_identity_is_not_muted(tmp_path: Path) -> None:
    """With alarms by environment there is no page of the identity that could say the same."""
    values = tomllib.loads(configs.SMALL + "configuration_set = true")
    config = parse(values | {"deployment": {"alarms": "environment"}})
    alarms = by_name(synthesise(config, tmp_path))
    for rate in ("bounce", "complaint"):
        for severity in ("page", "warn"):
            (action,) = alarms[f"ses-feedback example.com reputation {rate} {severity}"].properties["AlarmActions"]
            assert action.endswith(f"-{severity}")
    assert "ses-feedback example.com reputation page" not in alarms


# What Lambda cuts off half-way when its time is up; the others stop by themselves before.
_CUT_OFF = ("record_feedback", "retry_feedback", "tally_feedback", "announce_changes", "explain_alarm")
WHOLE = {
    "counted late": ("warn", [("SesFeedback", "CountedLate", "ses-feedback")]),
    "counted days late": ("warn", [("SesFeedback", "CountedDaysLate", "ses-feedback")]),
    # Whom a drill reaches is whom alarms reach; what it watches never gets so far.
    "drill": ("page warn", [("SesFeedback", "Tallied", "ses-feedback")]),
    "tally behind": ("page", [("AWS/SQS", "ApproximateAgeOfOldestMessage", "ses-feedback-tally")]),
    "dead letters": ("page", [("AWS/SQS", "ApproximateNumberOfMessagesVisible", "ses-feedback-dead-letters")]),
    "tally dead letters": (
        "page",
        [("AWS/SQS", "ApproximateNumberOfMessagesVisible", "ses-feedback-tally-dead-letters")],
    ),
    "team dead letters": (
        "warn",
        [("AWS/SQS", "ApproximateNumberOfMessagesVisible", "ses-feedback-team-dead-letters")],
    ),
    "retry waiting": (
        "warn",
        [
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "ses-feedback-retry"),
            ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "ses-feedback-retry"),
        ],
    ),
    "record feedback errors": ("page", [("AWS/Lambda", "Errors", "ses-feedback-record_feedback")]),
    "retry feedback errors": ("page", [("AWS/Lambda", "Errors", "ses-feedback-retry_feedback")]),
    "tally feedback errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-tally_feedback")]),
    "wire identity errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-wire_identity")]),
    "claim table errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-claim_table")]),
    "check loop errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-check_loop")]),
    "archive feedback errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-archive_feedback")]),
    "changes behind": ("warn", [("AWS/Lambda", "IteratorAge", "ses-feedback-announce_changes")]),
    "answer lookups errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-answer_lookups")]),
    "announce changes errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-announce_changes")]),
    "archive stalled": (
        "warn",
        [
            ("SesFeedback", "Tallied", "ses-feedback"),
            ("SesFeedback", "Archived", "ses-feedback"),
        ],
    ),
    "archive waiting": ("warn", [("SesFeedback", "ArchiveWaiting", "ses-feedback")]),
    "archive dead letters": (
        "warn",
        [("AWS/SQS", "ApproximateNumberOfMessagesVisible", "ses-feedback-archive-dead-letters")],
    ),
    "replay archive errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-replay_archive")]),
    "explain alarm errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-explain_alarm")]),
    "drift": ("warn", [("SesFeedback", "Drifted", "ses-feedback")]),
    "send canaries errors": ("warn", [("AWS/Lambda", "Errors", "ses-feedback-send_canaries")]),
    "destination failures": ("page", [("AWS/Lambda", "DestinationDeliveryFailures", "ses-feedback-record_feedback")]),
    "events dropped": ("page", [("AWS/Lambda", "AsyncEventsDropped", "ses-feedback-record_feedback")]),
    "functions throttled": (
        "warn",
        [
            ("AWS/Lambda", "Throttles", f"ses-feedback-{function}")
            for function in (*_CUT_OFF[:3], "check_loop", "send_canaries", *_CUT_OFF[3:])
        ],
    ),
    "functions slow": ("warn", [("AWS/Lambda", "Duration", f"ses-feedback-{function}") for function in _CUT_OFF]),
    "quarantined": ("warn", [("SesFeedback", "Quarantined", "ses-feedback")]),
    "on call unreached": (
        "page warn",
        [
            ("AWS/SNS", "NumberOfNotificationsFailed", "ses-feedback-on-call-page"),
            ("AWS/SNS", "NumberOfNotificationsFailed", "ses-feedback-on-call-warn"),
            ("AWS/SNS", "NumberOfNotificationsFailed", "ses-feedback-on-call-page-text"),
            ("AWS/SNS", "NumberOfNotificationsFailed", "ses-feedback-on-call-warn-text"),
            ("AWS/Lambda", "DestinationDeliveryFailures", "ses-feedback-explain_alarm"),
        ],
    ),
    "loop silent": ("page", [("AWS/SES", "Send", None), ("SesFeedback", "Tallied", "ses-feedback")]),
}


def test_alarms_of_the_whole(small: Assembly) -> None:
    """What each watches and whom it wakes; and that there is no other."""
    alarms = by_name(small)
    parts = {child for name in WHOLE for child in children(alarms[f"ses-feedback {name}"])}
    whole = {
        name.removeprefix("ses-feedback ")
        for name in alarms.keys() - parts
        if not name.startswith(
            (
                "ses-feedback example.com ",
                "ses-feedback account ",
                "ses-feedback canary ",
                "ses-feedback cell ",
                "ses-feedback rates held",
                "ses-feedback environment production blocked",
            )
        )
    }
    assert whole == set(WHOLE)
    for name, (severities, watched) in WHOLE.items():
        alarm = alarms[f"ses-feedback {name}"]
        assert [action.rsplit("-", 1)[1] for action in alarm.properties["AlarmActions"]] == severities.split()
        # One over several metrics asks about an alarm of each.
        plain = [alarm] if alarm.type == ALARM else [alarms[child] for child in children(alarm)]
        read = [s for one in plain for s in series(one)]
        found = [
            (s["Namespace"], s["MetricName"], s["Dimensions"][0]["Value"] if s.get("Dimensions") else None)
            for s in read
        ]
        assert found == watched, name
        assert all(len(s.get("Dimensions", [])) <= 1 for s in read)
        for one in plain:
            assert one.properties["TreatMissingData"] == "notBreaching"
            assert one.properties["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_watched_queues_and_functions_exist(small: Assembly) -> None:
    """A misspelt dimension would be an alarm that never goes off."""
    names = {
        f.properties.get("QueueName") or f.properties.get("FunctionName") or f.properties.get("TopicName")
        for f in small.find("AWS::SQS::Queue", "AWS::Lambda::Function", "AWS::SNS::Topic")
    }
    for alarm in small.find(ALARM):
        for one in series(alarm):
            for dimension in one.get("Dimensions", []):
                if dimension["Name"] in ("QueueName", "FunctionName", "TopicName"):
                    assert dimension["Value"] in names


def test_loop_silent_expression(small: Assembly) -> None:
    """Sent but nothing counted, two hours long, canaries apart; the message says that other senders raise Send too."""
    alarm = by_name(small)["ses-feedback loop silent"].properties
    (math,) = [m for m in alarm["Metrics"] if "Expression" in m]
    assert math["Expression"] == "IF(FILL(s,0) >= 53 AND FILL(t,0) == 0, 1, 0)"
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 2)
    assert "Senders outside" in alarm["AlarmDescription"]


@EVERY
def test_cloudwatch_accepts_the_alarms(name: str, request: pytest.FixtureRequest) -> None:
    """At most ten metrics, period times evaluations at most a day (a week from 1-hour periods on), no SEARCH."""
    for alarm in request.getfixturevalue(name).find(ALARM):
        assert len(alarm.properties.get("Metrics", [])) <= 10
        assert "SEARCH" not in str(alarm.properties)
        period = max(s["Period"] for s in series(alarm))
        span = period * alarm.properties["EvaluationPeriods"]
        assert span <= (7 * 86_400 if period >= 3_600 else 86_400)


def test_long_identities_still_have_names() -> None:
    """An identity of 253 letters keeps its alarms apart from its neighbour's."""
    long, other = "a" * 249 + ".com", "a" * 249 + ".net"
    assert naming.alarm_subject("example.com") == "example.com"
    assert naming.alarm_subject(long) != naming.alarm_subject(other)
    assert len(naming.alarm_subject(long)) == 150


def test_runbook_files() -> None:
    """Every kind of alarm has its page, so that nobody is sent to a file that does not exist."""
    root = Path(__file__).parents[2]
    missing = sorted({r for kind in KINDS for r in kind.runbooks() if not (root / r).is_file()})
    assert not missing


@pytest.mark.parametrize("severity", ["page", "warn"])
def test_the_alarm_that_tells_of_an_environments_rates_is_found_by_its_name(
    per_environment: Assembly, severity: str
) -> None:
    """The demo waits for it by that name, of a deployment whose identities have no alarms of their own."""
    found = by_name(per_environment)
    for environment in per_environment.config.environments():
        assert naming.rates_alarm_name("ses-feedback", naming.roll_up_subject(environment), severity) in found
