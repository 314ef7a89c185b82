"""What of the configuration the endpoint has that takes posts of SNS: the rules, from which topics, about whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ses_feedback import naming
from ses_feedback.config.model import Config, ListedTopic
from ses_feedback.config.runtime import RuntimeConfig, to_runtime
from ses_feedback.domain.identities import Directory, Grant


def posts_files(config: Config) -> dict[str, str]:
    """Return what of a configuration goes into that function's asset: file name → text.

    Sorted, so that the order in the file deploys nothing.
    """
    topics = {topic.arn: [sorted(topic.identities), topic.environment] for topic in config.endpoint.topics}
    listed = json.dumps({"topics": topics}, sort_keys=True, separators=(",", ":")) + "\n"
    return {naming.RUNTIME_CONFIG_FILE: to_runtime(config), naming.POSTS_CONFIG_FILE: listed}


def grants(topics: Iterable[ListedTopic]) -> dict[str, Grant]:
    """Return what the topics of the file are trusted with, by ARN."""
    return {topic.arn: Grant(topic.identities, topic.environment) for topic in topics}


def listed_topics(directory: Path) -> dict[str, Grant]:
    """Return the same from the asset whose root is ``directory``."""
    values = json.loads((directory / naming.POSTS_CONFIG_FILE).read_text(encoding="utf-8"))
    return {arn: Grant(tuple(identities), environment) for arn, (identities, environment) in values["topics"].items()}


def heard(rules: RuntimeConfig, listed: Mapping[str, Grant]) -> RuntimeConfig:
    """Return the rules for what these topics post: they speak for whom the file says, and no topic else is believed."""
    return rules._replace(directory=Directory(rules.places, listed=listed, strict=True))
