"""CloudFormation and names: what exists already, what is protected, what is taken back.

On AWS a resource whose name is taken cannot be created (CloudFormation user guide, "Name type"), a protected table and
a bucket that holds objects cannot be deleted, and a kept secret is imported by its ARN (its resource schema: `Id`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region
from ministack.services import (
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    firehose,
    iam,
    kms,
    lambda_svc,
    s3,
    secretsmanager,
    sns,
    sqs,
)
from ministack.services.cloudformation import changesets, provisioners

Properties = dict[str, Any]
_handlers = provisioners._RESOURCE_HANDLERS


def _topic(name: str) -> bool:
    return f"arn:aws:sns:{get_region()}:{get_account_id()}:{name}" in sns._topics


def _alias(name: str) -> bool:
    return kms._alias_arn(name) in kms._aliases


def _alarm(name: str) -> bool:
    return name in cloudwatch._alarms or name in cloudwatch._composite_alarms


# By type: the property that names it, and whether a name is taken. Buckets and parameters are refused by the emulator.
_NAMED: Final[Mapping[str, tuple[str, Callable[[str], bool]]]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", _alarm),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", _alarm),
    "AWS::CloudWatch::Dashboard": ("DashboardName", lambda name: name in cloudwatch._dashboards),
    "AWS::DynamoDB::Table": ("TableName", lambda name: name in dynamodb._tables),
    "AWS::IAM::Role": ("RoleName", lambda name: name in iam._roles),
    "AWS::KMS::Alias": ("AliasName", _alias),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName", lambda name: name in firehose._streams),
    "AWS::Lambda::Function": ("FunctionName", lambda name: name in lambda_svc._functions),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name: name in cloudwatch_logs._log_groups),
    "AWS::SNS::Topic": ("TopicName", _topic),
    "AWS::SQS::Queue": ("QueueName", lambda name: name in sqs._queue_name_to_url),
    "AWS::SecretsManager::Secret": ("Name", lambda name: name in secretsmanager._secrets),
}


def install() -> None:
    """Refuse what AWS refuses, and take back secrets."""
    for kind, (named, taken) in _NAMED.items():
        _refuse_taken(kind, named, taken)
    _before_delete("AWS::DynamoDB::Table", _protected)
    _before_delete("AWS::S3::Bucket", _holds_objects)
    _handlers["AWS::SecretsManager::Secret"]["import"] = _import_secret
    changesets._IMPORT_LOOKUPS["AWS::SecretsManager::Secret"] = (("Id",), _no_such_secret)


def _refuse_taken(kind: str, named: str, taken: Callable[[str], bool]) -> None:
    create = _handlers[kind]["create"]

    def created(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, Any]]:
        name = properties.get(named)
        if name and taken(name):
            raise ValueError(f"Resource of type '{kind}' with identifier '{name}' already exists.")
        return create(logical_id, properties, stack)

    _handlers[kind]["create"] = created


def _before_delete(kind: str, look: Callable[[str], None]) -> None:
    delete = _handlers[kind]["delete"]

    def deleted(physical_id: str, properties: Properties) -> None:
        look(physical_id)
        delete(physical_id, properties)

    _handlers[kind]["delete"] = deleted


def _protected(name: str) -> None:
    if str(dynamodb._tables.get(name, {}).get("DeletionProtectionEnabled")).lower() == "true":
        raise ValueError(f"{name} is protected against deletion. Disable deletion protection first.")


def _holds_objects(name: str) -> None:
    if s3._buckets.get(name, {}).get("objects"):
        raise ValueError("The bucket you tried to delete is not empty")


def _import_secret(identifier: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    name, secret = secretsmanager._resolve(identifier["Id"])
    return name, {"Id": secret["ARN"], "Arn": secret["ARN"]}


def _no_such_secret(arn: str) -> str | None:
    _name, secret = secretsmanager._resolve(arn)
    if secret is None:
        return "Secrets Manager can't find the specified secret."
    if secret.get("DeletedDate"):
        return "You can't perform this operation on the secret because it was marked for deletion."
    return None
