"""The order of creation: what names a resource of its own stack waits for it, where AWS asks whether it exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.synthesis import ACCOUNT, Assembly, Found
from tests.infra.test_changes import followed

__all__ = ["followed"]

# What only writes a name down: IAM and resource policies may name what is not there yet.
WRITES_DOWN = {
    "AWS::IAM::Role",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::CloudWatch::Dashboard",
    "AWS::CloudWatch::Alarm",  # the topics it acts on
    "AWS::CloudWatch::CompositeAlarm",  # the same; its children are named in a rule, which is no ARN
}
NAMES = {
    "AWS::SNS::Topic": ("TopicName", "arn:aws:sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:{region}:{account}:{name}"),
    "AWS::Lambda::Function": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "AWS::KinesisFirehose::DeliveryStream": (
        "DeliveryStreamName",
        "arn:aws:firehose:{region}:{account}:deliverystream/{name}",
    ),
    "AWS::IAM::Role": ("RoleName", "arn:aws:iam::{account}:role/{name}"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{name}"),
    "AWS::DynamoDB::Table": ("TableName", "arn:aws:dynamodb:{region}:{account}:table/{name}"),
    "AWS::Glue::Database": ("DatabaseInput.Name", "{name}"),
    "AWS::KMS::Alias": ("AliasName", "{name}"),
}


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a part of a template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        if "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        if "Fn::Sub" in value:
            yield from re.findall(r"\$\{([A-Za-z0-9]+)[.}]", str(value["Fn::Sub"]))
        for item in value.values():
            yield from references(item)


def waits_for(resources: Mapping[str, Any], logical_id: str) -> set[str]:
    """Return everything that must be there before a resource of a template, directly or not."""
    found: set[str] = set()
    todo = [logical_id]
    while todo:
        raw = resources[todo.pop()]
        direct = raw.get("DependsOn", [])
        direct = {*([direct] if isinstance(direct, str) else direct), *references(raw.get("Properties", {}))}
        new = (direct & resources.keys()) - found
        found |= new
        todo += new
    return found


def arns(assembly: Assembly) -> dict[tuple[str, str], Found]:
    """Return the resources that others may name, by stack and by what they are named."""
    named = {}
    for found in assembly.find(*NAMES):
        key, form = NAMES[found.type]
        value: Any = found.properties
        for part in key.split("."):
            value = value.get(part) if value else None
        if value:
            named[found.stack, form.format(region=assembly.region, account=ACCOUNT, name=value)] = found
    return named


def unordered(assembly: Assembly) -> list[str]:
    """Return what names another resource of its stack and does not wait for it."""
    named, wrong = arns(assembly), []
    for found in assembly.all():
        if found.type in WRITES_DOWN:
            continue
        properties = {
            k: v for k, v in found.properties.items() if (found.type, k) != ("AWS::Lambda::Function", "Environment")
        }
        texts = set(re.findall(r'"((?:arn:|alias/)[^"]+)"', json.dumps(properties).replace('\\"', '"')))
        before = waits_for(assembly.templates[found.stack]["Resources"], found.logical_id)
        for text in texts:
            other = named.get((found.stack, text))
            if other and other.logical_id != found.logical_id and other.logical_id not in before:
                wrong.append(f"{found.stack}: {found.type} {found.logical_id} names {other.type} {other.logical_id}")
    return wrong


def test_nothing_is_made_before_what_it_names(full: Assembly, followed: Assembly, per_environment: Assembly) -> None:
    """CloudFormation makes side by side whatever nothing orders, and services refuse what is not there yet."""
    for assembly in (full, followed, per_environment):
        assert unordered(assembly) == []


def test_people_are_told_all_the_same_by_a_topic_that_is_there(full: Assembly) -> None:
    """Lambda's on-failure destination waits for its topic, and for the policy that lets it publish."""
    (config,) = (f for f in full.find("AWS::Lambda::EventInvokeConfig") if "on-call" in json.dumps(f.properties))
    topic = config.properties["DestinationConfig"]["OnFailure"]["Destination"]
    before = waits_for(full.templates[config.stack]["Resources"], config.logical_id)
    policies = {f.logical_id for f in full.find("AWS::SNS::TopicPolicy") if topic in f.properties["Topics"]}
    assert policies
    assert policies <= before
    assert arns(full)[config.stack, topic].logical_id in before
