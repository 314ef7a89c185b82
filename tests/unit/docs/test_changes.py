"""docs/changes.md describes the events that are really announced: its schema takes them, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from ses_feedback.domain import changes
from ses_feedback.domain.changes import ATTRIBUTES, TYPES, VERSION, Change, change_event
from ses_feedback.domain.history import Suppression

from .commands import ROOT

PAGE = (ROOT / "docs" / "changes.md").read_text(encoding="utf-8")
_BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
(SCHEMA,) = [block for block in _BLOCKS if "$schema" in block]
EXAMPLES = [block for block in _BLOCKS if "$schema" not in block]
_VALIDATOR = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)


def validate(event: dict[str, Any]) -> None:
    """Raise where an event is not as the page says."""
    _VALIDATOR.validate(event)


def event(type_: str, scope: str, until: int | None) -> dict[str, Any]:
    stream = None if scope == "*" else scope
    held = Suppression("stream" if stream else "environment", stream, "hard_bounce", 1_000, until)
    order = changes.order(5_999, "4" * 21)
    return change_event(
        Change(type_, scope, held),
        id_=changes.event_id("any"),
        environment="production",
        address="jane@example.net",
        at=5_999,
        order_=order,
    )


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(("scope", "until"), [("*", None), ("marketing", 9_000)])
def test_every_event_is_as_the_page_says(type_: str, scope: str, until: int | None) -> None:
    """All types, with an end and without; every field that is made is described, and the other way round."""
    made = event(type_, scope, until)
    validate(made)
    assert set(made) == set(SCHEMA["properties"]) == set(SCHEMA["required"])


def test_the_examples_are_events() -> None:
    """With every field."""
    assert EXAMPLES
    for example in EXAMPLES:
        validate(example)


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", 2), ("type", "erased"), ("until", "tomorrow"), ("id", "1"), ("order", "1"), ("stream", "")],
)
def test_the_schema_is_no_formality(field: str, value: object) -> None:
    """What is not of this version is not valid."""
    with pytest.raises(jsonschema_rs.ValidationError):
        validate({**event("suppressed", "*", None), field: value})


def test_types_version_and_attributes_are_those_of_the_code() -> None:
    """The page names each of them."""
    assert SCHEMA["properties"]["type"]["enum"] == list(TYPES)
    assert SCHEMA["properties"]["version"]["const"] == VERSION
    (named,) = re.findall(r"message attributes\s+(.*?)\s+of", PAGE)
    assert re.findall(r"`(\w+)`", named) == list(ATTRIBUTES)
