"""An identity's own configuration set: its options, where its events go, and who may publish and hear them."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.configuration_set import EVENT_TYPES
from ses_feedback import naming
from ses_feedback.config import parse
from ses_feedback.config.model import ACTED_KINDS, NOTIFIED_KINDS, SET_KINDS
from tests.infra import configs
from tests.infra.synthesis import ACCOUNT, Assembly, Found, synthesise

NEWS = "news@example.com"
SET = naming.configuration_set_name("ses-feedback", NEWS)
TWO = "[identities.'a.example.com']\nconfiguration_set = true\n[identities.'b.example.com']\nconfiguration_set = "


def topic_arn(assembly: Assembly, kind: str, identity: str = NEWS) -> str:
    return f"arn:aws:sns:{assembly.region}:{ACCOUNT}:{naming.topic_name('ses-feedback', kind, identity)}"


def destinations(assembly: Assembly) -> dict[str, Found]:
    found = assembly.find("AWS::SES::ConfigurationSetEventDestination")
    assert {f.properties["ConfigurationSetName"] for f in found} == {SET}
    return {f.properties["EventDestination"]["Name"]: f for f in found}


def options(tmp_path: Path, text: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the plain set of a.example.com, and of that with ``text`` of b.example.com."""
    assembly = synthesise(parse(tomllib.loads(configs.SMALL + TWO + text)), tmp_path)
    return {f.properties["Name"]: f.properties for f in assembly.find("AWS::SES::ConfigurationSet")}


def test_its_options(full: Assembly) -> None:
    """Reputation metrics are on, and what the file says about TLS and suppression is what SES is told."""
    assert full.one("AWS::SES::ConfigurationSet").properties == {
        "Name": SET,
        "ReputationOptions": {"ReputationMetricsEnabled": True},
        "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
        "SuppressionOptions": {"SuppressedReasons": ["BOUNCE"]},
    }


def test_without_options_tls_is_optional_and_the_account_decides_on_suppression(tmp_path: Path) -> None:
    """An empty list is no absent one: it switches the account's suppression off for this set."""
    plain, empty = options(tmp_path, "{ suppress = [] }").values()
    common = {"ReputationOptions": {"ReputationMetricsEnabled": True}, "DeliveryOptions": {"TlsPolicy": "OPTIONAL"}}
    assert plain == {"Name": naming.configuration_set_name("ses-feedback", "a.example.com"), **common}
    assert empty["SuppressionOptions"] == {"SuppressedReasons": []}


def test_no_template_enables_or_disables_sending(full: Assembly) -> None:
    """It would undo a pause at the next deployment."""
    assert "SendingEnabled" not in str(full.templates)
    assert "'SendingOptions'" not in str(full.templates)


def test_its_metrics(full: Assembly) -> None:
    """CloudWatch gets the events by set, without open and click, which rewrite the mail."""
    events = destinations(full)["cloudwatch"].properties["EventDestination"]
    assert events["Enabled"] is True
    assert tuple(events["MatchingEventTypes"]) == EVENT_TYPES
    assert {"open", "click"}.isdisjoint(EVENT_TYPES)
    (dimension,) = events["CloudWatchDestination"]["DimensionConfigurations"]
    assert dimension["DimensionName"] == "ses:configuration-set"
    assert dimension["DefaultDimensionValue"] == SET


def test_a_topic_for_each_kind_that_was_asked_for(full: Assembly) -> None:
    """Spelled as CloudFormation spells them; one more destination is left of the ten that SES allows."""
    found = destinations(full)
    assert found.keys() == {"cloudwatch", *SET_KINDS}
    assert len(found) <= 9
    types = {
        "send": "send",
        "reject": "reject",
        "delay": "deliveryDelay",
        "rendering_failure": "renderingFailure",
        "open": "open",
        "click": "click",
        "subscription": "subscription",
    }
    for kind in SET_KINDS:
        assert found[kind].properties["EventDestination"] == {
            "Name": kind,
            "Enabled": True,
            "MatchingEventTypes": [types[kind]],
            "SnsDestination": {"TopicARN": topic_arn(full, kind)},
        }
    others = [t for t in full.find("AWS::SNS::Topic") if any(f"_{kind}_" in str(t.properties) for kind in SET_KINDS)]
    assert len(others) == len(SET_KINDS)


def test_the_way_of_an_event_is_open_all_along(full: Assembly) -> None:
    """Set, topic, its policy, its key, the key's policy: SES may publish, from this set and from nothing else."""
    policies = {p.properties["Topics"][0]: p for p in full.find("AWS::SNS::TopicPolicy")}
    (key,) = full.find("AWS::KMS::Key")
    aliases = {a.properties["AliasName"] for a in full.find("AWS::KMS::Alias")}
    uses = {
        action
        for statement in key.properties["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "ses.amazonaws.com"}
        for action in statement["Action"]
    }
    assert uses >= {"kms:GenerateDataKey*", "kms:Decrypt"}
    for kind in SET_KINDS:
        destination = destinations(full)[kind]
        arn = destination.properties["EventDestination"]["SnsDestination"]["TopicARN"]
        topic = full.one("AWS::SNS::Topic", TopicName=arn.rpartition(":")[2])
        assert topic.properties["KmsMasterKeyId"] in aliases
        (allow,) = [s for s in policies[arn].properties["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        assert allow["Principal"] == {"Service": "ses.amazonaws.com"}
        assert allow["Condition"] == {
            "StringEquals": {
                "AWS:SourceAccount": ACCOUNT,
                "AWS:SourceArn": f"arn:aws:ses:{full.region}:{ACCOUNT}:configuration-set/{SET}",
            }
        }


def test_nothing_is_published_before_it_may_be_and_is_heard(full: Assembly) -> None:
    """SES tries a topic when it is named; so its policy comes first, its listeners too, and the default set last."""
    found = destinations(full)
    for kind in SET_KINDS:
        arn = topic_arn(full, kind)
        before = {p.logical_id for p in full.find("AWS::SNS::TopicPolicy") if p.properties["Topics"] == [arn]}
        before |= {s.logical_id for s in full.find("AWS::SNS::Subscription") if s.properties["TopicArn"] == arn}
        assert before
        assert before <= found[kind].after
    wiring = full.one("Custom::SesIdentityWiring", Identity=NEWS)
    assert {f.logical_id for f in found.values()} <= wiring.after
    assert wiring.properties["ConfigurationSet"] == SET
    assert wiring.properties["Topics"].keys() == {kind.capitalize() for kind in NOTIFIED_KINDS}


def test_who_hears_of_the_extra_kinds(full: Assembly) -> None:
    """Who unsubscribed is suppressed, all is kept, teams hear; nothing is counted, which would hide a silent loop."""
    core = f"arn:aws:{{}}:{full.region}:{ACCOUNT}:{{}}ses-feedback-{{}}"
    record = core.format("lambda", "function:", naming.RECORD_FEEDBACK)
    digests = f"arn:aws:sqs:{full.region}:{ACCOUNT}:{naming.digest_queue_name('ses-feedback', 'developers')}"
    queue = f"arn:aws:sqs:{full.region}:{ACCOUNT}:dev-bounces"
    archive = f"arn:aws:firehose:{full.region}:{ACCOUNT}:deliverystream/ses-feedback-archive"
    heard = {
        kind: {
            s.properties["Endpoint"]
            for s in full.find("AWS::SNS::Subscription")
            if s.properties["TopicArn"] == topic_arn(full, kind)
        }
        for kind in SET_KINDS
    }
    assert all(archive in endpoints for endpoints in heard.values())
    assert {kind: endpoints - {archive} for kind, endpoints in heard.items()} == {kind: set() for kind in SET_KINDS} | {
        "subscription": {record, queue},
        "open": {queue},
        "reject": {digests},
        "send": {digests},
    }
    assert set(ACTED_KINDS) & set(SET_KINDS) == {"subscription"}
    retry = full.one("AWS::SNS::Subscription", Endpoint=record, TopicArn=topic_arn(full, "subscription"))
    assert retry.properties["RedrivePolicy"]["deadLetterTargetArn"].endswith(":ses-feedback-retry")


def test_their_topics_are_outputs(full: Assembly) -> None:
    """As those of bounces are, so that a team can subscribe what it builds later."""
    outputs = full.outputs()
    assert outputs["TopicRenderingFailureNewsExampleCom"] == topic_arn(full, "rendering_failure")
    assert {name for name in outputs if name.endswith("NewsExampleCom")} == {
        *(naming.topic_output(kind, "NewsExampleCom") for kind in (*NOTIFIED_KINDS, *SET_KINDS)),
        "WiringNewsExampleCom",
    }


@pytest.mark.parametrize("events", [(), ("reject",), SET_KINDS])
def test_a_kind_without_a_topic_is_nobodys(events: tuple[str, ...], tmp_path: Path) -> None:
    """A team may want kinds that some of its identities do not tell of: there it gets what there is."""
    config = configs.full()
    own = config.identities[NEWS]
    assert own.configuration_set is not None
    telling = replace(own, configuration_set=replace(own.configuration_set, events=events))
    assembly = synthesise(replace(config, identities={**config.identities, NEWS: telling}), tmp_path)
    topics = {t.properties["TopicName"] for t in assembly.find("AWS::SNS::Topic")}
    assert {naming.topic_name("ses-feedback", kind, NEWS) for kind in events} <= topics
    assert sum(any(f"_{kind}_" in name for kind in SET_KINDS) for name in topics) == len(events)
    arns = {f"arn:aws:sns:{assembly.region}:{ACCOUNT}:{name}" for name in topics}
    assert {s.properties["TopicArn"] for s in assembly.find("AWS::SNS::Subscription")} <= arns
