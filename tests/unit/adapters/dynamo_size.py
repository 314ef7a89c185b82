"""How large DynamoDB takes an item to be (Developer Guide, "DynamoDB item sizes and formats")."""

from __future__ import annotations

from typing import Any


def size(item: dict[str, Any]) -> int:
    """Return the size of an item in bytes: names and values, and about 100 more that a write is billed for."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items()) + 100


def _value(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    if kind == "BOOL":
        return 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _value(inner) for inner in content)
    raise AssertionError(f"no item of ours holds a {kind}")
