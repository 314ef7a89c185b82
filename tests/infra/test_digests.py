"""Digests: a queue and a topic of each team with people, and nothing at all where no team has any."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from infra.digests import MOST_RESOURCES
from infra.errors import SynthError
from infra.needed import needed, told_teams
from infra.senders import QUEUE_BYTES, sending_topics
from ses_feedback import naming
from ses_feedback.config import Config, parse
from ses_feedback.config.model import KINDS
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.digests import GAP, HIDDEN
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly, synthesise

SUPPORT = naming.digest_queue_name("ses-feedback", "customer-service")
DEVELOPERS = naming.digest_queue_name("ses-feedback", "developers")


def sns(name: str) -> str:
    return f"arn:aws:sns:eu-west-1:{ACCOUNT}:{name}"


def sqs(name: str) -> str:
    return f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"


def with_teams(number: int, people: int = 1) -> Config:
    values = tomllib.loads(configs.SMALL)
    values["teams"] = {
        f"team-{n}": {"notify": [{"email": f"{m}@team-{n}.example.com"} for m in range(people)]} for n in range(number)
    }
    return parse(values)


def test_no_people_nothing_to_pay(small: Assembly) -> None:
    """No text destination: no function, no schedule, no queue, no topic, no alarm."""
    assert told_teams(small.config) == ()
    assert naming.TELL_TEAMS not in needed(small.config)
    text = str(small.templates["ses-feedback-core"]) + str(small.templates["ses-feedback-cell-0001"])
    assert [word for word in ("_digest_", "tell_teams", "digests late", "Digests") if word in text] == []


def test_a_team_of_machines_has_no_digests() -> None:
    """JSON alone is delivered as it comes, by whatever protocol."""
    values = tomllib.loads(configs.SMALL)
    values["teams"] = {
        "machines": {"notify": [{"https": "https://a.example.com/b"}, {"email": "a@example.com", "format": "json"}]},
        "people": {"notify": [{"email": "b@example.com"}]},
    }
    assert told_teams(parse(values)) == ("people",)


def test_the_queue_of_a_team(full: Assembly) -> None:
    """Encrypted, TLS only, open to this deployment's topics alone, and late enough that what is told is recorded."""
    queues = {q.properties["QueueName"]: q.properties for q in full.find("AWS::SQS::Queue")}
    assert {name for name in queues if "digest" in name} == {SUPPORT, DEVELOPERS}
    properties = queues[SUPPORT]
    assert properties["SqsManagedSseEnabled"] is True
    assert properties["DelaySeconds"] == 30
    assert properties["MessageRetentionPeriod"] == 14 * 86_400
    assert "RedrivePolicy" not in properties
    policy = full.one("AWS::SQS::QueuePolicy", Queues=[f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{SUPPORT}"])
    allow, deny = policy.properties["PolicyDocument"]["Statement"]
    assert (allow["Principal"], allow["Action"], allow["Resource"]) == (
        {"Service": "sns.amazonaws.com"},
        ["sqs:SendMessage"],
        sqs(SUPPORT),
    )
    names = sending_topics(full.config, KINDS, most_bytes=QUEUE_BYTES)
    assert allow["Condition"] == {"ArnLike": {"aws:SourceArn": [sns(name) for name in names]}}
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_feedback_topics_fill_the_queue_with_the_kinds_people_want(full: Assembly) -> None:
    """In SNS's envelope, which names the topic; what cannot be delivered goes to the team's dead letters."""
    fed = [s.properties for s in full.find("AWS::SNS::Subscription") if s.properties["Endpoint"] == sqs(DEVELOPERS)]
    kinds = {naming.kind_of_topic(s["TopicArn"].rpartition(":")[2]) for s in fed}
    assert kinds == {"reject", "complaint", "send"}
    for subscription in fed:
        assert not subscription.get("RawMessageDelivery")
        assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": sqs("ses-feedback-team-dead-letters")}


def test_no_person_is_subscribed_to_a_feedback_topic(full: Assembly) -> None:
    """Who reads text gets digests only: a storm of bounces is no storm of e-mail."""
    people = {
        (d.protocol.replace("_", "-"), d.endpoint)
        for team in full.config.teams.values()
        for d in team.notify
        if d.format == "text"
    }
    found = [s.properties for s in full.find("AWS::SNS::Subscription")]
    told = [s for s in found if (s["Protocol"], s["Endpoint"]) in people]
    assert {(s["Protocol"], s["Endpoint"]) for s in told} == people
    assert {s["TopicArn"] for s in told} == {sns(SUPPORT), sns(DEVELOPERS)}


def test_each_destination_lets_through_its_own_mark(full: Assembly) -> None:
    """By a mark that tells no address, and stays the same whatever kinds the destination is told of."""
    found = [s.properties for s in full.find("AWS::SNS::Subscription") if s.properties["TopicArn"] == sns(DEVELOPERS)]
    marks = {s["Endpoint"]: s["FilterPolicy"] for s in found}
    assert marks == {
        endpoint: {naming.ATTRIBUTE_RECIPIENT: [naming.recipient_key(protocol, endpoint)]}
        for protocol, endpoint in (("email", "developers@example.com"), ("sms", "+12065550102"))
    }
    for subscription in found:
        assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": sqs("ses-feedback-team-dead-letters")}


def test_only_the_function_publishes(full: Assembly) -> None:
    """The topic is encrypted under our key, and its policy lets one role publish."""
    topic = full.one("AWS::SNS::Topic", TopicName=SUPPORT)
    assert topic.properties["KmsMasterKeyId"] == "alias/ses-feedback"
    allow, deny = full.one("AWS::SNS::TopicPolicy", Topics=[sns(SUPPORT)]).properties["PolicyDocument"]["Statement"]
    role = full.one("AWS::Lambda::Function", FunctionName="ses-feedback-tell_teams").properties["Role"]
    assert allow["Action"] == ["sns:Publish"]
    assert allow["Condition"] == {"ArnEquals": {"aws:PrincipalArn": role}}
    assert deny["Effect"] == "Deny"


def test_the_function_and_its_schedule(full: Assembly) -> None:
    """Each minute; a run ends before the next turn of a team, and what it received stays hidden longer."""
    function = full.one("AWS::Lambda::Function", FunctionName="ses-feedback-tell_teams").properties
    assert function["Timeout"] * SECOND < HIDDEN
    assert function["Timeout"] * SECOND < GAP
    variables = function["Environment"]["Variables"]
    assert variables[naming.ENV_QUEUES] + SUPPORT == f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{SUPPORT}"
    assert variables[naming.ENV_TOPICS] + SUPPORT == sns(SUPPORT)
    assert variables[naming.ENV_WIRING_TABLE] == "ses-feedback-wiring"
    rule = full.one("AWS::Events::Rule", Name="ses-feedback-tell_teams").properties
    assert rule["ScheduleExpression"] == "rate(1 minute)"


def test_turns_are_the_only_items_it_may_touch_in_the_wiring_table(full: Assembly) -> None:
    (role,) = [r for r in full.find("AWS::IAM::Role") if "tell_teams" in r.properties["Description"]]
    statements = role.properties["Policies"][0]["PolicyDocument"]["Statement"]
    (turns,) = [s for s in statements if str(s["Resource"]).endswith("/ses-feedback-wiring")]
    assert turns["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["digest#*"]}}


def test_names_are_this_deployments_alone() -> None:
    """What one deployment's function may touch, another deployment's name cannot match, whatever it is called."""
    from fnmatch import fnmatchcase

    pattern = naming.digest_pattern("mail")
    assert fnmatchcase(naming.digest_queue_name("mail", "support"), pattern)
    for other in ("mail-digest", "mail-digest-support", "email", "mail-2"):
        for name in (
            naming.digest_queue_name(other, "support"),
            naming.tally_queue_name(other),
            naming.topic_name(other, "bounce", "example.com"),
            naming.on_call_topic_name(other, "page"),
        ):
            assert not fnmatchcase(name, pattern)
    assert not fnmatchcase(naming.topic_name("mail", "bounce", "digest.example.com"), pattern)


def test_longest_names_fit() -> None:
    """80 letters for a queue (SQS quotas), however long deployment and team are called."""
    name = naming.digest_queue_name("d" * 32, "t" * 32)
    assert len(name) <= 80
    assert naming.digest_queue_name("d", "team-a") != naming.digest_queue_name("d", "team-A")


@pytest.mark.parametrize("teams", [1, 2, 23])
def test_each_queue_has_an_alarm_and_one_tells(teams: int, tmp_path: Path) -> None:
    """An hour of waiting in any of them warns once: a queue that nobody ever used has no metric to add to a sum."""
    assembly = synthesise(with_teams(teams), tmp_path)
    types = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    found = [a.properties for a in assembly.find(*types) if "digests" in a.properties["AlarmName"]]
    watched = {a["Dimensions"][0]["Value"]: a for a in found if "Dimensions" in a}
    assert set(watched) == {naming.digest_queue_name("ses-feedback", f"team-{n}") for n in range(teams)}
    for alarm in watched.values():
        assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateAgeOfOldestMessage", 3_600)
    (tells,) = [a for a in found if a.get("AlarmActions")]
    assert tells["AlarmName"] == "ses-feedback digests late" + (f" {naming.team_slug('team-0')}" if teams == 1 else "")
    assert [action.rpartition("-")[2] for action in tells["AlarmActions"]] == ["warn"]
    if teams > 1:
        names = (alarm["AlarmName"] for alarm in watched.values())
        assert set(tells["AlarmRule"].split(" OR ")) == {f'ALARM("{name}")' for name in names}


def test_a_team_that_cannot_be_told_warns(full: Assembly) -> None:
    """It is tried once in six minutes: errors are summed over quarters of an hour, so that none is without any."""
    alarm = full.one("AWS::CloudWatch::Alarm", AlarmName="ses-feedback tell teams errors").properties
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (900, 3, 3)
    assert alarm["Period"] * SECOND > 2 * max(GAP, HIDDEN) + MINUTE
    assert [action.rpartition("-")[2] for action in alarm["AlarmActions"]] == ["warn"]


def test_more_people_than_the_stack_holds_are_one_clear_error(tmp_path: Path) -> None:
    """Instead of CloudFormation's complaint about 500 resources; as many as fit do fit."""
    fits = MOST_RESOURCES // 6
    assembly = synthesise(with_teams(fits), tmp_path / "fits")
    assert sum(f.stack == "ses-feedback-core" for f in assembly.all()) < 480
    with pytest.raises(SynthError, match=r"teams: 41 text destinations of 41 teams take 246 resources of the core"):
        synthesise(with_teams(fits + 1), tmp_path / "over")
