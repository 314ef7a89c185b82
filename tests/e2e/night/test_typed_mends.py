"""What doctor prints, typed as it is printed, mends what it found: faults made by hand in SES, SNS, SQS, CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import pytest

from local.cloud import ACCOUNT
from local.loop import Loop
from ses_feedback import naming
from tests.e2e import messages
from tests.e2e.night.conftest import NEWS, SHOP, Night
from tests.e2e.night.shell import Done

STAGING, DEV = "staging.example.com", "dev@example.com"
Findings = list[dict[str, Any]]


class Fault(NamedTuple):
    """A fault, and part of what doctor says of it: ``what`` is wrong, and the ``mend`` that it prints.

    ``shows``: the mend only shows something, this among it, and the finding stays.
    """

    what: str
    mend: str
    shows: str = ""


def own_set(loop: Loop) -> str:
    return naming.configuration_set_name(loop.name, NEWS)


def subscriptions(loop: Loop) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Every subscription by topic, protocol and endpoint, with what its owner may set."""
    sns = loop.cloud.client("sns")
    unset = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes", "SubscriptionRoleArn": ""}
    parts = {"RedrivePolicy": "{}", "FilterPolicy": "{}"}
    found = {}
    for page in sns.get_paginator("list_subscriptions").paginate():
        for one in page["Subscriptions"]:
            given = sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])["Attributes"]
            key = (one["TopicArn"].rpartition(":")[2], one["Protocol"], one["Endpoint"])
            found[key] = {name: given.get(name) or default for name, default in unset.items()}
            found[key] |= {name: json.loads(given.get(name) or default) for name, default in parts.items()}
    return found


def of_account(loop: Loop) -> Iterator[Fault]:
    """The account: in the sandbox, stopped, and with a list of its own that keeps nothing."""
    v2 = loop.cloud.client("sesv2")
    v2.put_account_details(MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=False)
    yield Fault("is in the sandbox", "aws sesv2 put-account-details")
    v2.put_account_sending_attributes(SendingEnabled=False)
    yield Fault("sending is switched off for the account", "aws sesv2 put-account-sending-attributes")
    v2.put_account_suppression_attributes(SuppressedReasons=["COMPLAINT"])
    yield Fault("does not suppress addresses that bounced", "--suppressed-reasons BOUNCE")
    yield Fault("SES suppresses whoever complained, in all streams of production", "--suppressed-reasons BOUNCE")


def of_sets(loop: Loop) -> Iterator[Fault]:
    """The configuration set of an identity: every option, and a pause that nobody noted."""
    v2, name = loop.cloud.client("sesv2"), own_set(loop)
    v2.put_configuration_set_reputation_options(ConfigurationSetName=name, ReputationMetricsEnabled=False)
    yield Fault("publishes no reputation metrics", "aws sesv2 put-configuration-set-reputation-options")
    v2.put_configuration_set_delivery_options(ConfigurationSetName=name, TlsPolicy="REQUIRE")
    yield Fault("has TLS require, not optional", "aws sesv2 put-configuration-set-delivery-options")
    v2.put_configuration_set_suppression_options(ConfigurationSetName=name, SuppressedReasons=[])
    yield Fault("suppresses nothing, not bounce", "aws sesv2 put-configuration-set-suppression-options")
    v2.put_configuration_set_sending_options(ConfigurationSetName=name, SendingEnabled=False)
    yield Fault("is paused, and nothing says why", f"ses-feedback resume {NEWS} --why")


def of_identities(loop: Loop) -> Iterator[Fault]:
    """One that vanished, one that is wired to somebody else, one that is not signed any more."""
    ses, v2, sns = (loop.cloud.client(service) for service in ("ses", "sesv2", "sns"))
    v2.delete_email_identity(EmailIdentity=DEV)
    yield Fault(f"{DEV} is not verified on its own in {loop.cloud.region} (no identity)", "create-email-identity")
    theirs = sns.create_topic(Name="theirs")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": theirs}]})
    sns.set_topic_attributes(TopicArn=theirs, AttributeName="Policy", AttributeValue=policy)
    for kind in ("Bounce", "Complaint"):
        ses.set_identity_notification_topic(Identity=STAGING, NotificationType=kind, SnsTopic=theirs)
    yield Fault(f"somebody else's topics are set: Bounce to {theirs}, Complaint", "--notification-type Complaint")
    v2.create_configuration_set(ConfigurationSetName="theirs")
    v2.put_email_identity_configuration_set_attributes(EmailIdentity=NEWS, ConfigurationSetName="theirs")
    yield Fault("the default configuration set is theirs", "put-email-identity-configuration-set-attributes")
    v2.put_email_identity_dkim_attributes(EmailIdentity=SHOP, SigningEnabled=False)
    yield Fault("its mail is not signed with DKIM", "aws sesv2 put-email-identity-dkim-attributes")


def of_subscriptions(loop: Loop) -> Iterator[Fault]:
    """Whoever records, counts, archives and is told, each deleted once."""
    sns = loop.cloud.client("sns")
    bounces = loop.topic("bounce", SHOP)
    for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=bounces):
        for one in page["Subscriptions"]:
            sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    for whose, protocol in (
        ("recording", "lambda"),
        ("counting", "sqs"),
        ("archiving", "firehose"),
        ("digests of team customer-service", "sqs"),
    ):
        yield Fault(f"{whose} is not subscribed to {bounces.rpartition(':')[2]}: ", f"--protocol {protocol}")
    for topic in (naming.on_call_text_topic_name(loop.name, "page"), naming.digest_topic_name(loop.name, "marketing")):
        arn = f"arn:aws:sns:{loop.cloud.region}:{ACCOUNT}:{topic}"
        (one,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
        yield Fault(f"is not subscribed to {topic}: email ", "--protocol email")


def of_queues(loop: Loop) -> Iterator[Fault]:
    """Dead letters of what could not be recorded, and of what could not be counted."""
    sqs = loop.cloud.client("sqs")
    for name, queue in (
        ("dead-letters", naming.dead_letter_queue_name(loop.name)),
        ("tally", naming.tally_dead_letter_queue_name(loop.name)),
    ):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        dead = messages.posted(loop.topic("bounce", SHOP), messages.bounce(SHOP, messages.someone("dead")))
        sqs.send_message(QueueUrl=url, MessageBody=dead)
        yield Fault(f" in {queue}", f"ses-feedback redrive {name}")


def of_alarms(loop: Loop) -> Iterator[Fault]:
    """The page that is on, a composite; one of the alarms that it is made of; and one that acts no more."""
    page, silent = naming.rates_alarm_name(loop.name, NEWS, "page"), naming.alarm_name(loop.name, "drift")
    for name in (page, naming.alarm_name(loop.name, naming.alarm_subject(NEWS), "bounce", "page", "slow")):
        yield Fault(f'the alarm "{name}" is on', "aws cloudwatch describe-alarms", shows=f'"AlarmName": "{name}"')
    loop.cloud.client("cloudwatch").disable_alarm_actions(AlarmNames=[silent])
    yield Fault(f'the actions of the alarm "{silent}"', "ses-feedback doctor --fix")


SPOILERS: Final[tuple[Callable[[Loop], Iterator[Fault]], ...]] = (
    of_account,
    of_sets,
    of_identities,
    of_subscriptions,
    of_queues,
    of_alarms,
)


class Visit(NamedTuple):
    """What was spoiled, what doctor said of it, how its mends ended, and what it says afterwards."""

    faults: tuple[Fault, ...]
    found: Findings
    typed: Mapping[str, Done]
    left: Findings
    subscribed: tuple[Mapping[Any, Any], Mapping[Any, Any]]


@pytest.fixture(scope="module")
def visit(night: Night) -> Visit:
    """Spoil everything, ask doctor, type each command that it prints once, and ask again."""
    loop = night.loop
    before = subscriptions(loop)
    if not loop.ask("pauses", NEWS)[0]["resumed_at"]:
        loop.ask("resume", NEWS, "--why", "for the doctor's visit")
    faults = tuple(fault for spoil in SPOILERS for fault in spoil(loop))
    found = loop.ask("doctor")
    printed = dict.fromkeys(str(one["mend"]) for one in found if one["mend"])
    typed = {
        mend: night.shell.run(mend) for mend in sorted(printed, key=lambda mend: mend.startswith("ses-feedback doctor"))
    }
    return Visit(faults, found, typed, loop.ask("doctor"), (before, subscriptions(loop)))


def about(findings: Findings, fault: Fault) -> Findings:
    return [one for one in findings if fault.what in one["what"]]


def problems(visit: Visit, fault: Fault) -> Iterator[str]:
    """What is not as it should be about one fault, from its finding to what its mend left."""
    found = about(visit.found, fault)
    if len(found) != 1 or fault.mend not in (found[0]["mend"] or ""):
        yield f"found: {found}"
        return
    done = visit.typed[found[0]["mend"]]
    if done.code not in ({0, 1} if "doctor" in fault.mend else {0}) or fault.shows not in done.out:
        yield f"typed: {found[0]['mend']}: {done}"
    if bool(about(visit.left, fault)) is not bool(fault.shows):
        yield f"left: {about(visit.left, fault)}"


def test_each_fault_is_found_with_a_mend_that_works(visit: Visit) -> None:
    """One finding each; its command succeeds; afterwards it is not found, or the command has shown what it is."""
    assert len(visit.faults) > 15
    assert {fault.what: told for fault in visit.faults if (told := list(problems(visit, fault)))} == {}


def test_every_mend_that_is_printed_can_be_typed(visit: Visit) -> None:
    """Those of findings that nobody made here as well."""
    failed = {
        mend: str(done) for mend, done in visit.typed.items() if done.code and mend != "ses-feedback doctor --fix"
    }
    assert failed == {}


def test_a_subscription_that_is_made_anew_is_the_one_that_was(visit: Visit) -> None:
    """With its dead-letter queue, its filter, its role, and whether SNS wraps what it says."""
    before, after = visit.subscribed
    assert after == before


def test_what_is_left_is_what_needs_somebody_else(night: Night, visit: Visit) -> None:
    """The owner of a mailbox confirms it; then `doctor --fix` wires it, and nothing is wrong."""
    assert [one["path"] for one in visit.left if one["level"] == "wrong" and one["check"] == "verification"] == [
        f'identities."{DEV}"'
    ]
    night.loop.cloud.client("ses").verify_email_identity(EmailAddress=DEV)
    night.shell.run("ses-feedback doctor --fix")
    assert [one for one in night.loop.ask("doctor") if one["level"] == "wrong" and one["check"] not in WAITING] == []


WAITING: Final = ("queue", "quarantine")  # what earlier tests of this night put there
