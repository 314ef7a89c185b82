"""Every shell command that the documents tell a reader to type, with the place it stands at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
_ELSEWHERE = {".venv", "node_modules", ".local", ".build", "cdk.out", ".pytest_cache", ".hypothesis"}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
_INDENTED = re.compile(r"^ {4}(?P<command>(?:ses-feedback|make|aws|npx) .+)$")
# What end-to-end tests can do for real on the embedded AWS. The rest needs an account, or ends what the tests stand on.
_MAKE_RUNS = {"demo"}


class Command(NamedTuple):
    """One command as it is typed. ``pipeline`` holds the words of each of its programs, joined by ``|`` in ``text``."""

    file: str
    line: int
    text: str
    pipeline: tuple[tuple[str, ...], ...]

    @property
    def where(self) -> str:
        """The place, for a message."""
        return f"{self.file}:{self.line}: {self.text}"

    @property
    def program(self) -> str:
        """The first program, without assignments of variables before it."""
        return self.pipeline[0][0]

    @property
    def runs_in_e2e(self) -> bool:
        """Whether the end-to-end tests can run it as it stands, at the root, with ``.local/env`` read."""
        if len(self.pipeline) != 1:
            return False
        if self.program == "make":
            return bool(_MAKE_RUNS.intersection(self.pipeline[0][1:]))
        return self.program == "ses-feedback"


def documents() -> list[Path]:
    """Return every markdown file of the project."""
    found = (p for p in ROOT.rglob("*.md") if not _ELSEWHERE.intersection(p.relative_to(ROOT).parts))
    return sorted(found)


def commands(path: Path) -> list[Command]:
    """Return the commands in the ``sh`` blocks (and indented one-liners) of a markdown file."""
    name = path.relative_to(ROOT).as_posix()
    return [Command(name, line, text, _pipeline(text)) for line, text in _lines(path.read_text(encoding="utf-8"))]


def documented_commands() -> list[Command]:
    """Return the commands of all documents."""
    return [command for path in documents() for command in commands(path)]


def readme_commands() -> list[Command]:
    """Return the commands of README.md in order; the end-to-end tests run those with ``runs_in_e2e``."""
    return commands(ROOT / "README.md")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    language: str | None = None
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is not None:
            language = fence["language"] if language is None else None
        elif language is None:
            indented = _INDENTED.match(line)
            if indented is not None:
                yield number, indented["command"]
        elif language == "sh":
            start = start or number
            held += line.strip()
            if held.endswith("\\"):
                held = held[:-1]
                continue
            if held and not held.startswith("#"):
                yield start, held
            held, start = "", 0


def _pipeline(text: str) -> tuple[tuple[str, ...], ...]:
    parts: list[list[str]] = [[]]
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    for word in lexer:
        if word == "|":
            parts.append([])
        elif parts[-1] or not re.fullmatch(r"[A-Z_]+=\S*", word):
            parts[-1].append(word)
    return tuple(tuple(part) for part in parts)
