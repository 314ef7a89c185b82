"""The SES inventory: what goes over the wire, validated against AWS's models, and what SES's errors become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from ses_feedback.adapters.ses_inventory import SesInventory
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.settings import Settings
from ses_feedback.usecases.checks.live import Account, Dkim, EventDestination, ListedIdentity, SetState
from ses_feedback.usecases.pacing import Throttled
from ses_feedback.usecases.wiring_ports import IdentityRejected
from tests.unit.wiring.test_ses_adapter import make

TOPIC = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce"
Stubs = tuple[SesInventory, Stubber, Stubber]


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    v1, v2 = make("ses"), make("sesv2")
    with Stubber(v1) as stub1, Stubber(v2) as stub2:
        yield SesInventory("ses-feedback", v1, v2), stub1, stub2
        stub1.assert_no_pending_responses()
        stub2.assert_no_pending_responses()


def test_verifications(stubs: Stubs) -> None:
    """In one request; what SES does not know is absent, and names compare in small letters."""
    ses, v1, _ = stubs
    answer = {"VerificationAttributes": {"Example.com": {"VerificationStatus": "Success"}}}
    v1.add_response("get_identity_verification_attributes", answer, {"Identities": ["example.com", "dev@example.com"]})
    assert ses.verifications(["example.com", "dev@example.com"]) == {"example.com": "Success"}


def test_settings(stubs: Stubs) -> None:
    """Absent topics and switches are none and off."""
    ses, v1, _ = stubs
    found = {
        "BounceTopic": TOPIC,
        "ComplaintTopic": "",
        "DeliveryTopic": "",
        "ForwardingEnabled": False,
        "HeadersInBounceNotificationsEnabled": True,
    }
    answer = {"NotificationAttributes": {"example.com": found}}
    v1.add_response("get_identity_notification_attributes", answer, {"Identities": ["example.com"]})
    assert ses.all_settings(["example.com"]) == {
        "example.com": Settings(
            topics={"Bounce": TOPIC, "Complaint": None, "Delivery": None},
            headers={"Bounce": True, "Complaint": False, "Delivery": False},
            forwarding=False,
        )
    }


def test_signing(stubs: Stubs) -> None:
    """Whether mail is signed, and SES's word for its records."""
    ses, v1, _ = stubs
    found = {"DkimEnabled": True, "DkimVerificationStatus": "TemporaryFailure"}
    v1.add_response(
        "get_identity_dkim_attributes", {"DkimAttributes": {"example.com": found}}, {"Identities": ["example.com"]}
    )
    assert ses.signing(["example.com"]) == {"example.com": Dkim(True, "TemporaryFailure")}


def test_default_set(stubs: Stubs) -> None:
    """One, none, and an identity that is not there."""
    ses, _, v2 = stubs
    asked = {"EmailIdentity": "example.com"}
    v2.add_response("get_email_identity", {"ConfigurationSetName": "own"}, asked)
    assert ses.default_set("example.com") == "own"
    v2.add_response("get_email_identity", {}, asked)
    assert ses.default_set("example.com") is None
    v2.add_client_error("get_email_identity", "NotFoundException", "no", 404, expected_params=asked)
    with pytest.raises(IdentityRejected, match=r"example\.com"):
        ses.default_set("example.com")


def test_listed_pages(stubs: Stubs) -> None:
    """A page at a time, as large as SES gives them."""
    ses, _, v2 = stubs
    first = [
        {"IdentityName": "Example.com", "VerificationStatus": "SUCCESS"},
        {"IdentityName": "new@example.com", "VerificationStatus": "PENDING"},
    ]
    v2.add_response("list_email_identities", {"EmailIdentities": first, "NextToken": "2"}, {"PageSize": 1_000})
    assert ses.listed(None) == (
        [ListedIdentity("example.com", True), ListedIdentity("new@example.com", False)],
        "2",
    )
    second = [{"IdentityName": "b.example.com", "VerificationStatus": "TEMPORARY_FAILURE"}]
    v2.add_response("list_email_identities", {"EmailIdentities": second}, {"PageSize": 1_000, "NextToken": "2"})
    assert ses.listed("2") == ([ListedIdentity("b.example.com", True)], None)


def test_account(stubs: Stubs) -> None:
    """Sandbox, sending, enforcement, and what SES suppresses."""
    ses, _, v2 = stubs
    v2.add_response(
        "get_account",
        {
            "ProductionAccessEnabled": True,
            "SendingEnabled": True,
            "EnforcementStatus": "PROBATION",
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE"]},
        },
        {},
    )
    assert ses.account() == Account(True, True, "PROBATION", frozenset({"BOUNCE"}))
    v2.add_response("get_account", {"ProductionAccessEnabled": False, "SendingEnabled": False}, {})
    assert ses.account() == Account(False, False, "", frozenset())


def test_a_configuration_set(stubs: Stubs) -> None:
    """An empty list of reasons is for none, an absent one leaves it to the account."""
    ses, _, v2 = stubs
    asked = {"ConfigurationSetName": "own"}
    found: dict[str, Any] = {
        "SendingOptions": {"SendingEnabled": False},
        "ReputationOptions": {"ReputationMetricsEnabled": True},
        "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
        "SuppressionOptions": {"SuppressedReasons": []},
    }
    v2.add_response("get_configuration_set", found, asked)
    assert ses.set_state("own") == SetState(False, True, "REQUIRE", frozenset())
    v2.add_response("get_configuration_set", {"ConfigurationSetName": "own"}, asked)
    assert ses.set_state("own") == SetState(True, False, "OPTIONAL", None)
    v2.add_client_error("get_configuration_set", "NotFoundException", "no", 404, expected_params=asked)
    assert ses.set_state("own") is None


DESTINATIONS = [
    {
        "Name": "cloudwatch",
        "Enabled": True,
        "MatchingEventTypes": ["SEND"],
        "CloudWatchDestination": {
            "DimensionConfigurations": [
                {
                    "DimensionName": "ses:configuration-set",
                    "DimensionValueSource": "MESSAGE_TAG",
                    "DefaultDimensionValue": "own",
                }
            ]
        },
    },
    {"Name": "reject", "Enabled": False, "MatchingEventTypes": ["REJECT"], "SnsDestination": {"TopicArn": TOPIC}},
]


def test_event_destinations(stubs: Stubs) -> None:
    """Where events go, and of a set that is not there nothing."""
    ses, _, v2 = stubs
    asked = {"ConfigurationSetName": "own"}
    v2.add_response("get_configuration_set_event_destinations", {"EventDestinations": DESTINATIONS}, asked)
    assert ses.event_destinations("own") == (
        EventDestination("cloudwatch", True, frozenset({"SEND"}), cloudwatch=True),
        EventDestination("reject", False, frozenset({"REJECT"}), TOPIC),
    )
    v2.add_client_error(
        "get_configuration_set_event_destinations", "NotFoundException", "no", 404, expected_params=asked
    )
    assert ses.event_destinations("own") is None


def test_an_event_destination_is_switched_on_and_otherwise_left(stubs: Stubs) -> None:
    """SES replaces the whole definition, so all of it is sent back."""
    ses, _, v2 = stubs
    asked = {"ConfigurationSetName": "own"}
    v2.add_response("get_configuration_set_event_destinations", {"EventDestinations": DESTINATIONS}, asked)
    v2.add_response(
        "update_configuration_set_event_destination",
        {},
        {
            "ConfigurationSetName": "own",
            "EventDestinationName": "reject",
            "EventDestination": {
                "Enabled": True,
                "MatchingEventTypes": ["REJECT"],
                "SnsDestination": {"TopicArn": TOPIC},
            },
        },
    )
    ses.enable_destination("own", "reject")


def test_an_event_destination_that_has_gone_is_not_switched_on(stubs: Stubs) -> None:
    """One line, and no call that would change anything."""
    ses, _, v2 = stubs
    v2.add_response(
        "get_configuration_set_event_destinations", {"EventDestinations": []}, {"ConfigurationSetName": "own"}
    )
    with pytest.raises(PermanentError, match="own has no event destination reject any more"):
        ses.enable_destination("own", "reject")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, Throttled),
        ("TooManyRequestsException", 429, Throttled),
        ("ServiceUnavailable", 503, RetryableError),
        ("AccessDenied", 403, PermanentError),
        ("ExpiredToken", 403, PermanentError),
    ],
)
def test_errors(stubs: Stubs, code: str, status: int, kind: type[FeedbackError]) -> None:
    """What may be tried again is, what may not says which permission is missing."""
    ses, v1, _ = stubs
    v1.add_client_error("get_identity_verification_attributes", code, "User is not authorized", status)
    with pytest.raises(kind) as caught:
        ses.verifications(["example.com"])
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    if code == "AccessDenied":
        assert "ses:GetIdentityVerificationAttributes" in str(caught.value)


@mock_aws
def test_against_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as moto knows these calls: identities, whether they are verified, and configuration sets."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SES", "AWS_ENDPOINT_URL_SESV2"):
        monkeypatch.delenv(name, raising=False)
    v1, v2 = make("ses"), make("sesv2")
    ses = SesInventory("ses-feedback", v1, v2)
    v1.verify_domain_identity(Domain="example.com")
    assert ses.verifications(["example.com", "example.org"]) == {"example.com": "Success"}
    v2.create_configuration_set(ConfigurationSetName="own")
    assert ses.set_state("own") is not None
    names = [one.name for one in ses.listed(None)[0]]
    assert names == ["example.com"]
