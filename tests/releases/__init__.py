"""Releases as they were deployed, one archive each, written by ``tools/keep_release.py``: where updates begin."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.node import use_packaged_node

use_packaged_node()

from infra.bundling import build_asset  # noqa: E402 - jsii looks for Node when aws_cdk is imported
from infra.sources import Sources  # noqa: E402
from infra.target import this_machine  # noqa: E402

HERE: Final = Path(__file__).parent


def versions() -> list[tuple[int, ...]]:
    """Return the versions that are kept, oldest first."""
    return sorted(tuple(map(int, path.name.removesuffix(".tar.xz").split("."))) for path in HERE.glob("*.tar.xz"))


def newest() -> Path:
    """Return the archive of the newest release."""
    return HERE / f"{'.'.join(map(str, versions()[-1]))}.tar.xz"


# What the changelog tells to change in the file before a newer version reads it: by release, the old text and the new.
EDITS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "0.1.0": (
        (
            'topics = ["arn:aws:sns:us-west-2:444455556666:ses-bounces"]',
            'topics = [{ arn = "arn:aws:sns:us-west-2:444455556666:ses-bounces", environment = "production" }]',
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Release:
    """An unpacked release: its configuration, its lock file of cells, its assembly, and its own package."""

    version: str
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "feedback.toml"

    @property
    def edited(self) -> Path:
        """The configuration as today's code reads it."""
        return self.folder / "edited" / "feedback.toml"

    @property
    def lock(self) -> Path:
        return self.folder / "feedback.lock.json"

    @property
    def assembly(self) -> Path:
        return self.folder / "assembly"

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        """The templates by stack."""
        found = sorted(self.assembly.glob("*.template.json"))
        return {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in found}

    @property
    def product(self) -> Path:
        """The package: what who has not updated yet has installed."""
        return self.folder / "product"


def unpack(path: Path, folder: Path) -> Release:
    """Unpack a release. ``prepare`` makes of it what the embedded AWS can run."""
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    release = Release(json.loads((folder / "release.json").read_text())["version"], folder)
    text = release.config.read_text(encoding="utf-8")
    for old, new in EDITS.get(release.version, ()):
        assert old in text, f"{path.name}: its configuration has no {old}"
        text = text.replace(old, new)
    release.edited.parent.mkdir()
    release.edited.write_text(text, encoding="utf-8")
    return release


def prepare(release: Release) -> None:
    """Complete the assets, and have the functions run on this machine: nothing else of the assembly changes.

    Dependencies come by the release's own locks, for this machine, from where a synth keeps them.
    """
    target = this_machine()
    for asset in sorted(release.assembly.glob("asset.*")):
        product = asset.with_name(f"product.{asset.name}")
        asset.rename(product)
        files = {file.relative_to(product).as_posix(): file for file in product.rglob("*") if file.is_file()}
        lock = release.folder / "locks" / f"{asset.name}.txt"
        asset.mkdir()
        build_asset(Sources(files, lock, {}, target), asset, python=sys.executable)
        shutil.rmtree(product)
    for name, template in release.templates.items():
        for resource in template.get("Resources", {}).values():
            if resource["Type"] == "AWS::Lambda::Function":
                resource["Properties"] |= {"Runtime": target.runtime, "Architectures": [target.architecture]}
        path = release.assembly / f"{name}.template.json"
        path.write_text(json.dumps(template, indent=1))
