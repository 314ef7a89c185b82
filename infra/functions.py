"""The one Lambda builder: code, runtime, log group, role with only its grants, and environment, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import arns
from infra.alarms.kinds import PAGE
from infra.grants import GRANTS, Grant
from infra.nag import acknowledge
from infra.queues import TALLY_TIMEOUT_S
from infra.target import Target
from ses_feedback import naming
from ses_feedback.domain.canary import LOCAL_PARTS, SIMULATOR

_LOG_LEVEL: Final = "INFO"
# Why a resource of a grant may end in a wildcard: by the service of its ARN.
_WILDCARDS: Final[Mapping[str, str]] = {
    "logs": "Log streams have no name before Lambda makes them; the group is the function's own.",
    "dynamodb": "A stream is named by when it was made; the table is the deployment's own.",
    "kms": "An alias cannot be a resource: conditions narrow it to the deployment's and to the service that uses it.",
    "sqs": "Digest queues are many; no other deployment's, and no other queues', names begin so.",
    "sns": "Topics of identities, digests and on-call are many; no other deployment's names begin so.",
    "s3": "Quarantined and archived objects have no name before they exist; the buckets are the deployment's own.",
    "ses": "The core stack knows no identity: conditions narrow it to canaries and own identities, a name to own sets.",
    "*": "SES's identities and suppression list, CloudWatch's metrics and composite alarms take no resource there.",
}


@dataclass(frozen=True, slots=True)
class _Size:
    """Memory also sets the share of a CPU: 512 MB halves the cold start of 256 MB for the same price."""

    memory_mb: int
    timeout_s: int
    keyed: bool = True  # has the secret under which addresses are keyed


SIZES: Final[Mapping[str, _Size]] = {
    naming.RECORD_FEEDBACK: _Size(512, 30),
    naming.RETRY_FEEDBACK: _Size(512, TALLY_TIMEOUT_S),
    naming.TALLY_FEEDBACK: _Size(512, TALLY_TIMEOUT_S),
    naming.WIRE_IDENTITY: _Size(256, 900, keyed=False),  # it waits its turn for SES: one call a second in the account
    naming.CLAIM_TABLE: _Size(256, 420),  # it waits until KMS knows the key's new alias: up to five minutes
    naming.CHECK_LOOP: _Size(256, 900, keyed=False),  # the same: what it does not get to, its next run does
    naming.SEND_CANARIES: _Size(
        256, 600, keyed=False
    ),  # one mail a second, so that it takes little of the sending rate
    # Less than the gap between two digests. The memory is a share of a CPU: a storm is 20,000 calls of SQS.
    naming.TELL_TEAMS: _Size(1_024, 280),
    naming.WRITE_ARCHIVE: _Size(512, 60, keyed=False),  # 0.2 MB at a time
    naming.ANNOUNCE_CHANGES: _Size(256, 60, keyed=False),
    naming.BREAK_CIRCUIT: _Size(256, 60, keyed=False),  # a dozen calls; SES takes one a second
    naming.REPLAY_ARCHIVE: _Size(1_769, 900),  # a whole CPU: it does nothing but read
    # An HTTP API waits 29 seconds. A release asks SES in each configured region.
    naming.ANSWER_LOOKUPS: _Size(512, 29),
    # It begins no look-up after 20 seconds; the last one and the publishing may take half a minute each.
    naming.EXPLAIN_ALARM: _Size(512, 90, keyed=False),
    # SNS waits 15 seconds for an answer. Checking a certificate is what the memory, a share of a CPU, is for.
    naming.RECEIVE_POSTS: _Size(1_024, 15),
    # As long as there is: SES gives a thousand entries a second. Eight bytes are remembered of each.
    naming.SYNC_LISTS: _Size(512, 900),
}
# Functions that find queues and topics of people by their names.
_TELLING: Final = (naming.TELL_TEAMS, naming.BREAK_CIRCUIT, naming.EXPLAIN_ALARM)
# What of the wiring table a grant is about: the pattern of the items' keys.
_ITEMS: Final[Mapping[str, str]] = {
    "canaries": "canary#*",
    "turns": "digest#*",
    "pauses": "pause#*",
    "slots": "slots",
    "put notes": "ses-list#*",
    "claim": "meta",
}
# Functions that wait between two calls of SES.
_PACED: Final = (naming.WIRE_IDENTITY, naming.CHECK_LOOP, naming.SEND_CANARIES, naming.SYNC_LISTS)


@dataclass(frozen=True, slots=True)
class FunctionBuilder:
    """Builds any of ``naming.FUNCTIONS`` of a deployment from the one asset, or from its own where it has one."""

    deployment: str
    region: str
    code: lambda_.Code
    target: Target
    environment: Mapping[str, str]  # what all functions get besides the fixed names
    ses_interval_ms: int
    own_code: Mapping[str, lambda_.Code] = field(default_factory=dict)  # by function

    def build(self, scope: Construct, function: str) -> lambda_.Function:
        """Make a function with its own log group and role."""
        name = naming.function_name(self.deployment, function)
        size = SIZES[function]
        home = Construct(scope, naming.camel(function.replace("_", " ")))
        group = logs.LogGroup(
            home,
            "Logs",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        statements = self._statements(function, name)
        role = iam.CfnRole(
            home,
            "Role",
            assume_role_policy_document=arns.policy(
                {"Effect": "Allow", "Principal": arns.service("lambda"), "Action": "sts:AssumeRole"}
            ),
            description=f"What {name} may do",
            policies=[iam.CfnRole.PolicyProperty(policy_name="grants", policy_document=arns.policy(*statements))],
        )
        for statement in statements:
            _acknowledge_wildcard(role, statement["Resource"])
        built = lambda_.Function(
            home,
            "Function",
            function_name=name,
            description=f"{self.deployment}: {function.replace('_', ' ')}",
            runtime=lambda_.Runtime(self.target.runtime, lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.custom(self.target.architecture),
            handler=naming.handler_of(function),
            code=self.own_code.get(function, self.code),
            memory_size=size.memory_mb,
            timeout=cdk.Duration.seconds(size.timeout_s),
            environment=self._environment(function, keyed=size.keyed),
            log_group=group,
            role=iam.Role.from_role_arn(home, "TheRole", role.attr_arn, mutable=False),
        )
        acknowledge(
            built,
            "L1",
            "The asset is byte-compiled for exactly this Python; a newer one is chosen together with the asset.",
        )
        return built

    def _environment(self, function: str, *, keyed: bool) -> dict[str, str]:
        found = {
            naming.ENV_DEPLOYMENT: self.deployment,
            naming.ENV_TABLE: naming.table_name(self.deployment),
            naming.ENV_QUARANTINE_BUCKET: arns.quarantine_bucket(self.region, self.deployment),
            "POWERTOOLS_SERVICE_NAME": naming.function_name(self.deployment, function),
            "POWERTOOLS_LOG_LEVEL": _LOG_LEVEL,
            **self.environment,
        }
        if keyed:
            found[naming.ENV_ADDRESS_KEY] = f"{{{{resolve:secretsmanager:{naming.secret_name(self.deployment)}}}}}"
        if any(grant.resource in ("archived feedback", "archive names", "sync objects") for grant in GRANTS[function]):
            found[naming.ENV_ARCHIVE_BUCKET] = arns.archive_bucket(self.region, self.deployment)
        if function in _TELLING:
            found[naming.ENV_QUEUES] = arns.queue_url(self.region, "")
            found[naming.ENV_TOPICS] = arns.topic(self.region, "")
        if any(
            grant.resource in ("wiring table", "canaries", "turns", "pauses", "slots") for grant in GRANTS[function]
        ):
            found[naming.ENV_WIRING_TABLE] = naming.wiring_table_name(self.deployment)
        if function == naming.ANNOUNCE_CHANGES:
            found[naming.ENV_ARCHIVE_STREAM] = naming.archive_stream_name(self.deployment)
            found[naming.ENV_ENDS_TABLE] = naming.ends_table_name(self.deployment)
            found[naming.ENV_CHANGES_TOPIC] = arns.topic(self.region, naming.changes_topic_name(self.deployment))
        if function in _PACED:
            found[naming.ENV_SES_INTERVAL] = str(self.ses_interval_ms)
        return found

    def _statements(self, function: str, name: str) -> list[dict[str, Any]]:
        log = {
            "Sid": "Log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": arns.log_streams(self.region, f"/aws/lambda/{name}"),
        }
        return [log, *(self._statement(grant) for grant in GRANTS[function])]

    def _statement(self, grant: Grant) -> dict[str, Any]:
        region, deployment = self.region, self.deployment
        resources: dict[str, Callable[[], str]] = {
            "table": lambda: arns.table(region, naming.table_name(deployment)),
            "wiring table": lambda: arns.table(region, naming.wiring_table_name(deployment)),
            "canaries": lambda: arns.table(region, naming.wiring_table_name(deployment)),
            "turns": lambda: arns.table(region, naming.wiring_table_name(deployment)),
            "pauses": lambda: arns.table(region, naming.wiring_table_name(deployment)),
            "slots": lambda: arns.table(region, naming.wiring_table_name(deployment)),
            "put notes": lambda: arns.table(region, naming.wiring_table_name(deployment)),
            "listing": lambda: arns.table(region, f"{naming.table_name(deployment)}/index/{naming.INDEX_LISTING}"),
            "sync objects": lambda: arns.archive_objects(region, deployment, naming.ARCHIVE_SYNC),
            "sync folder": lambda: arns.archive(region, deployment),
            "digest queues": lambda: arns.queue(region, naming.digest_pattern(deployment)),
            "digest topics": lambda: arns.topic(region, naming.digest_pattern(deployment)),
            "quarantine": lambda: arns.quarantine_objects(region, deployment),
            "archived feedback": lambda: arns.archive_objects(region, deployment, naming.ARCHIVE_FEEDBACK),
            "retry queue": lambda: arns.queue(region, naming.retry_queue_name(deployment)),
            "tally queue": lambda: arns.queue(region, naming.tally_queue_name(deployment)),
            "key by DynamoDB": lambda: arns.keys(region),
            "claim": lambda: arns.table(region, naming.table_name(deployment)),
            "secret": lambda: arns.secret(region, naming.secret_name(deployment)),
            "key by SecretsManager": lambda: arns.keys(region),
            "key by S3": lambda: arns.keys(region),
            "key by SNS": lambda: arns.keys(region),
            "SES": lambda: "*",
            "SES under our tag": lambda: "*",
            "SES identities of our tag": lambda: arns.identity(region, "*"),
            "canary senders": lambda: arns.identity(region, "*"),
            "canary sets": lambda: arns.configuration_set(region, "*"),
            "own sets": lambda: arns.configuration_set(region, naming.configuration_set_prefix(deployment) + "*"),
            "feedback topics": lambda: arns.topic(region, naming.topic_pattern(deployment)),
            "on-call topics": lambda: arns.topic(region, naming.on_call_topic_name(deployment, "*")),
            "changes": lambda: arns.changes(region, naming.table_name(deployment)),
            "changed items": lambda: arns.table(region, naming.table_name(deployment)),
            "ends": lambda: arns.table(region, naming.ends_table_name(deployment)),
            "changes topic": lambda: arns.topic(region, naming.changes_topic_name(deployment)),
            "archive stream": lambda: arns.delivery_stream(region, naming.archive_stream_name(deployment)),
            "archive names": lambda: arns.archive(region, deployment),
            "on-call texts": lambda: arns.topic(region, naming.on_call_text_topic_name(deployment, "*")),
            "CloudWatch": lambda: "*",
            "log of counting": lambda: arns.log_streams(
                region, f"/aws/lambda/{naming.function_name(deployment, naming.TALLY_FEEDBACK)}"
            ),
            "page topic": lambda: arns.topic(region, naming.on_call_topic_name(deployment, PAGE)),
        }
        statement: dict[str, Any] = {
            "Sid": naming.camel(grant.resource),
            "Effect": "Allow",
            "Action": list(grant.actions),
            "Resource": resources[grant.resource](),
        }
        if grant.resource.startswith("key by "):
            service = grant.resource.removeprefix("key by ").lower()
            statement["Condition"] = {
                "StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"},
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": naming.key_alias(deployment)},
            }
        elif grant.resource == "archive names":
            folders = [f"{folder}/*" for folder in (naming.ARCHIVE_ERRORS, naming.ARCHIVE_FEEDBACK)]
            statement["Condition"] = {"StringLike": {"s3:prefix": folders}}
        elif grant.resource == "sync folder":
            statement["Condition"] = {"StringLike": {"s3:prefix": f"{naming.ARCHIVE_SYNC}/*"}}
        elif grant.resource.endswith(" our tag"):
            which = "Request" if grant.resource == "SES under our tag" else "Resource"
            statement["Condition"] = {"StringEquals": {f"aws:{which}Tag/{naming.TAG_DEPLOYMENT}": deployment}}
        elif grant.resource in _ITEMS:
            statement["Condition"] = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [_ITEMS[grant.resource]]}}
        elif grant.resource.startswith("canary "):
            # To the simulator's addresses with this deployment's label, and to nobody at all is no exception.
            recipients = [f"{local}+{deployment.lower()}-canary-*@{SIMULATOR}" for local in LOCAL_PARTS.values()]
            statement["Condition"] = {
                "ForAllValues:StringLike": {"ses:Recipients": recipients},
                "Null": {"ses:Recipients": "false"},
            }
        return statement


def _acknowledge_wildcard(role: iam.CfnRole, resource: str) -> None:
    resolved = cdk.Stack.of(role).resolve(resource)
    text = resolved["Fn::Sub"] if isinstance(resolved, dict) else resolved
    if "*" in text:
        finding = text.replace("${", "<").replace("}", ">")
        acknowledge(role, f"IAM5[Resource::{finding}]", _WILDCARDS[_service(text)])


def _service(arn: str) -> str:
    # arn:${AWS::Partition}:service:…
    return arn if arn == "*" else arn.replace("${AWS::Partition}", "aws").split(":")[2]
