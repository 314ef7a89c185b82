"""ARNs of what has a fixed name, as text that CloudFormation completes with partition and account.

Stacks find each other's resources by name and never by export, so that any of them can be changed alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import aws_cdk as cdk

from ses_feedback import naming

ON_CALL_SEVERITIES: Final = ("page", "warn")


@cache
def sub(text: str) -> str:
    """Return a text in which CloudFormation fills in ``${AWS::Partition}`` and its like.

    Remembered: each call crosses into Node, and a thousand identities name the same few queues and functions.
    """
    return cdk.Fn.sub(text)


def _arn(service: str, region: str, resource: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:{region}:${{AWS::AccountId}}:{resource}"


def topic(region: str, name: str) -> str:
    """Return the ARN of an SNS topic, or of all topics a pattern matches."""
    return sub(_arn("sns", region, name))


def queue(region: str, name: str) -> str:
    """Return the ARN of an SQS queue."""
    return sub(_arn("sqs", region, name))


def queue_url(region: str, name: str) -> str:
    """Return the URL by which a queue is called."""
    return sub(f"https://sqs.{region}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/{name}")


def secret(region: str, name: str) -> str:
    """Return the ARN of a secret, whose last six letters Secrets Manager makes (its user guide, IAM policies)."""
    return sub(_arn("secretsmanager", region, f"secret:{name}-??????"))


def function(region: str, deployment: str, name: str) -> str:
    """Return the ARN of one of ``naming.FUNCTIONS``."""
    return sub(_arn("lambda", region, "function:" + naming.function_name(deployment, name)))


def api(region: str) -> str:
    """Return what the ARNs of calls of any API in API Gateway begin with; its id comes next."""
    return sub(_arn("execute-api", region, ""))


def delivery_stream(region: str, name: str) -> str:
    """Return the ARN of a Firehose stream."""
    return sub(_arn("firehose", region, "deliverystream/" + name))


def role(name: str) -> str:
    """Return the ARN of an IAM role of the account."""
    return sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}")


def archive(region: str, deployment: str, objects: str = "") -> str:
    """Return the ARN of the archive's bucket, or of its objects that a pattern such as ``/*`` matches."""
    name = naming.archive_bucket_name(deployment, "${AWS::AccountId}", region)
    return sub(f"arn:${{AWS::Partition}}:s3:::{name}{objects}")


def changes(region: str, table_name: str) -> str:
    """Return the ARN pattern of the streams a DynamoDB table has had: a stream is named by when it was made."""
    return sub(_arn("dynamodb", region, f"table/{table_name}/stream/*"))


def function_versions(region: str, deployment: str, name: str) -> str:
    """Return the ARN pattern of every version of one of ``naming.FUNCTIONS``."""
    return sub(_arn("lambda", region, "function:" + naming.function_name(deployment, name) + ":*"))


def table(region: str, name: str) -> str:
    """Return the ARN of a DynamoDB table."""
    return sub(_arn("dynamodb", region, "table/" + name))


def alarm(region: str, name: str) -> str:
    """Return the ARN of a CloudWatch alarm, or of all alarms a pattern matches."""
    return sub(_arn("cloudwatch", region, "alarm:" + name))


def log_streams(region: str, group: str) -> str:
    """Return the ARN pattern of every stream of a log group."""
    return sub(_arn("logs", region, f"log-group:{group}:*"))


def keys(region: str) -> str:
    """Return the ARN pattern of every KMS key here: a statement on it must name the alias it means."""
    return sub(_arn("kms", region, "key/*"))


def identity(region: str, name: str) -> str:
    """Return the ARN of an SES identity."""
    return sub(_arn("ses", region, "identity/" + name))


def configuration_set(region: str, name: str) -> str:
    """Return the ARN of an SES configuration set."""
    return sub(_arn("ses", region, "configuration-set/" + name))


def quarantine_bucket(region: str, deployment: str) -> str:
    """Return the name of the quarantine bucket."""
    return sub(naming.quarantine_bucket_name(deployment, "${AWS::AccountId}", region))


def quarantine_objects(region: str, deployment: str) -> str:
    """Return the ARN pattern of everything in the quarantine bucket."""
    name = naming.quarantine_bucket_name(deployment, "${AWS::AccountId}", region)
    return sub(f"arn:${{AWS::Partition}}:s3:::{name}/*")


def archive_bucket(region: str, deployment: str) -> str:
    """Return the name of the archive's bucket."""
    return sub(naming.archive_bucket_name(deployment, "${AWS::AccountId}", region))


def archive_objects(region: str, deployment: str, folder: str) -> str:
    """Return the ARN pattern of everything in a folder of the archive's bucket."""
    name = naming.archive_bucket_name(deployment, "${AWS::AccountId}", region)
    return sub(f"arn:${{AWS::Partition}}:s3:::{name}/{folder}/*")


def statement(
    sid: str, principals: Any, actions: Iterable[str], resources: Any, *, effect: str = "Allow", condition: Any = None
) -> dict[str, Any]:
    """Return one statement of a resource policy."""
    found = {"Sid": sid, "Effect": effect, "Principal": principals, "Action": list(actions), "Resource": resources}
    return found | ({"Condition": condition} if condition else {})


def service(name: str) -> dict[str, str]:
    """Return an AWS service as a principal."""
    return {"Service": f"{name}.amazonaws.com"}


def account() -> dict[str, str]:
    """Return everybody in the account whom IAM lets, as a principal: a condition says who of them."""
    return {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}


def tls_only(actions: Iterable[str], resources: Any) -> dict[str, Any]:
    """Return the statement that refuses whoever does not come over TLS."""
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return statement("TlsOnly", {"AWS": "*"}, actions, resources, effect="Deny", condition=condition)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
