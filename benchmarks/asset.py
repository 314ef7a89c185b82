"""How large the functions' code is when Lambda has unpacked it: what a cold start loads, and 250 MB is the limit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.assets import built
from benchmarks.figure import Figure

LIMIT_MB: Final = 7.0


def sizes(root: Path) -> Counter[str]:
    """Return the bytes of the files under each first part of a path."""
    found: Counter[str] = Counter()
    for path in root.rglob("*"):
        if path.is_file():
            found[path.relative_to(root).parts[0]] += path.stat().st_size
    return found


def measure() -> list[Figure]:
    """Build the asset for Lambda and weigh it."""
    with built(local=False) as folder:
        found = sizes(folder)
    megabytes = found.total() / 1e6
    largest = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in found.most_common(3))
    return [
        Figure("code asset, unpacked", f"{megabytes:.1f} MB ({largest})", f"{LIMIT_MB:g} MB", megabytes / LIMIT_MB, 1)
    ]
