"""A replay of the whole archive on AWS: a state machine that hands its objects to many functions, in two steps."""

from __future__ import annotations

import json
from typing import Any, Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra import arns
from infra.nag import acknowledge
from ses_feedback import naming

# Each function writes one address after the other, some two hundred a second at most: the table takes that at once.
CONCURRENCY: Final = naming.REPLAY_CONCURRENCY
# Some minutes of work: what is cut short is done again, and changes nothing twice.
OBJECTS_AT_ONCE: Final = 5
_TRIES_AFTER_THE_FIRST: Final = 6
_FIRST_PAUSE_S: Final = 5
_LONGEST_PAUSE_S: Final = 300
_RESULTS: Final = f"{naming.ARCHIVE_ANSWERS}/{naming.REPLAY_RESULTS}"


class Replay(Construct):
    """The state machine. Nobody runs it but an operator: ``ses-feedback replay --on-aws``."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: str, region: str, function: str) -> None:
        super().__init__(scope, construct_id)
        name = naming.replay_machine_name(deployment)
        bucket = naming.archive_bucket_name(deployment, "${AWS::AccountId}", region)
        states = f"arn:${{AWS::Partition}}:states:{region}:${{AWS::AccountId}}"
        key = {
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": naming.key_alias(deployment)},
        }
        # What a map over S3's objects needs: Step Functions developer guide, "IAM policies for Distributed Map".
        statements: list[dict[str, Any]] = [
            _allow("Invoke", ["lambda:InvokeFunction"], function),
            _allow("List", ["s3:ListBucket"], arns.sub(f"arn:${{AWS::Partition}}:s3:::{bucket}")),
            _allow(
                "Results",
                ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
                arns.archive_objects(region, deployment, _RESULTS),
            ),
            _allow("Key", ["kms:GenerateDataKey", "kms:Decrypt"], arns.keys(region)) | {"Condition": key},
            _allow("Steps", ["states:StartExecution"], arns.sub(f"{states}:stateMachine:{name}")),
            _allow(
                "Parts", ["states:DescribeExecution", "states:StopExecution"], arns.sub(f"{states}:execution:{name}:*")
            ),
            _allow("Redrive", ["states:RedriveExecution"], arns.sub(f"{states}:execution:{name}/*")),
        ]
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=arns.policy(
                {"Effect": "Allow", "Principal": arns.service("states"), "Action": "sts:AssumeRole"}
            ),
            description=f"What {name} may do",
            policies=[iam.CfnRole.PolicyProperty(policy_name="grants", policy_document=arns.policy(*statements))],
        )
        account = f"arn:<AWS::Partition>:states:{region}:<AWS::AccountId>"
        for finding, reason in {
            f"arn:<AWS::Partition>:s3:::{bucket.replace('${', '<').replace('}', '>')}/{_RESULTS}/*": (
                "Results have no name before they exist; the folder is this state machine's own."
            ),
            f"arn:<AWS::Partition>:kms:{region}:<AWS::AccountId>:key/*": (
                "An alias cannot be a resource: conditions narrow it to the deployment's and to S3."
            ),
            f"{account}:execution:{name}:*": "Executions have no name before they run; they are of this machine alone.",
            f"{account}:execution:{name}/*": "Parts of executions have no name before they run; the same.",
        }.items():
            acknowledge(role, f"IAM5[Resource::{finding}]", reason)
        machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type="STANDARD",
            role_arn=role.attr_arn,
            definition_string=arns.sub(json.dumps(_definition(bucket, _function(region, deployment)))),
        )
        acknowledge(machine, "SF1", "Step Functions keeps each step for 90 days; the function logs what it did.")
        acknowledge(machine, "SF2", "There is one function, and nothing to trace between two.")


def _allow(sid: str, actions: list[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _function(region: str, deployment: str) -> str:
    name = naming.function_name(deployment, naming.REPLAY_ARCHIVE)
    return f"arn:${{AWS::Partition}}:lambda:{region}:${{AWS::AccountId}}:function:{name}"


def _definition(bucket: str, function: str) -> dict[str, Any]:
    first, second = naming.REPLAY_STEPS
    return {
        "Comment": "Strikes and decisions first, deliveries second; each step may be repeated",
        "StartAt": naming.camel(first),
        "States": {
            naming.camel(first): _map(first, bucket, function) | {"Next": naming.camel(second)},
            naming.camel(second): _map(second, bucket, function) | {"End": True},
        },
    }


def _map(step: str, bucket: str, function: str) -> dict[str, Any]:
    replay = {"step": step, "since.$": "$.since", "until.$": "$.until", "rate.$": "$.rate"}
    item = "$$.Map.Item.Value"
    invoke = {
        "Type": "Task",
        "Resource": "arn:${AWS::Partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "Retry": [
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": _FIRST_PAUSE_S,
                "BackoffRate": 2,
                "MaxDelaySeconds": _LONGEST_PAUSE_S,
                "MaxAttempts": _TRIES_AFTER_THE_FIRST,
                "JitterStrategy": "FULL",
            }
        ],
        "End": True,
    }
    return {
        "Type": "Map",
        "Label": naming.camel(step),
        "MaxConcurrency": CONCURRENCY,
        "ItemReader": {
            "Resource": "arn:${AWS::Partition}:states:::s3:listObjectsV2",
            "Parameters": {"Bucket": bucket, "Prefix.$": "$.prefix"},
        },
        "ItemSelector": {"Key.$": f"{item}.Key", "Size.$": f"{item}.Size", "replay": replay},
        "ItemBatcher": {"MaxItemsPerBatch": OBJECTS_AT_ONCE},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Replay",
            "States": {"Replay": invoke},
        },
        "ResultWriter": {
            "Resource": "arn:${AWS::Partition}:states:::s3:putObject",
            "Parameters": {"Bucket": bucket, "Prefix": _RESULTS},
        },
        "ResultPath": f"$.{step}",
    }
