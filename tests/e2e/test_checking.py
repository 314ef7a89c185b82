"""The deployed loop proves itself: canaries come back, what SES drops is noticed, told and set right again.

The tests follow one another: what is broken in one is mended in the next.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.loop import Inbox, Loop, until
from ses_feedback import naming
from tests.e2e import messages
from tests.e2e.conftest import Stage

SHOP, NEWS, NEW = "example.com", "news.example.com", "new.example.org"
PIECES = {"act_bounce", "act_complaint", "count_bounce", "count_complaint", "count_delivery"}
PATIENCE_S = 30
MINUTES_MS = 60_000


def round_of(loop: Loop, identity: str) -> dict[str, Any]:
    """What the wiring table knows of an identity's newest canaries."""
    key = {naming.ATTRIBUTE_KEY: {"S": f"canary#{identity}"}}
    answer = loop.cloud.client("dynamodb").get_item(
        TableName=naming.wiring_table_name(loop.name), Key=key, ConsistentRead=True
    )
    return dict(answer.get("Item", {}))


def let_pass(loop: Loop, identity: str, minutes: int, *times: str) -> None:
    """Let an identity's canaries have happened so much earlier: nobody waits for an hour here."""
    item = round_of(loop, identity)
    loop.cloud.client("dynamodb").update_item(
        TableName=naming.wiring_table_name(loop.name),
        Key={naming.ATTRIBUTE_KEY: item[naming.ATTRIBUTE_KEY]},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in times),
        ExpressionAttributeValues={
            f":{name}": {"N": str(int(item[name]["N"]) - minutes * MINUTES_MS)} for name in times
        },
    )


def returned(loop: Loop, identity: str) -> set[str]:
    """Which pieces of an identity's newest canaries are back."""
    return PIECES & round_of(loop, identity).keys()


def settings(loop: Loop, identity: str) -> dict[str, Any]:
    """The notification settings of an identity in SES."""
    answer = loop.cloud.client("ses").get_identity_notification_attributes(Identities=[identity])
    return dict(answer["NotificationAttributes"][identity])


def hears(inbox: Inbox, alarm: str) -> dict[str, Any]:
    """What on-call receives when an alarm goes off."""

    def message() -> dict[str, Any] | None:
        notices = [json.loads(m["Message"]) for m in inbox.take()]
        return next((n for n in notices if n["AlarmName"] == alarm and n["NewStateValue"] == "ALARM"), None)

    return until(f"the alarm {alarm}", message, seconds=PATIENCE_S)


@contextmanager
def forbidden(loop: Loop, topic: str) -> Iterator[None]:
    """Let nobody publish to a topic for a while, as a policy that was changed by hand does."""
    sns = loop.cloud.client("sns")
    policy = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    denied = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=denied)
    try:
        yield
    finally:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def examine(loop: Loop, identity: str, *options: str) -> list[dict[str, Any]]:
    """What `doctor` finds to be wrong with an identity."""
    return [
        finding
        for finding in loop.ask("doctor", *options)
        if finding["level"] == "wrong" and f'"{identity}"' in finding["path"]
    ]


def test_canaries_come_back_by_both_ways_and_count_nowhere(stage: Stage) -> None:
    """Each identity's three mails are seen by who suppresses and by who counts; no list, no rate and no team knows."""
    loop = stage.loop
    until("counting", loop.drained, seconds=PATIENCE_S)
    counted = {identity: loop.counted(identity) for identity in (SHOP, NEWS)}
    stage.customer_service.take()
    told = loop.run(naming.SEND_CANARIES)
    assert (told["refused"], told["missing"]) == (0, 0)
    for identity in (SHOP, NEWS):
        until(f"the canaries of {identity}", lambda of=identity: returned(loop, of) == PIECES, seconds=PATIENCE_S)
    assert loop.run(naming.SEND_CANARIES)["missing"] == 0
    where = {naming.DIMENSION_DEPLOYMENT: loop.name}
    assert loop.metric(naming.METRIC_NAMESPACE, naming.METRIC_CANARY_ROUND_TRIP, statistic="Maximum", **where) > 0
    until("counting", loop.drained, seconds=PATIENCE_S)
    assert {identity: loop.counted(identity) for identity in (SHOP, NEWS)} == counted
    listed = loop.ask("list", "--environment", "production", "--limit", "100000")
    assert not [row for row in listed if "canary" in str(row["address"])]


def test_lost_canary_alarms(stage: Stage) -> None:
    """SES may not publish bounces for a while: the canary's is missing, on-call hears of it, and SES has dropped the
    topic and sends bounces by e-mail again."""
    loop = stage.loop
    stage.warned.take()
    let_pass(loop, SHOP, 120, "started", "sent")
    with forbidden(loop, loop.topic("bounce", SHOP)):
        assert loop.run(naming.SEND_CANARIES)["sent"] == 1
        lost = {"act_bounce", "count_bounce"}
        until("what is not lost", lambda: returned(loop, SHOP) == PIECES - lost, seconds=PATIENCE_S)
    let_pass(loop, SHOP, 2, "sent")
    assert loop.run(naming.SEND_CANARIES)["missing"] >= 2
    notice = hears(stage.warned, naming.alarm_name(loop.name, "canary", "warn"))
    assert "docs/runbooks/canary.md" in notice["AlarmDescription"]
    assert "BounceTopic" not in settings(loop, SHOP)
    assert settings(loop, SHOP)["ForwardingEnabled"] is True


def test_doctor_shows_what_ses_dropped_and_mends_it(stage: Stage) -> None:
    """One row for the lost topic, exit code 1; after `doctor --fix` SES publishes again, and doctor is content."""
    loop = stage.loop
    findings = examine(loop, SHOP)
    assert findings and all(finding["fixable"] for finding in findings)
    assert any("bounce" in finding["what"].lower() for finding in findings)
    shown = loop.cli("doctor")
    assert shown.returncode == 1, shown.stderr
    assert "ses-feedback doctor --fix" in shown.stdout
    assert [f["mended"] is not None for f in examine(loop, SHOP, "--fix")] == [True] * len(findings)
    assert examine(loop, SHOP) == []
    assert settings(loop, SHOP)["BounceTopic"] == loop.topic("bounce", SHOP)
    assert settings(loop, SHOP)["ForwardingEnabled"] is False


def test_hourly_check_sets_right_what_ses_dropped_and_tells_on_call(stage: Stage) -> None:
    """The topic, its headers and the forwarding are as before, on-call reads that they were not, and feedback flows."""
    loop = stage.loop
    before = settings(loop, SHOP)
    stage.warned.take()
    with forbidden(loop, loop.topic("complaint", SHOP)):
        loop.send(f"orders@{SHOP}", "complaint+dropped@simulator.amazonses.com")
        until("SES dropping it", lambda: "ComplaintTopic" not in settings(loop, SHOP), seconds=PATIENCE_S)
    loop.run(naming.CHECK_LOOP)
    assert settings(loop, SHOP) == before
    notice = hears(stage.warned, naming.alarm_name(loop.name, "drift"))
    assert "docs/runbooks/drift.md" in notice["AlarmDescription"]
    address = f"complaint+{int(time.time())}@simulator.amazonses.com"
    loop.send(f"orders@{SHOP}", address)
    until(
        "feedback flowing again",
        lambda: loop.check([address], "production", "transactional")[address]["suppressed"],
        seconds=PATIENCE_S,
    )


def test_doctor_switches_on_what_was_switched_off_by_hand(stage: Stage) -> None:
    """An event destination and an alarm's actions: each is a row, and on again after `--fix`."""
    loop = stage.loop
    v2, watch = loop.cloud.client("sesv2"), loop.cloud.client("cloudwatch")
    own = naming.configuration_set_name(loop.name, NEWS)

    def click() -> dict[str, Any]:
        found = v2.get_configuration_set_event_destinations(ConfigurationSetName=own)["EventDestinations"]
        return next(dict(d) for d in found if "CLICK" in d["MatchingEventTypes"])

    before, alarm = click(), naming.alarm_name(loop.name, "drift")
    off = {key: before[key] for key in ("MatchingEventTypes", "SnsDestination")} | {"Enabled": False}
    v2.update_configuration_set_event_destination(
        ConfigurationSetName=own, EventDestinationName=before["Name"], EventDestination=off
    )
    watch.disable_alarm_actions(AlarmNames=[alarm])
    findings = loop.ask("doctor", "--fix")
    mended = [f["what"] for f in findings if f["mended"]]
    assert len(mended) == 2 and any(alarm in what for what in mended), findings
    assert click() == before
    (found,) = watch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert found["ActionsEnabled"] is True


def test_doctor_names_an_identity_that_vanished_from_ses(stage: Stage) -> None:
    """One row with its place in the file; verified again, it is wired again."""
    loop, address = stage.loop, "dev@example.com"
    ses = loop.cloud.client("ses")
    loop.cloud.client("sesv2").delete_email_identity(EmailIdentity=address)
    (finding,) = examine(loop, address)
    assert finding["path"] == f'identities."{address}"' and not finding["fixable"]
    ses.verify_email_identity(EmailAddress=address)
    assert all(finding["mended"] for finding in examine(loop, address, "--fix"))
    assert settings(loop, address)["BounceTopic"] == loop.topic("bounce", address)
    assert examine(loop, address) == []


def test_identity_that_the_deployment_made_is_wired_once_its_dns_confirms_it(stage: Stage) -> None:
    """Created and pending; its DKIM records stand in the outputs; published, they verify it, and the check wires it."""
    loop = stage.loop
    v2, dns = loop.cloud.client("sesv2"), loop.cloud.client("route53")
    assert v2.get_email_identity(EmailIdentity=NEW)["VerificationStatus"] == "PENDING"
    assert "BounceTopic" not in settings(loop, NEW)
    zone = dns.create_hosted_zone(Name=NEW, CallerReference=NEW)["HostedZone"]["Id"]
    outputs = [loop.outputs[naming.dkim_output(attribute, "NewExampleOrg")] for attribute in naming.DKIM_ATTRIBUTES]
    changes = []
    for output in outputs:
        name, _, value = output.partition(" CNAME ")
        record = {"Name": name, "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": value}]}
        changes.append({"Action": "CREATE", "ResourceRecordSet": record})
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    loop.run(naming.CHECK_LOOP)
    wired = settings(loop, NEW)
    for kind in ("Bounce", "Complaint", "Delivery"):
        assert wired[f"{kind}Topic"] == loop.topic(kind.lower(), NEW)
    assert wired["ForwardingEnabled"] is False
    address = messages.someone("first")
    loop.publish("bounce", NEW, [messages.bounce(NEW, address)])
    until(
        "its first bounce",
        lambda: loop.check([address], "fresh", "default")[address]["suppressed"],
        seconds=PATIENCE_S,
    )


def test_routes_say_where_feedback_goes_and_that_ses_agrees(stage: Stage) -> None:
    """For a sender of each kind of identity: the most specific identity, its set and topics, and no difference."""
    loop = stage.loop
    shop, news, dev = loop.ask(
        "routes", "orders@eu.example.com", "editor@news.example.com", "dev@example.com", "--live"
    )
    assert [r["identity"] for r in (shop, news, dev)] == [SHOP, NEWS, "dev@example.com"]
    assert [r["live"]["identity"] for r in (shop, news, dev)] == [SHOP, NEWS, "dev@example.com"]
    assert [r["live"]["differences"] for r in (shop, news, dev)] == [[], [], []]
    assert news["live"]["configuration_set"] == news["configuration_set"]
    assert news["told"]["click"] == [
        {"protocol": "sqs", "endpoint": "arn:aws:sqs:eu-west-1:000000000000:campaigns-inbox", "format": "json"}
    ]
