"""AWS in memory, tapped where requests leave: who called what on which resource, with botocore's client or without."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.models import botocore_stubber

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.settings import Settings
from ses_feedback.usecases.wiring_ports import ConfigurationSetRejected, IdentityRejected, TopicRejected
from tests.infra.synthesis import ACCOUNT
from tests.unit.wiring.fakes import FakeSes

Call = tuple[str, str]
Answer = tuple[int, Any]

# The prefix of an IAM action, where it is not the name botocore has for the service (Service Authorization Reference).
_PREFIX = {"sesv2": "ses", "cloudwatch-logs": "logs", "secrets-manager": "secretsmanager"}
# Where an operation is allowed by an action of another name (the same reference).
_ALLOWED_BY = {"ListObjectsV2": "ListBucket", "TransactWriteItems": "PutItem"}


# Calls about one configuration set, which a policy can name.
_ON_SETS = {"GetConfigurationSet", "GetConfigurationSetEventDestinations", "PutConfigurationSetSendingOptions"}


class Tap:
    """Notes the calls of ``caller``; ``answers`` are given in place of AWS's, by operation, one a call.

    SES, whose settings moto knows in part only, is ``ses``. Nothing leaves the machine: moto answers the rest.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, region: str) -> None:
        self.region = region
        self.caller: str | None = None
        self.calls: dict[str, set[Call]] = {}
        self.answers: dict[str, list[Answer | None]] = {}
        self.ses = FakeSes()
        moto = BotocoreStubber.__call__

        def answer(stubber: Any, event_name: str, request: AWSPreparedRequest, **more: Any) -> Any:
            _, service, operation = event_name.split(".")
            if self.caller is not None:
                # A batch of SQS or SNS is allowed by the action of one (Service Authorization Reference).
                batch = service in ("sqs", "sns")
                name = operation.removesuffix("Batch") if batch else _ALLOWED_BY.get(operation, operation)
                action = f"{_PREFIX.get(service, service)}:{name}"
                resources = self._resources(service, operation, request)
                self.calls.setdefault(self.caller, set()).update((action, resource) for resource in resources)
            waiting = self.answers.get(operation)
            given = waiting.pop(0) if waiting else None
            if given is not None:
                return _response(request, *given)
            if service in ("ses", "sesv2"):
                return _response(request, *_ses(self.ses, service, operation, request))
            return moto(stubber, event_name, request, **more)

        def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
            """What is sent without a client, which moto would not see. What else got as far as this is a leak."""
            target = _text(request.headers["X-Amz-Target"])
            service, _, operation = target.partition(".")
            assert service == "DynamoDB_20120810", target
            answered: AWSResponse = botocore_stubber(f"before-send.dynamodb.{operation}", request)
            return answered

        monkeypatch.setattr(BotocoreStubber, "__call__", answer)
        monkeypatch.setattr(URLLib3Session, "send", send)

    def _resources(self, service: str, operation: str, request: AWSPreparedRequest) -> list[str]:
        if operation == "SendEmail":
            # Of the identity, and of the configuration set that is its default.
            sender = json.loads(_text(request.body))["FromEmailAddress"]
            ses = f"arn:aws:ses:{self.region}:{ACCOUNT}:"
            return [f"{ses}identity/{sender.rpartition('@')[2]}", f"{ses}configuration-set/of-{sender}"]
        if operation in _ON_SETS:
            return [f"arn:aws:ses:{self.region}:{ACCOUNT}:configuration-set/{_set(request)}"]
        if operation == "DeleteEmailIdentity":
            return [f"arn:aws:ses:{self.region}:{ACCOUNT}:identity/{_identity(request)}"]
        return [self._resource(service, request)]

    def _resource(self, service: str, request: AWSPreparedRequest) -> str:
        if service == "s3":
            host, _, path = request.url.removeprefix("https://").partition("/")
            bucket = f"arn:aws:s3:::{host.partition('.s3.')[0]}"
            return bucket if not path or path.startswith("?") else f"{bucket}/{path}"
        if service in ("ses", "sesv2"):
            return "*"  # as identities cannot be named in a policy for these actions
        if service == "cloudwatch":
            return "*"  # the calls made here take no resource in a policy
        if service == "sns":
            return parse_qs(_text(request.body))["TopicArn"][0]
        body = json.loads(_text(request.body))
        if service == "firehose":
            return f"arn:aws:firehose:{self.region}:{ACCOUNT}:deliverystream/{body['DeliveryStreamName']}"
        if service == "sqs":
            return f"arn:aws:sqs:{self.region}:{ACCOUNT}:{body['QueueUrl'].rpartition('/')[2]}"
        if service == "secrets-manager":
            return f"arn:aws:secretsmanager:{self.region}:{ACCOUNT}:secret:{body['SecretId']}-a1b2c3"
        if service == "cloudwatch-logs":
            return f"arn:aws:logs:{self.region}:{ACCOUNT}:log-group:{body['logGroupName']}:log-stream:"
        assert service == "dynamodb", service
        if "TransactItems" in body:
            (table,) = {action["Put"]["TableName"] for action in body["TransactItems"]}
        else:
            (table,) = [body["TableName"]] if "TableName" in body else body["RequestItems"]
        index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
        return f"arn:aws:dynamodb:{self.region}:{ACCOUNT}:table/{table}{index}"


def refusal(code: str) -> Answer:
    """Return what DynamoDB and SQS answer when they refuse a call."""
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "asked for by a test"}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _response(request: AWSPreparedRequest, status: int, body: Any) -> AWSResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return AWSResponse(request.url, status, {}, MockRawResponse(text))


def _ses(ses: FakeSes, service: str, operation: str, request: AWSPreparedRequest) -> Answer:
    try:
        return (_v1 if service == "ses" else _v2)(ses, operation, request)
    except TopicRejected as error:
        return _refused(service, "InvalidParameterValue", f"SNS topic is invalid: {error}")
    except IdentityRejected:
        code = "InvalidParameterValue" if service == "ses" else "NotFoundException"
        return _refused(service, code, "Identity is invalid. Must be a verified email address or domain.")
    except ConfigurationSetRejected as error:
        return _refused(service, "NotFoundException", str(error))
    except FeedbackError as error:
        return _refused(service, "InvalidParameterValue", str(error))


def _refused(service: str, code: str, message: str) -> Answer:
    if service == "sesv2":
        return 404, {"__type": code, "message": message}
    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    return 400, f"<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"


def _v1(ses: FakeSes, operation: str, request: AWSPreparedRequest) -> Answer:
    asked = {name: values[0] for name, values in parse_qs(_text(request.body)).items()}
    identity = asked.get("Identity", "")
    identities = [value for name, value in asked.items() if name.startswith("Identities.member.")]

    def notification_attributes() -> str:
        return _entries("NotificationAttributes", {name: _settings(ses.settings(name)) for name in identities})

    def verification_attributes() -> str:
        statuses = {name: ses.verification(name) for name in identities}
        found = {
            n: f"<VerificationStatus>{status}</VerificationStatus>" if status else "" for n, status in statuses.items()
        }
        return _entries("VerificationAttributes", found)

    done: dict[str, Callable[[], str | None]] = {
        "GetIdentityNotificationAttributes": notification_attributes,
        "GetIdentityVerificationAttributes": verification_attributes,
        "SetIdentityNotificationTopic": lambda: ses.set_topic(
            identity, asked["NotificationType"], asked.get("SnsTopic")
        ),
        "SetIdentityHeadersInNotificationsEnabled": lambda: ses.set_headers(
            identity, asked["NotificationType"], asked["Enabled"] == "true"
        ),
        "SetIdentityFeedbackForwardingEnabled": lambda: ses.set_forwarding(
            identity, asked["ForwardingEnabled"] == "true"
        ),
    }
    result = done[operation]() or ""
    return 200, f"<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"


def _entries(name: str, values: dict[str, str]) -> str:
    entries = (f"<entry><key>{key}</key><value>{value}</value></entry>" for key, value in values.items() if value)
    return f"<{name}>{''.join(entries)}</{name}>"


def _settings(found: Settings | None) -> str:
    if found is None:
        return ""
    fields = {f"{type_}Topic": topic for type_, topic in found.topics.items() if topic}
    fields |= {f"HeadersIn{t}NotificationsEnabled": str(on).lower() for t, on in found.headers.items()}
    fields["ForwardingEnabled"] = str(found.forwarding).lower()
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())


def _identity(request: AWSPreparedRequest) -> str:
    return unquote(str(request.url).partition("/identities/")[2].partition("/")[0])


def _set(request: AWSPreparedRequest) -> str:
    return unquote(str(request.url).partition("/configuration-sets/")[2].partition("/")[0])


def _v2(ses: FakeSes, operation: str, request: AWSPreparedRequest) -> Answer:
    identity = _identity(request)
    if operation == "GetEmailIdentity":
        tokens = [record.value.partition(".")[0] for record in ses.dkim(identity)]
        return 200, {"ConfigurationSetName": ses.configuration_set(identity), "DkimAttributes": {"Tokens": tokens}}
    if operation == "CreateEmailIdentity":
        ses.create(json.loads(_text(request.body))["EmailIdentity"])
        return 200, {}
    if operation == "DeleteEmailIdentity":
        ses.delete(identity)
        return 200, {}
    if operation == "GetConfigurationSetEventDestinations":
        return 200, {"EventDestinations": []}
    if operation == "GetConfigurationSet":
        return 200, {"SendingOptions": {"SendingEnabled": True}}
    if operation == "PutConfigurationSetSendingOptions":
        return 200, {}
    if operation == "SendEmail":
        return 200, {"MessageId": "0100-1"}
    if operation == "ListSuppressedDestinations":
        # One that the table lacks, and one that was released since.
        listed = [
            {"EmailAddress": f"{who}@example.net", "Reason": "BOUNCE", "LastUpdateTime": 1e9} for who in ("new", "back")
        ]
        return 200, {"SuppressedDestinationSummaries": listed}
    if operation in ("PutSuppressedDestination", "DeleteSuppressedDestination"):
        return 200, {}
    if operation == "CreateImportJob":
        return 200, {"JobId": "job-1"}
    if operation == "GetImportJob":
        return 200, {"JobStatus": "COMPLETED"}
    assert operation == "PutEmailIdentityConfigurationSetAttributes", operation
    ses.set_configuration_set(identity, json.loads(_text(request.body) or "{}").get("ConfigurationSetName"))
    return 200, {}
