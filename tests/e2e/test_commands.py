"""`make local`, `make local-stop` and `make demo` as a user runs them, with thirty identities and with bad input."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest

from local.cdk import DeploymentError
from local.deployment import deploy
from local.loop import until
from local.state import ROOT, State
from ses_feedback import naming
from ses_feedback.config import load
from tests.e2e import messages
from tests.e2e.conftest import Stage

MANY = 30
DEPLOY_S = 180


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def local(command: str, **environment: object) -> subprocess.Popen[str]:
    """Start ``python -m local COMMAND`` with variables as make has them."""
    return subprocess.Popen(
        [sys.executable, "-m", "local", command],
        cwd=ROOT,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a process that ends by itself, or by force when it does not."""
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, out, err


def running_in(folder: Path) -> list[str]:
    """Processes of this machine that know a folder: by argument or by environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in known and int(entry.name) != os.getpid():
            found.append(entry.name)
    return found


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of thirty identities in two environments."""
    path = tmp_path_factory.mktemp("thirty") / "feedback.toml"
    lines = [
        '[deployment]\nname = "many"\nregion = "us-east-1"',
        '[on_call]\npage = [{ email = "oncall@example.com" }]',
    ]
    lines += [
        f'[identities."shop{n}.example.com"]\nenvironment = "{"staging" if n % 3 == 0 else "production"}"'
        for n in range(MANY)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def started(thirty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[State, int]]:
    """`make local CONFIG=… PORT=…` in the foreground of its own process, ready."""
    state, port = State(tmp_path_factory.mktemp("run")), free_port()
    process = local("up", CONFIG=thirty, PORT=port, STATE=state.folder)
    try:

        def ready() -> bool:
            assert process.poll() is None, finished(process)
            return state.ready.exists()

        until("`make local`", ready, seconds=DEPLOY_S)
        yield state, port
    finally:
        code, out, err = finished(local("stop", STATE=state.folder))
        assert (code, err) == (0, ""), out
        assert "stopped" in out
        code, out, err = finished(process)
        assert (code, err) == (0, ""), out
    assert running_in(state.folder) == []
    assert not state.ready.exists() and not state.env.exists()


def exports(state: State) -> Mapping[str, str]:
    """What a shell has after sourcing the file of exports, and nothing else."""
    shell = subprocess.run(
        ["env", "-i", "sh", "-c", f". {state.env} && env"], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in shell.stdout.splitlines())


def test_thirty_identities_are_deployed_and_each_has_its_outputs(started: tuple[State, int]) -> None:
    """`make local` with thirty identities writes outputs for each, and exports that lead any SDK there."""
    state, port = started
    outputs = json.loads(state.outputs.read_text())
    assert len([name for name in outputs if name.startswith("Topic")]) == 3 * MANY
    assert [value for value in outputs.values() if value in ("wired", "pending")] == ["wired"] * MANY
    variables = exports(state)
    assert variables["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{port}"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert Path(variables["SES_FEEDBACK_CONFIG"]).name == "feedback.toml"


def client(state: State, service: str) -> object:
    """A plain SDK client with nothing but the exports."""
    variables = exports(state)
    return boto3.client(
        service,
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def test_last_of_thirty_works_as_the_first(started: tuple[State, int]) -> None:
    """A bounce of the thirtieth identity is known to the command line, called with nothing but the exports."""
    state, _ = started
    identity, address = f"shop{MANY - 1}.example.com", messages.someone("last")
    outputs = json.loads(state.outputs.read_text())
    topic = outputs[naming.topic_output("bounce", naming.camel(identity))]
    told = messages.placed(topic, messages.bounce(identity, address))
    client(state, "sns").publish(TopicArn=topic, Message=told)  # type: ignore[attr-defined]
    program = Path(sys.executable).parent / "ses-feedback"

    def suppressed() -> bool:
        command = [str(program), "check", address, "--environment", "production"]
        return subprocess.run(command, env=dict(exports(state)), capture_output=True, check=False).returncode == 1

    until("the suppression", suppressed, seconds=30)


def test_doctor_finds_a_fresh_deployment_well(started: tuple[State, int]) -> None:
    """Nothing wrong with any of thirty identities, and SES says of each what the file says: exit code 0."""
    program, variables = str(Path(sys.executable).parent / "ses-feedback"), dict(exports(started[0]))

    def ask(*arguments: str) -> list[dict[str, object]]:
        done = subprocess.run(
            [program, *arguments, "--json"], env=variables, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert [finding for finding in ask("doctor") if finding["level"] == "wrong"] == []
    routes = ask("routes", "--live")
    assert len(routes) == MANY
    assert [route["live"]["differences"] for route in routes] == [[]] * MANY  # type: ignore[index]


def test_nobody_listens_beyond_this_machine(started: tuple[State, int]) -> None:
    """Every listening socket of the run is bound to the loopback address."""
    state, port = started
    inodes = {
        str(link.readlink())
        for process in running_in(state.folder)
        for link in Path("/proc", process, "fd").glob("*")
        if link.exists() or link.is_symlink()
    }
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]
    assert listening == [f"0100007F:{port:04X}"]


def test_second_run_in_the_same_folder_is_one_line(started: tuple[State, int], thirty: Path) -> None:
    """A folder has one run; the second one says who has it and how to end it."""
    code, out, err = finished(local("up", CONFIG=thirty, PORT=free_port(), STATE=started[0].folder))
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "already runs" in err and "make local-stop" in err


@pytest.mark.parametrize("command", ["up", "demo"])
def test_taken_port_is_one_line(started: tuple[State, int], tmp_path: Path, command: str) -> None:
    """Another run on the same port is told to take another one, and leaves nothing."""
    code, out, err = finished(local(command, PORT=started[1], STATE=tmp_path))
    assert (code, len(err.splitlines())) == (2, 1), out + err
    assert f"port {started[1]}" in err and "PORT=N" in err
    assert running_in(tmp_path) == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PORT": "http"}, "PORT=http: not a port"),
        ({"PORT": "70000"}, "PORT=70000: not a port"),
        ({"CONFIG": "no-such.toml"}, "no-such.toml"),
    ],
)
def test_bad_input_is_one_line_before_anything_starts(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    """A wrong port or file is named; nothing was started or written."""
    code, out, err = finished(local("up", STATE=tmp_path / "run", **environment))
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert said in err
    assert not (tmp_path / "run").exists()


def test_stop_without_a_run_says_so(tmp_path: Path) -> None:
    """Stopping nothing is no failure."""
    assert finished(local("stop", STATE=tmp_path)) == (0, f"nothing runs from {tmp_path}\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_deployment_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, or a crash, in the middle of a deployment ends the emulator, the CDK and everything they started."""
    process = local("up", PORT=free_port(), STATE=tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if "synthesising" in line:
            break
    until("the CDK", lambda: len(running_in(tmp_path)) > 3, seconds=30)
    process.send_signal(number)
    finished(process)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    until("the end of every process", lambda: not running_in(tmp_path), seconds=10)
    assert State(tmp_path).stop() == f"nothing runs from {tmp_path}"


def test_second_deployment_of_the_same_name_is_refused_and_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    """Another checkout (another lock file) does not take over a deployment that is there: one clear reason."""
    loop = stage.loop
    functions = loop.cloud.client("lambda")
    name = naming.function_name(loop.name, naming.RECORD_FEEDBACK)
    before = functions.get_function_configuration(FunctionName=name)
    address = ["bounce+owner@simulator.amazonses.com"]
    with pytest.raises(DeploymentError, match="e2e"):
        deploy(loop.cloud, load(loop.config.path), State(tmp_path))  # type: ignore[arg-type]
    after = functions.get_function_configuration(FunctionName=name)
    assert (before["CodeSha256"], before["Environment"]) == (after["CodeSha256"], after["Environment"])
    loop.send("orders@example.com", "bounce+owner@simulator.amazonses.com")
    until(
        "the loop going on",
        lambda: loop.check(address, "production", "marketing")[address[0]]["suppressed"],
        seconds=30,
    )


def test_deleting_a_cell_gives_the_identities_back_as_they_were(started: tuple[State, int]) -> None:
    """Without its stack, an identity has no topics any more, and its bounces come by e-mail again."""
    state, _ = started
    stacks = client(state, "cloudformation")
    identities = [f"shop{n}.example.com" for n in range(MANY)]
    # Alarms of the cells are named in the overview, and an alarm that is named is not deleted.
    overview = naming.overview_stack("many")
    stacks.delete_stack(StackName=overview)  # type: ignore[attr-defined]
    gone = stacks.get_waiter("stack_delete_complete")  # type: ignore[attr-defined]
    gone.wait(StackName=overview, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    for cell in json.loads(state.cells.read_text())["cells"].values():
        stacks.delete_stack(StackName=naming.cell_stack("many", cell))  # type: ignore[attr-defined]

    def given_back() -> bool:
        answer = client(state, "ses").get_identity_notification_attributes(Identities=identities)  # type: ignore[attr-defined]
        found = answer["NotificationAttributes"].values()
        return all(i["ForwardingEnabled"] and not any(k.endswith("Topic") for k in i) for i in found)

    until("giving back", given_back, seconds=90)


def test_demo_shows_the_whole_loop_and_leaves_nothing(tmp_path: Path) -> None:
    """`make demo` exits 0 in plain text, with every part of its story told, and nothing runs afterwards."""
    code, out, err = finished(local("demo", STATE=tmp_path), DEPLOY_S)
    assert (code, err) == (0, ""), out
    assert "\x1b" not in out
    for part in (
        "deployed with the real CDK",
        "ses-feedback doctor, about the file, the stacks and SES: All is well.",
        "mails to the simulator",
        "What came in within the hour",
        "Suppressed now",
        "Quarantined",
        "What on-call received",
        "Subject: WARN: news.example.com: hard bounces 3",
        "Subject: PAGE: news.example.com: hard bounces 5",
        "PAUSED: news.example.com by its circuit breaker",
        "SES refuses mail of news.example.com: ConfigurationSetSendingPaused",
        "$ ses-feedback resume news.example.com",
        "the alarms of news.example.com are OK again",
        "What customer-service received",
        "$ ses-feedback check gone@example.net",
        "Next:",
    ):
        assert part in out
    assert running_in(tmp_path) == []
