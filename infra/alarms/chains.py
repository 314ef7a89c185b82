"""Rules of composite alarms over many others, within what CloudWatch takes. Pure.

`PutCompositeAlarm`: a rule takes 10,240 letters and asks about 100 alarms. `FALSE` is a rule too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

MOST_CHILDREN: Final = 100
LONGEST_RULE: Final = 10_240
NOBODY: Final = "FALSE"
_OR: Final = " OR "


def any_of(names: Sequence[str]) -> str:
    """Return the rule that is met while any alarm of these names is on; of none, it never is."""
    return _OR.join(_term(name) for name in names) or NOBODY


def groups(names: Sequence[str]) -> list[list[str]]:
    """Return names in the same order in as few groups as have rules that CloudWatch takes; one, empty, of none."""
    found: list[list[str]] = [[]]
    length = 0
    for name in names:
        more = len(_OR) + len(_term(name))
        if len(found[-1]) == MOST_CHILDREN or length + more > LONGEST_RULE:
            found.append([])
            length = 0
        found[-1].append(name)
        length += more
    return found


def split(names: Sequence[str], part_name: Callable[[int], str]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return what has to be made before one rule can name all: parts with the names each asks about, and its own names.

    A part comes after those it asks about; ``part_name`` names the ``n``-th, from 1.
    """
    parts: list[tuple[str, list[str]]] = []
    left = list(names)
    while len(found := groups(left)) > 1:
        left = []
        for group in found:
            parts.append((part_name(len(parts) + 1), group))
            left.append(parts[-1][0])
    return parts, left


def _term(name: str) -> str:
    return f'ALARM("{name}")'
