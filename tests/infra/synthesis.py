"""Synthesised templates as tests read them: by stack, by type, with names and ARNs filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.assets import Assets
from infra.cells import Lock, allocate
from infra.deployment import Settings, add_stacks, new_app
from infra.weights import alarmed_environments, resources
from ses_feedback.config import Config

ACCOUNT = "111122223333"
OWNER = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Found:
    """One resource of a template."""

    stack: str
    logical_id: str
    type: str
    properties: dict[str, Any]
    raw: dict[str, Any]

    @property
    def after(self) -> set[str]:
        depends = self.raw.get("DependsOn", [])
        return {depends} if isinstance(depends, str) else set(depends)


class Assembly:
    """All templates of one synth. ``properties`` of what it finds are resolved: no intrinsic function is left."""

    def __init__(self, config: Config, folder: Path) -> None:
        self.config = config
        self.region = config.deployment.region
        self.folder = folder
        manifest = json.loads((folder / "manifest.json").read_text())
        self.artifacts = {
            name: artifact
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        self.templates = {name: json.loads((folder / f"{name}.template.json").read_text()) for name in self.artifacts}

    def find(self, *types: str) -> list[Found]:
        return [found for found in self.all() if found.type in types]

    def all(self) -> Iterator[Found]:
        for stack, template in self.templates.items():
            for logical_id, raw in template.get("Resources", {}).items():
                properties = self.resolve(raw.get("Properties", {}), stack)
                yield Found(stack, logical_id, raw["Type"], properties, raw)

    def one(self, type_: str, **properties: Any) -> Found:
        found = [f for f in self.find(type_) if all(f.properties.get(k) == v for k, v in properties.items())]
        assert len(found) == 1, (type_, properties, len(found))
        return found[0]

    def cells(self) -> list[str]:
        return sorted(name for name in self.templates if "-cell-" in name)

    def outputs(self) -> dict[str, Any]:
        return {
            name: self.resolve(output["Value"], stack)
            for stack, template in self.templates.items()
            for name, output in template.get("Outputs", {}).items()
        }

    def resolve(self, value: Any, stack: str) -> Any:
        if isinstance(value, list):
            return [self.resolve(item, stack) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._reference(argument, stack)
            if function == "Fn::GetAtt":
                return self._attribute(argument[0], argument[1], stack)
            if function == "Fn::Join":
                return argument[0].join(self.resolve(part, stack) for part in argument[1])
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda m: self._reference(m[1], stack), argument)
            assert not function.startswith("Fn::"), function
        return {key: self.resolve(item, stack) for key, item in value.items()}

    def _reference(self, name: str, stack: str) -> str:
        pseudo = {
            "AWS::Partition": "aws",
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": self.region,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        raw = self.templates[stack]["Resources"][name]
        if raw["Type"] == "AWS::SNS::Topic":
            return self._attribute(name, "Arn", stack)
        if raw["Type"] == "AWS::SQS::Queue":
            return f"https://sqs.{self.region}.amazonaws.com/{ACCOUNT}/{raw['Properties']['QueueName']}"
        own_name = {
            "AWS::DynamoDB::Table": "TableName",
            "AWS::Lambda::Function": "FunctionName",
            "AWS::Logs::LogGroup": "LogGroupName",
            "AWS::S3::Bucket": "BucketName",
            "AWS::SES::ConfigurationSet": "Name",
        }.get(raw["Type"])
        return self.resolve(raw["Properties"][own_name], stack) if own_name else f"<{name}>"

    def _attribute(self, name: str, attribute: str, stack: str) -> str:
        raw = self.templates[stack]["Resources"][name]
        arns = {
            "AWS::SNS::Topic": ("sns", "", "TopicName"),
            "AWS::SQS::Queue": ("sqs", "", "QueueName"),
            "AWS::Lambda::Function": ("lambda", "function:", "FunctionName"),
        }
        if attribute in ("Arn", "TopicArn") and raw["Type"] in arns:
            service, kind, own_name = arns[raw["Type"]]
            return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{kind}{raw['Properties'][own_name]}"
        if attribute == "Arn" and raw["Type"] == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{self._reference(name, stack)}"
        return f"<{name}.{attribute}>"


def lock_of(config: Config, before: Lock | None = None) -> Lock:
    weights = {name: resources(config, identity) for name, identity in config.identities.items()}
    return allocate(before or Lock(OWNER), weights, alarmed_environments(config))


def synthesise(config: Config, folder: Path, *, lock: Lock | None = None, settings: Settings | None = None) -> Assembly:
    """Synthesise without bundling: the asset has tests of its own."""
    settings = settings or Settings()
    app = new_app(outdir=str(folder), context={"aws:cdk:bundling-stacks": []})
    assets = assets_of(config, settings)
    add_stacks(
        app,
        config=config,
        lock=lock or lock_of(config),
        code=assets.code,
        settings=settings,
        own_code=assets.own_code,
    )
    app.synth()
    return Assembly(config, folder)


def assets_of(config: Config, settings: Settings) -> Assets:
    def fail(text: str) -> None:
        raise AssertionError(text)

    return Assets(config, settings.target, warn=fail)
