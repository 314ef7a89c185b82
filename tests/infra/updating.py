"""What CloudFormation would do to a deployed release: whatever an update would lose, as one line each.

Which property of which type makes a resource anew is AWS's own word: ``createOnlyProperties`` and
``conditionalCreateOnlyProperties`` of CloudFormation's resource schemas, as cfn-lint ships them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.infra.synthesis import Assembly, Found

# Made anew, they are what they were: the new one is there before the old one goes; nothing refers to either.
STATELESS: Final = {"AWS::Lambda::Permission", "AWS::Athena::NamedQuery"}
# Gone, they take along what they hold, who they tell, where they are called, or what they did to SES.
HOLDERS: Final = {
    "AWS::ApiGatewayV2::Api",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::S3::Bucket",
    "AWS::SES::ConfigurationSet",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "Custom::SesIdentityWiring",
    "Custom::SuppressionTableClaim",
}
# What distinguishes a resource from others of its type, where the schema's identifier is made by AWS.
_OWN_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS::Events::Rule": ("Name",),
    "AWS::Glue::Table": ("DatabaseName", "TableInput.Name"),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn", "FunctionName"),
    # To subscribe again gives the subscription that there is: the old resource, as it goes, ends the new one's.
    "AWS::SNS::Subscription": ("TopicArn", "Protocol", "Endpoint"),
    "AWS::SNS::Topic": ("TopicName",),
    # The old policy, as it goes, takes the new one off the queue or topic.
    "AWS::SNS::TopicPolicy": ("Topics",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SQS::QueuePolicy": ("Queues",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
}
_ONE_NAMESPACE: Final = {"AWS::CloudWatch::CompositeAlarm": "AWS::CloudWatch::Alarm"}
# Updated in place, and yet what was there is lost or the update refused, by CloudFormation's guide to each type.
_NEW_SECRET: Final = "a change makes a new secret, under which no stored address is known"
_MUST_STAY: Final[Mapping[tuple[str, str], str]] = {
    ("AWS::SecretsManager::Secret", "GenerateSecretString"): _NEW_SECRET,
    ("AWS::SecretsManager::Secret", "SecretString"): _NEW_SECRET,
    ("AWS::DynamoDB::Table", "StreamSpecification"): "what waits in the old stream is lost with it",
    ("AWS::DynamoDB::Table", "TimeToLiveSpecification"): "DynamoDB refuses another attribute while one is in use",
}
_KEPT: Final = ("Retain", "RetainExceptOnCreate")
# What a release kept and a later one gives up on purpose: kept, it stood in the way of the next deployment of its name.
_GIVEN_UP: Final = {"AWS::Logs::LogGroup"}


def losses(before: Assembly, after: Assembly) -> list[str]:
    """Return what an update from one assembly to another would replace, remove, refuse or unprotect, a line each."""
    old, new = _by_place(before), _by_place(after)
    found = [f"stack {name} is gone" for name in before.templates if name not in after.templates]
    for place, was in old.items():
        now = new.get(place)
        found += _vanished(was, new) if now is None else _changed(was, now)
    return found + list(_taken_over(old, new))


def _by_place(assembly: Assembly) -> dict[tuple[str, str], Found]:
    return {(found.stack, found.logical_id): found for found in assembly.all()}


def _vanished(was: Found, new: Mapping[tuple[str, str], Found]) -> Iterator[str]:
    if was.type in HOLDERS and not any(_identity(was) == _identity(now) for now in new.values()):
        yield f"{_title(was)} is removed"


def _changed(was: Found, now: Found) -> Iterator[str]:
    if was.type != now.type:
        yield f"{_title(was)} becomes a {now.type}, which CloudFormation refuses under the same logical id"
        return
    if was.type not in STATELESS:
        for name in _fixed(was.type):
            if _at(was.properties, name) != _at(now.properties, name):
                change = f"{name} was {_at(was.properties, name)!r}, is {_at(now.properties, name)!r}"
                yield f"{_title(was)} is replaced: {change}"
    for (kind, name), why in _MUST_STAY.items():
        if was.type == kind and was.properties.get(name) not in (None, now.properties.get(name)):
            yield f"{_title(was)} must keep its {name}: {why}"
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if was.type not in _GIVEN_UP and was.raw.get(policy) in _KEPT and now.raw.get(policy) not in _KEPT:
            yield f"{_title(was)} is no longer kept: {policy} was {was.raw[policy]}, is {now.raw.get(policy)}"
    yield from _indexes(was, now)


def _indexes(was: Found, now: Found) -> Iterator[str]:
    """CloudFormation's guide: one index is added or deleted in an update, not both, and none is changed."""
    old, new = ({i["IndexName"]: i for i in found.properties.get("GlobalSecondaryIndexes", [])} for found in (was, now))
    if len(old.keys() ^ new.keys()) > 1:
        yield f"{_title(was)} gets or loses several indexes, {sorted(old.keys() ^ new.keys())}: AWS takes one at a time"
    for name in old.keys() & new.keys():
        if any(old[name].get(part) != new[name].get(part) for part in ("KeySchema", "Projection")):
            yield f"{_title(was)} changes its index {name}: CloudFormation cannot; it takes a new one beside it"


def _taken_over(old: Mapping[tuple[str, str], Found], new: Mapping[tuple[str, str], Found]) -> Iterator[str]:
    """Under another logical id or in another stack, the new one is made while the old one still has the name."""
    places = {_identity(was): place for place, was in old.items()}
    for place, now in new.items():
        identity = _identity(now)
        holder = places.get(identity, place)
        if identity is not None and holder != place:
            yield f"{_title(now)} has the name of {'/'.join(holder)}, which still holds it when the new one is made"


def _identity(found: Found) -> tuple[Any, ...] | None:
    """Return what AWS tells a resource apart by, ``None`` where AWS names it."""
    schema = _schema(found.type)
    names: Sequence[str] = _OWN_NAMES.get(found.type) or _paths(schema, "primaryIdentifier")
    values = [_at(found.properties, name) for name in names]
    if any(value is None for value in values):
        return None
    return (_ONE_NAMESPACE.get(found.type, found.type), *map(str, values))


def _fixed(kind: str) -> list[str]:
    schema = _schema(kind)
    return sorted({*_paths(schema, "createOnlyProperties"), *_paths(schema, "conditionalCreateOnlyProperties")})


def _schema(kind: str) -> Mapping[str, Any]:
    return dict(PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema)


def _paths(schema: Mapping[str, Any], part: str) -> list[str]:
    return [pointer.removeprefix("/properties/").replace("/", ".") for pointer in schema.get(part) or ()]


def _at(properties: Any, path: str) -> Any:
    for name in path.split("."):
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def _title(found: Found) -> str:
    identity = _identity(found)
    return f"{found.stack}/{found.logical_id} ({found.type}{' ' + ' '.join(identity[1:]) if identity else ''})"
