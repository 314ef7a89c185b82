"""The asset of what takes posts of SNS: with what checks signatures, and nothing of the other functions."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra.assets import Assets
from infra.bundling import CACHE, build_asset, find_python
from infra.sources import POSTS, ROOT, Sources
from infra.target import LAMBDA, Target, this_machine
from ses_feedback import naming
from ses_feedback.config import parse
from ses_feedback.config.posts import listed_topics, posts_files
from ses_feedback.domain.identities import Grant
from tests.infra import configs
from tests.infra.test_bundling import RUNTIME_PACKAGES, files

TOPIC = {"arn": "arn:aws:sns:us-east-1:444455556666:ses-bounces", "identities": ["example.com"]}
CONFIG = parse(tomllib.loads(configs.SMALL) | {"endpoint": {"topics": [TOPIC]}})
LOCK = ROOT / "lambdas/requirements-posts.txt"


def built(target: Target, folder: Path) -> Path:
    sources = Sources.collect(posts_files(CONFIG), target, part=POSTS)
    build_asset(sources, folder, python=find_python(target.python), cache=CACHE)
    return folder


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(LAMBDA, tmp_path_factory.mktemp("posts"))


def test_what_is_in_it(asset: Path) -> None:
    """One handler, the endpoint, its configuration; no command line and no guard."""
    found = files(asset)
    handlers = {name for name in found if name.startswith("lambdas/") and name.endswith(".py")}
    assert handlers == {"lambdas/__init__.py", "lambdas/receive_posts.py"}
    assert {"ses_feedback/endpoint/http_api.py", naming.RUNTIME_CONFIG_FILE, naming.POSTS_CONFIG_FILE} <= found
    assert naming.LOOP_CONFIG_FILE not in found
    assert not any(name.startswith(("ses_feedback/cli", "ses_feedback/guard", "boto", "infra/")) for name in found)
    assert listed_topics(asset) == {TOPIC["arn"]: Grant(("example.com",))}


def test_it_is_compiled_for_lambda(asset: Path) -> None:
    """What checks signatures is machine code for arm64."""
    libraries = list(asset.rglob("*.so"))
    assert libraries
    for library in libraries:
        header = library.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == 183, f"{library.name} is not for AArch64"


def test_it_is_as_small_as_it_can_be(asset: Path) -> None:
    """23 MB unpacked at most, of which 15 are `cryptography`."""
    assert sum(path.stat().st_size for path in asset.rglob("*") if path.is_file()) <= 23_000_000


def test_its_lock_is_the_other_functions_and_more() -> None:
    """Each version is exact, and that of the tests or of the other functions."""
    locked = {line.split(";")[0].strip() for line in LOCK.read_text().splitlines()}
    others = set((ROOT / "lambdas/requirements.txt").read_text().split())
    tested = {line.split(";")[0].strip() for line in (ROOT / "requirements-dev.txt").read_text().splitlines()}
    assert others <= locked
    assert locked - others <= tested
    assert all("==" in line for line in locked)


def test_its_handler_runs_from_the_asset_alone(tmp_path: Path) -> None:
    """A clean interpreter, with only the asset and what Lambda's own Python brings, refuses a request.

    What its cold start need not load is not loaded: no asyncio, no command line, no client of AWS.
    """
    import botocore

    site = Path(botocore.__file__).parents[1]
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in RUNTIME_PACKAGES:
        (runtime / name).symlink_to(site / name)
    folder = built(this_machine(), tmp_path / "asset")
    script = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(runtime)!r}]\n"
        "from lambdas.receive_posts import handler\n"
        "event = {'headers': {'content-type': 'text/plain'}, 'requestContext': {'http': {'method': 'POST'}}}\n"
        "print(handler(event | {'body': '{}'}, None)['statusCode'])\n"
        "print([n for n in ('asyncio', 'typer', 'boto3', 'botocore.client', 'pydantic') if n in sys.modules])"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        naming.ENV_TABLE: "t",
        naming.ENV_QUARANTINE_BUCKET: "b",
        naming.ENV_ADDRESS_KEY: "k" * 64,
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["400", "[]"]


def test_nobody_else_pays_for_it() -> None:
    """Without topics there is no second asset, and with them the first is the same."""

    def fail(text: str) -> None:
        raise AssertionError(text)

    without, with_topics = Assets(configs.small(), LAMBDA, warn=fail), Assets(CONFIG, LAMBDA, warn=fail)
    assert without.own_code == {}
    assert set(with_topics.own_code) == {naming.RECEIVE_POSTS}
    assert without.error is with_topics.error is None
