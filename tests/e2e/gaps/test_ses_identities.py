"""SES: identities from creation to verification, and what an account lets be wired."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.e2e.gaps.ses import TEXT, Channel, verified
from tests.e2e.gaps.template import PREFIX


def test_unusable_identity_or_topic_is_refused_as_ses_does(cloud: Cloud) -> None:
    """Unknown and unverified identities, missing topics and topics that do not let SES publish are refused by name."""
    ses = cloud.client("ses")
    ses.verify_domain_identity(Domain="waiting.invalid")
    domain = verified(cloud)
    for identity, topic, said in (
        ("unknown.example", "t_feedback", "Must be a verified email address or domain"),
        ("waiting.invalid", "t_feedback", "Must be a verified email address or domain"),
        (domain, "t_nowhere", "Invalid SNS topic"),
        (domain, "t_closed", "not allowed to publish"),
    ):
        with pytest.raises(ClientError, match=f"InvalidParameterValue.*{said}"):
            ses.set_identity_notification_topic(Identity=identity, NotificationType="Bounce", SnsTopic=PREFIX + topic)
    with pytest.raises(ClientError, match="both Bounce and Complaint"):
        ses.set_identity_feedback_forwarding_enabled(Identity=domain, ForwardingEnabled=False)
    asked = ses.get_identity_verification_attributes(Identities=[domain, "waiting.invalid", "unknown.example"])
    states = {name: found["VerificationStatus"] for name, found in asked["VerificationAttributes"].items()}
    assert states == {domain: "Success", "waiting.invalid": "Pending"}


@pytest.mark.parametrize("what", ["notification", "verification"])
def test_more_than_a_hundred_identities_of_one_call_are_refused(cloud: Cloud, what: str) -> None:
    """A hundred are answered, known or not; one more is too many."""
    ask = getattr(cloud.client("ses"), f"get_identity_{what}_attributes")
    names = [f"n{number}.example" for number in range(101)]
    ask(Identities=names[:100])
    with pytest.raises(ClientError, match="101 identities"):
        ask(Identities=names)


def test_created_domain_is_pending_until_route_53_has_its_dkim_records(cloud: Cloud) -> None:
    """Three CNAME records, as CreateEmailIdentity's tokens spell them, verify a domain; two do not."""
    v2, dns, domain = cloud.client("sesv2"), cloud.client("route53"), "created.example.net"
    made = v2.create_email_identity(EmailIdentity=domain)
    assert (made["IdentityType"], made["VerifiedForSendingStatus"]) == ("DOMAIN", False)
    tokens = made["DkimAttributes"]["Tokens"]
    assert len(tokens) == 3
    zone = dns.create_hosted_zone(Name=domain, CallerReference="one")["HostedZone"]["Id"]

    def confirm(some: list[str]) -> str:
        for token in some:
            record = {
                "Name": f"{token}._domainkey.{domain}",
                "Type": "CNAME",
                "TTL": 300,
                "ResourceRecords": [{"Value": f"{token}.dkim.amazonses.com"}],
            }
            dns.change_resource_record_sets(
                HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
            )
        found = v2.get_email_identity(EmailIdentity=domain)
        assert found["VerifiedForSendingStatus"] == (found["DkimAttributes"]["Status"] == "SUCCESS")
        return str(found["VerificationStatus"])

    assert confirm(tokens[:2]) == "PENDING"
    with pytest.raises(ClientError, match=r"MessageRejected.*not verified"):
        cloud.client("ses").send_email(Source=f"a@{domain}", Destination={"ToAddresses": ["a@b.cd"]}, Message=TEXT)
    assert confirm(tokens[2:]) == "SUCCESS"
    cloud.client("ses").send_email(Source=f"a@{domain}", Destination={"ToAddresses": ["a@b.cd"]}, Message=TEXT)


def test_created_address_is_pending_until_its_owner_confirms(cloud: Cloud) -> None:
    """An address has no DKIM records; v1's VerifyEmailIdentity stands for the link in SES's mail."""
    v2, address = cloud.client("sesv2"), "created@example.net"
    assert "Tokens" not in v2.create_email_identity(EmailIdentity=address)["DkimAttributes"]
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        v2.create_email_identity(EmailIdentity=address)
    assert not v2.get_email_identity(EmailIdentity=address)["VerifiedForSendingStatus"]
    cloud.client("ses").verify_email_identity(EmailAddress=address)
    assert v2.get_email_identity(EmailIdentity=address)["VerifiedForSendingStatus"]


def test_both_versions_know_the_same_identities(cloud: Cloud) -> None:
    """Made by either version, an identity is listed by both, page by page, until either one deletes it."""
    v1, v2 = cloud.client("ses"), cloud.client("sesv2")
    first = verified(cloud)
    v2.create_email_identity(EmailIdentity="second.example.net")

    def known() -> dict[str, str]:
        found: dict[str, str] = {}
        token: dict[str, str] = {}
        while True:
            page = v2.list_email_identities(PageSize=1, **token)
            found |= {i["IdentityName"]: i["VerificationStatus"] for i in page["EmailIdentities"]}
            if "NextToken" not in page:
                return found
            token = {"NextToken": page["NextToken"]}

    listed = known()
    assert (listed[first], listed["second.example.net"]) == ("SUCCESS", "PENDING")
    assert {first, "second.example.net"} <= set(v1.list_identities()["Identities"])
    v2.delete_email_identity(EmailIdentity=first)
    v1.delete_identity(Identity="second.example.net")
    assert not {first, "second.example.net"} & (set(known()) | set(v1.list_identities()["Identities"]))
    with pytest.raises(ClientError, match="NotFoundException"):
        v2.get_email_identity(EmailIdentity=first)


def test_topic_that_ses_cannot_publish_to_is_dropped_and_feedback_comes_by_mail_again(cloud: Cloud) -> None:
    """After a failed publish, because of the policy or because the topic is gone, SES forgets the topic and says no
    word; e-mail forwarding is on again."""
    ses, domain = cloud.client("ses"), verified(cloud)
    channels = {kind: Channel(cloud, f"identity/{domain}") for kind in ("Bounce", "Complaint", "Delivery")}
    for kind, channel in channels.items():
        ses.set_identity_notification_topic(Identity=domain, NotificationType=kind, SnsTopic=channel.topic)
    ses.set_identity_feedback_forwarding_enabled(Identity=domain, ForwardingEnabled=False)

    def settings() -> dict[str, object]:
        found = ses.get_identity_notification_attributes(Identities=[domain])["NotificationAttributes"][domain]
        return dict(found)

    def send(recipient: str) -> None:
        to = {"ToAddresses": [f"{recipient}@simulator.amazonses.com"]}
        ses.send_email(Source=f"a@{domain}", Destination=to, Message=TEXT)

    channels["Delivery"].allow("identity/other.example")
    send("success")
    assert "DeliveryTopic" not in settings() and settings()["ForwardingEnabled"] is False
    channels["Bounce"].allow("identity/other.example")
    send("bounce")
    assert "BounceTopic" not in settings() and settings()["ForwardingEnabled"] is True
    cloud.client("sns").delete_topic(TopicArn=channels["Complaint"].topic)
    assert settings()["ComplaintTopic"] == channels["Complaint"].topic
    send("complaint")
    assert "ComplaintTopic" not in settings()
