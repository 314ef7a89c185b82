from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.adapters.troubles import Place, Trouble, describe, plainly
from ses_feedback.domain.errors import InvalidAddress, PermanentError, RetryableError

HERE = Place("ses-feedback", "eu-west-1")


def refused(code: str, operation: str = "BatchGetItem", message: str = "", status: int = 400) -> ClientError:
    """Return an error as AWS answers it."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            boto.NoCredentialsError(),
            "there are no AWS credentials: name a profile in AWS_PROFILE, or log in (aws sso login, aws configure)",
        ),
        (
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            "the AWS credentials are incomplete (Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY): "
            "set the key that is missing",
        ),
        (
            boto.ProfileNotFound(profile="prd"),
            "The config profile (prd) could not be found: "
            "set AWS_PROFILE to one of those that `aws configure list-profiles` names",
        ),
        (
            boto.UnauthorizedSSOTokenError(),
            "the AWS credentials cannot be had (The SSO session associated with this profile has expired or is "
            "otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile.): "
            "name a profile in AWS_PROFILE, or log in (aws sso login, aws configure)",
        ),
        (
            refused("ExpiredTokenException"),
            "the AWS credentials have expired (ExpiredTokenException): log in again (aws sso login), "
            "or renew AWS_SESSION_TOKEN",
        ),
        (
            refused("UnrecognizedClientException"),
            "AWS does not know these credentials in eu-west-1 (UnrecognizedClientException): check AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that the account has this region "
            "enabled",
        ),
        (
            refused("InvalidSignatureException", message="Signature expired: 20261124T050000Z is now earlier than …"),
            "AWS refuses the request's time (InvalidSignatureException): set this computer's clock right",
        ),
        (
            refused(
                "AccessDeniedException",
                message="User: arn:aws:iam::111122223333:user/ann is not authorized to perform: dynamodb:BatchGetItem "
                "on resource: arn:aws:dynamodb:eu-west-1:111122223333:table/ses-feedback-suppressions because no "
                "identity-based policy allows the dynamodb:BatchGetItem action",
            ),
            "AWS denies dynamodb:BatchGetItem in eu-west-1: allow arn:aws:iam::111122223333:user/ann the action "
            "dynamodb:BatchGetItem on arn:aws:dynamodb:eu-west-1:111122223333:table/ses-feedback-suppressions",
        ),
        (
            refused("AccessDeniedException", "GetSecretValue", "Access to KMS is not allowed"),
            "AWS denies kms:Decrypt in eu-west-1: allow these credentials the action kms:Decrypt "
            "(Access to KMS is not allowed)",
        ),
        (
            refused("AccessDenied", "DeleteSuppressedDestination", "no"),
            "AWS denies ses:DeleteSuppressedDestination in eu-west-1: allow these credentials the action "
            "ses:DeleteSuppressedDestination (no)",
        ),
        (
            refused("ResourceNotFoundException"),
            "there is no table ses-feedback-suppressions in eu-west-1 of this account: deploy first (cdk deploy), "
            "or is this the wrong account (AWS_PROFILE) or region (deployment.region)?",
        ),
        (
            refused("NoSuchBucket", "ListObjectsV2", status=404),
            'there is no quarantine of deployment "ses-feedback" in eu-west-1 of this account: deploy first '
            "(cdk deploy), or is this the wrong account (AWS_PROFILE) or region (deployment.region)?",
        ),
        (
            refused("AWS.SimpleQueueService.NonExistentQueue", "GetQueueUrl"),
            'there is no queue of deployment "ses-feedback" in eu-west-1 of this account: deploy first (cdk deploy), '
            "or is this the wrong account (AWS_PROFILE) or region (deployment.region)?",
        ),
        (
            refused("AccessDenied", "ListObjectsV2", "Access Denied", 403),
            "AWS denies s3:ListBucket in eu-west-1: allow these credentials the action s3:ListBucket (Access Denied)",
        ),
        (
            refused("SlowDown", "DeleteObject", status=503),
            "AWS is throttling s3:DeleteObject in eu-west-1 (SlowDown): try again in a moment",
        ),
        (
            refused("RequestThrottled", "SendMessageBatch"),
            "AWS is throttling sqs:SendMessage in eu-west-1 (RequestThrottled): try again in a moment",
        ),
        (
            refused("ProvisionedThroughputExceededException"),
            "AWS is throttling dynamodb:BatchGetItem in eu-west-1 (ProvisionedThroughputExceededException): "
            "try again in a moment",
        ),
        (
            refused("InternalServerError", "PutItem", status=500),
            "AWS fails at dynamodb:PutItem in eu-west-1 (InternalServerError): try again in a moment",
        ),
        (
            refused("ValidationException", "Query", "The table does not have the specified index: listing"),
            "the table in eu-west-1 was deployed by another version "
            "(The table does not have the specified index: listing): deploy again (cdk deploy)",
        ),
        (
            refused("BadRequestException", "DeleteSuppressedDestination", "Account is in\nthe sandbox"),
            "AWS refuses ses:DeleteSuppressedDestination in eu-west-1: BadRequestException: Account is in the sandbox",
        ),
        (
            boto.ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com/"),
            "AWS in eu-west-1 does not answer (Read timeout on endpoint URL: "
            '"https://dynamodb.eu-west-1.amazonaws.com/"): try again in a moment',
        ),
        (
            boto.NoRegionError(),
            "eu-west-1 is not a region AWS can be asked in (You must specify a region.): set deployment.region",
        ),
        (
            boto.SSLError(endpoint_url="https://x", error="self-signed certificate"),
            "no safe connection to AWS in eu-west-1: SSL validation failed for https://x self-signed certificate",
        ),
        (
            boto.ConfigParseError(path="/home/ann/.aws/config"),
            "AWS's own configuration cannot be read: Unable to parse config file: /home/ann/.aws/config",
        ),
        (
            boto.DataNotFoundError(data_path="x"),
            "AWS in eu-west-1 cannot be asked: DataNotFoundError: Unable to load data for: x",
        ),
    ],
)
def test_each_error_says_what_to_do(error: Any, said: str) -> None:
    """One line: what went wrong, where, and what would mend it."""
    assert describe(error, HERE) == said


def test_unreachable_names_the_override_or_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """With AWS_ENDPOINT_URL set it is the likely culprit; without, the network or the region's name."""
    error = boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert describe(error, HERE) == (
        "nothing answers at http://127.0.0.1:4566/: is the AWS that AWS_ENDPOINT_URL names running (make local)?"
    )
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert describe(error, HERE) == (
        "nothing answers at http://127.0.0.1:4566/: is the network up, and is deployment.region, eu-west-1, "
        "the name of a region?"
    )


def test_the_cause_of_our_own_errors_is_told() -> None:
    """The table says only which code it was; the operator gets the whole."""
    with pytest.raises(Trouble, match="AWS is throttling"), plainly(HERE), aws_errors("reading suppressions"):
        raise refused("ThrottlingException")
    with pytest.raises(Trouble, match="there are no AWS credentials"), plainly(HERE):
        raise boto.NoCredentialsError


def test_what_may_pass_later_says_try_again() -> None:
    """A retryable error without a cause in AWS is told with what to do."""
    with pytest.raises(Trouble, match=r"^lost 3 races for one address; try again in a moment$"), plainly(HERE):
        raise RetryableError("lost 3 races for one address")


@pytest.mark.parametrize("error", [PermanentError("deploy first"), InvalidAddress("no @"), ValueError("a bug")])
def test_errors_that_speak_for_themselves_pass(error: Exception) -> None:
    """Nothing else is renamed, bugs least of all."""
    with pytest.raises(type(error)) as caught, plainly(HERE):
        raise error
    assert caught.value is error
