"""A canary is one ordinary mail of its identity, and SES's refusals are told apart from its wish for fewer."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from ses_feedback.adapters.canary_mail import CanaryMail, sender
from ses_feedback.domain import canary
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.canaries import Refused
from ses_feedback.usecases.pacing import Throttled

TO = canary.recipient("ses-feedback", "bounce", 1_800_000_000_000)


@pytest.fixture
def stubbed() -> Any:
    """A client that checks requests against SES's model, and what answers it."""
    client = botocore.session.get_session().create_client(
        "sesv2", region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    with Stubber(client) as stubber:
        yield client, stubber


def test_the_request_is_one_that_ses_knows(stubbed: Any) -> None:
    """One recipient, no configuration set named, and a text that says what it is and how it is switched off."""
    client, stubber = stubbed
    asked: dict[str, Any] = {}
    client.meta.events.register("provide-client-params.sesv2", lambda params, **_: asked.update(params))
    stubber.add_response("send_email", {"MessageId": "0100-1"})
    CanaryMail(client, "ses-feedback").send("example.com", TO)
    assert asked["FromEmailAddress"] == "ses-feedback-canary@example.com"
    assert asked["Destination"] == {"ToAddresses": [TO]}
    assert set(asked) == {"FromEmailAddress", "Destination", "Content"}
    simple = asked["Content"]["Simple"]
    assert simple["Subject"]["Data"] == "Canary of ses-feedback"
    for words in ("example.com", "ses-feedback", "mailbox simulator", "canary = false"):
        assert words in simple["Body"]["Text"]["Data"]


def test_an_address_mails_from_itself() -> None:
    assert sender("dev@example.com") == "dev@example.com"
    assert sender("example.com") == "ses-feedback-canary@example.com"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 429, Throttled),
        ("ThrottlingException", 400, Throttled),
        ("LimitExceededException", 400, Throttled),
        ("InternalFailure", 500, RetryableError),
        ("MessageRejected", 400, Refused),
        ("SendingPausedException", 400, Refused),
        ("AccountSuspendedException", 400, Refused),
        ("MailFromDomainNotVerifiedException", 400, Refused),
        ("NotFoundException", 404, Refused),
        ("AccessDeniedException", 403, Refused),
    ],
)
def test_what_ses_answers(stubbed: Any, code: str, status: int, kind: type[Exception]) -> None:
    """A refusal keeps SES's words, which say what to mend; no error names the recipient."""
    client, stubber = stubbed
    stubber.add_client_error("send_email", code, "Sending is\n paused.", http_status_code=status)
    with pytest.raises(kind) as caught:
        CanaryMail(client, "ses-feedback").send("example.com", TO)
    assert type(caught.value) is kind
    assert code in str(caught.value)
    assert ("Sending is paused." in str(caught.value)) == (kind is Refused)
    assert TO not in str(caught.value)


def test_no_answer_is_retryable() -> None:
    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://email.us-east-1.amazonaws.com")

    with pytest.raises(RetryableError, match="EndpointConnectionError"):
        CanaryMail(SimpleNamespace(send_email=fail), "ses-feedback").send("example.com", TO)


def test_moto_takes_it(aws: Callable[..., Any]) -> None:
    """With the very client of the function: an identity that is verified sends, another does not."""
    client = aws("sesv2")
    client.create_email_identity(EmailIdentity="example.com")
    aws("ses").verify_domain_identity(Domain="example.com")
    CanaryMail(client, "ses-feedback").send("example.com", TO)
    assert aws("ses").get_send_quota()["SentLast24Hours"] == 1
    with pytest.raises(Refused, match=r"example\.org"):
        CanaryMail(client, "ses-feedback").send("example.org", TO)
