"""AWS's errors as one clear line for an operator: what went wrong, where, and what to do about it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback import naming
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError

# `Common Errors` of the IAM, DynamoDB, Secrets Manager and SES API references.
_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN_KEYS: Final = {
    *("AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "SignatureDoesNotMatch"),
    "UnrecognizedClientException",
}
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
_THROTTLED: Final = {
    *("LimitExceededException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled"),
    *("SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"),
}
# The IAM action that an operation needs (`Actions, resources, and condition keys for AWS services`).
_ACTIONS: Final = {
    "BatchGetItem": "dynamodb:BatchGetItem",
    "CreateQueue": "sqs:CreateQueue",
    "DeleteQueue": "sqs:DeleteQueue",
    "DescribeAlarmHistory": "cloudwatch:DescribeAlarmHistory",
    "GetMetricData": "cloudwatch:GetMetricData",
    "ListQueues": "sqs:ListQueues",
    "SendEmail": "ses:SendEmail",
    "SetAlarmState": "cloudwatch:SetAlarmState",
    "Subscribe": "sns:Subscribe",
    "Unsubscribe": "sns:Unsubscribe",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "DeleteObject": "s3:DeleteObject",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "DescribeStacks": "cloudformation:DescribeStacks",
    "EnableAlarmActions": "cloudwatch:EnableAlarmActions",
    "GetAccount": "ses:GetAccount",
    "GetAccountSettings": "lambda:GetAccountSettings",
    "GetFunctionConcurrency": "lambda:GetFunctionConcurrency",
    "GetConfigurationSet": "ses:GetConfigurationSet",
    "GetConfigurationSetEventDestinations": "ses:GetConfigurationSetEventDestinations",
    "GetEmailIdentity": "ses:GetEmailIdentity",
    "GetIdentityDkimAttributes": "ses:GetIdentityDkimAttributes",
    "GetIdentityNotificationAttributes": "ses:GetIdentityNotificationAttributes",
    "GetIdentityVerificationAttributes": "ses:GetIdentityVerificationAttributes",
    "ListEmailIdentities": "ses:ListEmailIdentities",
    "ListStackResources": "cloudformation:ListStackResources",
    "ListSubscriptionsByTopic": "sns:ListSubscriptionsByTopic",
    "UpdateConfigurationSetEventDestination": "ses:UpdateConfigurationSetEventDestination",
    "BatchWriteItem": "dynamodb:BatchWriteItem",
    "CreateImportJob": "ses:CreateImportJob",
    "DeleteSuppressedDestination": "ses:DeleteSuppressedDestination",
    "GetImportJob": "ses:GetImportJob",
    "ListSuppressedDestinations": "ses:ListSuppressedDestinations",
    "PutSuppressedDestination": "ses:PutSuppressedDestination",
    "GetCallerIdentity": "sts:GetCallerIdentity",
    "GetItem": "dynamodb:GetItem",
    "GetObject": "s3:GetObject",
    "GetQueryExecution": "athena:GetQueryExecution",
    "GetQueryResults": "athena:GetQueryResults",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "GetSecretValue": "secretsmanager:GetSecretValue",
    "ListObjectsV2": "s3:ListBucket",
    "Publish": "sns:Publish",
    "PutConfigurationSetSendingOptions": "ses:PutConfigurationSetSendingOptions",
    "PutItem": "dynamodb:PutItem",
    "PutObject": "s3:PutObject",
    "Query": "dynamodb:Query",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "SendMessageBatch": "sqs:SendMessage",
    "TransactWriteItems": "dynamodb:PutItem",
    "StartQueryExecution": "athena:StartQueryExecution",
    "StopQueryExecution": "athena:StopQueryExecution",
    "DescribeExecution": "states:DescribeExecution",
    "DescribeMapRun": "states:DescribeMapRun",
    "ListMapRuns": "states:ListMapRuns",
    "StartExecution": "states:StartExecution",
    "UpdateItem": "dynamodb:UpdateItem",
}
_NO_QUEUE: Final = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_NO_BUCKET: Final = "NoSuchBucket"
_NO_MACHINE: Final = "StateMachineDoesNotExist"
# By name: a botocore that an application brings along may be older than some of these (LoginError: 1.41).
_NO_LOGIN: Final = {"CredentialRetrievalError", "LoginError", "SSOError", "TokenRetrievalError"}
_LOGIN: Final = "name a profile in AWS_PROFILE, or log in (aws sso login, aws configure)"
# "User: ARN is not authorized to perform: ACTION on resource: ARN because …"; parts may be absent.
_NOT_AUTHORIZED: Final = re.compile(
    r"(?:User: (?P<who>\S+) is )?not authorized to perform: (?P<action>[\w:*-]+)(?: on resource: (?P<what>\S+))?"
)


class Place(NamedTuple):
    """Where a command works: the deployment's name and the region."""

    deployment: str
    region: str


class Trouble(FeedbackError):
    """What AWS refused, said to an operator in one line."""


class Lost(Trouble, PermanentError):
    """What a deployment cannot do without, and is not there or is another: no permission or patience brings it back."""


@contextmanager
def plainly(place: Place) -> Iterator[None]:
    """Turn whatever goes wrong with AWS inside the block into a ``Trouble``. Errors that speak for themselves pass."""
    try:
        yield
    except Trouble:
        raise
    except FeedbackError as error:
        cause = error.__cause__
        if isinstance(cause, BotoCoreError | ClientError):
            raise Trouble(describe(cause, place)) from error
        if isinstance(error, RetryableError):
            raise Trouble(one_line(f"{error}; try again in a moment")) from error
        raise
    except (BotoCoreError, ClientError) as error:
        raise Trouble(describe(error, place)) from error


def one_line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def describe(error: BotoCoreError | ClientError, place: Place) -> str:
    """Return one line that says what an error of botocore means and what to do."""
    said = _refusal(error, place) if isinstance(error, ClientError) else _failure(error, place)
    return one_line(said)


def is_missing(error: ClientError) -> bool:
    """Return whether a table or a secret is not there."""
    return code_of(error) == "ResourceNotFoundException"


def is_throttled(error: ClientError) -> bool:
    """Return whether AWS wants fewer calls."""
    return code_of(error) in _THROTTLED


def code_of(error: ClientError) -> str:
    """Return AWS's code of an error."""
    return str(error.response.get("Error", {}).get("Code") or "unknown")


def _refusal(error: ClientError, place: Place) -> str:  # noqa: PLR0911 - one line for each way to be refused
    code = code_of(error)
    message = str(error.response.get("Error", {}).get("Message") or "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    permission = _permission(error.operation_name)
    region = place.region
    if code == "RequestTimeTooSkewed" or "signature expired" in message.lower() or "not yet current" in message.lower():
        return f"AWS refuses the request's time ({code}): set this computer's clock right"
    if code in _EXPIRED:
        return f"the AWS credentials have expired ({code}): log in again (aws sso login), or renew AWS_SESSION_TOKEN"
    if code in _UNKNOWN_KEYS:
        return (
            f"AWS does not know these credentials in {region} ({code}): check AWS_PROFILE, or AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that the account has this region enabled"
        )
    if code in _DENIED:
        return _denial(message, permission, region)
    if code in _THROTTLED:
        return f"AWS is throttling {permission} in {region} ({code}): try again in a moment"
    missing = _missing(error, place)
    if missing:
        return (
            f"there is no {missing} in {region} of this account: deploy first "
            "(cdk deploy), or is this the wrong account (AWS_PROFILE) or region (deployment.region)?"
        )
    if status >= 500:
        return f"AWS fails at {permission} in {region} ({code}): try again in a moment"
    if "index" in message and error.operation_name == "Query":
        return f"the table in {region} was deployed by another version ({message}): deploy again (cdk deploy)"
    return f"AWS refuses {permission} in {region}: {code}: {message}"


def _missing(error: ClientError, place: Place) -> str | None:
    """Return what of a deployment is not there, or ``None`` where the error says something else."""
    code = code_of(error)
    if is_missing(error):
        return f"table {naming.table_name(place.deployment)}"
    if code in _NO_QUEUE:
        return f'queue of deployment "{place.deployment}"'
    if code == _NO_MACHINE:
        return f"state machine {naming.replay_machine_name(place.deployment)}"
    if code == _NO_BUCKET:
        return f'quarantine of deployment "{place.deployment}"'
    return None


def _denial(message: str, permission: str, region: str) -> str:
    found = _NOT_AUTHORIZED.search(message)
    if found:
        who = found["who"] or "these credentials"
        what = f" on {found['what']}" if found["what"] else ""
        return f"AWS denies {found['action']} in {region}: allow {who} the action {found['action']}{what}"
    if "KMS" in message:
        permission = "kms:Decrypt"
    return f"AWS denies {permission} in {region}: allow these credentials the action {permission} ({message})"


def _permission(operation: str) -> str:
    """Return the IAM action of an operation: ``dynamodb:GetItem``."""
    return _ACTIONS.get(operation, operation)


def _failure(error: BotoCoreError, place: Place) -> str:  # noqa: PLR0911 - one line for each way to fail
    reason = str(error)
    if isinstance(error, boto.NoCredentialsError):
        return f"there are no AWS credentials: {_LOGIN}"
    if isinstance(error, boto.PartialCredentialsError):
        return f"the AWS credentials are incomplete ({reason}): set the key that is missing"
    if isinstance(error, boto.ProfileNotFound):
        return f"{reason}: set AWS_PROFILE to one of those that `aws configure list-profiles` names"
    if _NO_LOGIN & {kind.__name__ for kind in type(error).__mro__}:
        return f"the AWS credentials cannot be had ({reason}): {_LOGIN}"
    if isinstance(error, boto.ConfigParseError | boto.ConfigNotFound):
        return f"AWS's own configuration cannot be read: {reason}"
    if isinstance(error, boto.NoRegionError | boto.InvalidRegionError):
        return f"{place.region} is not a region AWS can be asked in ({reason}): set deployment.region"
    if isinstance(error, boto.EndpointConnectionError | boto.ConnectTimeoutError | boto.ProxyConnectionError):
        return _unreachable(str(error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or "AWS"), place)
    if isinstance(error, boto.SSLError):
        return f"no safe connection to AWS in {place.region}: {reason}"
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return f"AWS in {place.region} does not answer ({reason}): try again in a moment"
    return f"AWS in {place.region} cannot be asked: {type(error).__name__}: {reason}"


def _unreachable(endpoint: str, place: Place) -> str:
    overrides = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))
    if overrides:
        return f"nothing answers at {endpoint}: is the AWS that {overrides[0]} names running (make local)?"
    return (
        f"nothing answers at {endpoint}: is the network up, and is deployment.region, {place.region}, "
        "the name of a region?"
    )
