"""For which machine and Python the functions' code is put together. Pure."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A Lambda runtime (``python3.13``), its architecture, and pip's platform tag (``None``: this machine's)."""

    runtime: str
    architecture: Literal["arm64", "x86_64"]
    pip_platform: str | None

    @property
    def python(self) -> str:
        """The Python version alone, ``3.13``."""
        return self.runtime.removeprefix("python")


LAMBDA: Final = Target("python3.13", "arm64", "manylinux2014_aarch64")


def this_machine() -> Target:
    """Return the target that the embedded AWS needs: it runs functions on the interpreter it runs on itself."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return Target(f"python3.{sys.version_info.minor}", "arm64" if arm else "x86_64", None)
