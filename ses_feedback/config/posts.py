"""What of the configuration the function has that takes posts of SNS: the rules, and from which topics."""

from __future__ import annotations

import json
from pathlib import Path

from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.config.runtime import to_runtime


def posts_files(config: Config) -> dict[str, str]:
    """Return what of a configuration goes into that function's asset: file name → text.

    Sorted, so that the order in the file deploys nothing.
    """
    topics = json.dumps({"topics": sorted(config.endpoint.topics)}, separators=(",", ":")) + "\n"
    return {naming.RUNTIME_CONFIG_FILE: to_runtime(config), naming.POSTS_CONFIG_FILE: topics}


def allowed_topics(directory: Path) -> tuple[str, ...]:
    """Return the topics, in the asset whose root is ``directory``."""
    values = json.loads((directory / naming.POSTS_CONFIG_FILE).read_text(encoding="utf-8"))
    return tuple(values["topics"])
