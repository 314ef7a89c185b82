"""What goes into the asset of the functions, and the hash that changes exactly when it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.target import Target

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("ses_feedback", "lambdas")
# Parts of the package that run elsewhere: on an operator's machine, in a sender, in an application SNS posts to.
_ELSEWHERE: Final = (
    "ses_feedback/cli",
    "ses_feedback/guard",
    "ses_feedback/endpoint",
    "ses_feedback/adapters/archives",
    "ses_feedback/adapters/archive_athena",
    "ses_feedback/adapters/archive_duckdb",
    "ses_feedback/adapters/replay_machine",
    "ses_feedback/adapters/replay_notebook",
    "ses_feedback/adapters/probe_mail",
    "ses_feedback/adapters/proving",
    "ses_feedback/adapters/proving_ear",
    "ses_feedback/adapters/proving_reads",
    "ses_feedback/usecases/proving",
)
_POSTS: Final = "lambdas/receive_posts"


@dataclass(frozen=True, slots=True)
class Part:
    """What one asset is made of: the lock of its dependencies, and of the product all but some parts.

    ``only``: the one function that is in it; ``None``: all that have no asset of their own.
    """

    requirements: str
    without: tuple[str, ...]
    only: str | None = None

    def has(self, name: str) -> bool:
        """Return whether a file of the product, by its path from the root, is in this asset."""
        if self.only is not None and name.startswith("lambdas/") and name != "lambdas/__init__.py":
            return name == f"{self.only}.py"
        return not any(name == f"{part}.py" or name.startswith(f"{part}/") for part in self.without)


MOST: Final = Part("lambdas/requirements.txt", (*_ELSEWHERE, _POSTS))
# With what checks signatures, which no other function needs and which is larger than all the rest.
POSTS: Final = Part(
    "lambdas/requirements-posts.txt", tuple(part for part in _ELSEWHERE if part != "ses_feedback/endpoint"), _POSTS
)
# Changes when the recipe of an asset does (pruning, compiling, modes), so that an old one is not taken for a new one.
_RECIPE: Final = "2"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of the product (by their path in the asset), its locked dependencies and its configuration.

    ``configuration``: name in the asset → text.
    """

    files: dict[str, Path]
    requirements: Path
    configuration: Mapping[str, str]
    target: Target

    @classmethod
    def collect(
        cls, configuration: Mapping[str, str], target: Target, root: Path = ROOT, *, part: Part = MOST
    ) -> Sources:
        """Return the sources in a work tree with the files of the normalised ``configuration``."""
        return cls(dict(_files(root, part)), root / part.requirements, configuration, target)

    def asset_hash(self, *, compiled: bool) -> str:
        """Return a hash of contents alone, with or without byte code: no path, time or order has a part in it."""
        return self._hash(
            [
                _RECIPE,
                "compiled" if compiled else "sources",
                *(part for file in sorted(self.configuration.items()) for part in file),
                *self.target_key(),
                self.requirements.read_text(encoding="utf-8"),
            ]
            + [part for name, path in sorted(self.files.items()) for part in (name, _digest(path))]
        )

    def dependencies_key(self) -> str:
        """Return the name under which the installed dependencies are kept: lock and target decide."""
        return self._hash([_RECIPE, *self.target_key(), self.requirements.read_text(encoding="utf-8")])[:16]

    def target_key(self) -> list[str]:
        """Return what of the target decides about the files of the asset."""
        return [self.target.runtime, self.target.architecture, self.target.pip_platform or "this machine"]

    @staticmethod
    def _hash(parts: list[str]) -> str:
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _files(root: Path, part: Part) -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.suffix in (".py", ".typed") and path.is_file() and part.has(name):
                yield name, path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
