"""The SES adapter: what goes over the wire, and what SES's errors become."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto import mock_aws

from ses_feedback.adapters.ses import SesIdentities
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.settings import NOTIFICATION_TYPES, Settings
from ses_feedback.usecases.pacing import Throttled
from ses_feedback.usecases.wiring_ports import (
    ConfigurationSetRejected,
    DkimRecord,
    IdentityRejected,
    NotPermitted,
    Rejected,
    TopicRejected,
)
from tests.unit.wiring.fakes import DKIM, IDENTITY, REGION, settings, topic

NOBODY = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
TOPIC = topic("ses-feedback_bounce")


@cache
def session() -> botocore.session.Session:
    """One session: it parses each service's model once."""
    return botocore.session.get_session()


def make(service: str, **more: Any) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=1)
    return session().create_client(service, REGION, config=config, **NOBODY, **more)


@pytest.fixture
def stubs() -> Iterator[tuple[SesIdentities, Stubber, Stubber]]:
    v1, v2 = make("ses"), make("sesv2")
    with Stubber(v1) as stub1, Stubber(v2) as stub2:
        yield SesIdentities(v1, v2), stub1, stub2
        stub1.assert_no_pending_responses()
        stub2.assert_no_pending_responses()


Stubs = tuple[SesIdentities, Stubber, Stubber]


def test_settings_are_read(stubs: Stubs) -> None:
    """All topics, headers and forwarding of one identity, from one request."""
    ses, v1, _ = stubs
    v1.add_response(
        "get_identity_notification_attributes",
        {
            "NotificationAttributes": {
                IDENTITY: {
                    "BounceTopic": TOPIC,
                    "ComplaintTopic": topic("c"),
                    "DeliveryTopic": "",
                    "HeadersInComplaintNotificationsEnabled": False,
                    "ForwardingEnabled": False,
                    "HeadersInBounceNotificationsEnabled": True,
                }
            }
        },
        {"Identities": [IDENTITY]},
    )
    assert ses.settings(IDENTITY) == settings(TOPIC, topic("c"), headers=["Bounce"], forwarding=False)


def test_an_identity_in_another_letter_case_is_found(stubs: Stubs) -> None:
    """SES may name the identity in its own letter case: the only entry is the answer."""
    ses, v1, _ = stubs
    v1.add_response(
        "get_identity_verification_attributes",
        {"VerificationAttributes": {"example.com": {"VerificationStatus": "Success"}}},
        {"Identities": ["Example.COM"]},
    )
    assert ses.verification("Example.COM") == "Success"


def test_an_unknown_identity_has_neither_settings_nor_verification(stubs: Stubs) -> None:
    """SES leaves out of its answer what it does not know."""
    ses, v1, _ = stubs
    v1.add_response("get_identity_notification_attributes", {"NotificationAttributes": {}}, {"Identities": [IDENTITY]})
    v1.add_response("get_identity_verification_attributes", {"VerificationAttributes": {}}, {"Identities": [IDENTITY]})
    assert ses.settings(IDENTITY) is None
    assert ses.verification(IDENTITY) is None


def test_changes_are_sent(stubs: Stubs) -> None:
    """Each change is one request; a topic or configuration set is cleared by leaving its name out."""
    ses, v1, v2 = stubs
    about = {"Identity": IDENTITY, "NotificationType": "Bounce"}
    v1.add_response("set_identity_notification_topic", {}, {**about, "SnsTopic": TOPIC})
    v1.add_response("set_identity_notification_topic", {}, about)
    v1.add_response("set_identity_headers_in_notifications_enabled", {}, {**about, "Enabled": True})
    v1.add_response("set_identity_feedback_forwarding_enabled", {}, {"Identity": IDENTITY, "ForwardingEnabled": False})
    put = "put_email_identity_configuration_set_attributes"
    v2.add_response(put, {}, {"EmailIdentity": IDENTITY, "ConfigurationSetName": "set-a"})
    v2.add_response(put, {}, {"EmailIdentity": IDENTITY})
    v2.add_response("get_email_identity", {"ConfigurationSetName": "set-a"}, {"EmailIdentity": IDENTITY})
    v2.add_response("get_email_identity", {}, {"EmailIdentity": IDENTITY})
    ses.set_topic(IDENTITY, "Bounce", TOPIC)
    ses.set_topic(IDENTITY, "Bounce", None)
    ses.set_headers(IDENTITY, "Bounce", True)
    ses.set_forwarding(IDENTITY, False)
    ses.set_configuration_set(IDENTITY, "set-a")
    ses.set_configuration_set(IDENTITY, None)
    assert ses.configuration_set(IDENTITY) == "set-a"
    assert ses.configuration_set(IDENTITY) is None


@pytest.mark.parametrize(
    ("code", "message", "status", "error", "says"),
    [
        ("Throttling", "Rate exceeded", 400, Throttled, "SES throttles SetIdentityNotificationTopic"),
        (
            "AccessDenied",
            "not authorized",
            403,
            NotPermitted,
            "role ses:SetIdentityNotificationTopic",
        ),
        ("InternalFailure", "", 500, RetryableError, "SES in us-east-1 failed at SetIdentityNotificationTopic"),
        (
            "InvalidParameterValue",
            "Identity topic.example.com is invalid. Must be a verified email address or domain.",
            400,
            IdentityRejected,
            "verify it in us-east-1 first",
        ),
        (
            "InvalidParameterValue",
            f"SNS topic <{TOPIC}> is invalid",
            400,
            TopicRejected,
            "a standard topic in us-east-1 whose policy, and whose key's policy, let ses.amazonaws.com publish",
        ),
        (
            "InvalidParameterValue",
            "no\nsuch thing",
            400,
            Rejected,
            "SES says InvalidParameterValue: no such thing",
        ),
    ],
)
def test_errors_say_what_to_do(
    stubs: Stubs, code: str, message: str, status: int, error: type[FeedbackError], says: str
) -> None:
    """Each of SES's errors becomes one line that names the call, the identity and the remedy."""
    ses, v1, _ = stubs
    v1.add_client_error("set_identity_notification_topic", code, message, http_status_code=status)
    with pytest.raises(FeedbackError) as caught:
        ses.set_topic(IDENTITY, "Bounce", TOPIC)
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_v2_errors(stubs: Stubs) -> None:
    """A missing set and a missing identity are told apart, and v2's names of throttling and denial are known."""
    ses, _, v2 = stubs
    put, get = "put_email_identity_configuration_set_attributes", "get_email_identity"
    v2.add_client_error(put, "NotFoundException", "none", http_status_code=404)
    v2.add_client_error(get, "NotFoundException", "none", http_status_code=404)
    v2.add_client_error(get, "TooManyRequestsException", "slow", http_status_code=429)
    v2.add_client_error(get, "AccessDeniedException", "no", http_status_code=403)
    with pytest.raises(ConfigurationSetRejected, match="no configuration set set-a in us-east-1"):
        ses.set_configuration_set(IDENTITY, "set-a")
    with pytest.raises(IdentityRejected, match=r"does not know example\.com in us-east-1"):
        ses.configuration_set(IDENTITY)
    with pytest.raises(Throttled):
        ses.configuration_set(IDENTITY)
    with pytest.raises(NotPermitted, match="ses:GetEmailIdentity"):
        ses.configuration_set(IDENTITY)


def test_an_identity_is_created_with_its_tag(stubs: Stubs) -> None:
    """One request, with the tag by which alone it may be deleted; one that exists is as good as created."""
    _, _, v2 = stubs
    ses = SesIdentities(make("ses"), v2.client, {"ses-feedback-deployment": "mail"})
    asked = {"EmailIdentity": IDENTITY, "Tags": [{"Key": "ses-feedback-deployment", "Value": "mail"}]}
    v2.add_response("create_email_identity", {"VerifiedForSendingStatus": False}, asked)
    v2.add_client_error("create_email_identity", "AlreadyExistsException", "exists", http_status_code=400)
    ses.create(IDENTITY)
    ses.create(IDENTITY)


def test_deleting_what_is_not_there_is_done(stubs: Stubs) -> None:
    """A repeated request after a lost answer finds nothing, and that is what was wanted."""
    ses, _, v2 = stubs
    v2.add_response("delete_email_identity", {}, {"EmailIdentity": IDENTITY})
    v2.add_client_error("delete_email_identity", "NotFoundException", "none", http_status_code=404)
    ses.delete(IDENTITY)
    ses.delete(IDENTITY)


@pytest.mark.parametrize(
    ("code", "status", "error", "says"),
    [
        ("LimitExceededException", 400, Rejected, r"does not create example\.com: SES says LimitExceededException"),
        ("BadRequestException", 400, Rejected, r"does not create example\.com"),
        ("ConcurrentModificationException", 409, RetryableError, "failed at CreateEmailIdentity"),
        ("TooManyRequestsException", 429, Throttled, "throttles CreateEmailIdentity"),
        ("AccessDeniedException", 403, NotPermitted, "ses:CreateEmailIdentity"),
    ],
)
def test_what_is_not_created(stubs: Stubs, code: str, status: int, error: type[FeedbackError], says: str) -> None:
    """A limit and a bad name are permanent, a busy SES is not."""
    ses, _, v2 = stubs
    v2.add_client_error("create_email_identity", code, "m", http_status_code=status)
    with pytest.raises(error, match=says) as caught:
        ses.create(IDENTITY)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("attributes", "records"),
    [
        ({"Tokens": ["t1", "t2", "t3"], "SigningAttributesOrigin": "AWS_SES"}, DKIM),
        (
            {"Tokens": ["t1"], "SigningHostedZone": "dkim.eu.example"},
            (("t1._domainkey.example.com", "t1.dkim.eu.example"),),
        ),
        ({"Tokens": ["selector"], "SigningAttributesOrigin": "EXTERNAL"}, ()),
        ({"SigningEnabled": False, "Status": "NOT_STARTED"}, ()),
        (None, ()),
    ],
)
def test_dkim_records(stubs: Stubs, attributes: dict[str, Any] | None, records: tuple[DkimRecord, ...]) -> None:
    """Three CNAMEs for easy DKIM, in the zone that SES names; none for a key of one's own, none without DKIM."""
    ses, _, v2 = stubs
    answer = {} if attributes is None else {"DkimAttributes": attributes}
    v2.add_response("get_email_identity", answer, {"EmailIdentity": IDENTITY})
    assert ses.dkim(IDENTITY) == records


def test_dkim_of_an_unknown_identity(stubs: Stubs) -> None:
    """SES answers that it knows none."""
    ses, _, v2 = stubs
    v2.add_client_error("get_email_identity", "NotFoundException", "none", http_status_code=404)
    with pytest.raises(IdentityRejected):
        ses.dkim(IDENTITY)


def test_no_answer_is_retryable() -> None:
    """A SES that cannot be reached may be reachable later."""
    nowhere = {"endpoint_url": "http://127.0.0.1:9"}
    ses = SesIdentities(make("ses", **nowhere), make("sesv2", **nowhere))
    with pytest.raises(RetryableError, match="did not answer GetIdentityNotificationAttributes: Endpoint"):
        ses.settings(IDENTITY)


def test_a_request_that_cannot_be_sent_is_permanent() -> None:
    """A parameter that botocore refuses is no reason to try again."""
    ses = SesIdentities(make("ses"), make("sesv2"))
    with pytest.raises(PermanentError, match=r"SetIdentityFeedbackForwardingEnabled for example\.com cannot be sent"):
        ses.set_forwarding(IDENTITY, "no")  # type: ignore[arg-type]


@mock_aws
def test_moto_takes_what_is_sent() -> None:
    """Against an implementation of the API: verification, topics set and cleared, forwarding off and back on."""
    v1 = make("ses")
    ses = SesIdentities(v1, make("sesv2"))
    v1.verify_domain_identity(Domain=IDENTITY)
    assert ses.verification(IDENTITY) == "Success"
    assert ses.settings(IDENTITY) == Settings()
    for type_ in NOTIFICATION_TYPES:
        ses.set_topic(IDENTITY, type_, TOPIC)
        ses.set_topic(IDENTITY, type_, None)
    ses.set_forwarding(IDENTITY, False)
    assert ses.settings(IDENTITY) == settings(forwarding=False)
    ses.set_forwarding(IDENTITY, True)
    assert ses.settings(IDENTITY) == Settings()


@mock_aws
@pytest.mark.parametrize("identity", [IDENTITY, "dev@example.com"])
def test_moto_creates_and_deletes(identity: str) -> None:
    """Against an implementation of the API: created with its tag, told its DKIM records, deleted, both also twice."""
    v2 = make("sesv2")
    ses = SesIdentities(make("ses"), v2, {"ses-feedback-deployment": "mail"})
    with pytest.raises(IdentityRejected):
        ses.dkim(identity)
    ses.create(identity)
    found = v2.get_email_identity(EmailIdentity=identity)
    assert found["Tags"] == [{"Key": "ses-feedback-deployment", "Value": "mail"}]
    tokens = found["DkimAttributes"].get("Tokens", [])
    assert [record.value for record in ses.dkim(identity)] == [f"{t}.dkim.amazonses.com" for t in tokens]
    ses.delete(identity)
    with pytest.raises(IdentityRejected):
        ses.dkim(identity)
