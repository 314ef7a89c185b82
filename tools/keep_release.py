"""Keeps what a release deploys, so that the tests can deploy it again and update it: ``make release [COMMIT=…]``.

It synthesises ``tests/releases/feedback.toml`` with the code of a commit, by the CDK command line as everybody does,
and writes ``tests/releases/VERSION.tar.xz``: templates and manifests, the product as it lies in each asset with the
lock of its dependencies, the whole package (an operator's command line may be older than the deployment),
configuration and lock file. The same commit gives the same bytes. ``tests/releases/__init__.py`` reads it.
"""

from __future__ import annotations

import argparse
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from infra.node import use_packaged_node  # noqa: E402 - this runs as a program, from wherever it is called

use_packaged_node()

from infra.bundling import find_python  # noqa: E402 - jsii looks for Node when aws_cdk is imported
from infra.sources import MOST, POSTS  # noqa: E402
from infra.target import LAMBDA  # noqa: E402

RELEASES: Final = ROOT / "tests" / "releases"
CONFIG: Final = RELEASES / "feedback.toml"
# Two kept releases differ by what was released, not by chance. The embedded AWS needs no pace and waits for no window.
OWNER: Final = "0123456789abcdef0123456789abcdef"
CONTEXT: Final = {"ses_interval_ms": "0", "tally_window_s": "1"}
# What was installed here must be what the commit names: the CDK decides about templates, too.
LOCKS: Final = ("requirements.txt", "package-lock.json")
_VERSION: Final = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.MULTILINE)
_FOREIGN: Final = ("AWS_", "CDK_", "SES_FEEDBACK_")
_CODE: Final = (".py", ".typed")


class ReleaseError(Exception):
    """The release is not kept; ``str(error)`` is the one line that the user reads."""


def keep(commit: str, releases: Path = RELEASES) -> Path:
    """Keep the release that a commit is, and return the file. Raises ``ReleaseError``."""
    if find_python(LAMBDA.python) is None:
        raise ReleaseError(f"no Python {LAMBDA.python} here: the assets of a release are compiled for it")
    with tempfile.TemporaryDirectory(prefix="release-") as temporary:
        tree, kept = Path(temporary, "tree"), Path(temporary, "kept")
        name = checkout(commit, tree)
        version = released_version(tree, commit)
        for lock in LOCKS:
            if (tree / lock).read_bytes() != (ROOT / lock).read_bytes():
                raise ReleaseError(f"{lock} of {commit} is not what is installed here: run this in a checkout of it")
        kept.mkdir()
        shutil.copyfile(CONFIG, kept / CONFIG.name)
        (kept / "feedback.lock.json").write_text(json.dumps({"owner": OWNER, "cells": {}, "environments": {}}))
        synthesise(tree, kept)
        strip(tree, kept)
        (kept / "release.json").write_text(json.dumps({"version": version, "commit": name}, indent=1) + "\n")
        target = releases / f"{version}.tar.xz"
        target.write_bytes(packed(kept))
    return target


def checkout(commit: str, tree: Path) -> str:
    """Put the files of a commit into a folder, and nothing else; return the commit's full name."""
    name = _run(["git", "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"], f"{commit}: no such commit here")
    archive = ["git", "archive", name.strip()]
    files = subprocess.run(archive, capture_output=True, check=True, cwd=ROOT).stdout
    with tarfile.open(fileobj=io.BytesIO(files)) as tar:
        tar.extractall(tree, filter="data")
    return name.strip()


def released_version(tree: Path, commit: str) -> str:
    """Return the version of a tree. Raises ``ReleaseError`` where that is none that a changelog dates."""
    found = _VERSION.search((tree / "ses_feedback" / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError(f"{commit} is no release: ses_feedback/__init__.py must say a version such as 1.2.3")
    changes = (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(found[1])} \(\d{{4}}-\d\d-\d\d\)$", changes, re.MULTILINE):
        raise ReleaseError(f"{commit} is no release: CHANGELOG.md must have the heading ## {found[1]} (YEAR-MONTH-DAY)")
    return found[1]


def synthesise(tree: Path, kept: Path) -> None:
    """Synthesise with the code of ``tree`` into ``kept/assembly``, and let it complete the lock file."""
    context = {**CONTEXT, "config": str(kept / CONFIG.name), "lock": str(kept / "feedback.lock.json")}
    command = [str(Path(sys.executable).with_name("node")), str(ROOT / "node_modules/aws-cdk/bin/cdk"), "synth"]
    command += ["--quiet", "--app", f"{sys.executable} app.py", "--output", str(kept / "assembly")]
    command += [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    _run(command, "the synth failed", cwd=tree, environment=environment)


def strip(tree: Path, kept: Path) -> None:
    """Leave of the assembly what the product is: dependencies are installed again, by the lock that is put beside."""
    assembly = kept / "assembly"
    for name in ("tree.json", "validation-report.json"):
        (assembly / name).unlink(missing_ok=True)
    manifest = json.loads((assembly / "manifest.json").read_text())
    manifest["artifacts"].pop("Tree", None)
    (assembly / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    for asset in sorted(assembly.glob("asset.*")):
        part = POSTS if (asset / f"{POSTS.only}.py").is_file() else MOST
        lock = kept / "locks" / f"{asset.name}.txt"
        lock.parent.mkdir(exist_ok=True)
        shutil.copyfile(tree / part.requirements, lock)
        for path in list(_files(asset)):
            top, *below = path.relative_to(asset).parts
            ours = path.suffix in _CODE and top in ("ses_feedback", "lambdas") if below else path.suffix == ".json"
            if not ours:
                path.unlink()
    for path in _files(tree / "ses_feedback"):
        if path.suffix in _CODE:
            copy = kept / "product" / path.relative_to(tree)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def packed(folder: Path) -> bytes:
    """Return a folder's files as a compressed archive: the same files, the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(_files(folder)):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _run(command: Sequence[str], failing: str, *, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    if done.returncode:
        raise ReleaseError("\n".join([failing, *done.stderr.strip().splitlines()[-5:]]).strip())
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep one release; return the exit code: 0, or 1 with what is wrong on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", nargs="?", default="HEAD", help="the commit that is the release (default: HEAD)")
    try:
        path = keep(parser.parse_args(arguments).commit)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1_000} kB. Commit it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
