"""The asset of the functions: what is in it, that it runs, and what its hash depends on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra import bundling as bundling_module
from infra.bundling import CACHE, LocalBundling, build_asset, find_python
from infra.errors import BundlingError
from infra.sources import ROOT, Sources
from infra.target import LAMBDA, this_machine
from ses_feedback import naming
from ses_feedback.config.loop import asset_files, loop_config
from ses_feedback.config.runtime import from_runtime
from tests.infra import configs

RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "dateutil", "urllib3", "six.py")  # what Lambda's Python brings

MOST = tuple(name for name in naming.FUNCTIONS if name != naming.RECEIVE_POSTS)  # which has an asset of its own


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources.collect(asset_files(configs.full()), LAMBDA)


@pytest.fixture(scope="module")
def asset(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asset")
    build_asset(sources, folder, python=find_python(LAMBDA.python), cache=CACHE)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_handler_runs_from_the_asset_alone(asset: Path, tmp_path: Path) -> None:
    """A clean interpreter, with only the asset and what Lambda's own Python brings, imports every handler."""
    import botocore

    site = Path(botocore.__file__).parents[1]
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in RUNTIME_PACKAGES:
        (runtime / name).symlink_to(site / name)
    script = (
        f"import sys; sys.path[:0] = [{str(asset)!r}, {str(runtime)!r}]\n"
        "import importlib, json\n"
        f"for name in {MOST!r}:\n"
        "    assert callable(importlib.import_module('lambdas.' + name).handler), name\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        naming.ENV_TABLE: "t",
        naming.ENV_WIRING_TABLE: "w",
        naming.ENV_QUARANTINE_BUCKET: "b",
        naming.ENV_ADDRESS_KEY: "k" * 64,
        naming.ENV_RETRY_QUEUE_URL: "https://sqs.us-east-1.amazonaws.com/000000000000/q",
    }
    python = find_python(LAMBDA.python) or sys.executable
    done = subprocess.run(
        [python, "-I", "-S", "-c", script], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    assert "pydantic" not in imported
    assert "boto3" not in imported


def test_the_asset_holds_the_product_and_nothing_of_the_command_line(asset: Path) -> None:
    """Handlers, product, configuration; no command line, no tests, no metadata of packages, no boto3."""
    found = files(asset)
    assert {f"lambdas/{function}.py" for function in MOST} <= found
    assert f"lambdas/{naming.RECEIVE_POSTS}.py" not in found
    assert {"ses_feedback/naming.py", "idna/__init__.py", "aws_lambda_powertools/__init__.py"} <= found
    for name in found:
        parts = name.split("/")
        assert not name.startswith(
            (
                "ses_feedback/cli",
                "ses_feedback/guard",
                "ses_feedback/endpoint",
                "cryptography/",
                "boto3/",
                "botocore/",
                "infra/",
                "local/",
            )
        )
        assert "tests" not in parts
        assert not any(part.endswith(".dist-info") for part in parts)
        assert "parser" not in parts
    config = from_runtime((asset / naming.RUNTIME_CONFIG_FILE).read_text())
    assert config.deployment == "ses-feedback"
    assert {place.identity for place in config.places} == set(configs.full().identities)
    assert set(loop_config(asset).identities) == set(configs.full().identities)


def test_the_asset_is_small(asset: Path) -> None:
    """7 MB unpacked at most: Lambda loads it at every cold start."""
    assert sum(path.stat().st_size for path in asset.rglob("*") if path.is_file()) <= 7_000_000


def test_byte_code_is_valid_wherever_it_is_unpacked(asset: Path) -> None:
    """Every module has byte code for 3.13 that no time stamp is compared with, and that names no path of here."""
    if find_python(LAMBDA.python) is None:
        assert not list(asset.rglob("*.pyc")), "byte code of another Python"
        return
    sources_ = list(asset.rglob("*.py"))
    assert len(sources_) > 80
    for path in sources_:
        compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
        header = compiled.read_bytes()[:8]
        assert int.from_bytes(header[4:8], "little") == 0b01, f"{path} is checked"
        assert str(asset).encode() not in compiled.read_bytes()
        assert str(ROOT).encode() not in compiled.read_bytes()


def test_only_locked_dependencies_for_the_target(asset: Path) -> None:
    """What is on top of the asset is what the lock names; nothing is built for this machine."""
    locked = {line.split("==")[0].replace("-", "_") for line in (ROOT / "lambdas/requirements.txt").read_text().split()}
    tops = {path.stem for path in asset.iterdir()} - {"__pycache__", "feedback", "loop", "ses_feedback", "lambdas"}
    assert tops == locked
    assert all("==" in line for line in (ROOT / "lambdas/requirements.txt").read_text().split())
    assert not list(asset.rglob("*x86_64*"))


def copy_of_sources(tmp_path: Path, sources: Sources) -> Path:
    root = tmp_path / "elsewhere"
    for name, path in sources.files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(sources.requirements, root / "lambdas" / "requirements.txt")
    return root


def test_the_hash_depends_on_contents_alone(tmp_path: Path, sources: Sources) -> None:
    """Another folder, another time, stray files: the same hash, so nothing is deployed again."""
    root = copy_of_sources(tmp_path, sources)
    for path in root.rglob("*"):
        os.utime(path, (1, 1))
    (root / "ses_feedback" / "__pycache__").mkdir()
    (root / "ses_feedback" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (root / "ses_feedback" / "cli").mkdir(exist_ok=True)
    (root / "ses_feedback" / "cli" / "new.py").write_text("x = 1\n")
    again = Sources.collect(sources.configuration, LAMBDA, root)
    assert again.asset_hash(compiled=True) == sources.asset_hash(compiled=True)
    assert again.dependencies_key() == sources.dependencies_key()


def test_the_hash_changes_with_everything_that_is_shipped(tmp_path: Path, sources: Sources) -> None:
    """A source, a new file, a locked version, the target, the configuration, byte code: each makes another hash."""
    root = copy_of_sources(tmp_path, sources)

    def hashed() -> str:
        return Sources.collect(sources.configuration, LAMBDA, root).asset_hash(compiled=True)

    hashes = [hashed()]
    (root / "lambdas" / "record_feedback.py").write_text("changed\n")
    hashes.append(hashed())
    (root / "ses_feedback" / "more.py").write_text("")
    hashes.append(hashed())
    (root / "lambdas" / "requirements.txt").write_text("idna==1.0\n")
    hashes.append(hashed())
    there = Sources.collect(sources.configuration, LAMBDA, root)
    hashes.append(there.asset_hash(compiled=False))
    hashes.append(replace(there, configuration=asset_files(configs.small())).asset_hash(compiled=True))
    hashes.append(replace(there, target=replace(LAMBDA, runtime="python3.14")).asset_hash(compiled=True))
    assert len(set(hashes)) == len(hashes)


def test_dependencies_are_installed_once(tmp_path: Path, sources: Sources) -> None:
    """A second bundling of the same lock needs no package index: what is kept is taken."""
    kept = tmp_path / "cache" / "dependencies" / sources.dependencies_key()
    (kept / "idna").mkdir(parents=True)
    (kept / "idna" / "__init__.py").write_text("kept = True\n")
    output = tmp_path / "out"
    build_asset(sources, output, python=None, cache=tmp_path / "cache")
    assert (output / "idna" / "__init__.py").read_text() == "kept = True\n"
    assert "lambdas/record_feedback.py" in files(output)
    assert not [name for name in files(output) if name.endswith(".pyc")]


def test_two_synths_at_once_share_what_the_first_installed(
    tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finishes later takes what is there already, and nothing half-made is left."""
    home = tmp_path / "cache" / "dependencies"
    ready = home / sources.dependencies_key()

    def install(_sources: Sources, target: Path) -> None:
        (target / "mine.py").write_text("x = 1\n")
        ready.mkdir()  # the other synth is done now
        (ready / "theirs.py").write_text("x = 1\n")

    monkeypatch.setattr(bundling_module, "_pip_install", install)
    build_asset(sources, tmp_path / "out", python=None, cache=tmp_path / "cache")
    assert (tmp_path / "out" / "theirs.py").is_file()
    assert list(home.iterdir()) == [ready]


def test_no_package_index_is_one_clear_line(tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip could not install is named, and no half-made cache is left for the next synth to trust."""
    lock = tmp_path / "lambdas" / "requirements.txt"
    lock.parent.mkdir()
    lock.write_text("ses-feedback-no-such-package==9.9.9\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    broken = replace(sources, requirements=lock)
    with pytest.raises(BundlingError, match=r"installing lambdas/requirements\.txt failed: .*no-such-package") as error:
        build_asset(broken, tmp_path / "out", python=None, cache=tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert list((tmp_path / "cache" / "dependencies").iterdir()) == []


def test_an_error_reaches_the_app(tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """CDK swallows the type of what a bundler raises, so the bundler keeps it."""
    lock = tmp_path / "lambdas" / "requirements.txt"
    lock.parent.mkdir()
    lock.write_text("ses-feedback-no-such-package==9.9.9\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    bundling = LocalBundling(replace(sources, requirements=lock), cache=tmp_path / "cache", warn=print)
    with pytest.raises(BundlingError):
        bundling.try_bundle(str(tmp_path / "out"), image=None)
    assert isinstance(bundling.error, BundlingError)


def test_without_the_targets_python_sources_are_shipped_with_a_warning(tmp_path: Path, sources: Sources) -> None:
    """It is said once, on one line, and the hash tells such an asset from a compiled one."""
    kept = tmp_path / "cache" / "dependencies"
    other = replace(sources, target=replace(LAMBDA, runtime="python3.99"))
    (kept / other.dependencies_key()).mkdir(parents=True)
    said: list[str] = []
    bundling = LocalBundling(other, cache=tmp_path / "cache", warn=said.append)
    assert bundling.try_bundle(str(tmp_path / "out"), image=None)
    assert len(said) == 1
    assert said[0].startswith("no Python 3.99 here")
    assert "\n" not in said[0]
    assert not list((tmp_path / "out").rglob("*.pyc"))


def test_the_target_of_the_embedded_aws_is_this_machine() -> None:
    """Its functions run on the Python that runs it."""
    target = this_machine()
    assert target.runtime == f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert target.pip_platform is None
    assert find_python(target.python) == sys.executable
