"""Amazon resource names: which of them a destination takes, and what to say of the others.

Forms: `AWS General Reference, Amazon Resource Names`, and each service's entry in the Service Authorization Reference.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ses_feedback.config.problems import shown

REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}", re.ASCII)
EXAMPLE_REGION: Final = "us-east-1"
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_QUEUE_URL: Final = re.compile(
    r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([0-9]{12})/([A-Za-z0-9_-]{1,80})", re.ASCII
)
# Whatever else SNS names, such as endpoints of mobile push, has a slash or a colon.
_TOPIC: Final = re.compile(r"[A-Za-z0-9_.-]{1,256}", re.ASCII)
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)


class Arn(NamedTuple):
    """The parts of ``arn:partition:service:region:account:resource``."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse(text: str) -> Arn | None:
    """Return the parts of an ARN, or ``None`` for any other text."""
    parts = text.split(":", 5)
    return Arn(*parts[1:]) if len(parts) == 6 and parts[0] == "arn" and text.isprintable() else None


def partition_of(region: str) -> str:
    """Return the partition of AWS that a region belongs to, as ARNs spell it."""
    return next((partition for start, partition in _PARTITIONS if region.startswith(start)), "aws")


def topic_reason(text: str, region: str | None) -> str | None:
    """Return why an SNS topic cannot be a destination, or ``None`` where the text is no topic's ARN.

    ``region`` is the deployment's, ``None`` while it is not known.
    """
    arn = parse(text)
    if arn is None or arn.service != "sns" or not _TOPIC.fullmatch(arn.resource):
        return None
    where = region or EXAMPLE_REGION
    outside = f" (in {arn.region}, outside deployment.region {where})" if region and arn.region != region else ""
    example = f'{{ sqs = "arn:{partition_of(where)}:sqs:{where}:111122223333:dev-bounces" }}'
    return (
        f"{shown(text)} is an SNS topic{outside}; SNS does not deliver from topic to topic. Every identity and on-call "
        f"have topics of their own; name what should receive, such as {example}"
    )


class ArnRule(NamedTuple):
    """Which ARNs a protocol takes: ``what`` they name, an ``example`` resource, and whether of ``any_region``."""

    protocol: str
    service: str
    resource: re.Pattern[str]
    what: str
    example: str
    any_region: bool

    def reason(self, text: str, region: str | None) -> str | None:
        """Return what is wrong with an ARN as an endpoint of this protocol."""
        arn = parse(text)
        if (
            arn is None
            or not self._takes(arn)
            or not REGION.fullmatch(arn.region)
            or not _ACCOUNT.fullmatch(arn.account)
        ):
            where = region or EXAMPLE_REGION
            example = f"arn:{partition_of(where)}:{self.service}:{where}:111122223333:{self.example}"
            return f"{shown(text)} is not the ARN of {self.what}, such as {example}{self._meant(text, arn)}"
        return self._elsewhere(arn, text, region) if region else None

    def _takes(self, arn: Arn) -> bool:
        return arn.service == self.service and self.resource.fullmatch(arn.resource) is not None

    def _meant(self, text: str, arn: Arn | None) -> str:
        if arn is not None:
            other = next((r.protocol for r in ARN_RULES if r.protocol != self.protocol and r._takes(arn)), None)
            return f'; did you mean the key "{other}"?' if other else ""
        url = _QUEUE_URL.fullmatch(text) if self.protocol == "sqs" else None
        return f'; did you mean "arn:{partition_of(url[1])}:sqs:{url[1]}:{url[2]}:{url[3]}"?' if url else ""

    def _elsewhere(self, arn: Arn, text: str, region: str) -> str | None:
        partition = partition_of(region)
        if arn.partition != partition or partition_of(arn.region) != partition:
            return f"{shown(text)} is not in partition {partition}, which SNS in {region} cannot leave"
        if self.any_region or arn.region == region:
            return None
        return (
            f"{shown(text)} is in {arn.region}; right is one in deployment.region {region}: SNS delivers to SQS and "
            f"Lambda across regions, to others not"
        )


# Only SQS and Lambda are delivered to in other regions: `SNS developer guide, Cross-region delivery`.
ARN_RULES: Final = (
    ArnRule(
        "sqs",
        "sqs",
        # A standard topic does not deliver to a FIFO queue (`SNS developer guide, FIFO topics`): no ".fifo".
        re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII),
        "a standard SQS queue",
        "dev-bounces",
        any_region=True,
    ),
    ArnRule(
        "lambda",
        "lambda",
        re.compile(r"function:[A-Za-z0-9_-]{1,64}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?", re.ASCII),
        "a Lambda function",
        "function:on-bounce",
        any_region=True,
    ),
    ArnRule(
        "firehose",
        "firehose",
        re.compile(r"deliverystream/[A-Za-z0-9_.-]{1,64}", re.ASCII),
        "a Firehose stream",
        "deliverystream/feedback",
        any_region=False,
    ),
    ArnRule(
        "application",
        "sns",
        re.compile(r"endpoint/[A-Z_]+/[A-Za-z0-9_.-]{1,256}/[A-Za-z0-9-]+", re.ASCII),
        "an endpoint of mobile push",
        "endpoint/GCM/pager/5e3e9847-3183-3f18-a7e8-671c3a57d4b3",
        any_region=False,
    ),
)


def role_reason(text: str, region: str | None) -> str | None:
    """Return what is wrong with the ARN of the role by which SNS writes to Firehose."""
    partition = partition_of(region or EXAMPLE_REGION)
    if _ROLE.fullmatch(text) and (region is None or text.split(":")[1] == partition):
        return None
    return f"{shown(text)} is not the ARN of an IAM role such as arn:{partition}:iam::111122223333:role/sns-to-firehose"
