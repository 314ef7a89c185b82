"""Applications bring their own boto3: the guard and the endpoint work with the lowest versions that they ask for.

The versions are those of the extras in pyproject.toml, installed once beside the environment and put before it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / ".build" / "lowest"
LOWER_BOUND = re.compile(r"^([a-z0-9-]+)>=([0-9.]+)$")
# What reaches AWS, fails, and says so; the endpoint's web frameworks are no part of what it asks for.
RUN = {
    "guard": ("tests/unit/guard", "tests/unit/cli/test_troubles.py"),
    # The functions run on the botocore of Lambda's Python 3.13, which came three months after 1.35.2: they may need no
    # more than the endpoint does.
    "endpoint": (
        "tests/unit/endpoint",
        "tests/unit/adapters/test_runtime_handlers.py",
        "tests/unit/adapters/test_quarantine_bucket.py",
    ),
}
# What the tests themselves use besides, of the same age.
BESIDES = {"guard": [], "endpoint": ["boto3==1.35.2"]}


def lowest(extra: str) -> list[str]:
    """Return the requirements of an extra at their lowest: ``boto3==1.28.0``. Each must state one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [LOWER_BOUND.match(text) for text in project["optional-dependencies"][extra]]
    assert all(found), f"a requirement of [{extra}] states no lower bound"
    return [f"{match[1]}=={match[2]}" for match in found if match]


def installed(requirements: list[str]) -> Path:
    """Return a folder with these versions; it is made once, and complete or not there."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    ready = KEPT / hashlib.sha256("\n".join([running, *requirements]).encode()).hexdigest()[:16]
    if ready.is_dir():
        return ready
    KEPT.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=KEPT, prefix=".making-"))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run(
            [*pip, "--no-compile", "--retries", "2", "--target", str(made), *requirements],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if not ready.is_dir():
            made.rename(ready)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return ready


@pytest.mark.parametrize("extra", RUN)
def test_it_works_with_the_lowest_versions_it_asks_for(extra: str) -> None:
    """The same tests as with the newest, failures of AWS included: with boto3 before 1.41 an outage stopped mail."""
    requirements = lowest(extra)
    folder = installed(requirements + BESIDES[extra])
    script = (
        "import sys, botocore, pytest; "
        f"assert botocore.__file__.startswith({str(folder)!r}), botocore.__file__; "
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    # Old versions warn of what newer Pythons will not have any more.
    command = [sys.executable, "-c", script, "-p", "no:cacheprovider", "-W", "default", "--tb=short", *RUN[extra]]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "", "PYTEST_XDIST_WORKER": ""},
    )
    assert done.returncode == 0, f"with {', '.join(requirements)}:\n{done.stdout[-5000:]}{done.stderr[-2000:]}"
