"""Canaries in the templates: their schedule and alarms, who may mail whom, and nothing where no identity has one."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from infra.alarms.whole import WholeAlarms
from infra.canaries import check_pace
from infra.errors import SynthError
from infra.needed import needed
from ses_feedback import naming
from ses_feedback.config import Config, parse
from ses_feedback.domain import canary
from tests.infra.configs import SMALL
from tests.infra.synthesis import ACCOUNT, Assembly, synthesise

ALARM = "AWS::CloudWatch::Alarm"


def config(identities: int = 1, *, sending: bool = True, **times: str) -> Config:
    values = tomllib.loads(SMALL)
    values["identities"] = {f"d{number}.example.com": {"canary": sending} for number in range(identities)}
    return parse(values | {"canary": times})


def alarm(assembly: Assembly, severity: str) -> dict[str, Any]:
    return assembly.one(ALARM, AlarmName=f"ses-feedback canary {severity}").properties


def statements(assembly: Assembly, function: str) -> dict[str, dict[str, Any]]:
    (role,) = [
        role
        for role in assembly.find("AWS::IAM::Role")
        if role.properties["Description"] == f"What ses-feedback-{function} may do"
    ]
    (policy,) = role.properties["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def test_the_function_runs_each_quarter_of_an_hour(small: Assembly) -> None:
    """By a rule of its own, which alone may invoke it."""
    rule = small.one("AWS::Events::Rule", Name="ses-feedback-send_canaries")
    assert rule.properties["ScheduleExpression"] == "rate(15 minutes)"
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:ses-feedback-send_canaries"
    assert [target["Arn"] for target in rule.properties["Targets"]] == [arn]
    allowed = small.one("AWS::Lambda::Permission", FunctionName=arn)
    assert allowed.properties["Principal"] == "events.amazonaws.com"


def test_the_function_has_what_it_needs_and_not_the_secret(small: Assembly) -> None:
    """Time for a run's mails, one a second; the table of rounds; no key to addresses."""
    properties = small.one("AWS::Lambda::Function", FunctionName="ses-feedback-send_canaries").properties
    assert properties["Timeout"] == 600 < canary.LOOK // 1_000
    variables = properties["Environment"]["Variables"]
    assert variables[naming.ENV_WIRING_TABLE] == "ses-feedback-wiring"
    assert variables[naming.ENV_SES_INTERVAL] == "1000"
    assert naming.ENV_ADDRESS_KEY not in variables
    for function in (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK):
        found = small.one("AWS::Lambda::Function", FunctionName=f"ses-feedback-{function}").properties
        assert found["Environment"]["Variables"][naming.ENV_WIRING_TABLE] == "ses-feedback-wiring"


def test_a_failed_round_warns_and_a_failed_repetition_pages(small: Assembly) -> None:
    """Warn at the first figure; page once it has stood for longer than a repetition takes; silence ends neither."""
    for severity, periods in (("warn", 1), ("page", 8)):
        found = alarm(small, severity)
        assert (found["Namespace"], found["MetricName"]) == ("SesFeedback", naming.METRIC_CANARY_MISSING)
        assert (found["Statistic"], found["Period"], found["Threshold"]) == ("Maximum", 900, 1)
        assert (found["EvaluationPeriods"], found["DatapointsToAlarm"]) == (periods, periods)
        assert found["TreatMissingData"] == "ignore"
        assert [action.rsplit("-", 1)[1] for action in found["AlarmActions"]] == [severity]
        assert "docs/runbooks/canary.md" in found["AlarmDescription"]
    again = canary.REPEAT + canary.LOOK + canary.LOOK  # repeated at a look, judged at a look
    assert again < 8 * 900_000


def test_a_longer_time_to_come_back_waits_longer_before_it_pages(tmp_path: Path) -> None:
    found = alarm(synthesise(config(within="1h"), tmp_path), "page")
    assert found["EvaluationPeriods"] == 11
    assert "1h" in found["AlarmDescription"]


@pytest.mark.parametrize("to", canary.LOCAL_PARTS)
def test_only_the_simulator_can_be_mailed_and_only_as_a_canary(small: Assembly, to: str) -> None:
    """The role's condition takes what is really sent, and neither a person nor the simulator's plain addresses."""
    for sid, kind in (("CanarySenders", "identity"), ("CanarySets", "configuration-set")):
        statement = statements(small, naming.SEND_CANARIES)[sid]
        assert statement["Action"] == ["ses:SendEmail"]
        assert statement["Resource"] == f"arn:aws:ses:us-east-1:{ACCOUNT}:{kind}/*"
        patterns = statement["Condition"]["ForAllValues:StringLike"]["ses:Recipients"]
        # Of no recipient at all, `ForAllValues` would say yes.
        assert statement["Condition"]["Null"] == {"ses:Recipients": "false"}

        def allowed(address: str, patterns: list[str] = patterns) -> bool:
            return any(fnmatchcase(address, pattern) for pattern in patterns)

        assert allowed(canary.recipient("ses-feedback", to, 1_800_000_000_000))
        assert not allowed(canary.recipient("news", to, 1_800_000_000_000))
        assert not allowed(f"{canary.LOCAL_PARTS[to]}@{canary.SIMULATOR}")
        assert not allowed("jane@example.com")


def test_whoever_meets_canaries_may_touch_their_items_only(small: Assembly) -> None:
    """The wiring table also remembers what SES was set to: nothing that handles feedback may change that."""
    for function in (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK, naming.SEND_CANARIES):
        statement = statements(small, function)["Canaries"]
        assert statement["Action"] == ["dynamodb:UpdateItem"]
        assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["canary#*"]}}
    assert "WiringTable" not in statements(small, naming.RECORD_FEEDBACK)


def test_without_a_canary_there_is_nothing(tmp_path: Path) -> None:
    """No function, rule, alarm, and no figure to pay for; the rest stays as it is."""
    none = synthesise(config(sending=False), tmp_path / "none")
    one = synthesise(config(), tmp_path / "one")
    names = {str(found.properties) for found in none.all() if "anaries" in found.logical_id}
    assert names == set()
    assert naming.SEND_CANARIES not in needed(none.config)
    for found in none.find("AWS::Lambda::Function", "AWS::Events::Rule", ALARM):
        assert "canar" not in str(found.properties.get("FunctionName", found.properties.get("AlarmName"))).lower()
    kept = {found.logical_id for found in none.all()}
    assert kept < {found.logical_id for found in one.all()}


@pytest.mark.parametrize(("identities", "sends"), [(0, 50), (1, 53), (10, 80), (1_000, 302)])
def test_canaries_alone_do_not_look_like_mail_without_feedback(identities: int, sends: int, tmp_path: Path) -> None:
    """AWS counts them as sent, and the loop does not count them: the alarm on silence begins above them."""
    app = cdk.App(outdir=str(tmp_path))
    mails = canary.mails_an_hour(identities, config().canary.every)
    WholeAlarms(
        cdk.Stack(app, "S"), "A", deployment="d", region="us-east-1", functions=(), texts=(), canary_mails=mails
    )
    app.synth()
    assert f"IF(FILL(s,0) >= {sends} AND FILL(t,0) == 0, 1, 0)" in (tmp_path / "S.template.json").read_text()


def test_more_canaries_than_the_pace_allows_are_refused_with_what_is_possible() -> None:
    """At one mail a second, a run has time for 158 identities, and there are four runs an hour."""
    check_pace(config(600, every="1h"))
    check_pace(config(5_000, every="1d"))
    with pytest.raises(
        SynthError, match=r'canary\.every: "1h" is too often for the canaries of 1,000 identities'
    ) as no:
        check_pace(config(1_000, every="1h"))
    assert '"2h" is possible' in str(no.value)
    check_pace(config(1_000, every="2h"))
