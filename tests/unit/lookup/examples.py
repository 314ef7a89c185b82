"""The examples of docs/lookup.md, as a reader would type them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "lookup.md").read_text(encoding="utf-8")
# By language: what runs an example.
RUN = {
    "bash": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    "js": [str(Path(sys.executable).with_name("node")), "-e"],
}


def json_blocks(page: str) -> list[dict[str, Any]]:
    """Return the JSON that a page shows, in order."""
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]


def example(language: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the example in a language, with nothing in its environment but this and the path."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    known = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run([*RUN[language], code], env=known, capture_output=True, text=True, check=False, timeout=60)
