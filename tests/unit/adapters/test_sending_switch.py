"""SES's switch: requests that SES's own model knows, and its refusals told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.stub import Stubber

from ses_feedback.adapters.on_call_topics import OnCallTopics
from ses_feedback.adapters.sending_switch import SesSwitch
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.usecases.pausing import Account

NAME = "ses-feedback-news-example-com-0a1b2c3d"


@pytest.fixture
def stubbed() -> Any:
    """A client that checks requests against SES's model, and what answers it."""
    client = botocore.session.get_session().create_client(
        "sesv2", region_name="us-east-1", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    )
    with Stubber(client) as stubber:
        yield client, stubber


@pytest.mark.parametrize("on", [True, False])
def test_a_set_is_turned(stubbed: Any, on: bool) -> None:
    """One set, one switch, nothing else of it."""
    client, stubber = stubbed
    expected = {"ConfigurationSetName": NAME, "SendingEnabled": on}
    stubber.add_response("put_configuration_set_sending_options", {}, expected)
    SesSwitch(client).turn(NAME, on=on)
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("answer", "on"),
    [
        ({"SendingOptions": {"SendingEnabled": True}}, True),
        ({"SendingOptions": {"SendingEnabled": False}}, False),
        ({"SendingOptions": {}}, True),
        ({}, True),
    ],
)
def test_whether_a_set_sends(stubbed: Any, answer: dict[str, Any], on: bool) -> None:
    """A set that says nothing of it was never paused."""
    client, stubber = stubbed
    stubber.add_response("get_configuration_set", answer, {"ConfigurationSetName": NAME})
    assert SesSwitch(client).is_on(NAME) is on


def test_a_set_that_is_not_there(stubbed: Any) -> None:
    client, stubber = stubbed
    stubber.add_client_error("get_configuration_set", "NotFoundException", http_status_code=404)
    assert SesSwitch(client).is_on(NAME) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"SendingEnabled": True, "EnforcementStatus": "HEALTHY"}, Account(True, "HEALTHY")),
        ({"SendingEnabled": False, "EnforcementStatus": "SHUTDOWN"}, Account(False, "SHUTDOWN")),
        ({}, Account(True, "")),
    ],
)
def test_the_state_of_the_account(stubbed: Any, answer: dict[str, Any], expected: Account) -> None:
    client, stubber = stubbed
    stubber.add_response("get_account", answer)
    assert SesSwitch(client).account() == expected


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 429, RetryableError),
        ("Throttling", 400, RetryableError),
        ("InternalServiceErrorException", 500, RetryableError),
        ("NotFoundException", 404, PermanentError),
        ("AccessDeniedException", 403, PermanentError),
        ("BadRequestException", 400, PermanentError),
    ],
)
@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("put_configuration_set_sending_options", lambda switch: switch.turn(NAME, on=False)),
        ("get_account", lambda switch: switch.account()),
    ],
)
def test_refusals_say_what_was_refused(
    stubbed: Any, operation: str, call: Callable[[SesSwitch], object], code: str, status: int, kind: type[FeedbackError]
) -> None:
    """Those that pass come back, the others do not; the cause stays, from which the command line says what to allow."""
    client, stubber = stubbed
    stubber.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(kind, match=code) as caught:
        call(SesSwitch(client))
    assert caught.value.__cause__ is not None


def test_on_call_is_told_through_the_topic_of_a_severity(aws: Callable[..., Any]) -> None:
    """As text, under a subject that mail shows."""
    sns, sqs = aws("sns"), aws("sqs")
    queue = sqs.create_queue(QueueName="on-call")["QueueUrl"]
    topic = sns.create_topic(Name="ses-feedback-on-call-page")["TopicArn"]
    arn = "arn:aws:sqs:us-east-1:123456789012:on-call"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    prefix = topic.removesuffix("ses-feedback-on-call-page")
    OnCallTopics(sns, deployment="ses-feedback", topics=prefix).tell("page", "PAUSED: a", "line\nline")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "line\nline"
    with pytest.raises(RetryableError, match="publishing to ses-feedback-on-call-warn: NotFound"):
        OnCallTopics(sns, deployment="ses-feedback", topics=prefix).tell("warn", "PAUSED: a", "line")
