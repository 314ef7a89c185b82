"""The circuit breaker in the templates: who trips it, what it may do, and that no deployment undoes a pause."""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from infra.needed import needed
from ses_feedback import naming
from ses_feedback.config import parse
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:ses-feedback-break_circuit"
PAGE_TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:ses-feedback-on-call-page"


def tripping(assembly: Assembly) -> dict[str, list[str]]:
    """Return the actions of each alarm that invokes a function."""
    return {
        found.properties["AlarmName"]: found.properties["AlarmActions"]
        for found in assembly.find("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        if any(":lambda:" in action for action in found.properties.get("AlarmActions") or [])
    }


def test_only_the_page_of_an_identity_with_a_breaker_trips_it(full: Assembly) -> None:
    """On-call is paged by the same alarm; its name is the one by which the function finds the identity."""
    name = naming.rates_alarm_name("ses-feedback", "news@example.com", "page")
    assert tripping(full) == {name: [PAGE_TOPIC, FUNCTION]}


def test_what_is_held_back_from_on_call_is_held_back_from_the_breaker(full: Assembly) -> None:
    """While counting is late nothing trips: CloudWatch suppresses all actions of an alarm alike."""
    (name,) = tripping(full)
    page = full.one("AWS::CloudWatch::CompositeAlarm", AlarmName=name)
    assert page.properties["ActionsSuppressor"] == "ses-feedback rates held"


def test_pages_of_this_deployment_and_account_may_invoke_it(full: Assembly) -> None:
    """CloudWatch's principal for alarm actions, with both conditions; warnings and other deployments are kept out."""
    found = [p for p in full.find("AWS::Lambda::Permission") if p.properties["FunctionName"] == FUNCTION]
    (permission,) = [p.properties for p in found]
    assert permission["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com"
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["SourceAccount"] == ACCOUNT
    pattern = permission["SourceArn"]
    alarm = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:"
    assert all(fnmatchcase(alarm + name, pattern) for name in tripping(full))
    for other in ("ses-feedback news@example.com warn", "ses-feedback-2 example.com page", "other example.com page"):
        assert not fnmatchcase(alarm + other, pattern)


def test_a_page_is_tried_again_and_not_acted_on_hours_later(full: Assembly) -> None:
    """Twice, within an hour: what was sent then is gone, and what is sent now is a person's to judge."""
    config = full.one("AWS::Lambda::EventInvokeConfig", FunctionName="ses-feedback-break_circuit").properties
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 3_600)


def test_its_first_error_pages(full: Assembly) -> None:
    """A breaker that does not trip leaves a bad sender sending."""
    alarm = full.one("AWS::CloudWatch::Alarm", AlarmName="ses-feedback break circuit errors").properties
    assert alarm["AlarmActions"] == [PAGE_TOPIC]
    assert alarm["EvaluationPeriods"] == 1


def test_it_may_publish_to_the_page_topic_and_nobody_else_may(full: Assembly) -> None:
    """Role → topic policy → key: its own role by name, and CloudWatch; the warn topic knows CloudWatch only."""
    role = full.one("AWS::IAM::Role", Description="What ses-feedback-break_circuit may do")
    (policy,) = role.properties["Policies"]
    by_sid = {s["Sid"]: s for s in policy["PolicyDocument"]["Statement"]}
    assert by_sid["PageTopic"]["Action"] == ["sns:Publish"]
    assert by_sid["PageTopic"]["Resource"] == PAGE_TOPIC
    assert by_sid["KeyBySNS"]["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
    assert by_sid["KeyBySNS"]["Condition"]["StringEquals"] == {"kms:ViaService": "sns.eu-west-1.amazonaws.com"}
    allowed: dict[str, list[dict[str, Any]]] = {
        p.properties["Topics"][0]: [s for s in p.properties["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        for p in full.find("AWS::SNS::TopicPolicy")
    }
    (by_alarm, by_function) = allowed[PAGE_TOPIC]
    assert by_alarm["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_function["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert by_function["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"<{role.logical_id}.Arn>"}}
    assert by_function["Action"] == ["sns:Publish"]
    assert len(allowed[PAGE_TOPIC.replace("page", "warn")]) == 1


def test_it_touches_pauses_and_own_sets_only(full: Assembly) -> None:
    """Of the wiring table the items of pauses, of SES the deployment's own configuration sets."""
    role = full.one("AWS::IAM::Role", Description="What ses-feedback-break_circuit may do")
    (policy,) = role.properties["Policies"]
    by_sid = {s["Sid"]: s for s in policy["PolicyDocument"]["Statement"]}
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["pause#*"]}}
    assert by_sid["Pauses"]["Condition"] == keys
    own = by_sid["OwnSets"]["Resource"]
    assert own == f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/ses-feedback-*"
    assert fnmatchcase(naming.configuration_set_name("ses-feedback", "news@example.com"), own.rpartition("/")[2])


def test_nobody_who_asked_for_no_breaker_gets_one(small: Assembly) -> None:
    """No function, no permission, no action, no second publisher."""
    assert naming.BREAK_CIRCUIT not in needed(small.config)
    assert tripping(small) == {}
    names = {f.properties["FunctionName"] for f in small.find("AWS::Lambda::Function", "AWS::Lambda::Permission")}
    assert not [name for name in names if name.endswith("break_circuit")]
    assert "OurFunctionPublishes" not in json.dumps(list(small.templates.values()))


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_no_deployment_undoes_a_pause(full: Assembly) -> None:
    """No template says whether a set sends, and the wiring may not: an update leaves the switch as it was."""
    assert not {"SendingOptions", "SendingEnabled"} & set(keys_of(full.templates))
    for role in full.find("AWS::IAM::Role"):
        function = role.properties["Description"].split()[1]
        if "PutConfigurationSetSendingOptions" in json.dumps(role.properties):
            assert function == "ses-feedback-break_circuit"


def test_a_breaker_costs_no_alarm_more(full: Assembly) -> None:
    """It is an action of an alarm that is there anyway, so that cells hold as many identities as before."""
    without = parse(tomllib.loads(configs.FULL.replace("breaker = true\n", "")))
    assert naming.BREAK_CIRCUIT in needed(full.config)
    assert naming.BREAK_CIRCUIT not in needed(without)


@pytest.mark.parametrize("subject", ["example.com", "news@example.com", "a" * 249 + ".com"])
def test_pages_of_all_names_match_the_permission(subject: str) -> None:
    """Long names are cut before the severity, not after it."""
    assert fnmatchcase(naming.rates_alarm_name("ses-feedback", subject, "page"), "ses-feedback * page")
