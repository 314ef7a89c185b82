"""docs/openapi.json is what the code says. ``tests/fuzz/test_lookup.py`` fuzzes the function from it."""

from __future__ import annotations

import json
import re

import pytest

from ses_feedback import naming
from ses_feedback.domain.times import parse_duration
from ses_feedback.usecases.lookup import OPERATIONS
from tools import openapi


def test_the_file_is_what_the_code_says() -> None:
    """``python tools/openapi.py`` would change nothing."""
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text()


def test_every_route_is_described_and_every_operation_has_one() -> None:
    """Routes of the API, operations of the function and paths of the description are the same three."""
    described = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, methods in json.loads(openapi.text())["paths"].items()
        for method, operation in methods.items()
    }
    assert described == dict(naming.LOOKUP_ROUTES)
    assert set(described.values()) == set(OPERATIONS)


@pytest.mark.parametrize("length", ["forever", "1s", "3600s", "1440m", "8760h", "3650d", "5200w"])
def test_every_duration_that_is_taken_is_one_by_the_description(length: str) -> None:
    """A client that is made of the file asks for ten years as the command line does."""
    schema = json.loads(openapi.text())["components"]["schemas"]["Suppress"]["properties"]["for"]
    parse_duration(length)
    assert re.search(schema["pattern"], length)
