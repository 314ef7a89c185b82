"""The catalogued payloads: see README.md beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from ses_feedback.domain.identities import Directory, Place

FOLDER: Final = Path(__file__).parent
# When the payloads are read: a day after the feedback in them, 2026-01-28T15:00:00Z.
NOW: Final = 1_769_612_400_000
DIRECTORY: Final = Directory(
    [
        Place("example.com", "production", "transactional"),
        Place("news@example.com", "production", "marketing"),
        Place("dev@example.com", "dev", "default"),
    ],
    {"ses-feedback_complaint_example-com_a379a6f6": "example.com"},
)


class Entry(NamedTuple):
    """A line of the catalogue: the file, what it shows, and (class or ``quarantine``, action) of each piece."""

    name: str
    shows: str
    expected: list[tuple[str, str]]


def load(name: str) -> bytes:
    """Return a payload as it arrives."""
    return (FOLDER / name).read_bytes()


def catalogue() -> list[Entry]:
    """Return the table of README.md."""
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return [
        Entry(name.strip("`"), shows, [_expected(piece) for piece in pieces.split("; ")])
        for name, shows, pieces in rows
    ]


def _expected(piece: str) -> tuple[str, str]:
    class_, _, action = piece.partition(" ")
    return class_, action or class_
