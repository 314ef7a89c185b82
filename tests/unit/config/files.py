"""A smallest configuration, and what the loader says of it with something else in it."""

import tomllib
from typing import Any

from ses_feedback.config import Config, ConfigError, parse

SMALLEST = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
"""


def tree(text: str) -> dict[str, Any]:
    """Return the smallest configuration with the top-level tables of ``text`` in place of its own."""
    return {**tomllib.loads(SMALLEST), **tomllib.loads(text)}


def config(text: str = "") -> Config:
    """Load the smallest configuration with ``text`` in it."""
    return parse(tree(text))


def problems(text: str) -> list[str]:
    """Return the problems of the smallest configuration with ``text`` in it; none where it loads."""
    try:
        config(text)
    except ConfigError as error:
        return list(error.problems)
    return []
