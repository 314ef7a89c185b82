"""Writes the lock files anew: requirements*.txt from requirements*.in, package-lock.json from package.json.

``uv`` resolves once for every Python from 3.11 on and every platform; it is installed into a throw-away environment.
No lock file names a registry: who installs decides where packages come from. Either every lock file is made or none
changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = "3.11"
# In this order: a later file is constrained by what an earlier one locked.
LOCKS = ("requirements", "requirements-dev", "lambdas/requirements", "lambdas/requirements-posts")
# Who has told pip where packages come from has told uv nothing: pip's settings, as uv's environment variables.
_AS_UV = {
    "index_url": "UV_DEFAULT_INDEX",
    "extra_index_url": "UV_INDEX",
    "find_links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "cert": "SSL_CERT_FILE",
}


class LockError(Exception):
    """A lock file could not be made; ``str(error)`` is what the user reads."""


def uv_settings(pip_config: Iterable[str]) -> dict[str, str]:
    """Return pip's own settings (lines of ``pip config list``) as environment variables for uv, which reads none."""
    found = {}
    for line in pip_config:
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2].replace("-", "_")
        if name in _AS_UV:
            found[_AS_UV[name]] = " ".join(value.strip("'\"").replace("\\n", " ").split())
    if "UV_INDEX" in found:
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's own: the newest of all indexes
    return found


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command at the root and return its output; raise ``LockError`` with what it said where it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LockError(f"{Path(command[0]).name} {' '.join(command[1:3])} failed:\n{said}")
    return done.stdout


def lock_python(folder: Path) -> dict[Path, str]:
    """Return the new text of each Python lock file."""
    venv.EnvBuilder(with_pip=True, symlinks=True).create(folder / "uv")
    pip = [str(folder / "uv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "uv"])
    settings = uv_settings(run([*pip, "config", "list"]).splitlines())
    # Each `.in` says `-c …requirements.txt`: it is resolved beside the new lock files, not beside the old ones.
    made = {}
    for name in LOCKS:
        source, target = folder / f"{name}.in", folder / f"{name}.txt"
        source.parent.mkdir(exist_ok=True)
        source.write_text((ROOT / f"{name}.in").read_text(encoding="utf-8"), encoding="utf-8")
        run(
            [
                *(str(folder / "uv" / "bin" / "uv"), "pip", "compile", "--quiet", "--universal"),
                *("--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate"),
                *("--output-file", str(target), str(source)),
            ],
            settings,
        )
        made[ROOT / f"{name}.txt"] = target.read_text(encoding="utf-8")
    return made


def lock_node(folder: Path) -> dict[Path, str]:
    """Return the new text of package-lock.json."""
    node = folder / "node"
    node.mkdir()
    for name in ("package.json", ".npmrc"):
        (node / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    path = os.pathsep.join((str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")))
    run([str(ROOT / ".venv/bin/npm"), "install", "--package-lock-only", "--prefix", str(node)], {"PATH": path})
    return {ROOT / "package-lock.json": (node / "package-lock.json").read_text(encoding="utf-8")}


def main() -> int:
    """Write every lock file that changes; return the exit code."""
    try:
        with tempfile.TemporaryDirectory(prefix="ses-feedback-lock-") as name:
            made = lock_python(Path(name)) | lock_node(Path(name))
    except LockError as error:
        print(f"no lock file was changed: {error}", file=sys.stderr)
        return 1
    for path, text in made.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
