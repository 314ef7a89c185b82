"""On-call: programs hear CloudWatch, people hear words, and nobody is left out where words cannot be found."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from infra.alarms.kinds import KINDS, LONGEST_DESCRIPTION
from infra.needed import needed
from ses_feedback import naming
from ses_feedback.config import parse
from tests.infra.synthesis import ACCOUNT, Assembly, Found, synthesise

EXPLAINER = "ses-feedback-explain_alarm"
IDENTITIES = {"example.com": {}}


def topic(assembly: Assembly, name: str) -> str:
    return f"arn:aws:sns:{assembly.region}:{ACCOUNT}:ses-feedback-on-call-{name}"


def one(assembly: Assembly, type_: str, **properties: object) -> Found:
    (found,) = [f for f in assembly.find(type_) if properties.items() <= f.properties.items()]
    return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Everybody on call is a program."""
    page = [{"https": "https://pager.example.com/v1/sns"}, {"email": "robot@example.com", "format": "json"}]
    config = parse({"on_call": {"page": page}, "identities": IDENTITIES})
    return synthesise(config, tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="module")
def people_are_warned(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """A program is paged, a person is warned; runbooks are in a wiki whose address is as long as it may be."""
    runbooks = "https://wiki.example.com/" + "r" * 95
    on_call = {
        "page": [{"https": "https://pager.example.com/v1/sns"}],
        "warn": [{"sqs": "arn:aws:sqs:us-east-1:111122223333:chat", "format": "text"}],
        "runbooks": runbooks,
    }
    identities = {"example.com": {"breaker": True, "configuration_set": True}, "news.example.com": {}}
    config = parse({"on_call": on_call, "identities": identities})
    return synthesise(config, tmp_path_factory.mktemp("people"))


def test_only_the_function_publishes_text_and_over_tls(full: Assembly) -> None:
    """In its own role, which is Lambda's too where it hands on what the function failed on; under our key."""
    roles = {r.properties["Description"].split()[1]: r for r in full.find("AWS::IAM::Role")}
    role = full.resolve({"Fn::GetAtt": [roles[EXPLAINER].logical_id, "Arn"]}, roles[EXPLAINER].stack)
    for severity in ("page", "warn"):
        arn = topic(full, f"{severity}-text")
        made = one(full, "AWS::SNS::Topic", TopicName=f"ses-feedback-on-call-{severity}-text")
        assert made.properties["KmsMasterKeyId"] == "alias/ses-feedback"
        (policy,) = [p for p in full.find("AWS::SNS::TopicPolicy") if p.properties["Topics"] == [arn]]
        allow, deny = policy.properties["PolicyDocument"]["Statement"]
        assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", ["sns:Publish"], arn)
        assert allow["Condition"] == {"ArnEquals": {"aws:PrincipalArn": role}}
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        (may,) = [s for s in grants(roles[EXPLAINER]) if "sns:Publish" in s["Action"]]
        assert fnmatchcase(arn, may["Resource"])
        assert not fnmatchcase(topic(full, severity), may["Resource"])


def grants(role: Found) -> list[dict[str, object]]:
    (policy,) = role.properties["Policies"]
    found: list[dict[str, object]] = policy["PolicyDocument"]["Statement"]
    return found


def test_what_the_function_fails_on_reaches_people_within_minutes(full: Assembly) -> None:
    """Tried twice within five minutes, then handed by Lambda to the people who are paged."""
    found = one(full, "AWS::Lambda::EventInvokeConfig", FunctionName=EXPLAINER).properties
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 300)
    assert found["DestinationConfig"] == {"OnFailure": {"Destination": topic(full, "page-text")}}


def test_only_its_topics_invoke_it(full: Assembly) -> None:
    """One permission for each topic that it is subscribed to."""
    permissions = [p.properties for p in full.find("AWS::Lambda::Permission")]
    sources = {p["SourceArn"]: p["Principal"] for p in permissions if p["FunctionName"].endswith(EXPLAINER)}
    assert sources == {topic(full, severity): "sns.amazonaws.com" for severity in ("page", "warn")}


UNDELIVERED = "ses-feedback on call unreached"


def undelivered(assembly: Assembly) -> set[tuple[str, str]]:
    """Return metric and dimension of the alarms that the one on undelivered messages asks about."""
    rule = one(assembly, "AWS::CloudWatch::CompositeAlarm", AlarmName=UNDELIVERED).properties["AlarmRule"]
    found = [a.properties for a in assembly.find("AWS::CloudWatch::Alarm") if f'"{a.properties["AlarmName"]}"' in rule]
    assert rule.count(" OR ") == len(found) - 1
    return {(a["MetricName"], a["Dimensions"][0]["Value"]) for a in found}


def test_what_nobody_took_is_watched_on_every_topic_and_in_the_function(full: Assembly) -> None:
    """The alarm on undelivered messages reads both topics of both severities, and what Lambda could not hand on."""
    assert len(one(full, "AWS::CloudWatch::CompositeAlarm", AlarmName=UNDELIVERED).properties["AlarmActions"]) == 2
    read = undelivered(full)
    topics = ("page", "warn", "page-text", "warn-text")
    assert read == {
        *(("NumberOfNotificationsFailed", f"ses-feedback-on-call-{name}") for name in topics),
        ("DestinationDeliveryFailures", EXPLAINER),
    }


def test_where_only_programs_listen_there_is_nothing_to_explain(programs: Assembly) -> None:
    """No function, no second topic, no second subscription."""
    assert naming.EXPLAIN_ALARM not in needed(programs.config)
    assert not [f for f in programs.find("AWS::Lambda::Function") if f.properties["FunctionName"] == EXPLAINER]
    names = {t.properties["TopicName"] for t in programs.find("AWS::SNS::Topic")}
    assert {name for name in names if "on-call" in name} == {"ses-feedback-on-call-page", "ses-feedback-on-call-warn"}
    assert len(undelivered(programs)) == 2


def test_the_function_hears_only_of_what_people_are_told(people_are_warned: Assembly) -> None:
    """A page goes to the program alone; what the function fails on goes to the people there are."""
    made = people_are_warned
    heard = {
        s.properties["TopicArn"] for s in made.find("AWS::SNS::Subscription") if "lambda" in s.properties["Protocol"]
    }
    assert {arn for arn in heard if "on-call" in arn} == {topic(made, "warn")}
    assert not [t for t in made.find("AWS::SNS::Topic") if t.properties["TopicName"].endswith("page-text")]
    found = one(made, "AWS::Lambda::EventInvokeConfig", FunctionName=EXPLAINER).properties
    assert found["DestinationConfig"]["OnFailure"]["Destination"] == topic(made, "warn-text")


def test_every_alarm_of_every_stack_names_its_runbook_where_the_file_says(people_are_warned: Assembly) -> None:
    """However long the address is, no runbook is cut off, and none is named by another address."""
    base = people_are_warned.config.on_call.runbooks
    assert len(base) == 120
    known = {page for kind in KINDS for page in kind.runbooks(base)}
    found = people_are_warned.find("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    stacks = {alarm.stack for alarm in found}
    assert len(stacks) >= 3
    for alarm in found:
        text = str(alarm.properties["AlarmDescription"])
        what, look, do, runbook = text.splitlines()
        assert set(runbook.removeprefix("RUNBOOK: ").split(" and ")) <= known
        assert (what[:5], look[:5], do[:3]) == ("WHAT:", "LOOK:", "DO:")
        assert do.endswith("."), f"cut off: {do}"
        assert len(text) <= LONGEST_DESCRIPTION
