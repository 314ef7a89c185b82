"""What a removed deployment left, as the file that `cdk import` wants: `python -m infra.kept FILE`.

Tables and buckets have names, the key and the secret have not: their identifiers end in what AWS drew. The tables know
their key, and the secret is found by its name. Reads the template in `cdk.out`, and of AWS only what describes things
(`cloudformation:DescribeStacks`, `dynamodb:DescribeTable`, `kms:DescribeKey`, `s3:ListBucket`,
`secretsmanager:DescribeSecret`). Nothing is changed in AWS.

Exit code 0: everything is there, and the file is written. 1: it is not, and standard error says what to do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import SynthError
from infra.main import CONFIG_ENV, DEFAULT_CONFIG
from ses_feedback import naming
from ses_feedback.config import ConfigError, load

ASSEMBLY: Final = Path("cdk.out")
Identifier = dict[str, str]
_MISSING: Final = {"ResourceNotFoundException", "404", "NoSuchBucket", "NotFoundException"}
# A stack whose creation, import or deletion failed holds nothing that could be used.
_HALF: Final = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
_TABLE, _BUCKET, _KEY, _SECRET = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::SecretsManager::Secret",
)


@dataclass(slots=True)
class Kept:
    """What was found, by logical id as `cdk import` names it, and in one line each what is in the way."""

    mapping: dict[str, Identifier] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)  # by name: how old, how full
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Account:
    """What an account says about single resources; ``None`` where there is none. Raises ``ClientError``."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.number = str(self._client("sts").get_caller_identity()["Account"])

    def _client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.region)

    def stack(self, name: str) -> str | None:
        """Return a stack's status."""
        try:
            return str(self._client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":  # the service's word for a stack that is not there
                raise
            return None

    def table(self, name: str) -> Mapping[str, Any] | None:
        """Return a table's description."""
        return self._unless_missing("dynamodb", "describe_table", "Table", TableName=name)

    def secret(self, name: str) -> Mapping[str, Any] | None:
        """Return a secret's description."""
        return self._unless_missing("secretsmanager", "describe_secret", None, SecretId=name)

    def key(self, arn: str) -> Mapping[str, Any] | None:
        """Return a key's description."""
        return self._unless_missing("kms", "describe_key", "KeyMetadata", KeyId=arn)

    def bucket(self, name: str) -> Mapping[str, Any] | None:
        """Return something of a bucket that is there."""
        return self._unless_missing("s3", "head_bucket", None, Bucket=name)

    def _unless_missing(self, service: str, call: str, member: str | None, **asked: str) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = getattr(self._client(service), call)(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None
        return answer if member is None else answer[member]


def find(template: Mapping[str, Any], account: Account) -> Kept:
    """Look for everything of a data stack's template that its removal keeps."""
    kept = Kept()
    keys: set[str] = set()
    declared = {i: r for i, r in template["Resources"].items() if r.get("DeletionPolicy", "").startswith("Retain")}
    for logical_id, resource in declared.items():
        properties = resource["Properties"]
        if resource["Type"] == _TABLE:
            name = properties["TableName"]
            table = account.table(name)
            if table is not None:
                kept.mapping[logical_id] = {"TableName": name}
                kept.tables[name] = (
                    f"made {table['CreationDateTime']:%Y-%m-%d %H:%M} with {table['ItemCount']} items some hours ago"
                )
                keys.add(table.get("SSEDescription", {}).get("KMSMasterKeyArn", f"none, says {name}"))
            else:
                kept.missing.append(f"table {name}")
        elif resource["Type"] == _BUCKET:
            name = _joined(properties["BucketName"], account.number)
            if account.bucket(name) is not None:
                kept.mapping[logical_id] = {"BucketName": name}
            else:
                kept.missing.append(f"bucket {name}")
        elif resource["Type"] == _SECRET:
            _secret(kept, logical_id, properties["Name"], account)
    (key_id,) = (i for i, r in declared.items() if r["Type"] == _KEY)
    _key(kept, key_id, keys, account)
    return kept


def _secret(kept: Kept, logical_id: str, name: str, account: Account) -> None:
    secret = account.secret(name)
    if secret is None:
        kept.missing.append(f"secret {name}")
        return
    if secret.get("DeletedDate"):
        kept.problems.append(
            f"secret {name} is being deleted; take it back: "
            f"aws secretsmanager restore-secret --region {account.region} --secret-id {name}"
        )
    kept.mapping[logical_id] = {"Id": secret["ARN"]}


def _key(kept: Kept, logical_id: str, arns: set[str], account: Account) -> None:
    if len(arns) != 1:
        if arns:
            kept.problems.append(f"the tables have different keys: {', '.join(sorted(arns))}")
        return
    (arn,) = arns
    key = account.key(arn)
    if key is None:
        kept.missing.append(f"key {arn}")
        return
    where = f"--region {account.region} --key-id {key['KeyId']}"
    if key["KeyState"] == "PendingDeletion":
        kept.problems.append(
            f"key {key['KeyId']} is being deleted; take it back: "
            f"aws kms cancel-key-deletion {where} && aws kms enable-key {where}"
        )
    elif key["KeyState"] != "Enabled":
        kept.problems.append(f"key {key['KeyId']} is {key['KeyState']}; enable it: aws kms enable-key {where}")
    kept.mapping[logical_id] = {"KeyId": key["KeyId"]}


def _joined(value: Any, account: str) -> str:
    """Return a bucket's name as the template has it: text, or text joined with the account's number."""
    if isinstance(value, str):
        return value
    parts: list[Any] = value["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else account for part in parts)


def why_not(kept: Kept, region: str) -> list[str]:
    """Return why nothing can be imported, one line each; empty where all is there."""
    if not kept.mapping:
        return ["nothing of this deployment is kept in this account and region: deploy it as a new one"]
    if not kept.missing:
        return kept.problems
    lines = [f"{what} is gone" for what in kept.missing]
    lines.append(
        "Only all of it together can be imported: bring back what was lost, a table from its backup, a bucket empty."
    )
    lines += kept.problems
    if kept.tables:
        lines.append("Unless a first deployment failed: what it left was never used, and its tables may go:")
    for name, about in kept.tables.items():
        lines.append(f"  {name}, {about}:")
        lines.append(
            f"    aws dynamodb update-table --region {region} --table-name {name} --no-deletion-protection-enabled"
        )
        lines.append(f"    aws dynamodb delete-table --region {region} --table-name {name}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; return the exit code. Raises nothing a user could cause."""
    options = argparse.ArgumentParser(prog="python -m infra.kept", description="what cdk import needs to know")
    options.add_argument("file", type=Path, help="the file to write, for cdk import --resource-mapping")
    options.add_argument("--config", type=Path, default=Path(os.environ.get(CONFIG_ENV) or DEFAULT_CONFIG))
    chosen = options.parse_args(arguments)
    try:
        _write(chosen.file, chosen.config)
    except ConfigError as error:
        _say(*error.problems)
    except (SynthError, OSError) as error:
        _say(str(error))
    except (BotoCoreError, ClientError) as error:
        _say(f"AWS: {error}")
    else:
        return 0
    return 1


def _write(file: Path, path: Path) -> None:
    config = load(path)
    stack, region = naming.data_stack(config.deployment.name), config.deployment.region
    template = ASSEMBLY / f"{stack}.template.json"
    if not template.exists():
        raise SynthError(f"{template}: not there; run `npx cdk synth --quiet` first, in this folder")
    account = Account(region)
    status = account.stack(stack)
    if status in _HALF:
        raise SynthError(f"stack {stack} is there, but failed ({status}); remove it first: npx cdk destroy {stack}")
    if status is not None:
        raise SynthError(f"stack {stack} is there ({status}) and has what it holds: there is nothing to import")
    kept = find(json.loads(template.read_text()), account)
    reasons = why_not(kept, region)
    if reasons:
        raise SynthError("\n".join(reasons))
    file.write_text(json.dumps(kept.mapping, indent=2) + "\n")
    _say(f"{len(kept.mapping)} resources are kept; next: npx cdk import {stack} --resource-mapping {file}")


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - what a command has to say


if __name__ == "__main__":
    sys.exit(main())
