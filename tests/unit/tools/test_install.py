"""The set-up: quiet when it works, one clear line when it does not, and never half done.

pip and npm are stand-ins that the tests write: shell scripts that note how they were called and do as told.
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "tools" / "install.py"

# What pip says without network, shortened.
OFFLINE = """WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/attrs/
ERROR: Could not find a version that satisfies the requirement attrs==26.1.0 (from versions: none)
ERROR: No matching distribution found for attrs==26.1.0"""


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module, in an empty project whose environments get the stand-in for Python and pip."""
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module.venv, "EnvBuilder", lambda **_: FakeBuilder())
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    return module


class FakeBuilder:
    """Makes an environment with a Python that is a shell script; the file ``said`` is what it says as it fails."""

    def create(self, folder: Path) -> None:
        script(
            folder / "bin" / "python",
            'if [ "$3" = --version ]; then exit 0; fi',
            'echo "$@" >> calls',
            # As pip does with the AWS CLI.
            'case "$*" in *requirements-dev.txt*) touch .venv/bin/aws .venv/bin/aws_completer ;; esac',
            "if [ -e said ]; then cat said >&2; exit 1; fi",
        )
        script(folder / "bin" / "npm", 'echo "npm $@" >> calls', "mkdir -p node_modules/half", "[ ! -e said ]")


def script(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    path.chmod(0o755)


def calls() -> list[str]:
    return Path("calls").read_text(encoding="utf-8").splitlines() if Path("calls").exists() else []


def test_both_parts_leave_their_stamp(install: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """The lock files are installed together, the project itself after them without dependencies, then npm's."""
    assert install.main(["python"]) == 0
    assert install.main(["node"]) == 0
    first, second, warm_up, third = calls()
    assert "-r requirements.txt -r requirements-dev.txt" in first
    assert second.endswith("--no-deps --editable .")
    assert "import infra.main" in warm_up  # byte code, also where the environment forbids to write any on the way
    assert third.startswith("npm ci ")
    assert Path(".venv/.installed").exists()
    assert Path("node_modules/.installed").exists()
    assert not Path(".venv/.installing").exists()
    assert capsys.readouterr().err == ""


def test_the_aws_cli_of_the_tests_hides_nobody_elses(install: ModuleType) -> None:
    """Its programs are removed, at an update as well: with the environment active, `aws` is the reader's own."""
    for _ in range(2):
        assert install.main(["python"]) == 0
        assert not list(Path(".venv/bin").glob("aws*"))


def test_without_network_one_line_says_so_and_nothing_is_left(
    install: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip's pages of output go to the log; the reader gets one line with what, why and where the log is."""
    Path("said").write_text(OFFLINE, encoding="utf-8")
    assert install.main(["python"]) == 1
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "could not install the Python packages: no network? The package registry cannot be reached. "
        "Everything it said: .build/logs/install-python.log"
    ]
    assert OFFLINE in Path(".build/logs/install-python.log").read_text(encoding="utf-8")
    assert not Path(".venv").exists()


def test_npm_without_network_leaves_no_half_of_node_modules(
    install: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """npm has removed the old folder before it fails: what it left is removed too, and there is no stamp."""
    assert install.main(["python"]) == 0
    Path("said").touch()
    assert install.main(["node"]) == 1
    assert capsys.readouterr().err.startswith("could not install the CDK command line: ")
    assert not Path("node_modules").exists()


def test_an_update_that_fails_leaves_what_was_there(install: ModuleType) -> None:
    """A changed lock file without network: the environment of before stays, still usable, and is tried again later."""
    assert install.main(["python"]) == 0
    Path(".venv/mine").touch()
    Path("said").write_text(OFFLINE, encoding="utf-8")
    assert install.main(["python"]) == 1
    assert Path(".venv/mine").exists()
    assert not Path(".venv/.installing").exists()
    Path("said").unlink()
    assert install.main(["python"]) == 0
    assert Path(".venv/mine").exists()


def test_after_a_kill_the_next_call_begins_anew(install: ModuleType) -> None:
    """An environment that was being filled when somebody pulled the plug is not trusted."""
    assert install.main(["python"]) == 0
    Path(".venv/.installing").touch()
    Path(".venv/half").touch()
    assert install.main(["python"]) == 0
    assert not Path(".venv/half").exists()
    assert Path(".venv/.installed").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(install: ModuleType) -> None:
    """The Python it was made from was upgraded away: nothing in it can start."""
    assert install.main(["python"]) == 0
    Path(".venv/bin/python").unlink()
    Path(".venv/half").touch()
    assert install.main(["python"]) == 0
    assert not Path(".venv/half").exists()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (OFFLINE, "no network?"),
        ("npm error code ENOTFOUND\nnpm error network request failed", "no network?"),
        ("OSError: [Errno 28] No space left on device", "no space left on the disk"),
        ("ERROR: Package 'x' requires a different Python: 3.10.0 not in '>=3.11'", "Package 'x' requires a different"),
        ("npm error code EUSAGE\nnpm error `npm ci` can only install with a lock file", "`npm ci` can only install"),
        ("", "the tool gave no reason"),
    ],
)
def test_the_probable_cause(install: ModuleType, said: str, cause: str) -> None:
    """What the tools say is turned into the reason a person can act on."""
    assert install.probable_cause(said).startswith(cause)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing_half_done(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    """Ctrl-C, or the end of a CI job, while the environment is being made: it is gone, and there is no traceback."""
    slow = tmp_path / "slow.py"
    # The real script, whose environment is one that never gets ready.
    slow.write_text(
        "import runpy, sys, time, venv\n"
        "def create(self, folder):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
        "venv.EnvBuilder.create = create\n"
        "sys.argv = ['install.py', 'python']\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, slow], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != "begun":
        assert process.poll() is None
    process.send_signal(sent)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in said
    assert not (tmp_path / ".venv").exists()


def test_lock_takes_pips_sources_for_uv() -> None:
    """Where pip was told where packages come from, the lock is resolved from there as well."""
    spec = importlib.util.spec_from_file_location("lock", ROOT / "tools" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lock)
    settings = lock.uv_settings(
        ["global.index_url='https://example.com/simple'", ":env:.find_links='wheels\\nmore'", "global.timeout='15'"]
    )
    assert settings["UV_DEFAULT_INDEX"] == "https://example.com/simple"
    assert "global.timeout" not in str(settings)
    assert set(settings) == {"UV_DEFAULT_INDEX", "UV_FIND_LINKS"}
