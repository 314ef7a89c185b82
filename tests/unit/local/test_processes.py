"""What a run holds, and that nothing of it is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import lifeline
from local.cdk import meaningful
from local.cloud import Cloud, CloudError, clean_environment
from local.emulator import PortTaken, listen
from local.state import ROOT, AlreadyRunning, State

PARENT = """
import os, sys, time
from local import lifeline
child = lifeline.spawn_guarded([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
                               env=os.environ, stdout=lifeline.PIPE)
assert child.stdout.readline() == "up\\n"
print(child.pid, flush=True)
time.sleep(60)
"""


def group_is_gone(leader: int) -> bool:
    """Whether no process of a group is left."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until_gone(leader: int) -> None:
    """Wait for a process group to disappear."""
    deadline = time.monotonic() + 10
    while not group_is_gone(leader):
        assert time.monotonic() < deadline, "the children outlived their parent"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_and_grandchildren_end_with_their_parent(number: signal.Signals) -> None:
    """A parent that is killed cannot tidy up, and still nothing of it goes on."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        leader = int(parent.stdout.readline())
        assert not group_is_gone(leader)
        parent.send_signal(number)
    wait_until_gone(leader)


def test_stopping_ends_the_whole_group_even_if_it_does_not_want_to() -> None:
    """A child that ignores SIGTERM is killed after the grace, with what it started."""
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = lifeline.spawn_guarded([sys.executable, "-c", stubborn], env=os.environ, stdout=lifeline.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    lifeline.stop(child, grace=0.2)
    child.stdout.close()
    wait_until_gone(child.pid)


def test_guarded_command_hands_on_its_exit_code() -> None:
    """The guard is invisible to whoever waits for the command."""
    child = lifeline.spawn_guarded([sys.executable, "-c", "raise SystemExit(7)"], env=os.environ)
    assert child.wait() == 7
    lifeline.stop(child)


def test_second_run_in_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    """The second run is told who holds the folder; afterwards it is free, and clean."""
    state = State(tmp_path / "run")
    with state.held():
        with (
            pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}.*make local-stop"),
            State(tmp_path / "run").held(),
        ):
            pass
        assert state.runner() == os.getpid()
        state.write({"A": "it's"}, {"b": "2", "a": "1"})
        assert state.env.read_text() == "export A='it'\"'\"'s'\n"
        assert list(json.loads(state.outputs.read_text())) == ["a", "b"]
        assert state.ready.exists()
    assert state.runner() is None
    assert not any(file.exists() for file in (state.env, state.outputs, state.ready))


def test_files_of_a_crashed_run_are_cleaned_up_by_stop(tmp_path: Path) -> None:
    """What a killed run left does not look like a run, and stop removes it."""
    state = State(tmp_path)
    state.write({"A": "1"}, {})
    (tmp_path / "pid").write_text("1\n")
    assert state.runner() is None
    assert state.stop() == f"nothing runs from {tmp_path}"
    assert not state.ready.exists() and not state.env.exists()


def test_exports_can_be_read_by_a_shell(tmp_path: Path) -> None:
    """Whatever the values hold, `. env` sets them as they are."""
    state = State(tmp_path)
    value = "a b$c'd\"e\\f`g"
    state.write({"ODD": value}, {})
    shown = subprocess.run(["sh", "-c", f'. {state.env}; printf %s "$ODD"'], capture_output=True, text=True, check=True)
    assert shown.stdout == value


def test_taken_port_is_one_line_that_says_how_to_take_another(tmp_path: Path) -> None:
    """A port in use is named, before anything is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} .*PORT=N"):
            listen(port)
        with pytest.raises(CloudError, match=rf"port {port} .*PORT=N"):
            Cloud(tmp_path, region="us-east-1", port=port)


def test_children_know_no_other_aws_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles, endpoints, credentials and proxies of the user's shell do not reach a child."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_SQS", "https_proxy", "NO_PROXY", "CDK_DEFAULT_ACCOUNT"):
        monkeypatch.setenv(name, "x")
    assert not {n for n in clean_environment() if n.startswith(("AWS_", "CDK_")) or n.lower().endswith("_proxy")}


def test_failed_deployment_shows_what_cloudformation_said_and_no_stack_trace() -> None:
    """Of a long log, the failure alone is shown, each line once."""
    output = "\n".join(
        [
            "core | 3/9 | CREATE_COMPLETE | AWS::SQS::Queue | Q",
            "❌  cell failed to deploy",
            "‣ DeploymentError: Resource updates failed:",
            "cell/Wiring (Custom::SesIdentityWiring)",
            "  SES cannot use the topic",
            "    at Object.deploy (/x/y.js:1:2)",
            "Source Location: ...aws-cdk-lib...",
            "  SES cannot use the topic",
        ]
    )
    assert meaningful(output).splitlines() == [
        "❌  cell failed to deploy",
        "‣ DeploymentError: Resource updates failed:",
        "cell/Wiring (Custom::SesIdentityWiring)",
        "  SES cannot use the topic",
    ]
    assert meaningful("Traceback (most recent call last):\n  File x\nfeedback.toml: no such team") == (
        "feedback.toml: no such team"
    )
