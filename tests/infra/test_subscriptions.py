"""Who is told, and how: every protocol, raw or wrapped, how hard HTTP is tried, digests for people, nothing lost."""

from __future__ import annotations

from typing import Any

from ses_feedback import naming
from ses_feedback.config.delivery import HEALTHY_RETRY_POLICY
from ses_feedback.config.model import KINDS, NOTIFIED_KINDS
from tests.infra.synthesis import ACCOUNT, Assembly

HOUR_S = 3_600


def told(assembly: Assembly, kind: str, identity: str) -> list[dict[str, Any]]:
    """Return the subscriptions of an identity's topic that are its team's."""
    topic = f"arn:aws:sns:{assembly.region}:{ACCOUNT}:{naming.topic_name('ses-feedback', kind, identity)}"
    ours = (":ses-feedback-record_feedback", ":ses-feedback-tally", ":deliverystream/ses-feedback-archive")
    found = [s.properties for s in assembly.find("AWS::SNS::Subscription") if s.properties["TopicArn"] == topic]
    return [s for s in found if not s["Endpoint"].endswith(ours)]


def digests(assembly: Assembly, team: str) -> str:
    return f"arn:aws:sqs:{assembly.region}:{ACCOUNT}:{naming.digest_queue_name('ses-feedback', team)}"


def test_teams_are_told_by_every_protocol_and_only_of_what_they_want(full: Assembly) -> None:
    """All nine SNS protocols and a role for Firehose; a topic is of one kind, so that `on` needs no filter."""
    wanted = full.config.teams["customer-service"].notify
    assert len({d.protocol for d in wanted if d.format == "json"}) == 9
    for kind in NOTIFIED_KINDS:
        found = [s for s in told(full, kind, "example.com") if s["Endpoint"] != digests(full, "customer-service")]
        expected = {(d.protocol.replace("_", "-"), d.endpoint) for d in wanted if kind in d.on and d.format == "json"}
        assert {(s["Protocol"], s["Endpoint"]) for s in found} == expected
        assert len(found) == len(expected)
        for subscription in found:
            assert ("SubscriptionRoleArn" in subscription) is (subscription["Protocol"] == "firehose")
            assert "FilterPolicy" not in subscription


def test_people_read_digests(full: Assembly) -> None:
    """What is wanted as text goes to the team's own queue, once, in SNS's envelope; nobody is mailed JSON."""
    expected = {"customer-service": {"bounce", "complaint"}, "developers": {"complaint", "reject", "send"}}
    for identity, team in (("example.com", "customer-service"), ("news@example.com", "developers")):
        for kind in KINDS:
            found = [s for s in told(full, kind, identity) if s["Endpoint"] == digests(full, team)]
            assert len(found) == (kind in expected[team])
            assert all((s["Protocol"], s["RawMessageDelivery"]) == ("sqs", False) for s in found)
            direct = {(s["Protocol"], s["Endpoint"]) for s in told(full, kind, identity)}
            people = {("email", "support@example.com"), ("email", "developers@example.com"), ("sms", "+12065550102")}
            assert direct.isdisjoint(people)


def test_raw_is_what_the_file_says(full: Assembly) -> None:
    """Bare where asked for and to Firehose, wrapped elsewhere; only protocols that have the choice are told of it."""
    raw = {
        destination.endpoint: destination.raw
        for team in full.config.teams.values()
        for destination in team.notify
        if destination.protocol in ("http", "https", "sqs", "firehose")
    }
    assert set(raw.values()) == {True, False}
    seen = set()
    for subscription in full.find("AWS::SNS::Subscription"):
        properties = subscription.properties
        if properties["Endpoint"] in raw:
            assert properties["RawMessageDelivery"] is raw[properties["Endpoint"]]
            seen.add(properties["Endpoint"])
        elif properties["Protocol"] not in ("http", "https", "sqs", "firehose"):
            assert "RawMessageDelivery" not in properties
    assert seen == raw.keys()


def test_http_is_tried_for_most_of_an_hour(full: Assembly) -> None:
    """Whoever restarts a CRM or a pager loses nothing; SNS takes no policy whose delays could pass an hour."""
    for subscription in full.find("AWS::SNS::Subscription"):
        properties = subscription.properties
        http = properties["Protocol"] in ("http", "https")
        assert ("DeliveryPolicy" in properties) is http
        if http:
            assert properties["DeliveryPolicy"]["healthyRetryPolicy"] == HEALTHY_RETRY_POLICY
    least, most = (int(HEALTHY_RETRY_POLICY[f"{name}DelayTarget"]) for name in ("min", "max"))
    early, late = (int(HEALTHY_RETRY_POLICY[f"num{name}DelayRetries"]) for name in ("Min", "Max"))
    between = int(HEALTHY_RETRY_POLICY["numRetries"]) - early - late
    assert between >= 0
    assert early * least + (between + late) * most <= HOUR_S
    assert early * least + between * least + late * most >= 2 / 3 * HOUR_S


def test_an_endpoint_is_given_no_more_than_it_takes(full: Assembly) -> None:
    """`max_per_second` is SNS's own throttle; without it there is none."""
    limits = {
        s.properties["Endpoint"]: s.properties["DeliveryPolicy"].get("throttlePolicy")
        for s in full.find("AWS::SNS::Subscription")
        if "DeliveryPolicy" in s.properties
    }
    assert limits == {
        "http://crm.example.com/hooks/ses": None,
        "https://crm.example.com/hooks/ses": {"maxReceivesPerSecond": 5},
        "https://pager.example.com/v1/sns": None,
    }


def test_nothing_is_lost_by_any_subscription(full: Assembly) -> None:
    """Each names a queue of ours for what it could not deliver, and that queue lets the topic in."""
    queues = {q.properties["QueueName"]: q for q in full.find("AWS::SQS::Queue")}
    policies = {
        p.properties["Queues"][0].rpartition("/")[2]: p.properties["PolicyDocument"]["Statement"]
        for p in full.find("AWS::SQS::QueuePolicy")
    }
    for subscription in full.find("AWS::SNS::Subscription"):
        kept = subscription.properties["RedrivePolicy"]["deadLetterTargetArn"].rpartition(":")[2]
        assert kept in queues
        senders = [
            pattern
            for statement in policies[kept]
            if statement["Effect"] == "Allow"
            for pattern in statement["Condition"]["ArnLike"]["aws:SourceArn"]
        ]
        topic = subscription.properties["TopicArn"]
        assert any(topic == p or (p.endswith("*") and topic.startswith(p[:-1])) for p in senders)
    for team in ("customer-service", "developers"):
        waiting = [s for s in full.find("AWS::SNS::Subscription") if s.properties["Endpoint"] == digests(full, team)]
        assert waiting
        for subscription in waiting:
            kept = subscription.properties["RedrivePolicy"]["deadLetterTargetArn"].rpartition(":")[2]
            assert kept == naming.team_dead_letter_queue_name("ses-feedback")
            assert naming.digest_queue_name("ses-feedback", team) in queues
