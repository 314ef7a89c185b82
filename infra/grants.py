"""What each function may do, as data: nothing else is granted, and tests compare it with the calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ses_feedback import naming

Resource = Literal[
    "table", "wiring table", "quarantine", "retry queue", "tally queue", "key by DynamoDB", "key by S3", "SES"
]


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on one resource. SES identities of the account cannot be told apart by these calls: they take ``*``."""

    resource: Resource
    actions: tuple[str, ...]


# What DynamoDB does with a customer managed key in the name of its caller (DynamoDB developer guide, `Authorizing use
# of your customer managed key`), written out because a wildcard would also cover calls of the future.
_KEY_BY_DYNAMODB: Final = Grant(
    "key by DynamoDB",
    (
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ),
)
_QUARANTINE: Final = (
    Grant("quarantine", ("s3:PutObject",)),
    Grant("key by S3", ("kms:GenerateDataKey", "kms:Decrypt")),
)
# What an event source mapping needs of its queue's consumer.
_CONSUME: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_RECORD: Final = (Grant("table", ("dynamodb:PutItem", "dynamodb:UpdateItem")), _KEY_BY_DYNAMODB, *_QUARANTINE)

GRANTS: Final[Mapping[str, tuple[Grant, ...]]] = {
    # SendMessage is Lambda's own, for the on-failure destination.
    naming.RECORD_FEEDBACK: (*_RECORD, Grant("retry queue", ("sqs:SendMessage",))),
    naming.RETRY_FEEDBACK: (*_RECORD, Grant("retry queue", (*_CONSUME, "sqs:ChangeMessageVisibility"))),
    naming.TALLY_FEEDBACK: (
        Grant("table", ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        _KEY_BY_DYNAMODB,
        *_QUARANTINE,
        Grant("tally queue", _CONSUME),
    ),
    naming.WIRE_IDENTITY: (
        Grant(
            "SES",
            (
                "ses:GetIdentityVerificationAttributes",
                "ses:GetIdentityNotificationAttributes",
                "ses:SetIdentityNotificationTopic",
                "ses:SetIdentityHeadersInNotificationsEnabled",
                "ses:SetIdentityFeedbackForwardingEnabled",
                "ses:GetEmailIdentity",
                "ses:PutEmailIdentityConfigurationSetAttributes",
            ),
        ),
        Grant("wiring table", ("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")),
        _KEY_BY_DYNAMODB,
    ),
    naming.CLAIM_TABLE: (Grant("table", ("dynamodb:GetItem", "dynamodb:UpdateItem")), _KEY_BY_DYNAMODB),
}
