"""SES: what is sent, what is refused, and what SES says about it: to identities, and to configuration sets."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.ses import TEXT, Channel, own_set, verified
from tests.e2e.gaps.template import REGION, create, resource

SIMULATOR = "simulator.amazonses.com"
ALL = (
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
)
VIRUS = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def test_both_versions_of_sending_publish_feedback_with_headers(cloud: Cloud) -> None:
    """SES v1 and v2 publish what the simulator does, with headers where asked for, after the setup message."""
    ses, domain = cloud.client("ses"), verified(cloud)
    channel = Channel(cloud, f"identity/{domain}")
    ses.set_identity_notification_topic(Identity=domain, NotificationType="Bounce", SnsTopic=channel.topic)
    ses.set_identity_headers_in_notifications_enabled(Identity=domain, NotificationType="Bounce", Enabled=True)
    channel.wait("setup", lambda m: m.get("notificationType") == "AmazonSnsSubscriptionSucceeded")
    ses.send_email(Source=f"a@{domain}", Destination={"ToAddresses": [f"bounce+one@{SIMULATOR}"]}, Message=TEXT)
    first = channel.wait("one", lambda m: "bounce+one" in str(m))
    assert (first["notificationType"], first["mail"]["commonHeaders"]["subject"]) == ("Bounce", "Hello")
    cloud.client("sesv2").send_email(
        FromEmailAddress=f"a@{domain}",
        Destination={"ToAddresses": [f"ooto+two@{SIMULATOR}"]},
        Content={"Simple": TEXT},
    )
    assert channel.wait("two", lambda m: "ooto+two" in str(m))["bounce"]["bounceType"] == "Transient"


def test_configuration_set_tells_what_readers_do(cloud: Cloud) -> None:
    """Send, delay, delivery, open, click and unsubscription, in the dialect of events, with the mail's tags."""
    name, channel = own_set(cloud, ALL)
    until("the setup message", lambda: channel.look() or channel.plain, seconds=20)
    assert channel.plain == ["Successfully validated SNS topic for Amazon SES event publishing."]
    cloud.client("sesv2").send_email(
        FromEmailAddress=f"a@{verified(cloud)}",
        Destination={"ToAddresses": ["anna+delayed+clicks+unsubscribes@readers.test"]},
        Content={"Simple": TEXT},
        ConfigurationSetName=name,
        EmailTags=[{"Name": "campaign", "Value": "spring"}],
    )
    assert channel.events(6) == ["Send", "DeliveryDelay", "Delivery", "Open", "Click", "Subscription"]
    _, delay, *_, click, subscription = channel.seen
    assert delay["deliveryDelay"]["delayedRecipients"][0]["status"] == "4.4.1"
    assert click["click"]["link"].startswith("https://")
    assert subscription["subscription"]["newTopicPreferences"]["unsubscribeAll"] is True
    assert click["mail"]["tags"]["campaign"] == ["spring"]
    assert click["mail"]["tags"]["ses:configuration-set"] == [name]
    assert click["mail"]["commonHeaders"]["subject"] == "Hello"


def test_configuration_set_tells_only_what_it_was_asked_for(cloud: Cloud) -> None:
    """A destination hears its own types, and nothing while it is disabled."""
    v2, domain = cloud.client("sesv2"), verified(cloud)
    name, channel = own_set(cloud, ["BOUNCE"])

    def send(label: str) -> None:
        v2.send_email(
            FromEmailAddress=f"a@{domain}",
            Destination={"ToAddresses": [f"bounce+{label}@{SIMULATOR}", f"success+{label}@{SIMULATOR}"]},
            Content={"Simple": TEXT},
            ConfigurationSetName=name,
        )

    def enable(enabled: bool) -> None:
        (now,) = v2.get_configuration_set_event_destinations(ConfigurationSetName=name)["EventDestinations"]
        assert now["Name"] == "channel"
        changed = {key: now[key] for key in ("MatchingEventTypes", "SnsDestination")} | {"Enabled": enabled}
        v2.update_configuration_set_event_destination(
            ConfigurationSetName=name, EventDestinationName="channel", EventDestination=changed
        )

    enable(False)
    send("unheard")
    enable(True)
    send("heard")
    assert channel.events(1) == ["Bounce"]
    assert "bounce+heard" in str(channel.seen)


def test_raw_mail_names_its_set_and_tags_in_headers(cloud: Cloud) -> None:
    """SES's own headers of raw mail are obeyed; a virus is accepted, then rejected."""
    name, channel = own_set(cloud, ALL)
    domain = verified(cloud)

    def send(text: str) -> None:
        raw = (
            f"From: a@{domain}\r\nTo: b+one@readers.test\r\nSubject: Raw\r\nX-SES-CONFIGURATION-SET: {name}\r\n"
            f"X-SES-MESSAGE-TAGS: campaign=spring, wave=2\r\n\r\n{text}\r\n"
        )
        cloud.client("ses").send_raw_email(RawMessage={"Data": raw.encode()})

    send("Hello")
    assert channel.events(2) == ["Send", "Delivery"]
    assert channel.seen[0]["mail"]["tags"]["wave"] == ["2"]
    send(VIRUS)
    assert channel.events(3)[2:] == ["Reject"]
    assert channel.seen[2]["reject"] == {"reason": "Bad content"}


@pytest.mark.parametrize("version", ["ses", "sesv2"])
def test_template_without_its_data_fails_after_it_was_accepted(cloud: Cloud, version: str) -> None:
    """SES takes the mail, then says which attribute the template's data lacks; nothing is sent."""
    name, channel = own_set(cloud, ALL)
    source, to = f"a@{verified(cloud)}", {"ToAddresses": ["b@readers.test"]}
    template = f"welcome-{version}"
    cloud.client("sesv2").create_email_template(
        TemplateName=template, TemplateContent={"Subject": "Hello {{name}}", "Text": "text"}
    )
    for data in ('{"name": "Anna"}', "{}"):
        if version == "ses":
            cloud.client("ses").send_templated_email(
                Source=source, Destination=to, Template=template, TemplateData=data, ConfigurationSetName=name
            )
        else:
            cloud.client("sesv2").send_email(
                FromEmailAddress=source,
                Destination=to,
                Content={"Template": {"TemplateName": template, "TemplateData": data}},
                ConfigurationSetName=name,
            )
    assert channel.events(3) == ["Send", "Delivery", "Rendering Failure"]
    failure = channel.seen[-1]["failure"]
    assert failure == {
        "errorMessage": "Attribute 'name' is not present in the rendering data.",
        "templateName": template,
    }


@pytest.mark.parametrize("default", [False, True])
def test_paused_or_deleted_set_refuses_mail(cloud: Cloud, default: bool) -> None:
    """Named in the mail or the identity's default: while it is paused, and when it is gone, both versions refuse."""
    v1, v2, domain = cloud.client("ses"), cloud.client("sesv2"), verified(cloud)
    name, _ = own_set(cloud, ["SEND"])
    named = {} if default else {"ConfigurationSetName": name}
    if default:
        v2.put_email_identity_configuration_set_attributes(EmailIdentity=domain, ConfigurationSetName=name)

    def send() -> None:
        to = {"ToAddresses": [f"success@{SIMULATOR}"]}
        with pytest.raises(ClientError) as first:
            v1.send_email(Source=f"a@{domain}", Destination=to, Message=TEXT, **named)
        with pytest.raises(ClientError) as second:
            v2.send_email(FromEmailAddress=f"a@{domain}", Destination=to, Content={"Simple": TEXT}, **named)
        said.append((first.value.response["Error"]["Code"], second.value.response["Error"]["Code"]))

    said: list[tuple[str, str]] = []
    v2.put_configuration_set_sending_options(ConfigurationSetName=name, SendingEnabled=False)
    send()
    v2.delete_configuration_set(ConfigurationSetName=name)
    send()
    assert said == [
        ("ConfigurationSetSendingPausedException", "SendingPausedException"),
        ("ConfigurationSetDoesNotExist", "NotFoundException"),
    ]


def test_set_of_a_template_has_its_options_and_a_pause_outlives_an_update(cloud: Cloud) -> None:
    """TLS, suppression and destinations are as the template says; what it does not say, sending, is left alone."""
    v2 = cloud.client("sesv2")
    stacks = cloud.client("cloudformation")
    channel = Channel(cloud, "configuration-set/of-template")

    def resources(tls: str) -> dict[str, object]:
        def destination(name: str, types: list[str], **to: object) -> dict[str, object]:
            content = {"Name": name, "Enabled": True, "MatchingEventTypes": types, **to}
            return resource(
                "SES::ConfigurationSetEventDestination",
                ConfigurationSetName={"Ref": "Set"},
                EventDestination=content,
            )

        dimension = {
            "DimensionName": "ses:configuration-set",
            "DimensionValueSource": "messageTag",
            "DefaultDimensionValue": "none",
        }
        return {
            "Set": resource(
                "SES::ConfigurationSet",
                Name="of-template",
                DeliveryOptions={"TlsPolicy": tls},
                SuppressionOptions={"SuppressedReasons": ["COMPLAINT"]},
                ReputationOptions={"ReputationMetricsEnabled": True},
            ),
            "ToTopic": destination(
                "topic", ["renderingFailure", "deliveryDelay", "send"], SnsDestination={"TopicARN": channel.topic}
            ),
            "ToMetrics": destination(
                "metrics", ["send"], CloudWatchDestination={"DimensionConfigurations": [dimension]}
            ),
        }

    assert create(cloud, "set", resources("OPTIONAL")) == "CREATE_COMPLETE"
    found = {
        d["Name"]: d["MatchingEventTypes"]
        for d in v2.get_configuration_set_event_destinations(ConfigurationSetName="of-template")["EventDestinations"]
    }
    assert found == {"topic": ["DELIVERY_DELAY", "RENDERING_FAILURE", "SEND"], "metrics": ["SEND"]}
    v2.send_email(
        FromEmailAddress=f"a@{verified(cloud)}",
        Destination={"ToAddresses": [f"success@{SIMULATOR}"]},
        Content={"Simple": TEXT},
        ConfigurationSetName="of-template",
    )
    assert channel.events(1) == ["Send"]
    metrics = cloud.client("cloudwatch").list_metrics(Namespace="AWS/SES", MetricName="Send")["Metrics"]
    dimensions = [{"Name": "ses:configuration-set", "Value": "of-template"}]
    assert dimensions in [m["Dimensions"] for m in metrics]
    v2.put_configuration_set_sending_options(ConfigurationSetName="of-template", SendingEnabled=False)
    stacks.update_stack(StackName="set", TemplateBody=json.dumps({"Resources": resources("REQUIRE")}))
    until(
        "the update",
        lambda: stacks.describe_stacks(StackName="set")["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE",
        seconds=20,
    )
    options = v2.get_configuration_set(ConfigurationSetName="of-template")
    assert options["DeliveryOptions"]["TlsPolicy"] == "REQUIRE"
    assert options["SuppressionOptions"]["SuppressedReasons"] == ["COMPLAINT"]
    assert options["SendingOptions"]["SendingEnabled"] is False


def test_destination_that_ses_may_not_publish_to_and_an_eleventh_one_are_refused(cloud: Cloud) -> None:
    """A topic's policy must name the set; a set has ten destinations at most."""
    v2 = cloud.client("sesv2")
    name, channel = own_set(cloud, ["SEND"])
    other = Channel(cloud, "configuration-set/other")

    def add(number: int, topic: str) -> None:
        v2.create_configuration_set_event_destination(
            ConfigurationSetName=name,
            EventDestinationName=f"number{number}",
            EventDestination={"Enabled": True, "MatchingEventTypes": ["SEND"], "SnsDestination": {"TopicArn": topic}},
        )

    for topic in (other.topic, f"arn:aws:sns:{REGION}:000000000000:nowhere"):
        with pytest.raises(ClientError, match=f"BadRequestException.*{topic}"):
            add(0, topic)
    for number in range(1, 10):
        add(number, channel.topic)
    with pytest.raises(ClientError, match="LimitExceededException"):
        add(10, channel.topic)


def test_account_keeps_and_consults_its_list_as_account_and_set_say(cloud: Cloud) -> None:
    """A hard bounce puts an address on the account's list, and the next mail to it is not sent, unless a set says
    otherwise; the simulator's addresses are never listed."""
    v2, domain, gone = cloud.client("sesv2"), verified(cloud), "gone@nowhere.invalid"
    name, channel = own_set(cloud, ["BOUNCE"])
    assert v2.get_account()["SuppressionAttributes"]["SuppressedReasons"] == ["BOUNCE", "COMPLAINT"]

    def subtypes(number: int) -> list[str]:
        channel.events(number)
        return [m["bounce"]["bounceSubType"] for m in channel.seen]

    def send(recipient: str) -> None:
        v2.send_email(
            FromEmailAddress=f"a@{domain}",
            Destination={"ToAddresses": [recipient]},
            Content={"Simple": TEXT},
            ConfigurationSetName=name,
        )

    send(gone)
    send(gone)
    send(f"bounce@{SIMULATOR}")
    assert subtypes(3) == ["General", "OnAccountSuppressionList", "General"]
    listed = [d["EmailAddress"] for d in v2.list_suppressed_destinations()["SuppressedDestinationSummaries"]]
    assert gone in listed and f"bounce@{SIMULATOR}" not in listed
    v2.put_configuration_set_suppression_options(ConfigurationSetName=name, SuppressedReasons=["COMPLAINT"])
    send(gone)
    assert subtypes(4)[3:] == ["General"]


def test_account_suppression_list_is_kept(cloud: Cloud) -> None:
    """Put, get, list and delete on the account's list."""
    v2 = cloud.client("sesv2")
    v2.put_suppressed_destination(EmailAddress="a@example.org", Reason="COMPLAINT")
    assert v2.get_suppressed_destination(EmailAddress="a@example.org")["SuppressedDestination"]["Reason"] == "COMPLAINT"
    found = v2.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]
    assert [entry["EmailAddress"] for entry in found] == ["a@example.org"]
    v2.delete_suppressed_destination(EmailAddress="a@example.org")
    with pytest.raises(ClientError, match="NotFoundException"):
        v2.get_suppressed_destination(EmailAddress="a@example.org")


def test_account_settings_are_kept_and_obeyed(cloud: Cloud) -> None:
    """Sending switched off refuses every mail, by both versions; suppression reasons and the sandbox are shown."""
    v1, v2 = cloud.client("ses"), cloud.client("sesv2")
    source, to = f"a@{verified(cloud)}", {"ToAddresses": [f"success@{SIMULATOR}"]}
    v2.put_account_sending_attributes(SendingEnabled=False)
    v2.put_account_suppression_attributes(SuppressedReasons=["COMPLAINT"])
    try:
        account = v2.get_account()
        assert (account["SendingEnabled"], account["ProductionAccessEnabled"]) == (False, True)
        assert account["EnforcementStatus"] == "HEALTHY"
        assert account["SuppressionAttributes"]["SuppressedReasons"] == ["COMPLAINT"]
        with pytest.raises(ClientError, match="AccountSendingPausedException"):
            v1.send_email(Source=source, Destination=to, Message=TEXT)
        with pytest.raises(ClientError, match="SendingPausedException"):
            v2.send_email(FromEmailAddress=source, Destination=to, Content={"Simple": TEXT})
    finally:
        v1.update_account_sending_enabled(Enabled=True)
        v2.put_account_suppression_attributes(SuppressedReasons=["BOUNCE", "COMPLAINT"])
    v2.send_email(FromEmailAddress=source, Destination=to, Content={"Simple": TEXT})


def test_default_set_of_an_identity_is_kept_and_applies(cloud: Cloud) -> None:
    """A default applies to mail that names no set, one named in the mail wins, and it can be cleared."""
    v2, domain = cloud.client("sesv2"), verified(cloud)
    (default, usual), (other, special) = own_set(cloud, ["SEND"]), own_set(cloud, ["SEND"])
    v2.put_email_identity_configuration_set_attributes(EmailIdentity=domain, ConfigurationSetName=default)
    assert v2.get_email_identity(EmailIdentity=domain)["ConfigurationSetName"] == default
    for named in ({}, {"ConfigurationSetName": other}):
        cloud.client("ses").send_email(
            Source=f"a@{domain}", Destination={"ToAddresses": ["a@example.org"]}, Message=TEXT, **named
        )
    assert (usual.events(1), special.events(1)) == (["Send"], ["Send"])
    v2.put_email_identity_configuration_set_attributes(EmailIdentity=domain)
    assert "ConfigurationSetName" not in v2.get_email_identity(EmailIdentity=domain)
    with pytest.raises(ClientError, match="NotFoundException"):
        v2.put_email_identity_configuration_set_attributes(EmailIdentity=domain, ConfigurationSetName="nowhere")
