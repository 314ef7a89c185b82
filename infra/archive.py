"""KEEP: one Firehose stream that every topic sends to, its way into the bucket, and operators' decisions with it."""

from __future__ import annotations

import json
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import arns
from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import ARCHIVE_STALLED, ARCHIVE_WAITING, WARN
from infra.alarms.rules import HOUR_S
from infra.nag import acknowledge
from ses_feedback import naming

# An object each five minutes or 64 MB: large ones are cheap to read, and a question finds news within minutes.
BUFFER_S: Final = 300
BUFFER_MB: Final = 64
# The least Firehose has: a line says of each recipient what a message says once, and Lambda answers 6 MB at most.
_LAMBDA_MB: Final = "0.2"
_LAMBDA_S: Final = "60"
_LAMBDA_RETRIES: Final = "3"
CHANGES_BATCH: Final = 1_000
CHANGES_WINDOW_S: Final = 5
_FIVE_MINUTES_S: Final = 300
_STALLED_HOURS: Final = 2
_LOG_STREAM: Final = "delivery"


class Archive(Construct):
    """Writes what comes into the stream as lines into the bucket; ``write`` and ``announce`` are its functions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        write: lambda_.Function,
        announce: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        self._deployment, self._region = deployment, region
        self._stream(write)
        self._subscription_role()
        self._changes(announce)
        self._alarms()

    def _stream(self, write: lambda_.Function) -> None:
        name = naming.archive_stream_name(self._deployment)
        group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=_log_group(self._deployment),
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,  # a group that stays stands in the way of the next deployment
        )
        stream = logs.CfnLogStream(self, "LogStream", log_group_name=group.log_group_name, log_stream_name=_LOG_STREAM)
        role = self._delivery_role(write)
        made = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=name,
            delivery_stream_type="DirectPut",
            # Minutes in Firehose; at rest, in the bucket, the deployment's own key.
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(key_type="AWS_OWNED_CMK")
            ),
            extended_s3_destination_configuration=firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                bucket_arn=arns.archive(self._region, self._deployment),
                role_arn=role.attr_arn,
                prefix=f"{naming.ARCHIVE_FEEDBACK}/!{{timestamp:yyyy/MM/dd/HH}}/",
                error_output_prefix=(
                    f"{naming.ARCHIVE_ERRORS}/!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd/HH}}/"
                ),
                compression_format="GZIP",
                file_extension=".gz",
                buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                    interval_in_seconds=BUFFER_S, size_in_m_bs=BUFFER_MB
                ),
                cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                    enabled=True, log_group_name=group.log_group_name, log_stream_name=_LOG_STREAM
                ),
                processing_configuration=firehose.CfnDeliveryStream.ProcessingConfigurationProperty(
                    enabled=True, processors=[_processor(write.function_arn, role.attr_arn)]
                ),
            ),
        )
        made.add_resource_dependency(stream)

    def _delivery_role(self, write: lambda_.Function) -> iam.CfnRole:
        """Make the role Firehose works under (Data Firehose developer guide, `Grant Firehose access to S3`)."""
        region, deployment = self._region, self._deployment
        objects, log = arns.archive(region, deployment, "/*"), arns.log_streams(region, _log_group(deployment))
        versions = arns.function_versions(region, deployment, naming.WRITE_ARCHIVE)
        through = {
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": naming.key_alias(deployment)},
        }
        role = iam.CfnRole(
            self,
            "DeliveryRole",
            assume_role_policy_document=arns.policy(_assumed_by("firehose")),
            description=f"What {naming.archive_stream_name(deployment)} may do, delivering",
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="grants",
                    policy_document=arns.policy(
                        _allow("Objects", ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], objects),
                        _allow(
                            "Bucket",
                            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                            arns.archive(region, deployment),
                        ),
                        _allow("KeyByS3", ["kms:Decrypt", "kms:GenerateDataKey"], arns.keys(region), through),
                        _allow(
                            "Transform",
                            ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
                            [write.function_arn, versions],
                        ),
                        _allow("Log", ["logs:PutLogEvents"], log),
                    ),
                )
            ],
        )
        for resource, why in (
            (objects, "Objects have no name before they exist; the bucket is the archive's own."),
            (arns.keys(region), "An alias cannot be a resource: conditions narrow it to the deployment's, through S3."),
            (versions, "Firehose invokes the function by its version $LATEST."),
            (log, "The group is the stream's own."),
        ):
            _acknowledge_wildcard(role, resource, why)
        return role

    def _subscription_role(self) -> None:
        """Make the one role by which SNS writes to the stream, whatever the topic.

        No source says that SNS names an account when it assumes it: where it does, it must be this one. No stranger's
        topic gets to use it either way, since a role is passed on inside its own account only (docs/conditions.md).
        """
        region, deployment = self._region, self._deployment
        stream = naming.archive_stream_name(deployment)
        iam.CfnRole(
            self,
            "SubscriptionRole",
            role_name=naming.archive_subscription_role_name(deployment, region),
            assume_role_policy_document=arns.policy(
                _assumed_by("sns", {"StringEqualsIfExists": {"aws:SourceAccount": arns.sub("${AWS::AccountId}")}})
            ),
            description=f"What {deployment} lets SNS do: write to {stream}",
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="grants",
                    # As the SNS developer guide has it (`Prerequisites for subscribing Firehose delivery streams`).
                    policy_document=arns.policy(
                        _allow(
                            "Write",
                            [
                                "firehose:DescribeDeliveryStream",
                                "firehose:ListDeliveryStreams",
                                "firehose:ListTagsForDeliveryStream",
                                "firehose:PutRecord",
                                "firehose:PutRecordBatch",
                            ],
                            arns.delivery_stream(region, stream),
                        )
                    ),
                )
            ],
        )

    def _changes(self, announce: lambda_.Function) -> None:
        """Run ``announce`` on what changes in the suppression table, for as long as a change can be read: a day."""
        wanted = json.dumps({"eventName": ["INSERT", "MODIFY"]})
        lambda_.CfnEventSourceMapping(
            self,
            "Changes",
            function_name=announce.function_arn,
            event_source_arn=f"{{{{resolve:ssm:{naming.changes_parameter(self._deployment)}}}}}",
            starting_position="TRIM_HORIZON",
            batch_size=CHANGES_BATCH,
            maximum_batching_window_in_seconds=CHANGES_WINDOW_S,
            bisect_batch_on_function_error=True,
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=wanted)]
            ),
        )

    def _alarms(self) -> None:
        factory = AlarmFactory(self, deployment=self._deployment, region=self._region)
        stream = naming.archive_stream_name(self._deployment)
        own = {naming.DIMENSION_DEPLOYMENT: self._deployment}
        # Both are there since the first hourly check, a 0 at least. Firehose's own DeliveryToS3.Records does not exist
        # before it delivers for the first time, and an alarm over it might never go off where it never does.
        tallied = Series(naming.METRIC_NAMESPACE, naming.METRIC_TALLIED, "Sum", HOUR_S, own)
        archived = Series(naming.METRIC_NAMESPACE, naming.METRIC_ARCHIVED, "Sum", HOUR_S, own)
        factory.alarm(
            ARCHIVE_STALLED,
            (WARN,),
            ("archive", "stalled"),
            subject=stream,
            level=f"each of {_STALLED_HOURS} hours",
            series={"t": tallied, "a": archived},
            expression="IF(FILL(t,0) > 0 AND FILL(a,0) == 0, 1, 0)",
            threshold=1,
            periods=_STALLED_HOURS,
        )
        queue = naming.archive_dead_letter_queue_name(self._deployment)
        # Looked at each hour: over twice that, what waits is one alarm and not a new one every hour.
        failed = Series(naming.METRIC_NAMESPACE, naming.METRIC_ARCHIVE_WAITING, "Maximum", 2 * HOUR_S, own)
        untaken = Series("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 2 * HOUR_S, {"QueueName": queue})
        for parts, where, waiting in (
            (("archive", "waiting"), f"the folder {naming.ARCHIVE_ERRORS}/ of the archive's bucket", failed),
            (("archive", "dead", "letters"), f"the queue {queue}", untaken),
        ):
            factory.alarm(ARCHIVE_WAITING, (WARN,), parts, subject=where, series={"w": waiting}, threshold=1)


def _acknowledge_wildcard(role: iam.CfnRole, resource: str, why: str) -> None:
    """Accept that a resource of a role's policy ends in a wildcard."""
    text = role.stack.resolve(resource)["Fn::Sub"].replace("${", "<").replace("}", ">")
    acknowledge(role, f"IAM5[Resource::{text}]", why)


def _log_group(deployment: str) -> str:
    return f"/aws/kinesisfirehose/{naming.archive_stream_name(deployment)}"


def _assumed_by(service: str, condition: Any = None) -> dict[str, Any]:
    found = {"Effect": "Allow", "Principal": arns.service(service), "Action": "sts:AssumeRole"}
    return found | ({"Condition": condition} if condition else {})


def _allow(sid: str, actions: list[str], resource: Any, condition: Any = None) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
    return found | ({"Condition": condition} if condition else {})


def _processor(function: str, role: str) -> firehose.CfnDeliveryStream.ProcessorProperty:
    parameters = {
        "LambdaArn": function,
        "RoleArn": role,
        "NumberOfRetries": _LAMBDA_RETRIES,
        "BufferSizeInMBs": _LAMBDA_MB,
        "BufferIntervalInSeconds": _LAMBDA_S,
    }
    return firehose.CfnDeliveryStream.ProcessorProperty(
        type="Lambda",
        parameters=[
            firehose.CfnDeliveryStream.ProcessorParameterProperty(parameter_name=name, parameter_value=value)
            for name, value in parameters.items()
        ],
    )
