"""The modes of what is shipped: Lambda reads them from the zip, and whoever deploys has any umask at all."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bundling import build_asset
from infra.sources import MOST, POSTS, ROOT, Part, Sources
from infra.target import LAMBDA
from ses_feedback.config.loop import asset_files
from tests.infra import configs

# As strict as they are used, one for a group, and one that leaves everything writable.
UMASKS = (0o077, 0o027, 0o000)
LISTED = '{ arn = "arn:aws:sns:us-east-1:444455556666:ses-bounces", environment = "production" }'
WITH_POSTS = configs.SMALL + f"[endpoint]\ntopics = [{LISTED}]\n"


def wrong(folder: Path) -> list[str]:
    """Return whatever in a folder (with itself) Lambda would not take as it is, or anybody could write to.

    As CDK zips it: it follows links, and takes the mode that ``stat`` says.
    """
    found = []
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        executable = path.is_dir() or mode & 0o111
        if mode != (0o755 if executable else 0o644):
            found.append(f"{mode:o} {path.relative_to(folder)}")
    return found


def under(umask: int, *command: str, folder: Path, **environment: str) -> None:
    """Run a command of ours under a umask."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "SES_FEEDBACK"))}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        cwd=folder,
        umask=umask,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_both_assets_of_a_synth_have_the_modes_that_lambda_needs(tmp_path: Path, umask: int) -> None:
    """The program that `cdk synth` and `cdk deploy` run, under a umask: every file of every asset, byte code too."""
    (tmp_path / "feedback.toml").write_text(WITH_POSTS)
    under(
        umask,
        str(ROOT / "app.py"),
        folder=tmp_path,
        CDK_OUTDIR=str(tmp_path / "cdk.out"),
        CDK_CONTEXT_JSON=json.dumps({"aws:cdk:bundling-stacks": ["**"]}),
    )
    assets = [path for path in (tmp_path / "cdk.out").glob("asset.*") if path.is_dir()]
    assert len(assets) == 2
    for asset in assets:
        assert len(list(asset.rglob("*.py"))) > 50
        assert wrong(asset) == []


@pytest.mark.parametrize("part", [MOST, POSTS], ids=["most", "posts"])
def test_dependencies_kept_by_a_strict_umask_spoil_no_later_asset(tmp_path: Path, part: Part) -> None:
    """Installed under 077 and kept, they are right for whoever builds next, under whatever umask."""
    script = tmp_path / "build.py"
    script.write_text(
        "import sys, pathlib\n"
        "from infra.bundling import build_asset\n"
        "from infra.sources import MOST, POSTS, Sources\n"
        "from infra.target import LAMBDA\n"
        f"sources = Sources.collect({{'x.json': '{{}}'}}, LAMBDA, part={'MOST' if part is MOST else 'POSTS'})\n"
        "output, cache = map(pathlib.Path, sys.argv[1:])\n"
        "build_asset(sources, output, python=None, cache=cache)\n"
    )
    for number, umask in enumerate((0o077, 0o022), 1):
        output = tmp_path / f"asset{number}"
        under(umask, str(script), str(output), str(tmp_path / "cache"), folder=tmp_path)
        assert wrong(output) == []
    (kept,) = (tmp_path / "cache" / "dependencies").iterdir()
    assert wrong(kept) == []


def test_sources_of_a_strict_clone_are_shipped_readable(tmp_path: Path) -> None:
    """A clone made under 077 has files that nobody else reads. What is executable stays so."""
    sources = Sources.collect(asset_files(configs.small()), LAMBDA)
    root = tmp_path / "clone"
    for name, path in sources.files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o600)
    shutil.copyfile(sources.requirements, root / "lambdas" / "requirements.txt")
    cloned = Sources.collect(sources.configuration, LAMBDA, root)
    kept = tmp_path / "cache" / "dependencies" / cloned.dependencies_key()
    kept.mkdir(parents=True)
    tool = kept / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    build_asset(cloned, tmp_path / "out", python=None, cache=tmp_path / "cache")
    assert wrong(tmp_path / "out") == []
    assert stat.S_IMODE((tmp_path / "out" / "tool").stat().st_mode) == 0o755
