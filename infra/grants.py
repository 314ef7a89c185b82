"""What each function may do, as data: nothing else is granted, and tests compare it with the calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ses_feedback import naming

Resource = Literal[
    "table",
    "wiring table",
    "canaries",
    "turns",
    "pauses",
    "digest queues",
    "digest topics",
    "quarantine",
    "archived feedback",
    "retry queue",
    "tally queue",
    "key by DynamoDB",
    "key by S3",
    "key by SNS",
    "SES",
    "SES under our tag",
    "SES identities of our tag",
    "canary senders",
    "canary sets",
    "own sets",
    "feedback topics",
    "on-call topics",
    "on-call texts",
    "page topic",
    "changes",
    "changed items",
    "ends",
    "changes topic",
    "archive stream",
    "archive names",
    "CloudWatch",
    "log of counting",
    "slots",
    "put notes",
    "listing",
    "sync objects",
    "sync folder",
    "claim",
    "secret",
    "key by SecretsManager",
]


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on one resource. SES identities of the account cannot be told apart by these calls: they take ``*``.

    ``SES under our tag`` makes identities that bear the deployment's tag, ``SES identities of our tag`` are these.

    ``turns`` are the wiring table's items of when teams were told, ``digest queues`` and ``digest topics`` all teams'.

    ``on-call texts`` are the topics of those on call who read text; ``CloudWatch`` is its alarms and metrics, which for
    these calls take ``*``; ``log of counting`` is the log group of the function that counts.

    ``pauses`` are its items of why identities are paused, ``page topic`` the on-call topic that pages.

    ``canaries`` are the wiring table's items of canaries and no other; ``canary senders`` and ``canary sets`` are any
    identity and configuration set, for mail to the simulator under this deployment's label and no other.

    ``changes`` are the stream of the suppression table, ``changed items`` that table, ``ends`` the table of ends that
    come, ``changes topic`` the one that tells of changes, ``archive names`` those of what Firehose delivered
    and what it failed on.

    ``slots`` is the wiring table's item of when SES may be called, ``put notes`` those of what we put there;
    ``listing`` is the suppression table's index; ``sync objects`` are a folder of the archive.

    ``claim`` is the suppression table's one item that is no address, ``secret`` what addresses are keyed under.

    ``own sets`` are the deployment's configuration sets; ``feedback topics`` are those of identities, and of digests.
    """

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
# Where it is noted that a canary came back.
_CANARIES: Final = Grant("canaries", ("dynamodb:UpdateItem",))
_RECORD: Final = (
    # GetItem compares the secret with the table's claim.
    Grant("table", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
    _CANARIES,
    _KEY_BY_DYNAMODB,
    *_QUARANTINE,
)

# What wiring calls, whether CloudFormation or the hourly check asks for it.
_WIRE: Final = Grant(
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
)

GRANTS: Final[Mapping[str, tuple[Grant, ...]]] = {
    # SendMessage is Lambda's own, for the on-failure destination.
    naming.RECORD_FEEDBACK: (*_RECORD, Grant("retry queue", ("sqs:SendMessage",))),
    naming.RETRY_FEEDBACK: (*_RECORD, Grant("retry queue", (*_CONSUME, "sqs:ChangeMessageVisibility"))),
    naming.TALLY_FEEDBACK: (
        Grant("table", ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        _CANARIES,
        _KEY_BY_DYNAMODB,
        *_QUARANTINE,
        Grant("tally queue", _CONSUME),
    ),
    naming.WIRE_IDENTITY: (
        _WIRE,
        Grant("SES under our tag", ("ses:CreateEmailIdentity", "ses:TagResource")),
        Grant("SES identities of our tag", ("ses:DeleteEmailIdentity",)),
        Grant("wiring table", ("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")),
        _KEY_BY_DYNAMODB,
    ),
    naming.CHECK_LOOP: (
        _WIRE,
        Grant("own sets", ("ses:GetConfigurationSetEventDestinations",)),
        Grant("feedback topics", ("sns:ListSubscriptionsByTopic",)),
        Grant("on-call topics", ("sns:ListSubscriptionsByTopic",)),
        Grant("changes topic", ("sns:ListSubscriptionsByTopic",)),
        Grant("archive names", ("s3:ListBucket",)),
        Grant("wiring table", ("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")),
        Grant("claim", ("dynamodb:GetItem",)),
        _KEY_BY_DYNAMODB,
        Grant("secret", ("secretsmanager:GetSecretValue",)),
        Grant("key by SecretsManager", ("kms:Decrypt",)),
    ),
    naming.CLAIM_TABLE: (Grant("table", ("dynamodb:GetItem", "dynamodb:UpdateItem")), _KEY_BY_DYNAMODB),
    naming.SEND_CANARIES: (
        Grant("wiring table", ("dynamodb:BatchGetItem",)),
        _CANARIES,
        _KEY_BY_DYNAMODB,
        Grant("canary senders", ("ses:SendEmail",)),
        Grant("canary sets", ("ses:SendEmail",)),
    ),
    naming.TELL_TEAMS: (
        Grant("table", ("dynamodb:GetItem", "dynamodb:BatchGetItem")),
        Grant("turns", ("dynamodb:BatchGetItem", "dynamodb:UpdateItem")),
        _KEY_BY_DYNAMODB,
        *_QUARANTINE,
        # Batches are allowed by the action of one (Service Authorization Reference, SQS).
        Grant("digest queues", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")),
        Grant("digest topics", ("sns:Publish",)),
        # To publish to an encrypted topic (SNS developer guide, key management).
        Grant("key by SNS", ("kms:GenerateDataKey", "kms:Decrypt")),
    ),
    naming.BREAK_CIRCUIT: (
        Grant("pauses", ("dynamodb:BatchGetItem", "dynamodb:PutItem")),
        _KEY_BY_DYNAMODB,
        Grant("own sets", ("ses:GetConfigurationSet", "ses:PutConfigurationSetSendingOptions")),
        Grant("page topic", ("sns:Publish",)),
        Grant("key by SNS", ("kms:GenerateDataKey", "kms:Decrypt")),
    ),
    naming.WRITE_ARCHIVE: (),  # Firehose hands it what to write, and takes it back
    naming.ANNOUNCE_CHANGES: (
        # What an event source mapping needs of a table's stream (Lambda developer guide, `Using Lambda with DynamoDB`).
        Grant(
            "changes",
            ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
        ),
        Grant("changed items", ("dynamodb:BatchGetItem",)),
        Grant("ends", ("dynamodb:BatchWriteItem", "dynamodb:Query")),
        _KEY_BY_DYNAMODB,
        Grant("archive stream", ("firehose:PutRecordBatch",)),
        Grant("changes topic", ("sns:Publish",)),
        Grant("key by SNS", ("kms:GenerateDataKey", "kms:Decrypt")),
    ),
    naming.REPLAY_ARCHIVE: (
        Grant("table", ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        _KEY_BY_DYNAMODB,
        Grant("archived feedback", ("s3:GetObject",)),
        Grant("key by S3", ("kms:Decrypt",)),
    ),
    naming.ANSWER_LOOKUPS: (
        Grant("table", ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        _KEY_BY_DYNAMODB,
        # No resource in a policy (Service Authorization Reference, SES v2): a release, in every configured region.
        Grant("SES", ("ses:DeleteSuppressedDestination",)),
    ),
    # SNS confirms a subscription for whoever has its token: nothing to grant.
    naming.RECEIVE_POSTS: (
        Grant("table", ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        _KEY_BY_DYNAMODB,
        *_QUARANTINE,
    ),
    naming.SYNC_LISTS: (
        # GetItem reads the table's claim; a transaction is allowed by the actions in it.
        Grant("table", ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")),
        Grant("listing", ("dynamodb:Query",)),
        Grant("slots", ("dynamodb:GetItem", "dynamodb:UpdateItem")),
        Grant("put notes", ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")),
        _KEY_BY_DYNAMODB,
        Grant("sync folder", ("s3:ListBucket",)),
        Grant("sync objects", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
        Grant("key by S3", ("kms:GenerateDataKey", "kms:Decrypt")),
        Grant(
            "SES",
            (
                "ses:ListSuppressedDestinations",
                "ses:PutSuppressedDestination",
                "ses:DeleteSuppressedDestination",
                "ses:CreateImportJob",
                "ses:GetImportJob",
            ),
        ),
    ),
    # Publish is Lambda's own too, for the on-failure destination.
    naming.EXPLAIN_ALARM: (
        Grant("CloudWatch", ("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData")),
        Grant("log of counting", ("logs:FilterLogEvents",)),
        Grant("on-call texts", ("sns:Publish",)),
        Grant("key by SNS", ("kms:GenerateDataKey", "kms:Decrypt")),
    ),
}
