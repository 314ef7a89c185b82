"""Puts the asset of the functions together, without Docker: pip for another platform, copy, prune, byte-compile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.errors import BundlingError
from infra.sources import ROOT, Sources

CACHE: Final = ROOT / ".build"
_FIND_PYTHON: Final = ROOT / "tools" / "find-python"
# What the handlers never import. Powertools is two thirds parts for other events; a test imports every handler from a
# finished asset, so that too much cannot be left out.
_PRUNED: Final = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/metadata",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    "bin",
)
_PRUNED_ANYWHERE: Final = ("*.dist-info", "__pycache__", "tests", "*.pyi", "*.so.debug")
# What Lambda needs (Lambda developer guide, `Deployment package file permissions`): 644 for files, 755 for directories
# and executables. CDK zips the modes that it finds, and these follow from the umask of whoever runs it.
FILE_MODE: Final = 0o644
FOLDER_MODE: Final = 0o755
_PIP_SECONDS: Final = 600
_COMPILE_SECONDS: Final = 300

Warn = Callable[[str], None]


@jsii.implements(cdk.ILocalBundling)
class LocalBundling:
    """What CDK calls when it needs the asset (not for ``cdk destroy``, nor when it has it already).

    An error cannot pass through CDK as it is: it is kept in ``error`` for the app to print.
    """

    def __init__(self, sources: Sources, *, cache: Path = CACHE, warn: Warn) -> None:
        self._sources = sources
        self._cache = cache
        self._warn = warn
        self._python = find_python(sources.target.python)
        self.error: BundlingError | None = None

    def try_bundle(self, output_dir: str, *, image: Any, **_options: Any) -> bool:
        """Fill ``output_dir``; always true, since there is no other way to bundle."""
        del image
        try:
            if self._python is None:
                self._warn(
                    f"no Python {self._sources.target.python} here to compile the functions' code with: it is shipped "
                    "as sources, which costs 80 ms a cold start"
                )
            build_asset(self._sources, Path(output_dir), python=self._python, cache=self._cache)
        except BundlingError as error:
            self.error = error
            raise
        return True

    def code(self) -> lambda_.Code:
        """Return the asset as CDK takes it, named by the hash of its sources."""
        return lambda_.Code.from_asset(
            str(ROOT / "lambdas"),
            asset_hash=self._sources.asset_hash(compiled=self._python is not None),
            asset_hash_type=cdk.AssetHashType.CUSTOM,
            bundling=cdk.BundlingOptions(
                image=cdk.DockerImage.from_registry("never-pulled"),  # CDK wants one named
                local=self,
            ),
        )


def build_asset(sources: Sources, output: Path, *, python: str | None, cache: Path = CACHE) -> None:
    """Put dependencies, product and configuration into the directory ``output``. Raises ``BundlingError``.

    ``python``, of the target's own version, compiles it: Lambda would at every cold start, and can keep nothing.
    """
    try:
        shutil.copytree(_dependencies(sources, cache), output, dirs_exist_ok=True)
        for name, path in sources.files.items():
            target = output / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        for name, text in sources.configuration.items():
            (output / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BundlingError(f"{error.filename or output}: cannot be written ({error.strerror or error})") from None
    if python is not None:
        _byte_compile(output, python)
    _set_modes(output)


def _set_modes(root: Path) -> None:
    """Give everything the modes Lambda needs, whatever the umask was when it was written. Raises ``BundlingError``."""
    try:
        for path in (root, *root.rglob("*")):
            folder_like = path.is_dir() or path.stat().st_mode & 0o111
            path.chmod(FOLDER_MODE if folder_like else FILE_MODE)
    except OSError as error:
        raise BundlingError(f"{error.filename or root}: its mode cannot be set ({error.strerror or error})") from None


def _dependencies(sources: Sources, cache: Path) -> Path:
    """Return the directory of installed, pruned dependencies; it is made once for each lock and target.

    It is made under another name and renamed when complete: neither a failure nor a second synth leaves or meets half.
    """
    home = cache / "dependencies"
    ready = home / sources.dependencies_key()
    if ready.is_dir():
        return ready
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=home, prefix=".making-"))
    try:
        _pip_install(sources, made)
        _prune(made)
        _set_modes(made)
        try:
            made.rename(ready)
        except OSError:
            if not ready.is_dir():  # else another synth has just made the same
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return ready


def _pip_install(sources: Sources, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "2", "--no-compile", "--no-deps", "--target", str(target), "--only-binary=:all:"]
    command += ["--requirement", str(sources.requirements)]
    if sources.target.pip_platform is not None:
        # What is compiled may ask for a younger C library than that: Lambda's, Amazon Linux 2023, has 2.34.
        younger = sources.target.pip_platform.replace("manylinux2014", "manylinux_2_28")
        command += ["--platform", sources.target.pip_platform, "--platform", younger, "--implementation", "cp"]
        command += ["--python-version", sources.target.python]
    _run(command, f"installing {sources.requirements.relative_to(sources.requirements.parents[1])}", _PIP_SECONDS)


def _prune(root: Path) -> None:
    found = [root / name for name in _PRUNED]
    found += [path for pattern in _PRUNED_ANYWHERE for path in root.rglob(pattern)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _byte_compile(root: Path, python: str) -> None:
    # Unchecked: the time stamps of the sources change on their way to Lambda. Stripped: paths of this machine say
    # nothing there.
    command = [python, "-m", "compileall", "-q", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    _run([*command, "-s", str(root), str(root)], "byte-compiling the functions' code", _COMPILE_SECONDS)


def find_python(version: str) -> str | None:
    """Return a Python of exactly this version: the running one, or what ``tools/find-python`` finds."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    asked = subprocess.run([_FIND_PYTHON], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    candidate = asked.stdout.strip()
    if asked.returncode or not candidate:
        return None
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([candidate, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    return candidate if answer.stdout.strip() == version else None


def _run(command: Sequence[str], doing: str, seconds: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            command, capture_output=True, text=True, check=False, timeout=seconds, env=environment
        )
    except subprocess.TimeoutExpired:
        raise BundlingError(f"{doing} took more than {seconds} s; is the package index reachable?") from None
    except OSError as error:
        raise BundlingError(f"{doing} failed: {error}") from None
    if done.returncode:
        raise BundlingError(f"{doing} failed: {_reason(done.stderr or done.stdout)}; is the package index reachable?")


def _reason(output: str) -> str:
    """Return the first line of pip's output that says what is wrong, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines[-1:] or ["it did not say why"])[0]
