"""What doctor and the hourly check expect is what the templates make: neither can change without the other."""

from __future__ import annotations

import json

import pytest

from infra.schedules import rate
from ses_feedback import naming
from ses_feedback.config.loop import from_loop, to_loop
from ses_feedback.domain.times import DAY, HOUR, MINUTE, SECOND
from ses_feedback.usecases.checks.expected import Expected, expected
from ses_feedback.usecases.checks.live import Home
from ses_feedback.usecases.checks.sets import EVENT_TYPES
from ses_feedback.usecases.checks.stacks import ALARM_TYPES, WIRING_TYPE
from ses_feedback.usecases.checks.subscriptions import attributes
from tests.infra.synthesis import ACCOUNT, Assembly

# CloudFormation spells SES's event types as the v1 API does, the v2 API that doctor asks otherwise.
V1_TYPES = {
    "SEND": "send",
    "REJECT": "reject",
    "DELIVERY_DELAY": "deliveryDelay",
    "RENDERING_FAILURE": "renderingFailure",
    "OPEN": "open",
    "CLICK": "click",
    "SUBSCRIPTION": "subscription",
}


@pytest.fixture(scope="module")
def wanted(full: Assembly) -> Expected:
    return expected(full.config, Home("aws", full.region, ACCOUNT))


def test_every_subscription_is_expected(full: Assembly, wanted: Expected) -> None:
    """Topic, protocol and endpoint: of identities, of on-call and of digests."""
    made = {
        (f.properties["TopicArn"], f.properties["Protocol"], f.properties["Endpoint"])
        for f in full.find("AWS::SNS::Subscription")
    }
    assert {(feed.topic, s.protocol, s.endpoint) for feed in wanted.feeds() for s in feed.subscribers} == made


def test_a_subscription_made_anew_is_as_the_template_made_it(full: Assembly, wanted: Expected) -> None:
    """The attributes in the command that makes it anew: raw, filter, role, and where its dead letters go."""
    made = {
        (f.properties["TopicArn"], f.properties["Protocol"], f.properties["Endpoint"]): f.properties
        for f in full.find("AWS::SNS::Subscription")
    }
    for feed in wanted.feeds():
        for subscriber in feed.subscribers:
            found = made[feed.topic, subscriber.protocol, subscriber.endpoint]
            given = attributes(wanted, subscriber)
            policy = given.pop("DeliveryPolicy", None)
            assert (None if policy is None else json.loads(policy)) == found.get("DeliveryPolicy")
            assert json.loads(given.pop("RedrivePolicy")) == found["RedrivePolicy"]
            filters = given.pop("FilterPolicy", None)
            assert (None if filters is None else json.loads(filters)) == found.get("FilterPolicy")
            assert given.pop("SubscriptionRoleArn", None) == found.get("SubscriptionRoleArn")
            assert given.pop("RawMessageDelivery", "false") == str(found.get("RawMessageDelivery", False)).lower()
            assert given == {}


def test_every_topic_is_expected(full: Assembly, wanted: Expected) -> None:
    """None is made that nobody looks at."""
    made = {f"arn:aws:sns:{full.region}:{ACCOUNT}:{f.properties['TopicName']}" for f in full.find("AWS::SNS::Topic")}
    assert {feed.topic for feed in wanted.feeds()} == made


def test_the_wiring_is_expected(full: Assembly, wanted: Expected) -> None:
    """What SES is told at deployment is what the check tells it again."""
    for found in full.find(WIRING_TYPE):
        wish = wanted.identities[found.properties["Identity"]].wish()
        assert found.properties["Topics"] == wish.topics
        assert found.properties.get("ConfigurationSet") == wish.configuration_set
    assert len(full.find(WIRING_TYPE)) == len(wanted.identities)


def test_configuration_sets_are_expected(full: Assembly, wanted: Expected) -> None:
    """Their options, and which events go to which topic."""
    for identity in wanted.identities.values():
        if identity.configuration_set is None:
            continue
        made = full.one("AWS::SES::ConfigurationSet", Name=identity.configuration_set).properties
        assert made["DeliveryOptions"]["TlsPolicy"] == identity.tls
        reasons = made.get("SuppressionOptions", {}).get("SuppressedReasons")
        assert (None if reasons is None else frozenset(reasons)) == identity.suppressed
        stack = next(f for f in full.find("AWS::SES::ConfigurationSet") if f.properties == made)
        destinations = [
            f.properties["EventDestination"]
            for f in full.find("AWS::SES::ConfigurationSetEventDestination")
            if f.stack == stack.stack
        ]
        to_topics = {
            d["SnsDestination"]["TopicARN"]: d["MatchingEventTypes"] for d in destinations if "SnsDestination" in d
        }
        assert {topic: [V1_TYPES[EVENT_TYPES[kind]]] for kind, topic in identity.set_topics.items()}.items() <= (
            to_topics.items()
        )
    assert any(identity.set_topics for identity in wanted.identities.values())


def test_the_deployed_configuration_can_be_told_from_the_file(full: Assembly) -> None:
    """The output is of the configuration inside the functions; a file of the same meaning gives the same."""
    text = to_loop(full.config)
    assert full.outputs()[naming.OUTPUT_CONFIGURATION] == naming.digest(text)
    assert naming.digest(to_loop(from_loop(text))) == naming.digest(text)


def test_alarms_are_found_by_their_types(full: Assembly) -> None:
    """Alarms of no other type are made."""
    made = {f.type for f in full.all() if f.type.startswith("AWS::CloudWatch::") and "Alarm" in f.type}
    assert made == set(ALARM_TYPES)


def test_the_check_runs_every_hour(full: Assembly) -> None:
    """One rule, and a permission for that rule alone."""
    rule = full.one("AWS::Events::Rule", Name="ses-feedback-check_loop")
    assert rule.properties["ScheduleExpression"] == "rate(1 hour)"
    function = f"arn:aws:lambda:{full.region}:{ACCOUNT}:function:ses-feedback-check_loop"
    assert [target["Arn"] for target in rule.properties["Targets"]] == [function]
    permission = full.one("AWS::Lambda::Permission", FunctionName=function)
    assert permission.properties["Principal"] == "events.amazonaws.com"
    assert permission.raw["Properties"]["SourceArn"] == {"Fn::GetAtt": [rule.logical_id, "Arn"]}


def test_drift_is_one_alarm_however_long_it_lasts(full: Assembly) -> None:
    """It looks back over two checks, so that a fault that stays is not told anew every hour."""
    alarm = full.one("AWS::CloudWatch::Alarm", AlarmName="ses-feedback drift").properties
    assert (alarm["MetricName"], alarm["Period"], alarm["Threshold"]) == (naming.METRIC_DRIFTED, 7_200, 1)
    assert [arn.rpartition(":")[2] for arn in alarm["AlarmActions"]] == ["ses-feedback-on-call-warn"]


@pytest.mark.parametrize(
    ("every", "expression"),
    [
        (MINUTE, "rate(1 minute)"),
        (15 * MINUTE, "rate(15 minutes)"),
        (HOUR, "rate(1 hour)"),
        (90 * MINUTE, "rate(90 minutes)"),
        (2 * DAY, "rate(2 days)"),
    ],
)
def test_rates(every: int, expression: str) -> None:
    """The unit is singular at one, as EventBridge wants it."""
    assert rate(every) == expression


@pytest.mark.parametrize("every", [0, SECOND, MINUTE + SECOND, -MINUTE])
def test_a_schedule_takes_whole_minutes(every: int) -> None:
    """There is no expression for anything else."""
    with pytest.raises(ValueError, match="whole minutes"):
        rate(every)
